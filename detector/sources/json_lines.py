"""Files of one JSON value a line, which grow at their end: their lines, and a last one that is still being written."""

import io
from collections.abc import Iterator

import msgspec

from detector.errors import BadInput

_is_json = msgspec.json.Decoder(msgspec.Raw).decode


def lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers from 1."""
    for number, line in enumerate(io.BytesIO(body), 1):
        if line := line.strip():
            yield number, line


def finished(body: bytes) -> tuple[bytes, bool]:
    """The body without a last line that is not written to its end, and whether nothing had to be left out."""
    end = body.rfind(b"\n") + 1
    return (body, True) if whole(body[end:]) else (body[:end], False)


def whole(last: bytes) -> bool:
    """Whether a last line is there to its end, whatever it says."""
    if last[-1:] == b"\n" or not last.strip():
        return True
    try:
        _is_json(last)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def is_lines(body: bytes) -> bool:
    """Whether a body is several JSON values, one a line, and no one value over several lines."""
    first, _, rest = body.strip().partition(b"\n")
    return bool(rest) and first[:1] in (b"{", b"[") and whole(first)


def at(number: int, bad: BadInput) -> BadInput:
    """The same fault, with its line."""
    return BadInput(bad.reason, f"line {number}" + (f", {bad.field}" if bad.field else ""), bad.detail)
