"""Reads the newest part of topics, or what comes from now on, in no consumer group and without committing anything."""

from collections.abc import Iterable
from typing import TypeAlias

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka import admin, plan
from detector.kafka.clients import Consumer, consumer
from detector.kafka.unpacking import hand_on

Record: TypeAlias = ConsumerRecord


class Tail:
    """Of the topics that are `present`; `missing` are the others. `back`: so many records a partition, at most."""

    def __init__(self, config: Config, topics: Iterable[str], back: int = 0) -> None:
        self.present: list[str] = []
        self.missing: list[str] = []
        self._config, self._topics, self._back = config, list(topics), back
        self._consumer: Consumer | None = None
        self._ends: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        """Connects and notes where the partitions end now; raises DeploymentError with a fix."""
        async with admin.connected(self._config) as client:
            present = await admin.look(client, plan.topics(self._config))
        self.present = [topic for topic in self._topics if topic in present]
        self.missing = [topic for topic in self._topics if topic not in present]
        there = [TopicPartition(topic, n) for topic in self.present for n in range(present[topic].partitions)]
        reader = self._consumer = consumer(self._config, fetch_max_wait_ms=100, value_deserializer=hand_on)
        try:
            await reader.start()
            if not there:
                return
            reader.assign(there)
            begins, ends = await reader.beginning_offsets(there), await reader.end_offsets(there)
            for each in there:
                begin = max(begins[each], ends[each] - self._back)
                reader.seek(each, begin)
                if begin < ends[each]:
                    self._ends[each] = ends[each]
        except KafkaError as error:
            at = self._config.kafka.bootstrap
            raise DeploymentError(f"cannot read the topics at {at} ({error}); detector doctor says more") from error

    async def read(self, timeout_s: float) -> list[Record]:
        """The next records, in order within each partition; none after `timeout_s` without any."""
        reader = self._consumer
        assert reader is not None, "start() comes first"
        if not self.present:
            return []
        got = await reader.getmany(timeout_ms=int(timeout_s * 1000))
        for each in [*self._ends]:
            # The position counts, not the last record: transactions leave gaps.
            if await reader.position(each) >= self._ends[each]:
                del self._ends[each]
        return [record for records in got.values() for record in records]

    @property
    def caught_up(self) -> bool:
        """Whether everything was read that was there at the start."""
        return not self._ends

    async def stop(self) -> None:
        """Closes; idempotent, and allowed after a failed start."""
        reader, self._consumer = self._consumer, None
        if reader is not None:
            await reader.stop()
