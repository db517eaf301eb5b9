"""A segment of a checkpoint: a version, what is kept, and a checksum of it; read or refused, never misread."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from detector.errors import StateError

DAMAGED = "a segment of the stored state is damaged; restore the topic or start with an empty one"

_UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)
"""How damage shows that no checksum has found: in segments of before there were any."""


def store(version: int, kept: Any) -> bytes:
    """The segment's bytes."""
    told = msgspec.msgpack.encode(kept)
    return msgspec.msgpack.encode([version, told, xxh3_64_intdigest(told)])


def open_stored(raw: bytes, version: int) -> Any:
    """What is kept in a segment of this version. Raises StateError where it is damaged, or of another version."""
    with refusing_damage():
        found, kept, *sums = msgspec.msgpack.decode(raw, strict=False)
        if sums:  # older ones have none
            if len(sums) > 1 or xxh3_64_intdigest(kept) != sums[0]:
                raise ValueError
            kept = msgspec.msgpack.decode(kept, strict=False)
    if found != version:
        raise StateError(
            f"the stored state has format {found}, this version reads {version}: "
            "run the version that wrote it, or start with an empty state topic"
        )
    return kept


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Raises StateError where what is read within is not what was stored."""
    try:
        yield
    except _UNREADABLE as error:
        raise StateError(DAMAGED) from error
