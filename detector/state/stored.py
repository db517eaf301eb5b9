"""A segment of a checkpoint: a version, what is kept, packed, and a checksum; read or refused, never misread."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import cramjam
import msgspec
from xxhash import xxh3_64_intdigest

from detector.errors import StateError
from detector.formats import other_version

T = TypeVar("T")

DAMAGED = "a segment of the stored state is damaged; restore the topic or start with an empty one"

_UNREADABLE = (
    msgspec.MsgspecError, cramjam.DecompressionError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    RecursionError,
)  # fmt: skip
"""How damage shows that no checksum has found."""


class _Head(msgspec.Struct, array_like=True):
    version: int


def store(version: int, kept: Any) -> bytes:
    """The segment's bytes."""
    told = memoryview(cramjam.snappy.compress_raw(msgspec.msgpack.encode(kept)))
    return msgspec.msgpack.encode([version, told, xxh3_64_intdigest(told)])


def open_stored(raw: bytes, version: int, kept: type[T]) -> T:
    """What is kept (of that type) in a segment of this version.

    Raises StateError where it is damaged, or of another version, whatever that one kept.
    """
    with refusing_damage():
        found = msgspec.msgpack.decode(raw, type=_Head).version
        if found == version:
            _, told, checksum = msgspec.msgpack.decode(raw, type=tuple[int, memoryview, int])
            if xxh3_64_intdigest(told) != checksum:
                raise ValueError
            unpacked = bytes(cramjam.snappy.decompress_raw(told))  # what is decoded may point into it
            return msgspec.msgpack.decode(unpacked, type=kept, strict=False)
    raise StateError(other_version("the stored state", found, version))


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Raises StateError where what is read within is not what was stored."""
    try:
        yield
    except _UNREADABLE as error:
        raise StateError(DAMAGED) from error
