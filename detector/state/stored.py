"""A segment of a checkpoint: a version, and what is kept; read or refused, never misread."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from detector.errors import StateError
from detector.formats import other_version

T = TypeVar("T")
_DAMAGED = "a segment of the stored state is damaged; restore the topic or start with an empty one"


def store(version: int, kept: Any) -> bytes:
    """The segment's bytes."""
    return msgspec.msgpack.encode([version, kept])


def open_stored(raw: bytes, version: int, kept: type[T]) -> T:
    """What is kept (of that type) in a segment of this version.

    Raises StateError where it is damaged, or of another version, whatever that one kept.
    """
    try:
        found, rest = msgspec.msgpack.decode(raw, type=tuple[int, msgspec.Raw])
        if found == version:
            return msgspec.msgpack.decode(rest, type=kept, strict=False)
    except (msgspec.MsgspecError, ValueError, TypeError) as e:
        raise StateError(_DAMAGED) from e
    raise StateError(other_version("the stored state", found, version))


@contextmanager
def reading() -> Iterator[None]:
    """Raises StateError where what is done with stored segments shows that they are damaged."""
    try:
        yield
    except (ValueError, KeyError, IndexError, TypeError) as e:
        raise StateError(_DAMAGED) from e
