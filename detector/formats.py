"""Every record between stages begins with the number of its format: read or refused, never misread."""

from typing import Protocol, TypeVar

import msgspec

from detector.decoding import decoded


class _Formatted(Protocol):
    format: int


T = TypeVar("T", bound=_Formatted)


class _Head(msgspec.Struct, array_like=True):
    format: int


_head = msgspec.msgpack.Decoder(_Head)


def decode(decoder: msgspec.msgpack.Decoder[T], value: bytes, what: str, expected: int, reader: str) -> T:
    """Reads a record of the `expected` format.

    `what`: its name for people, `reader`: the stage that reads it. Raises msgspec.DecodeError on damaged bytes,
    ValueError on another format, whatever its layout.
    """
    try:
        told = decoded(decoder, value)
        found = told.format
    except msgspec.ValidationError:
        found = decoded(_head, value).format
        if found == expected:
            raise
    if found == expected:
        return told
    newer, older = f"upgrade {reader} first", f"let the version that wrote them run {reader} until none is left"
    raise ValueError(f"{what} of format {found}; this version reads {expected}: {newer if found > expected else older}")


def other_version(what: str, found: int, expected: int) -> str:
    """What is said, and what to do, where state is stored in another version of its format."""
    if found > expected:
        return f"{what} has format {found}, this version reads {expected}: run the newer version that wrote it"
    return (
        f"{what} has format {found}, this version reads {expected}: run the older version that wrote it, or make "
        "the topic again from what its source still holds (docs/operations.md, Restoring)"
    )
