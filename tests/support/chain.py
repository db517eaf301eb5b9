"""Events through all that decides, without a broker: ingest workers, watch and portfolio, with time as it passes there.

What a broker does is played: it stamps what it gets with its own time, keeps it by source, and a worker reads on where
the one before it stopped.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from detector.config import Config
from detector.engine import Engine, Spread
from detector.model.alert import Alert
from detector.pipeline.intake import Intake, SourceRecord
from detector.portfolio import Portfolio
from detector.state.whole import Whole
from tests.support.judged import Event, last
from tests.support.stored import whole

CALLS, STATUS = (0, 1), (1 << 16, 1 << 16 | 1)
SOURCES = (*CALLS, *STATUS)
_END_S = 20 * 86_400.0
_PAUSE_S = 120.0


class Sent(NamedTuple):
    """An event on its way: when the broker gets it (s UTC), and its source."""

    at: float
    source: int
    event: Event


def in_time(events: Iterable[Event]) -> list[Sent]:
    """Each event at the moment of its own time, calls of one run in one source."""
    return [Sent(e["time"], source_of(e), e) for e in sorted(events, key=lambda e: e["time"])]


def source_of(event: Event) -> int:
    """Statuses and links have a topic of their own."""
    if event.get("type") in ("status", "link"):
        return STATUS[0]
    return CALLS[len(event.get("run") or "") % len(CALLS)]


class Chain:
    """`workers` of ingest share the sources; watch and portfolio have so many partitions.

    `alerts` are all records so far; `dead` says which workers do not work; `refused` counts dead letters.
    """

    def __init__(self, config: Config | None = None, *, workers: int = 2, watch: int = 2, portfolio: int = 2) -> None:
        self.config = config or Config()
        self.alerts: list[Alert] = []
        self.dead: set[int] = set()
        self.refused = Counter[str]()
        self._owner = {source: n % workers for n, source in enumerate(SOURCES)}
        self._log: dict[int, list[SourceRecord]] = {source: [] for source in SOURCES}
        self._read = Counter[int]()
        self.intakes = [Intake(self.config, watch) for _ in range(workers)]
        whole = self._whole = Whole()
        self.engines = [Engine(self.config, p, spread=Spread(watch, portfolio), whole=whole) for p in range(watch)]
        self.portfolios = [Portfolio(self.config, p) for p in range(portfolio)]
        self._packed, self._rollups = Counter[int](), Counter[int]()

    def send(self, sent: Sent) -> None:
        """The broker gets an event."""
        log = self._log[sent.source]
        log.append(SourceRecord(len(log), json.dumps(sent.event).encode(), sent.at))

    def beat(self, now: float, most: int | None = None) -> None:
        """Each worker that lives takes what there is (at most so many records a source), and tells its marks."""
        for n, intake in enumerate(self.intakes):
            if n in self.dead:
                continue
            marks = dict.fromkeys(SOURCES, 0.0)
            for source in (s for s, owner in self._owner.items() if owner == n):
                log, begin = self._log[source], self._read[source]
                end = min(len(log), begin + most) if most is not None else len(log)
                intake.take(source, "any", log[begin:end])
                self._read[source] = end
                marks[source] = now if end == len(log) else intake.forwarded(source)
            flushed = intake.flush(marks, everywhere=True)
            self.refused.update(dead.reason for dead in flushed.dead_letters)
            for key, value in flushed.links:
                for each in self.intakes:
                    each.learn_link(key, value)
            for partition, packed in flushed.packed:
                self._judge(partition, packed, now)

    def behind(self) -> int:
        """Records that no worker has taken."""
        return sum(len(log) - self._read[source] for source, log in self._log.items())

    def sources(self) -> list[set[int]]:
        """What each worker reads."""
        return [{s for s, owner in self._owner.items() if owner == n} for n in range(len(self.intakes))]

    def take_over(self, dead: int, by: int) -> None:
        """The sources of a worker that died are given to another."""
        for source, owner in self._owner.items():
            if owner == dead:
                self._owner[source] = by

    def restart(self, partition: int) -> None:
        """Watch dies after a checkpoint of everything, and goes on from it."""
        engine = self.engines[partition]
        spread = Spread(len(self.engines), len(self.portfolios))
        self.engines[partition] = Engine.restore(
            self.config, partition, engine.offset, whole(engine), spread=spread, whole=self._whole
        )

    def _judge(self, partition: int, packed: bytes, now: float) -> None:
        outcome = self.engines[partition].process(packed, self._packed[partition], now)
        self._packed[partition] += 1
        self.alerts += outcome.alerts
        for to, rollup in outcome.rollups:
            told = self.portfolios[to].process(rollup, self._rollups[to], now)
            self._rollups[to] += 1
            self.alerts += told.alerts
            for _, record in told.baselines:
                self._whole.learn(record)

    def play(
        self,
        sent: Sequence[Sent],
        gap: Callable[[], float] = lambda: 20.0,
        before: Callable[[float], int | None] = lambda now: None,
    ) -> float:
        """All these in the order of their coming, a beat every `gap()` s; where nothing comes, time passes in leaps.

        `before` is asked before each beat how many records a worker takes of a source. Returns when all was taken.
        """
        sent = sorted(sent, key=lambda s: s.at)
        now, n = sent[0].at, 0
        while n < len(sent) or self.behind():
            pause = sent[n].at - now if n < len(sent) else 0.0
            now += gap() if pause < _PAUSE_S else pause - 1.0
            while n < len(sent) and sent[n].at <= now:
                self.send(sent[n])
                n += 1
            self.beat(now, before(now))
        return now

    def run_on(self, now: float) -> list[Alert]:
        """Nothing more comes: all that waits is judged, every episode ends. The record that holds of each."""
        for more_s in (self.config.time.lateness_s, _PAUSE_S, 2 * _PAUSE_S, _END_S):
            self.beat(now + more_s)
        return last(self.alerts)

    def totals(self) -> Counter[str]:
        """What watch has counted, over its partitions, since it was asked last."""
        out = Counter[str]()
        for engine in self.engines:
            taken = engine.totals.take()
            out.update(late=taken.late, duplicates=taken.duplicates, evicted=taken.evicted)
            out["calls"] += sum(u.calls for u in taken.usage.values())
            out["usd"] += sum(u.cost_usd for u in taken.usage.values())  # type: ignore[assignment]
        return out

    def booked_usd(self) -> float:
        """What all teams have spent by the accounts of portfolio."""
        return sum(g.usd for p in self.portfolios for g in p._accounts.teams.values())


def what_holds(sent: Sequence[Sent], *, seed: int | None = None, config: Config | None = None) -> list[Alert]:
    """The record that holds of each episode; `seed`: beats come as chance has it, else evenly."""
    chain, chance = Chain(config), random.Random(seed)
    now = chain.play(sent) if seed is None else chain.play(sent, lambda: chance.choice((1.0, 9.0, 30.0, 60.0)))
    assert not chain.refused, chain.refused
    return chain.run_on(now)
