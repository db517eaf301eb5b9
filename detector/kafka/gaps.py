"""Records that the broker deleted before they were read: found, counted and told, since aiokafka passes over them."""

import logging
from collections import Counter
from collections.abc import Sequence

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from detector.kafka.clients import Consumer

log = logging.getLogger(__name__)


class Gaps:
    """Follows the positions of a consumer; `missed` counts by topic."""

    def __init__(self) -> None:
        self.missed: Counter[str] = Counter()
        self._next: dict[TopicPartition, int] = {}

    async def follow(self, reader: Consumer, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> int:
        """The position in `tp`, behind `records`, which were just fetched; each fetch is followed.

        Raises IllegalStateError where the partition is no more assigned.
        """
        position: int = await reader.position(tp)
        came = records[0].offset if records else position
        try:
            expected = self._next[tp] if tp in self._next else await reader.committed(tp)
            if expected is not None and came > expected:
                # Offsets without a record, as those of transactions' ends, are no loss.
                first: int = (await reader.beginning_offsets([tp]))[tp]
                self._tell(tp, expected, min(first, came))
        except KafkaError as error:
            log.info("it is not known whether records of %s were deleted unread: %s", tp.topic, repr(error))
        self._next[tp] = position
        return position

    def _tell(self, tp: TopicPartition, expected: int, first: int) -> None:
        if first > expected:
            self.missed[tp.topic] += first - expected
            log.error(
                "the broker deleted records before they were read; keep the topic longer than a stage may be away",
                extra={"topic": tp.topic, "partition": tp.partition, "from": expected, "records": first - expected},
            )

    def forget(self) -> None:
        """The partitions are given back."""
        self._next.clear()
