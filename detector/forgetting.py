"""A person is forgotten: wherever a state or a record names a pseudonym, it names nobody from then on.

The word goes through the topics that the stages read, so that it has its place in the order of all records: a state
that is restored from before it meets it again.
"""

import cramjam
import msgspec
from xxhash import xxh3_64_intdigest

NOBODY = "u-000000000000"
"""Stands for everybody who was forgotten: as long as any pseudonym, so that a record stays what it is."""

_MARK = "forget"


class _Word(msgspec.Struct, array_like=True):
    format: int  # 0: no record of observations or rollups
    what: str
    pseudonym: str


_HEAD = msgspec.msgpack.encode(_Word(0, _MARK, ""))[: -len(msgspec.msgpack.encode(""))]
_decoder = msgspec.msgpack.Decoder(_Word)


def word(pseudonym: str) -> bytes:
    """The record that has watch and portfolio forget a person."""
    return msgspec.msgpack.encode(_Word(0, _MARK, pseudonym))


def forgotten(value: bytes) -> str | None:
    """The pseudonym that a record of observations or rollups says to forget; None for any other record."""
    return _decoder.decode(value).pseudonym if value.startswith(_HEAD) else None


def masked(value: bytes, pseudonym: str) -> bytes:
    """A record with NOBODY in place of the pseudonym."""
    return value.replace(pseudonym.encode(), NOBODY.encode())


def masked_segment(stored: bytes, pseudonym: str) -> bytes:
    """The same of a segment of a checkpoint, see detector.state.stored."""
    version, told, _ = msgspec.msgpack.decode(stored)
    plain = masked(bytes(cramjam.snappy.decompress_raw(told)), pseudonym)
    told = memoryview(cramjam.snappy.compress_raw(plain))
    return msgspec.msgpack.encode([version, told, xxh3_64_intdigest(told)])


def names(stored: bytes, pseudonym: str) -> bool:
    """Whether a segment of a checkpoint names the pseudonym."""
    _, told, _ = msgspec.msgpack.decode(stored)
    return pseudonym.encode() in bytes(cramjam.snappy.decompress_raw(told))
