"""Bodies as they were packed, to a bound."""

import zlib

ENCODINGS = ("identity", "gzip", "deflate")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class TooLarge(Exception):  # noqa: N818, the field's word for it
    """It unpacks to more than it may."""


def unpacked(body: bytes, encoding: str, most_bytes: int) -> bytes:
    """The body as it was; raises TooLarge, and ValueError where it is not of that encoding.

    At most `most_bytes` are unpacked, however much a body says it holds.
    """
    if encoding in ("", "identity"):
        return body
    out = bytearray()
    rest = body
    while rest:  # gzip may have several members
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
    return bytes(out)
