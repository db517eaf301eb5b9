"""Reads a topic whole, from every partition's first record or the last hours' first, and goes on with what comes."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.admin import partitions_of
from detector.kafka.clients import consumer

Record: TypeAlias = ConsumerRecord

NEVER = float("inf")
_MOST_BACK = 10_000
"""Records a partition where the broker finds none by its time: all are older, or it cannot look (the embedded one)."""


class WholeTopic:
    """For topics that are a table: compacted, keyed, of which every reader holds all.

    There is no consumer group and nothing is committed: a start reads everything anew. Where the topic gets
    more partitions all of them are read anew too, so what takes the records must bear repeats. `since_s`: of a topic
    that is no table, from when on (s UTC by the broker's time) records are read.
    """

    def __init__(self, config: Config, topic: str, since_s: Callable[[], float] | None = None) -> None:
        self.topic, self._since_s = topic, since_s
        self._bootstrap = config.kafka.bootstrap
        self._config = config
        self._consumer: AIOKafkaConsumer | None = None
        self._ends: dict[TopicPartition, int] = {}
        self._next: dict[TopicPartition, int] = {}
        self._newest: dict[TopicPartition, float] = {}
        self._moved = asyncio.Event()

    async def start(self) -> None:
        """Connects and notes where the partitions end now; raises DeploymentError with a fix."""
        await partitions_of(self._config, self.topic)  # a consumer asks for 40 s before it says that it is missing
        self._consumer = consumer(self._config, self.topic)  # here, since it belongs to the running loop
        try:
            await self._consumer.start()
            self._ends = await self._consumer.end_offsets(self._consumer.assignment())
            if self._since_s is not None:
                await self._go_to(self._consumer, self._since_s())
        except UnknownTopicOrPartitionError as error:
            raise DeploymentError(f"topic {self.topic} is missing; make it with: detector topics") from error
        except KafkaError as error:
            raise DeploymentError(
                f"cannot read {self.topic} at {self._bootstrap} ({error}); check kafka.bootstrap and the brokers"
            ) from error

    async def _go_to(self, source: AIOKafkaConsumer, since_s: float) -> None:
        begins = await source.beginning_offsets([*self._ends])
        found = await source.offsets_for_times(dict.fromkeys(self._ends, int(since_s * 1000)))
        for partition, end in self._ends.items():
            known = found.get(partition)
            at = max(begins[partition], end - _MOST_BACK) if known is None else known.offset
            source.seek(partition, at)
            self._next[partition] = at

    async def read(self, timeout_s: float, max_records: int = 1000) -> list[Record]:
        """The next records, in order within each partition; none after `timeout_s` without any.

        A caller applies them before it looks at caught_up.
        """
        source = self._connected()
        got = await source.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        for partition, records in got.items():
            self._newest[partition] = records[-1].timestamp / 1000
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._look(source)
        return [record for records in got.values() for record in records]

    async def _look(self, source: AIOKafkaConsumer) -> None:
        """Notes the positions, and strikes partitions off that were read to where they ended at the start.

        The position counts, not the last record: compaction leaves batches without any.
        """
        for partition in source.assignment():
            self._next[partition] = await source.position(partition)
            if self._next[partition] >= self._ends.get(partition, NEVER):
                del self._ends[partition]
        self._moved.set()

    async def seen_all(self, patience_s: float) -> None:
        """Waits until another task has read what is there now, at most so long: the brokers may not tell."""
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(patience_s):
                source = self._connected()
                ends = await source.end_offsets(source.assignment())
                while any(self._next.get(partition, 0) < end for partition, end in ends.items()):
                    self._moved.clear()
                    await self._moved.wait()

    @property
    def caught_up(self) -> bool:
        """Whether everything was read that was there at the start."""
        return self._consumer is not None and not self._ends

    @property
    def left(self) -> int:
        """Records that were there at the start and are still to be read, at most."""
        return sum(end - self._next.get(partition, 0) for partition, end in self._ends.items())

    def lag(self) -> Mapping[int, int]:
        """Records not yet read, by partition, as far as the broker has told."""
        source = self._connected()
        known = {tp: source.highwater(tp) for tp in source.assignment()}
        return {tp.partition: max(0, end - self._next.get(tp, end)) for tp, end in known.items() if end is not None}

    def until(self) -> Mapping[int, float]:
        """The broker's time (s UTC) up to which everything was read, of the partitions of which it is known."""
        source, lag = self._connected(), self.lag()
        known = {tp: source.last_poll_timestamp(tp) for tp in source.assignment()}
        answered = {tp.partition: t / 1000 for tp, t in known.items() if t and lag.get(tp.partition) == 0}
        return {tp.partition: t for tp, t in self._newest.items()} | answered

    async def stop(self) -> None:
        """Closes; idempotent, and allowed after a failed start."""
        source, self._consumer = self._consumer, None
        if source is not None:
            await source.stop()

    def _connected(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "start() comes first"
        return self._consumer
