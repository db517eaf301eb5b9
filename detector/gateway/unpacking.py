"""Bodies as they were packed, to a bound."""

import zlib

ENCODINGS = ("identity", "gzip", "deflate")
MAX_MEMBERS = 100
"""Of a gzip. Each costs a copy of what follows it."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class TooLarge(Exception):  # noqa: N818, the field's word for it
    """It unpacks to more than it may."""


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """The body as it was; raises TooLarge, and ValueError where it is not of that encoding.

    At most `most_bytes` are unpacked, however much a body says it holds.
    """
    if not body or encoding in ("", "identity"):
        return body
    out = bytearray()
    rest = body
    for _ in range(MAX_MEMBERS):
        unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            out += unpacker.decompress(rest, most_bytes + 1 - len(out))
        except zlib.error:
            raise ValueError(f"is not {encoding}") from None
        if len(out) > most_bytes:
            raise TooLarge
        if not unpacker.eof:
            raise ValueError(f"is cut off: its {encoding} does not end")
        rest = unpacker.unused_data
        if not rest:
            return bytes(out)
    raise ValueError(f"has more than {MAX_MEMBERS} members of {encoding}")
