"""Plays a fleet's events through the detector: what the rule pages, and what spend alone would have.

Spend alone is the rule with the same thresholds, to which every task stands still and every run is a task: its
rollups have no status, and a source of statuses is taken to be there, so that only dollars and how long they have
been dear decide.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from detector.config import Config, Statuses
from detector.model.alert import Alert
from detector.model.rollup import MODEL, MOVED, ROLL, SPENT, Rollup, decode_rollup, encode_rollup
from detector.pipeline.intake import Flushed
from detector.portfolio import Portfolio
from detector.replay.backtest import judges_of
from detector.replay.feed import Feed
from detector.rules import spend_spike
from tests.bench.spend_baselines import Ledger, Spending
from tests.bench.spend_truth import Page, Truth
from tests.bench.traffic import opened


class Played(NamedTuple):
    """What was paged under each setting, what spend alone would have, the agents' dollars, and events of no use."""

    pages: list[list[Page]]
    alone: list[Page]
    spending: Spending
    refused: int


class Pages:
    """Folds alert records of `spend_spike` to pages: an episode's first critical record."""

    def __init__(self) -> None:
        self._by_id: dict[str, Page] = {}

    def take(self, alerts: Iterable[Alert]) -> None:
        """Takes records in their order."""
        for a in alerts:
            if a.rule == spend_spike.NAME and a.severity == "critical" and a.id not in self._by_id:
                self._by_id[a.id] = Page(a.updated_at, a.team, a.agent, a.task, a.run, a.model)

    @property
    def all(self) -> list[Page]:
        """In the order of their records."""
        return list(self._by_id.values())


def play(
    path: Path | str, truth: Truth, configs: Sequence[Config], share: float, progress: Callable[[int], None]
) -> Played:
    """The file's events under each of `configs`, which differ in the rule alone; `share` of its runs are joined."""
    feed, (judge,) = Feed(configs[0]), judges_of(configs, spend_spike.NAME)
    alone = Portfolio(configs[0].model_copy(update={"statuses": Statuses(connected="yes")}))
    pages, of_alone, ledger = [Pages() for _ in configs], Pages(), Ledger(truth)
    offset = 0
    for flushed in _batches(path, feed, share, progress):
        outcomes = judge.judge(flushed)
        for mine, outcome in zip(pages, outcomes, strict=True):
            mine.take(outcome.alerts)
        for _, raw in outcomes[0].rollups:
            rollup = decode_rollup(raw)
            _book(ledger, rollup)
            of_alone.take(alone.process(encode_rollup(without_statuses(rollup)), offset).alerts)
            offset += 1
    return Played([p.all for p in pages], of_alone.all, ledger.spending(), feed.refused.total())


def _batches(path: Path | str, feed: Feed, share: float, progress: Callable[[int], None]) -> Iterator[Flushed]:
    with opened(path) as lines:
        for n, line in enumerate(lines):
            event = msgspec.json.decode(line)
            value = line.encode() if share >= 1.0 else msgspec.json.encode(unjoined(event, share))
            yield from feed.take(value, datetime.fromisoformat(event["time"]).timestamp())
            progress(n)
    yield from feed.finish()


def unjoined(event: dict[str, Any], share: float) -> dict[str, Any]:
    """The event, without its task where it is a call of a run that is not among the `share` of those joined to theirs.

    A run that is joined at one share is at every larger one.
    """
    if event.get("type", "call") != "call" or "task" not in event or "run" not in event:
        return event
    if zlib.crc32(str(event["run"]).encode()) / 2**32 < share:
        return event
    return {key: value for key, value in event.items() if key != "task"}


def without_statuses(rollup: Rollup) -> Rollup:
    """A rollup as it were, had there never been a status; every run counts as a task."""
    parties = [
        p if p.task is not None or p.run is None else msgspec.structs.replace(p, task=p.run) for p in rollup.parties
    ]
    sheets = []
    for sheet in rollup.sheets:
        rows = np.frombuffer(sheet.rows, ROLL).copy()
        kept = np.flatnonzero(rows["kind"] != MOVED)
        rows["strong_t"] = rows["medium_t"] = 0.0
        of_model = rows["kind"] == MODEL
        rows["still_usd"][of_model] = rows["usd"][of_model]
        last_ids = [sheet.last_ids[n] for n in kept.tolist()]
        sheets.append(msgspec.structs.replace(sheet, rows=rows[kept].tobytes(), last_ids=last_ids))
    return msgspec.structs.replace(rollup, parties=parties, sheets=sheets)


def _book(ledger: Ledger, rollup: Rollup) -> None:
    """Notes what each agent spent."""
    for sheet in rollup.sheets:
        rows = np.frombuffer(sheet.rows, ROLL)
        spent = rows[rows["kind"] == SPENT]
        for party, usd in zip(spent["party"].tolist(), spent["usd"].tolist(), strict=True):
            ledger.add(rollup.parties[party].agent, sheet.minute * 60.0, usd)
