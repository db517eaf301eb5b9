"""Events through watch and portfolio, each over as many partitions as wanted: rollups first, alerts from them."""

import json
import random
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from detector.config import Config
from detector.engine import ALONE, Engine, Spread
from detector.model.alert import Alert
from detector.model.rollup import decode_rollup
from detector.pipeline.intake import Intake, SourceRecord
from detector.portfolio import Portfolio
from tests.support.judged import Event

CONFIG = Config()
_PAUSE_S = 120.0
_END_S = 20 * 86_400.0


class Told(NamedTuple):
    """A rollup: the partition of portfolio that it goes to, the partition of watch that it came from."""

    to: int
    source: int
    value: bytes


def rollups(
    events: Sequence[Event], config: Config = CONFIG, spread: Spread = ALONE, sizes: Sequence[int] = (50,)
) -> list[Told]:
    """What watch tells of these events, packed with as many in each record as `sizes` says, over and over.

    A record spans two minutes at most, and time that passes without events is told, as heartbeats do: so no
    partition lags behind another by more than `time.hold_back_s`, and none is given up waiting for.
    """
    intake = Intake(config, spread.observations)
    engines = [Engine(config, p, spread=spread) for p in range(spread.observations)]
    offsets = [0] * spread.observations
    out: list[Told] = []

    def flush(mark: float) -> None:
        flushed = intake.flush({0: mark}, everywhere=True)
        assert not flushed.dead_letters, flushed.dead_letters
        for p, value in flushed.packed:
            told = engines[p].process(value, offsets[p]).rollups
            offsets[p] += 1
            out.extend(Told(to, p, rollup) for to, rollup in told)

    held, batch, told_t = 0, 0, 0.0
    for n, event in enumerate(events):
        newest = intake.forwarded(0)
        if held and event["time"] > told_t + _PAUSE_S:
            flush(newest)
            held = 0
        if newest and event["time"] > newest + _PAUSE_S:
            flush(newest + _PAUSE_S)
        told_t = told_t if held else event["time"]
        intake.take(0, "any", [SourceRecord(n, json.dumps(event).encode(), None)])
        held += 1
        if held >= sizes[batch % len(sizes)]:
            flush(intake.forwarded(0))
            held, batch = 0, batch + 1
    newest = intake.forwarded(0)
    for more_s in (0.0, _PAUSE_S, _END_S):
        flush(newest + more_s)
    return out


def before_the_end(told: Sequence[Told]) -> list[Told]:
    """These rollups but for the last of each partition: time has not run on, and nothing is forgotten yet."""
    marks = [decode_rollup(t.value).mark for t in told]
    return [t for t, mark in zip(told, marks, strict=True) if mark < max(marks) - _END_S / 2]


def portfolio_of(told: Iterable[Told], config: Config = CONFIG) -> tuple[Portfolio, list[Alert]]:
    """One portfolio that has taken these rollups, and its records."""
    portfolio, alerts = Portfolio(config), []
    for n, rollup in enumerate(told):
        alerts += portfolio.process(rollup.value, n).alerts
    return portfolio, alerts


def alerts_of(told: Sequence[Told], config: Config = CONFIG, partitions: int = 1) -> list[Alert]:
    """The records of all partitions of portfolio, by id and version."""
    found = [a for p in range(partitions) for a in portfolio_of([t for t in told if t.to == p], config)[1]]
    return sorted(found, key=lambda a: (a.id, a.version))


def spikes(events: Sequence[Event], config: Config = CONFIG, **how: object) -> list[Alert]:
    """All records of portfolio on these events, by id and version."""
    return alerts_of(rollups(events, config, **how), config)  # type: ignore[arg-type]


def interleaved(told: Sequence[Told], chance: random.Random) -> list[Told]:
    """The same rollups, those of each source in their order; no source runs ahead by more than a few minutes."""
    by_source: dict[int, list[Told]] = {}
    for t in told:
        by_source.setdefault(t.source, []).append(t)
    marks = {id(t): decode_rollup(t.value).mark for t in told}
    out = []
    while by_source:
        slowest = min(marks[id(held[0])] for held in by_source.values())
        may = [s for s, held in by_source.items() if marks[id(held[0])] <= slowest + 120.0]
        source = chance.choice(may)
        out.append(by_source[source].pop(0))
        if not by_source[source]:
            del by_source[source]
    return out
