"""Compressed batches are unpacked up to a bound: what unpacks to more is passed over, and said so.

Neither brokers nor aiokafka (0.14) have such a bound: a batch of 1 MB can unpack to 1 GB, and whoever reads the
partition would end for want of memory, after each restart anew. The records of such a batch are not in any topic of the
detector; the log names their offsets.
"""

import importlib
import logging
import zlib
from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher

log = logging.getLogger(__name__)

MAX_UNPACKED_BYTES = 128 << 20
"""Of one batch. Producers fill batches of some 100 kB, and by default none of over 1 MB before it is packed."""
_GZIP = 31  # zlib's word for a window of 32 KiB with gzip's head and tail
_USERS = ("aiokafka.record.default_records", "aiokafka.record.legacy_records")
_COMPILED = ("aiokafka.record._crecords.default_records", "aiokafka.record._crecords.legacy_records")


class UnpackedTooLargeError(Exception):
    """A batch unpacks to more than MAX_UNPACKED_BYTES."""


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


class _Batch:
    """A compressed batch; it has no records where they are too large."""

    def __init__(self, place: Any, batch: Any) -> None:
        self._place, self._batch = place, batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(self._batch)
        except UnpackedTooLargeError:
            told = {
                "topic": self._place.topic,
                "partition": self._place.partition,
                "offset": self._batch.base_offset,
                "next_offset": self._batch.next_offset,
            }
            log.error("passed over a batch that unpacks to more than %d bytes", MAX_UNPACKED_BYTES, extra=told)
            return iter(())


class _Batches:
    """The batches of a partition that were fetched at once."""

    def __init__(self, place: Any, batches: Any) -> None:
        self._place, self._batches = place, batches

    def has_next(self) -> bool:
        found: bool = self._batches.has_next()
        return found

    def next_batch(self) -> Any:
        batch = self._batches.next_batch()
        return _Batch(self._place, batch) if getattr(batch, "compression_type", 0) else batch


class BoundedRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """aiokafka's own, over batches that are bounded."""

    def __init__(self, tp: Any, records: Any, *more: Any) -> None:
        super().__init__(tp, _Batches(tp, records), *more)


def bound() -> None:
    """From now on every consumer of this process keeps to the bound."""
    fetcher.PartitionRecords = BoundedRecords
    for name in (*_USERS, *_COMPILED):
        try:
            module = importlib.import_module(name)
        except ImportError:  # without compiled code it reads by Python
            continue
        if hasattr(module, "gzip_decode"):
            module.gzip_decode = gunzip  # type: ignore[attr-defined]
