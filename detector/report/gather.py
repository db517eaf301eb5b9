"""Gathers the figures of a report from what a replay reads and says.

Dollars, calls and tokens come from the rollups, in which the engine counts each call once; statuses, links and the
calls of single runs from the observations; episodes from the alert records. Memory is bounded by the number of names
(ledger.MOST_NAMES), tasks (outcomes.MOST_TASKS), runs over time (flags.MOST_STRIPS), episodes (flags.MOST_EPISODES) and
of ids that are remembered (watch.max_seen_ids and runs.MOST_RUNS), whatever the input.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from detector.config import Config
from detector.engine import Outcome
from detector.enrich.identity import subject_hash
from detector.enrich.pseudonyms import impersonal
from detector.model.packed import CALL, LINK, STATUS, TOOL, Columns, Ident, decode_packed
from detector.model.rollup import OLD, ROLL, SPENT, Party, decode_rollup
from detector.pipeline.intake import Flushed
from detector.replay.feed import Feed
from detector.replay.runs import Runs
from detector.report.bins import Bins
from detector.report.facts import Counted, Facts, Ranking, Rest, Row, Series, Spend, Sums, Usage
from detector.report.flags import Flags, Strips
from detector.report.ledger import Entry, Ledger, join, nothing, ranked
from detector.report.outcomes import Tasks, count
from detector.rules import loop
from detector.state.seen import Seen

VERSION = 1
"""Of the figures: raised when a field changes its meaning or leaves."""
MOST_TENANTS = 10_000
"""Tenants that are counted."""
SHOWN_NAMES, SHOWN_SERIES = 100, 6
_SUMS = ("party", "calls", "usd", "unpriced", "unmetered", "input", "cached", "written", "out", "reasoning", "first_t")


class Gatherer:
    """Takes what batches led to, in their order."""

    def __init__(self, config: Config) -> None:
        self._agents, self._models, self._teams = Ledger(), Ledger(), Ledger()
        self._total = Ledger()
        self._tokens = Usage()
        self._tasks = Tasks(config.ingest.max_links)
        self._strips = Strips()
        self._flags = Flags(self._strips)
        self._calls, self._runs = Seen(config.watch.max_seen_ids, config.watch.seen_s), Runs()
        self._tenants: set[str] = set()

    def take(self, flushed: Flushed, outcome: Outcome) -> None:
        """Takes a batch and what it led to."""
        for _, packed in flushed.packed:
            self._observe(decode_packed(packed))
        for _, value in outcome.rollups:
            rollup = decode_rollup(value)
            for sheet in rollup.sheets:
                rows = np.frombuffer(sheet.rows, ROLL)
                self._spend(
                    rollup.parties, rows[((rows["kind"] == SPENT) | (rows["kind"] == OLD)) & (rows["calls"] > 0)]
                )
        self._flags.take(outcome.alerts)

    def _observe(self, columns: Columns) -> None:
        rows, idents = columns.rows, columns.idents
        kinds = rows["kind"]
        for row in rows[(kinds == STATUS) | (kinds == LINK)]:
            ident = idents[row["ident"]]
            if row["kind"] == STATUS:
                self._tasks.move(ident.subject, float(row["t"]), int(row["strength"]), int(row["category"]))
            elif ident.task is not None:
                self._tasks.link(ident.subject, subject_hash(ident.tenant, ident.task, None), ident.task)
        calls = rows[(kinds == CALL) & (rows["flags"] & TOOL == 0)]
        if not len(calls):
            return
        calls = calls[self._calls.add(np.ascontiguousarray(calls["id"]), float(calls["t"].max()))]
        of: dict[int, list[Bins]] = {}
        for n, t, usd in zip(calls["ident"].tolist(), calls["t"].tolist(), calls["cost_usd"].tolist(), strict=True):
            if n not in of:
                of[n] = self._strips_of(idents[n])
            for bins in of[n]:
                bins.add(t, usd, 1)
        self._runs.add(idents[n] for n in of)

    def _strips_of(self, ident: Ident) -> list[Bins]:
        strips = [self._strips.of(("run", ident.tenant, ident.run))] if ident.run is not None else []
        return [*strips, self._strips.of(("task", ident.tenant, ident.task))] if ident.task is not None else strips

    def _spend(self, parties: Sequence[Party], rows: Any) -> None:
        for told in zip(*(rows[name].tolist() for name in _SUMS), strict=True):
            place, calls, usd, unpriced, unmetered, input, cached, written, out, reasoning, t = told
            party = parties[place]
            sums = Sums(calls, usd, unpriced, unmetered)
            if len(self._tenants) < MOST_TENANTS:
                self._tenants.add(party.tenant)
            self._total.add(None, t, sums)
            self._agents.add((party.tenant, impersonal(party.agent)), t, sums)
            self._models.add((party.tenant, party.model), t, sums)
            self._teams.add((party.tenant, party.team), t, sums)
            self._tasks.spend(party.subject, party.tenant, party.task, t, sums)
            tokens = self._tokens
            tokens.fresh_input_tokens += max(0, input - cached - written)
            tokens.cached_input_tokens += cached
            tokens.cache_write_tokens += written
            tokens.output_tokens += max(0, out - reasoning)
            tokens.reasoning_tokens += reasoning

    def facts(self, feed: Feed) -> Facts:
        """The figures of all that was taken from this feed, which has come to its end."""
        total = self._usage()
        came = self._tasks.came() if self._tasks.status_source else []
        went = sum(c.usd for c in came if c.outcome in ("completed", "moved"))
        counted = self._flags.counted()
        flags = self._flags.told()
        by_task = self._by_task()
        unpriced = Counter[str]()
        for key, entry in self._models.entries.items():
            if entry.unpriced:
                unpriced[_name(key)[1] or "no model"] += entry.unpriced
        if self._models.rest.unpriced:
            unpriced["others"] += self._models.rest.unpriced
        any_event = feed.newest_t > 0
        return Facts(
            version=VERSION,
            began_t=feed.began_t if any_event else None,
            ended_t=feed.newest_t if any_event else None,
            events=feed.events,
            refused=dict(sorted(feed.refused.items())),
            runs=self._runs.count,
            tasks=sum(row.name is not None for row in by_task.rows) + by_task.rest.names,
            total=total,
            unpriced_models=dict(unpriced.most_common()),
            priced_as_standard=feed.unknown_tiers,
            status_source=self._tasks.status_source,
            moved_share=went / total.usd if came and total.usd > 0 else None,
            came=came,
            by_agent=_ranking(self._agents),
            by_model=_ranking(self._models),
            by_team=_ranking(self._teams),
            by_task=by_task,
            spend=self._over_time(),
            loops=_loops(counted),
            counted=counted,
            flags=flags,
            tenants=len(self._tenants),
        )

    def _usage(self) -> Usage:
        entry, usage = self._total.entries.get(None), msgspec.structs.replace(self._tokens)
        if entry is not None:
            usage.add(entry)
        return usage

    def _by_task(self) -> Ranking:
        """What no task claims is one row."""
        rest, unclaimed, rows = self._tasks.rest, Rest(), list[Row]()
        for subject in self._tasks.ranked():
            spent = self._tasks.spent[subject]
            if spent.task is None:
                count(spent, unclaimed)
            elif len(rows) < SHOWN_NAMES:
                outcome = self._tasks.outcome(subject) if self._tasks.status_source else None
                rows.append(Row(*spent.sums(), name=spent.task, tenant=spent.tenant, outcome=outcome))
            else:
                count(spent, rest)
        if unclaimed.calls:
            rows.append(Row(*unclaimed.sums(), name=None, tenant=""))
        rows.sort(key=lambda row: (-row.usd, -row.calls))
        return Ranking(rows, rest)

    def _over_time(self) -> Spend | None:
        """By agent where a few of several hold half of the dollars, else by model."""
        total = self._total.entries.get(None)
        if total is None:
            return None
        by: Literal["agent", "model"] = "model"
        ledger, agents = self._models, ranked(self._agents.entries)
        if sum(_name(key)[1] is not None for key in agents) > 1:
            few = sum(self._agents.entries[key].usd for key in agents[:SHOWN_SERIES])
            if few >= total.usd / 2:
                by, ledger = "agent", self._agents
        bins = total.bins
        keys = ranked(ledger.entries)
        shown = [(key, ledger.entries[key]) for key in keys[:SHOWN_SERIES]]
        others = [ledger.entries[key] for key in keys[SHOWN_SERIES:]]
        series = [Series(_name(key)[1], _name(key)[0], _within(entry, bins)) for key, entry in shown]
        if others or ledger.folded:
            series.append(Series(None, None, _within(join([*others, ledger.rest], nothing()), bins)))
        return Spend(by, bins.began_t, bins.width_s, list(map(int, bins.calls)), series)


def _within(entry: Entry, total: Bins) -> list[float]:
    entry.bins.widen(total.width_s)
    return [round(x, 6) for x in entry.bins.within(total.first, len(total))]


def _name(key: Any) -> tuple[str, str | None]:
    tenant, name = key
    return tenant, name


def _ranking(ledger: Ledger) -> Ranking:
    keys = ranked(ledger.entries)
    rows = []
    for key in keys[:SHOWN_NAMES]:
        tenant, name = _name(key)
        rows.append(Row(*ledger.entries[key].sums(), name=name, tenant=tenant))
    rest = Rest(names=ledger.folded + len(keys[SHOWN_NAMES:]))
    for entry in (ledger.rest, *(ledger.entries[key] for key in keys[SHOWN_NAMES:])):
        rest.add(entry)
    return Ranking(rows, rest)


def _loops(counted: Sequence[Counted]) -> Counted:
    """The loops that are more than a line on a board; where there are none, those that are."""
    every = [c for c in counted if c.rule == loop.NAME]
    mine = [c for c in every if c.severity != "info"] or every
    worst = mine[0].severity if mine else "info"
    return Counted(loop.NAME, worst, sum(c.episodes for c in mine), sum(c.usd for c in mine))
