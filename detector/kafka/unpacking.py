"""Batches of records are unpacked up to a bound; what cannot be unpacked is handed on as it came, or told.

Neither brokers nor aiokafka (0.14) have such a bound: a batch of 1 MB can unpack to 30 GB, and whoever reads the
partition would end for want of memory, after each restart anew. A batch that cannot be read would hold up its partition
for as long as the broker keeps it.
"""

import importlib
import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords

from detector.errors import BadInput, Reason
from detector.kafka import codecs
from detector.kafka.codecs import UNREADABLE, UnpackedTooLargeError

log = logging.getLogger(__name__)

MAX_TAKEN_BYTES = 32 << 20
"""Of one getmany, with one record more: 1 MB that is fetched can hold hundreds of batches up to the bound.

What is unpacked counts too, and a batch that fails is the last: all of them would keep the loop busy for a minute, and
a member of a group that sends no heartbeat loses its partitions and begins anew.
"""

_room: ContextVar[list[int] | None] = ContextVar("room", default=None)
_USERS = ("aiokafka.record.default_records", "aiokafka.record.legacy_records")
_COMPILED = ("aiokafka.record._crecords.default_records", "aiokafka.record._crecords.legacy_records")
_UNPACKERS = {
    "gzip_decode": codecs.gunzip,
    "snappy_decode": codecs.unsnappy,
    "lz4_decode": codecs.unlz4,
    "zstd_decode": codecs.unzstd,
}
_LENGTH_AT, _BEFORE_LENGTH_ENDS = 8, 12  # of a batch: its offset, the length of what follows


@dataclass
class UnreadBatch(ConsumerRecord):  # type: ignore[misc]
    """A batch, or the rest of one, that could not be read; its `value` is the batch as the broker has it.

    Its offset is the last of the batch, so that it is done when this is; `first` is the first that was not read.
    """

    first: int
    bad: BadInput


def hand_on(value: bytes) -> bytes:
    """As value_deserializer of a consumer: it gets an UnreadBatch for each batch that cannot be read.

    Other consumers pass over what unpacks to too much, which is logged, and raise at what is damaged.
    """
    return value


def size_of(record: ConsumerRecord) -> int:
    """Of value, key and headers, in bytes."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers) if record.headers else 0
    return len(record.value or b"") + len(record.key or b"") + headers


class Records:
    """aiokafka's batches of one partition that were fetched at once, each beside its bytes."""

    def __init__(self, data: bytes) -> None:
        self._batches, self._data, self._at = MemoryRecords(data), memoryview(data), 0
        self.size_in_bytes, self.has_next = self._batches.size_in_bytes, self._batches.has_next
        self.batch: Any = None
        self.packed = self._data[:0]

    def next_batch(self) -> Any:
        """The next batch; until the next call it is `batch`, and its bytes are `packed`."""
        begin, self.batch = self._at, None
        (length,) = struct.unpack_from(">i", self._data, begin + _LENGTH_AT)
        self._at = begin + _BEFORE_LENGTH_ENDS + length
        self.packed = self._data[begin : self._at]
        self.batch = self._batches.next_batch()
        return self.batch


class BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's own, which goes on behind a batch that cannot be read."""

    def __init__(self, tp: Any, records: Records, aborted: Any, offset: int, key: Any, value: Any, *more: Any) -> None:
        self._hands_on = value is hand_on
        super().__init__(tp, records, aborted, offset, key, None if self._hands_on else value, *more)

    def _unpack_records(self) -> Iterator[Any]:
        while True:
            try:
                yield from super()._unpack_records()
                return
            except UNREADABLE as error:
                if self._records.batch is None or not (self._hands_on or isinstance(error, UnpackedTooLargeError)):
                    raise
                unread = self._unread(error)
            self.next_fetch_offset = unread.offset + 1
            if self._hands_on and unread.first <= unread.offset:
                yield unread
            else:
                told = {"topic": unread.topic, "partition": unread.partition, "offset": unread.first}
                log.error("passed over %s", unread.bad.detail, extra=told | {"next_offset": unread.offset + 1})

    def _unread(self, error: Exception) -> UnreadBatch:
        records, tp = self._records, self._tp
        batch, value = records.batch, bytes(records.packed)
        (base,) = struct.unpack_from(">q", value)
        first, last = max(self.next_fetch_offset, base), max(batch.next_offset - 1, base)
        if isinstance(error, UnpackedTooLargeError):
            bad = BadInput(Reason.TOO_LARGE, "", f"a batch that unpacks to more than {codecs.MAX_UNPACKED_BYTES} bytes")
        else:
            bad = BadInput(Reason.UNREADABLE_BATCH, "", _fault(batch, error))
        at_ms, kind = getattr(batch, "max_timestamp", -1), getattr(batch, "timestamp_type", 0)
        return UnreadBatch(
            tp.topic, tp.partition, last, at_ms, kind, None, value, None, -1, len(value), (), first=first, bad=bad
        )


@contextmanager
def little_at_once() -> Iterator[None]:
    """What is taken of a consumer within has MAX_TAKEN_BYTES in all, over all partitions, and one record more."""
    token = _room.set([MAX_TAKEN_BYTES])
    try:
        yield
    finally:
        _room.reset(token)


class BoundedResult(fetcher.FetchResult):  # type: ignore[misc]
    """aiokafka's own, which gives no more than there is room for; the rest stays packed until it is asked for again."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> list[Any]:
        """The next records, none where there is no room."""
        room = _room.get()
        if room is None:
            taken: list[Any] = super().getall(max_records)
            return taken
        taken = []
        if room[0] <= 0 or not self.has_more() or not self.check_assignment(self._topic_partition):
            return taken
        for record in self._partition_records:
            taken.append(record)
            room[0] -= size_of(record)
            if room[0] <= 0 or len(taken) == max_records:
                self._update_position()
                break
        else:
            self._update_position()
            self._partition_records = None
        return taken


def _counted(unpack: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def counted(payload: Any) -> bytes:
        room = _room.get() or [0]
        left, room[0] = room[0], 0  # what fails may have cost as much as any
        out = unpack(payload)
        room[0] = left - len(out)
        return out

    return counted


def _fault(batch: Any, error: Exception) -> str:
    """What is wrong, in words of ours: those of the error might repeat what was sent."""
    if isinstance(error, UnsupportedCodecError):
        return f"a batch packed by a codec that is not known ({getattr(batch, 'compression_type', '?')})"
    if isinstance(error, CorruptRecordException):
        return "a batch whose records are damaged"
    return "a batch that cannot be unpacked"


def bound() -> None:
    """From now on every consumer of this process keeps to the bound."""
    fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult = Records, BoundedRecords, BoundedResult
    for name in (*_USERS, *_COMPILED):
        try:
            module = importlib.import_module(name)
        except ImportError:  # without compiled code it reads by Python
            continue
        for codec, unpacker in _UNPACKERS.items():
            if hasattr(module, codec):
                setattr(module, codec, _counted(unpacker))
