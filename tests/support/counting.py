"""An engine that counts: a packed record is run names, and every tenth of a run is an alert `run:count`.

So what must come out is known exactly, and an alert that is lost, or counted from a doubled record, is seen.
"""

import asyncio
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from detector.config import Config
from detector.model.alert import Alert
from detector.totals import Totals
from tests.unit.alert_records import alert

SEGMENTS = 4
EVERY = 10


def segment_of(run: str) -> int:
    return zlib.crc32(run.encode()) % SEGMENTS


def expected(records: Iterable[str]) -> set[str]:
    """The ids of the alerts that follow from these packed records."""
    counts: dict[str, int] = {}
    for record in records:
        for run in record.split():
            counts[run] = counts.get(run, 0) + 1
    return {f"{run}:{n}" for run, count in counts.items() for n in range(EVERY, count + 1, EVERY)}


class Outcome(NamedTuple):
    alerts: list[Alert]
    rollups: tuple[()] = ()


class CountingFeed:
    """Sends packed records for the counting engine, in turn to all partitions, and knows what must follow from them.

    `record`: the run names of the nth one.
    """

    def __init__(self, config: Config, producer: Any, record: Callable[[int], str]) -> None:
        self.sent: list[str] = []
        self._topic, self._partitions = config.topics.observations, config.topics.partitions
        self._producer, self._record = producer, record

    async def send(self, records: int) -> None:
        """Returns once the broker has them."""
        sending = []
        for n in range(len(self.sent), len(self.sent) + records):
            self.sent.append(self._record(n))
            value = self.sent[-1].encode()
            sending.append(await self._producer.send(self._topic, value, partition=n % self._partitions))
        await asyncio.gather(*sending)

    @property
    def expected(self) -> set[str]:
        """The ids of the alerts that follow from what was sent so far."""
        return expected(self.sent)


class CountingEngine:
    """`loads` and `processed` tell, over all instances, the restored offsets and every (partition, offset)."""

    loads: ClassVar[list[tuple[int, int]]] = []
    processed: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, config: Config, partition: int = 0, *, spread: object = None, whole: object = None) -> None:
        self.partition, self.offset, self.forgot = partition, -1, False
        self.totals: Any = Totals()
        self.watermark = 0.0
        self.open_episodes: dict[tuple[str, str], int] = {}
        self._counts: list[dict[str, int]] = [{} for _ in range(SEGMENTS)]
        self._changed: dict[int, set[str]] = {}

    @property
    def live_runs(self) -> int:
        return sum(map(len, self._counts))

    def process(self, packed: bytes, offset: int, written_s: float = 0.0) -> Outcome:
        if offset <= self.offset:
            return Outcome([])
        self.offset = offset
        self.processed.append((self.partition, offset))
        alerts = []
        for run in packed.decode().split():
            segment = segment_of(run)
            n = self._counts[segment][run] = self._counts[segment].get(run, 0) + 1
            self._changed.setdefault(segment, set()).add(run)
            if n % EVERY == 0:
                alerts.append(alert(id=f"{run}:{n}"))
        return Outcome(alerts)

    def segments(self) -> set[int]:
        return set(range(SEGMENTS))

    def dirty(self) -> list[int]:
        return sorted(self._changed)

    def encode_segment(self, n: int) -> bytes:
        return json.dumps(self._counts[n]).encode()

    def encode_changes(self, n: int) -> bytes | None:
        return json.dumps({run: self._counts[n][run] for run in sorted(self._changed.get(n, ()))}).encode()

    def clean(self) -> None:
        self._changed.clear()

    @classmethod
    def restore(
        cls, config: Config, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]], **_: object
    ) -> "CountingEngine":
        engine = cls(config, partition)
        engine.offset = offset
        for n, parts in segments.items():
            for part in parts:
                engine._counts[n] |= json.loads(part)
        cls.loads.append((partition, offset))
        return engine
