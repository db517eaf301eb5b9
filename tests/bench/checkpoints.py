"""Checkpoints of engines full of live runs, and what is read back: the second half of tests.bench.memory.

9,000 calls a second come to runs at random, so that in the 5 s between two checkpoints a third of 100,000 runs changes.
CPU, bytes and the longest time that events wait are those of the engines, with a dictionary for the changelog; what is
in it at the end is restored from it, and for tests.bench.recovery written to topics, beside a record that is next.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from statistics import mean
from typing import NamedTuple

import numpy as np
from aiokafka import TopicPartition

from detector.config import Config
from detector.engine import Engine
from detector.kafka import clients
from detector.kafka.admin import ensure_topics
from detector.kafka.checkpoint import Ledger
from detector.pipeline.owned import EngineLike, Owned
from tests.bench.load import START_S
from tests.bench.rows import ROWS, STEP_S, STEPS, pack, runs_of

CALLS_S, EVERY_S = 9_000, 5.0
CHECKPOINTS = 16
STEADY = 8
"""The last ones: by then some segments were written whole again each time."""
Log = dict[bytes, bytes]


class Cost(NamedTuple):
    """Of one checkpoint of all partitions: CPU seconds, bytes, and the longest that events of one wait, CPU seconds."""

    cpu_s: float
    size: int
    longest_s: float


class Maker:
    """Makes engines as the watch stage does."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def make(self, partition: int) -> EngineLike:
        """An empty one."""
        return Engine(self._config, partition)

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        """One as it was."""
        return Engine.restore(self._config, partition, offset, segments)


class Worker:
    """All partitions, and the live records of their changelogs. `runs`: of all `engines`."""

    def __init__(self, config: Config, engines: Sequence[Engine], runs: int) -> None:
        self._maker, self._chance = Maker(config), np.random.default_rng(2)
        self.logs = [Log() for _ in engines]
        self._placed, self._t = runs_of(runs, len(engines)), START_S + STEPS * STEP_S
        self.owned = [Owned(p, 1, engine, Ledger(p, 1, [])) for p, engine in enumerate(engines)]

    def restore(self) -> None:
        """A new owner reads what is there."""
        self.owned = []
        self.owned = [Owned.load(self._maker, "source", "state", p, 1, log, None) for p, log in enumerate(self.logs)]

    def traffic(self) -> None:
        """Of the time between two checkpoints."""
        calls = round(CALLS_S * EVERY_S / len(self.owned))
        for owned in self.owned:
            for done in range(0, calls, ROWS):
                many = min(ROWS, calls - done)
                engine = owned.engine
                assert isinstance(engine, Engine)
                engine.process(self.record(owned, many, done / calls, (done + many) / calls), engine.offset + 1)
                engine.totals.take()
        self._t += EVERY_S

    def record(self, owned: Owned, many: int, begin: float, end: float) -> bytes:
        """Calls of so many runs of a partition, at random, in this part of the time."""
        idents = self._placed[owned.partition]
        chosen = [idents[i] for i in self._chance.choice(len(idents), min(many, len(idents)), replace=False)]
        return pack(chosen, self._t + np.linspace(begin, end, len(chosen), endpoint=False) * EVERY_S, self._chance)

    def checkpoint(self) -> Cost:
        """Writes one."""
        times, size = [], 0
        for owned, log in zip(self.owned, self.logs, strict=True):
            began = time.process_time()
            plan = owned.plan()
            times.append(time.process_time() - began)
            for key in plan.tombstones:
                log.pop(key, None)
            log.update([*plan.segments, plan.manifest])
            owned.finish(plan)
            size += plan.size
        return Cost(sum(times), size, max(times))


def figures(worker: Worker) -> dict[str, float]:
    """Checkpoints one after the other, and what a new owner then reads; times are CPU seconds."""
    first, costs = worker.checkpoint(), []
    for _ in range(CHECKPOINTS):
        worker.traffic()
        costs.append(worker.checkpoint())
    steady = costs[-STEADY:]
    changelog = [value for log in worker.logs for value in log.values()]
    began = time.process_time()
    worker.restore()
    return {
        "first_cpu_s": first.cpu_s,
        "first_bytes": first.size,
        "cpu_s": mean(cost.cpu_s for cost in steady),
        "bytes": mean(cost.size for cost in steady),
        "most_bytes": max(cost.size for cost in steady),
        "longest_s": max(cost.longest_s for cost in costs),
        "first_longest_s": first.longest_s,
        "changelog_bytes": sum(map(len, changelog)),
        "changelog_records": len(changelog),
        "restore_cpu_s": time.process_time() - began,
    }


async def publish(config: Config, worker: Worker) -> None:
    """Writes the changelog, the records that its state includes as empty ones, and one more of each partition."""
    await ensure_topics(config, create=True)
    source, state = config.topics.observations, config.topics.state
    producer = clients.producer(config, linger_ms=5)
    await producer.start()
    sent = []
    for owned, log in zip(worker.owned, worker.logs, strict=True):
        for key in sorted(log, key=lambda key: b"manifest" in key):  # the manifest last
            sent.append(await producer.send(state, log[key], key=key, partition=owned.partition))
        for value in [*[b""] * owned.next_offset, worker.record(owned, ROWS, 0.0, 1.0)]:
            sent.append(await producer.send(source, value, partition=owned.partition))
    await asyncio.gather(*sent)
    await producer.stop()
    consumer = clients.consumer(config, group=clients.group_id(config, "watch"))
    await consumer.start()
    places = {TopicPartition(source, owned.partition): owned.next_offset for owned in worker.owned}
    consumer.assign(list(places))
    await consumer.commit(places)
    await consumer.stop()
