"""What the codecs of Kafka have packed, up to a bound: no input makes these take more.

cramjam unpacks into a buffer that cannot grow. The window that zstd asks for comes on top, for as long as it works.
"""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import numpy as np
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

MAX_UNPACKED_BYTES = 128 << 20
"""Of one batch. Producers fill batches of some 100 kB, and by default none of over 1 MB before it is packed."""

_GZIP = 31  # zlib's word for a window of 32 KiB with gzip's head and tail
_XERIAL = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
"""The head of snappy as Java packs it: blocks follow, each behind its length. Others send one block without a head."""
_FIRST_BYTES = 65_536
_GROWTH = 8
_FULL = "failed to write whole buffer"  # cramjam's only sign that there was more


class UnpackedTooLargeError(Exception):
    """A batch unpacks to more than MAX_UNPACKED_BYTES."""


UNREADABLE = (
    UnpackedTooLargeError, CorruptRecordException, UnsupportedCodecError, cramjam.DecompressionError,
    zlib.error, EOFError, ValueError, LookupError, struct.error,
)  # fmt: skip
"""What reading a batch raises where the batch is at fault."""


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
