"""The ingest stage: source topics in, packed observations out, commits once all is acknowledged."""

import asyncio
import contextlib
import logging
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.config.sources import number_of
from detector.enrich import packing
from detector.kafka.admin import partitions_of
from detector.kafka.group import GroupReader, Record, Source
from detector.kafka.outbox import Out, Outbox
from detector.kafka.unpacking import UnreadBatch, size_of
from detector.kafka.whole import WholeTopic
from detector.metrics import Metrics
from detector.pipeline.dead_letters import dead_letter
from detector.pipeline.ingest_metrics import IngestMetrics
from detector.pipeline.intake import NATIVE, Flushed, Intake, SourceRecord
from detector.reasons import SILENT_S, Unready, waiting

log = logging.getLogger(__name__)

COMMIT_S = 1.0
BATCH_BYTES = 33_554_432
"""A batch of so many bytes is full, however few its records are: large ones must not add up in memory."""
LINKS_POLL_S = 0.25
SETTLE_S = 5.0
"""Before partitions are given back, and at a stop, a delivery in hand has this long to be acknowledged."""


class _Flight(NamedTuple):
    """A delivery in hand, and what it makes done."""

    task: asyncio.Task[None]
    offsets: dict[Source, int]
    until: dict[Source, float]
    epoch: int


class IngestStage:
    """Prepares one batch while the one before is being acknowledged.

    Its marks say how far each source is forwarded: to the present where nothing is left, else to when the broker got
    the newest record taken; 0 for what others read, so that watch waits for these too.
    """

    name = "ingest"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        self._config = config
        self._links = WholeTopic(config, config.topics.links)
        native = (config.topics.calls, config.topics.status)
        feeds = dict(zip(native, NATIVE, strict=False)) | {s.topic: s.topic for s in config.sources}
        topics = {number_of(topic, native): topic for topic in feeds}
        self._feeds = {number: feeds[topic] for number, topic in topics.items()}
        self._reader = GroupReader(config, topics, self.name, clock, self._settle)
        self._outbox = Outbox(config)
        self._metrics = IngestMetrics(metrics, feeds)
        self._intake: Intake | None = None
        self._flight: _Flight | None = None
        self._every: list[Source] = []
        self._marks: dict[Source, float] = {}
        self._marks_epoch = -1
        self._beat_s = self._committed_s = 0.0
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def start(self) -> None:
        """Connects; raises DeploymentError with a fix."""
        topics = self._config.topics
        partitions = await partitions_of(self._config, topics.observations)
        counts = {n: await partitions_of(self._config, topic) for n, topic in self._reader.topics.items()}
        self._every = [topic << 16 | p for topic, count in counts.items() for p in range(count)]
        await asyncio.to_thread(packing.warm)
        self._intake = Intake(self._config, partitions)
        await self._links.start()
        await self._outbox.start()
        await self._reader.start()

    async def run(self) -> None:
        """Works until stop(); raises where Kafka fails for good."""
        intake = self._intake
        if intake is None or self._closing.is_set():  # stopped before it began
            return
        self._ended.clear()
        following: asyncio.Task[None] | None = None
        try:
            while not (self._links.caught_up or self._closing.is_set()):
                await self._learn(intake)
            following = asyncio.create_task(self._follow(intake))
            while not self._closing.is_set():
                await self._cycle(intake)
                if following.done():
                    following.result()
            await self._settle()
            await self._reader.commit()
        finally:
            await _cancel(following)
            await _cancel(self._flight and self._flight.task)
            self._ended.set()

    async def stop(self) -> None:
        """Finishes the batch in hand, commits and leaves the group; idempotent."""
        self._closing.set()
        await self._ended.wait()
        await self._reader.stop()
        await self._outbox.stop()
        await self._links.stop()

    def health(self) -> list[str]:
        """Reasons why it is not ready."""
        if self._intake is None:
            return [Unready.NOT_CONNECTED]
        if not self._links.caught_up:
            return [Unready.READING.format(topic=self._links.topic, left=self._links.left)]
        if not self._reader.assignments:
            return [Unready.UNASSIGNED]
        reasons = []
        if self._outbox.waiting_s > SILENT_S:
            reasons.append(Unready.UNACKNOWLEDGED.format(waited=self._outbox.waiting_s))
        lag = {self._reader.name(source): records for source, records in self._reader.lag.items()}
        return [*reasons, *waiting(self._owed(lag), lag, self._config.time.hold_back_s)]

    def _owed(self, lag: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], float]:
        """How far each topic and partition is behind, in s; where the rest is under way, how long Kafka is silent."""
        owed = self._metrics.behind()
        for number, fetched_s in self._reader.until.items():
            source = self._reader.name(number)
            if source in owed and not lag.get(source, 0):
                owed[source] = min(owed[source], time.time() - fetched_s)
        return owed

    async def _learn(self, intake: Intake) -> None:
        for record in await self._links.read(LINKS_POLL_S):
            try:
                intake.learn_link(record.key, record.value)
            except msgspec.MsgspecError as error:
                log.error("skipped a record of %s that is no link: %s", record.topic, error)
        await asyncio.sleep(0)  # a fetch does not yield while it has records in hand

    async def _follow(self, intake: Intake) -> None:
        while True:
            await self._learn(intake)

    async def _cycle(self, intake: Intake) -> None:
        """Fetches and prepares a batch, and sends it when the one before is acknowledged."""
        began_s = time.monotonic()
        epoch, batch = await self._gather(began_s + self._config.ingest.batch_wait_s)
        for source, records in batch.items():
            intake.take(source, self._feeds[source >> 16], _source_records(records))
            await asyncio.sleep(0)
        beat = began_s - self._beat_s >= self._config.time.heartbeat_s
        marked = self._mark(intake)
        if batch or (beat and marked):
            until = dict(self._reader.until)
            flushed = intake.flush(self._marks, everywhere=beat)
            self._metrics.flushed(intake, sum(map(len, batch.values())))
            offsets = {source: records[-1].offset + 1 for source, records in batch.items()}
            await self._land()
            if self._flight is not None:
                return  # told to stop while Kafka does not answer: what was prepared is read again
            task = asyncio.create_task(self._outbox.deliver(self._out(flushed, batch)))
            self._flight = _Flight(task, offsets, until, epoch)
            self._beat_s = began_s if beat else self._beat_s
        if began_s - self._committed_s >= COMMIT_S:
            await self._reader.commit()
            self._metrics.lag(self._reader)
            self._committed_s = began_s
        if self._reader.at_end:
            await self._sleep(began_s + self._config.ingest.batch_wait_s - time.monotonic())

    async def _gather(self, until_s: float) -> tuple[int, dict[Source, list[Record]]]:
        """A batch of one epoch: what there is, and where more is known to be there as much as fits until then.

        A full batch costs every stage behind it less than many small ones.
        """
        batch: dict[Source, list[Record]] = {}
        epoch, room, size = self._reader.epoch, self._config.ingest.batch_records, 0
        while room > 0 and not self._closing.is_set():
            got = await self._reader.fetch(max(0.0, until_s - time.monotonic()), room)
            if self._reader.epoch != epoch:
                batch, epoch, size = {}, self._reader.epoch, 0  # it is read again, here or by others
            for source, records in got.items():
                batch.setdefault(source, []).extend(records)
                room -= len(records)
                size += sum(map(size_of, records))
            if size >= BATCH_BYTES or self._reader.at_end or time.monotonic() >= until_s:
                break
            await asyncio.sleep(0)  # a fetch does not yield while it has records in hand
        return epoch, batch

    def _mark(self, intake: Intake) -> bool:
        """Notes how far each source is forwarded; False where none is read here."""
        if self._marks_epoch != self._reader.epoch:
            self._marks, self._marks_epoch = dict.fromkeys(self._every, 0.0), self._reader.epoch
        assigned = self._reader.assigned
        for source in assigned:
            fresh = self._reader.fresh(source)
            mark = intake.forwarded(source) if fresh is None else fresh
            self._marks[source] = max(mark, self._marks.get(source, 0.0))
        return bool(assigned)

    def _out(self, flushed: Flushed, batch: dict[Source, list[Record]]) -> list[Out]:
        topics = self._config.topics
        out = [Out(topics.links, value, key) for key, value in flushed.links]
        before = None
        for dead in flushed.dead_letters:
            records = batch[dead.source]
            at = bisect_left(records, dead.offset, key=lambda record: record.offset)
            place = (dead.source, dead.offset)
            out.append(dead_letter(self._config, dead, records[at], again=place == before))
            before = place
        out += [Out(topics.observations, value, partition=partition) for partition, value in flushed.packed]
        return out

    async def _land(self) -> None:
        """Waits until the delivery in hand is acknowledged, or stop() is called."""
        if self._flight is not None and not self._flight.task.done():
            told = asyncio.create_task(self._closing.wait())
            try:
                await asyncio.wait([self._flight.task, told], return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _cancel(told)
        self._landed()

    def _landed(self) -> None:
        """What is acknowledged is done; raises, each time anew, what made the delivery fail."""
        flight = self._flight
        if flight is not None and flight.task.done():
            flight.task.result()  # nothing may follow a batch that failed
            self._flight = None
            self._reader.done(flight.offsets, flight.epoch)
            if flight.epoch == self._reader.epoch:
                self._metrics.reached(self._reader, flight.until)

    async def _settle(self) -> None:
        """Before partitions are given back: what is acknowledged soon is done too."""
        if self._flight is not None:
            await asyncio.wait([self._flight.task], timeout=SETTLE_S)
        self._landed()

    async def _sleep(self, time_s: float) -> None:
        if time_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), time_s)


def _source_records(records: Sequence[Record]) -> list[SourceRecord]:
    return [_source_record(r) for r in records]


def _source_record(record: Record) -> SourceRecord:
    at_s = record.timestamp / 1000 if record.timestamp >= 0 else None  # without a timestamp Kafka says -1
    if isinstance(record, UnreadBatch):
        return SourceRecord(record.offset, record.value, at_s, record.bad, record.offset - record.first + 1)
    return SourceRecord(record.offset, record.value, at_s, headers=record.headers)


async def _cancel(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
