"""A segment of a checkpoint: a version, and what is kept; read or refused, never misread."""

from typing import Any

import msgspec

from detector.errors import StateError


def store(version: int, kept: Any) -> bytes:
    """The segment's bytes."""
    return msgspec.msgpack.encode([version, kept])


def open_stored(raw: bytes, version: int) -> Any:
    """What is kept in a segment of this version. Raises StateError where it is damaged, or of another version."""
    try:
        found, kept = msgspec.msgpack.decode(raw, strict=False)
    except (msgspec.DecodeError, ValueError, TypeError) as e:
        raise StateError(
            "a segment of the stored state is damaged; restore the topic or start with an empty one"
        ) from e
    if found != version:
        raise StateError(
            f"the stored state has format {found}, this version reads {version}: "
            "run the version that wrote it, or start with an empty state topic"
        )
    return kept
