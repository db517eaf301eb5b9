"""Batches of records as a broker hands them out: the offset and the length are the broker's, the rest is whoever's."""

from collections.abc import Callable

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from detector.kafka import unpacking
from tests.fuzz import corpus

PLACE = TopicPartition("llm.calls", 0)
CODECS = range(5)
OFFSET_AND_LENGTH, LEAST, MAGIC_AT = 12, 61 - 12, 4


def of_each_codec() -> list[bytes]:
    """Batches of a few events without their offset and length, two of each codec."""
    lines = corpus.examples("llm.calls")
    return [batch(codec, values) for codec in CODECS for values in (lines[:4], [b"a" * 3000])]


def batch(codec: int, values: list[bytes]) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 30)
    for n, value in enumerate(values):
        builder.append(n, timestamp=1_790_000_000_000, key=b"k", value=value, headers=[("h", b"v")])
    return bytes(builder.build())[OFFSET_AND_LENGTH:]


def fetched() -> Callable[[bytes], bool]:
    """Tries an input as a batch between two good ones, which are read whatever it is."""
    unpacking.bound()
    good = batch(4, [b"good" * 100])

    def once(data: bytes) -> bool:
        # The format is the broker's to know, and none of today has another; so is that a batch has a header.
        tried = bytearray(data.ljust(LEAST, b"\0"))
        tried[MAGIC_AT] = 2
        log = b"".join(_placed(offset, each) for offset, each in ((6, good), (7, bytes(tried)), (1 << 40, good)))
        records = fetcher.PartitionRecords(
            PLACE, fetcher.MemoryRecords(log), [], 6, None, unpacking.hand_on, False, fetcher.READ_UNCOMMITTED
        )
        first, *between, last = records
        assert (first.offset, first.value, last.value) == (6, b"good" * 100, b"good" * 100)
        unread = [r for r in between if isinstance(r, unpacking.UnreadBatch)]
        assert len(unread) <= 1
        assert all(r.value == _placed(7, bytes(tried)) and r is between[-1] and r.first >= 7 for r in unread)
        return len(between) > len(unread)

    return once


def _placed(offset: int, rest: bytes) -> bytes:
    return offset.to_bytes(8, "big") + len(rest).to_bytes(4, "big") + rest
