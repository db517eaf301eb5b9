"""Batches of records are unpacked up to a bound; what cannot be unpacked is handed on as it came, or told.

Neither brokers nor aiokafka (0.14) have such a bound: a batch of 1 MB can unpack to 30 GB, and whoever reads the
partition would end for want of memory, after each restart anew. A batch that cannot be read would hold up its partition
for as long as the broker keeps it.
"""

import importlib
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
import numpy as np
from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.memory_records import MemoryRecords

from detector.errors import BadInput, Reason

log = logging.getLogger(__name__)

MAX_UNPACKED_BYTES = 128 << 20
"""Of one batch. Producers fill batches of some 100 kB, and by default none of over 1 MB before it is packed."""

_GZIP = 31  # zlib's word for a window of 32 KiB with gzip's head and tail
_XERIAL = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
"""The head of snappy as Java packs it: blocks follow, each behind its length. Others send one block without a head."""
_FIRST_BYTES = 65_536
_GROWTH = 8
_FULL = "failed to write whole buffer"  # cramjam's only sign that there was more
_USERS = ("aiokafka.record.default_records", "aiokafka.record.legacy_records")
_COMPILED = ("aiokafka.record._crecords.default_records", "aiokafka.record._crecords.legacy_records")
_LENGTH_AT, _BEFORE_LENGTH_ENDS = 8, 12  # of a batch: its offset, the length of what follows


class UnpackedTooLargeError(Exception):
    """A batch unpacks to more than MAX_UNPACKED_BYTES."""


UNREADABLE = (
    UnpackedTooLargeError, CorruptRecordException, UnsupportedCodecError, cramjam.DecompressionError,
    zlib.error, EOFError, ValueError, LookupError, struct.error,
)  # fmt: skip
"""What reading a batch raises where the batch is at fault."""


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


def gunzip(payload: Any) -> bytes:
    """What gzip packed, all its members; raises UnpackedTooLargeError before it takes more than the bound."""
    out, left = bytearray(), bytes(payload)
    while left:
        unpacker = zlib.decompressobj(_GZIP)
        while left and not unpacker.eof:
            out += unpacker.decompress(left, MAX_UNPACKED_BYTES + 1 - len(out))
            if len(out) > MAX_UNPACKED_BYTES:
                raise UnpackedTooLargeError
            left = unpacker.unconsumed_tail
        if not unpacker.eof:
            raise EOFError("a compressed batch is cut off")
        left = unpacker.unused_data
    return bytes(out)


def unsnappy(payload: Any) -> bytes:
    """What snappy packed, in one block or in Java's framing; raises UnpackedTooLargeError, cramjam's or ValueError."""
    packed = memoryview(payload)
    if packed[: len(_XERIAL)] != _XERIAL:
        return _block(packed, MAX_UNPACKED_BYTES)
    blocks, at, size = [], len(_XERIAL), 0
    while at < len(packed):
        (length,) = struct.unpack_from(">i", packed, at)
        at += 4
        if not 0 < length <= len(packed) - at:
            raise ValueError("a block of snappy is cut off")
        blocks.append(_block(packed[at : at + length], MAX_UNPACKED_BYTES - size))
        size += len(blocks[-1])
        at += length
    return b"".join(blocks)


def unlz4(payload: Any) -> bytes:
    """What lz4 packed, all its frames; raises UnpackedTooLargeError or cramjam's."""
    return _grown(cramjam.lz4.decompress_into, payload)


def unzstd(payload: Any) -> bytes:
    """What zstd packed, all its frames; raises UnpackedTooLargeError or cramjam's."""
    return _grown(cramjam.zstd.decompress_into, payload)


def _block(packed: memoryview, room: int) -> bytes:
    """One block of snappy, which begins with the length of what it unpacks to."""
    stated = cramjam.snappy.decompress_raw_len(packed)
    if stated > room:
        raise UnpackedTooLargeError
    return _into(stated, cramjam.snappy.decompress_raw_into, packed)


def _grown(unpack: Callable[[Any, Any], int], payload: Any) -> bytes:
    """Unpacks into a buffer that cannot grow, and anew into a larger one where it is full, up to the bound.

    What a frame states of its size is not asked: it need not be true.
    """
    size = max(_FIRST_BYTES, _GROWTH * len(payload))
    while True:
        try:
            return _into(min(size, MAX_UNPACKED_BYTES), unpack, payload)
        except cramjam.DecompressionError as error:
            if str(error) != _FULL:
                raise
        if size >= MAX_UNPACKED_BYTES:
            raise UnpackedTooLargeError
        size *= _GROWTH


def _into(size: int, unpack: Callable[[Any, Any], int], packed: Any) -> bytes:
    """Unpacks into a buffer of so many bytes; the pages that it does not come to take no memory."""
    out = np.empty(size, np.uint8)
    return out[: unpack(packed, out)].tobytes()


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

    def _unread(self, error: Exception) -> UnreadBatch:
        records, tp = self._records, self._tp
        batch, value = records.batch, bytes(records.packed)
        (base,) = struct.unpack_from(">q", value)
        first, last = max(self.next_fetch_offset, base), max(batch.next_offset - 1, base)
        if isinstance(error, UnpackedTooLargeError):
            bad = BadInput(Reason.TOO_LARGE, "", f"a batch that unpacks to more than {MAX_UNPACKED_BYTES} bytes")
        else:
            bad = BadInput(Reason.UNREADABLE_BATCH, "", _fault(batch, error))
        told = {"topic": tp.topic, "partition": tp.partition, "offset": first, "next_offset": last + 1}
        log.error("passed over %s", bad.detail, extra=told)
        at_ms, kind = getattr(batch, "max_timestamp", -1), getattr(batch, "timestamp_type", 0)
        return UnreadBatch(
            tp.topic, tp.partition, last, at_ms, kind, None, value, None, -1, len(value), (), first=first, bad=bad
        )


def _fault(batch: Any, error: Exception) -> str:
    """What is wrong, in words of ours: those of the error might repeat what was sent."""
    if isinstance(error, UnsupportedCodecError):
        return f"a batch packed by a codec that is not known ({getattr(batch, 'compression_type', '?')})"
    if isinstance(error, CorruptRecordException):
        return "a batch whose records are damaged"
    return "a batch that cannot be unpacked"


def bound() -> None:
    """From now on every consumer of this process keeps to the bound."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = Records, BoundedRecords
    unpackers = {"gzip_decode": gunzip, "snappy_decode": unsnappy, "lz4_decode": unlz4, "zstd_decode": unzstd}
    for name in (*_USERS, *_COMPILED):
        try:
            module = importlib.import_module(name)
        except ImportError:  # without compiled code it reads by Python
            continue
        for codec, unpacker in unpackers.items():
            if hasattr(module, codec):
                setattr(module, codec, unpacker)
