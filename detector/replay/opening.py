"""Files and standard input as streams of bytes: plain or gzip, told by their first bytes, progress counted."""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from detector.errors import DetectorError

STDIN = "-"
UNREADABLE = (EOFError, zlib.error, OSError)
"""What reading a damaged file raises."""


def shown(name: str) -> str:
    """A file as it is told to people."""
    return "standard input" if name == STDIN else name


def untold(n: int) -> None:
    """Progress that nobody watches."""


@contextmanager
def opened(name: str, advance: Callable[[int], None] = untold) -> Iterator[BinaryIO]:
    """A file or standard input ("-"); `advance` is told of bytes as they are read. Raises DetectorError."""
    try:
        raw: Any = sys.stdin.buffer if name == STDIN else Path(name).open("rb")  # noqa: SIM115
    except OSError as e:
        raise DetectorError(f"{name}: {e.strerror}") from e
    counted = io.BufferedReader(_Counted(raw, advance), 1 << 18)
    try:
        if counted.peek(2)[:2] == b"\x1f\x8b":
            with gzip.open(counted) as unpacked:
                yield io.BufferedReader(unpacked, 1 << 18)
        else:
            yield counted
    except UNREADABLE as e:
        raise DetectorError(f"{name}: cannot be read to its end ({e})") from e
    finally:
        counted.detach()
        if raw is not sys.stdin.buffer:
            raw.close()


class _Counted(io.RawIOBase):
    """A stream that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        self._stream, self._advance = stream, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer)) if hasattr(self._stream, "read1") else self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)
