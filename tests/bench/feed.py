"""Sends the bench's events: each with the broker timestamp of its event time, to the partition that it names."""

from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from detector.config import Config
from tests.bench.load import Sent

ASK_S = 10.0


class Feed:
    """A producer into the topics of `config`, and who asks for the ends of topics."""

    def __init__(self, config: Config) -> None:
        self._topics = (config.topics.calls, config.topics.status)
        self._failed: list[Any] = []
        broker = {"bootstrap.servers": config.kafka.bootstrap, "log_level": 2}
        self._producer = Producer({**broker, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
        self._asker = Consumer({**broker, "group.id": "bench-ends", "enable.auto.commit": False})

    def send(self, events: Iterable[Sent], topics: Sequence[str] | None = None) -> None:
        """Returns when the broker has them all."""
        names = topics or self._topics
        for topic, partition, t, value in events:
            self._producer.produce(
                names[topic], value, partition=partition, timestamp=int(t * 1000), on_delivery=self._told
            )
        while self._producer.flush(ASK_S):
            pass
        if self._failed:
            raise RuntimeError(f"the broker refuses events: {self._failed[0]}")

    def _told(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)

    def records(self, topic: str) -> int:
        """How many records were ever written to a topic."""
        partitions = self._asker.list_topics(topic, ASK_S).topics[topic].partitions
        return sum(self._asker.get_watermark_offsets(TopicPartition(topic, p), ASK_S)[1] for p in partitions)

    def close(self) -> None:
        """Closes."""
        self._asker.close()
