"""Every record between stages begins with the number of its format: read or refused, never misread."""

from typing import Protocol, TypeVar

import msgspec


class _Formatted(Protocol):
    format: int


T = TypeVar("T", bound=_Formatted)


class _Head(msgspec.Struct, array_like=True):
    format: int


_head = msgspec.msgpack.Decoder(_Head)


def decode(decoder: msgspec.msgpack.Decoder[T], value: bytes, what: str, expected: int, reader: str) -> T:
    """Reads a record of this format; `what`: its name for people, `reader`: the stage that reads it.

    Raises msgspec.DecodeError on damaged bytes, ValueError on another format, whatever its layout.
    """
    try:
        told = decoder.decode(value)
        found = told.format
    except msgspec.ValidationError:
        found = _head.decode(value).format
        if found == expected:
            raise
    if found == expected:
        return told
    do = f"upgrade {reader} first" if found > expected else f"let the older {reader} read it, then upgrade"
    raise ValueError(f"{what} of format {found}; this version reads {expected}: {do}")


def other_version(what: str, found: int, expected: int) -> str:
    """What is said, and what to do, where state is stored in another version of its format."""
    if found > expected:
        return f"{what} has format {found}, this version reads {expected}: run the newer version that wrote it"
    return (
        f"{what} has format {found}, this version reads {expected}: run the older version that wrote it, "
        "or delete the topic and make it anew with: detector topics (what was remembered is lost)"
    )
