"""Recorded events from files or standard input, in the order of their times."""

import gzip
import heapq
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from detector.errors import DetectorError

LOOK_AHEAD_LINES, LOOK_AHEAD_BYTES = 100_000, 64_000_000
"""How far lines may stand from their place in time and still be put there; bounds the memory."""


class Line(NamedTuple):
    """An event of a line and where it stands; compares by time, then place. `part`: its place in an array."""

    t: float
    file: int
    number: int
    part: int
    value: bytes


class _Timed(msgspec.Struct):
    time: Any = None


_timed = msgspec.json.Decoder(_Timed)
_array = msgspec.json.Decoder(list[msgspec.Raw])


def read(files: list[str], advance: Callable[[int], None]) -> Iterator[Line]:
    """The events of all files in the order of their times; `advance` is told of bytes as they are read."""
    merged = heapq.merge(*(_lines(n, name, advance) for n, name in enumerate(files)))
    ahead: list[Line] = []
    size = 0
    for line in merged:
        heapq.heappush(ahead, line)
        size += len(line.value)
        while len(ahead) > LOOK_AHEAD_LINES or size > LOOK_AHEAD_BYTES:
            first = heapq.heappop(ahead)
            size -= len(first.value)
            yield first
    while ahead:
        yield heapq.heappop(ahead)


def _lines(n: int, name: str, advance: Callable[[int], None]) -> Iterator[Line]:
    t = 0.0
    with _open(name, advance) as stream:
        try:
            for number, raw in enumerate(stream, 1):
                for part, value in enumerate(_events(raw.strip())):
                    t = _time(value, t)
                    yield Line(t, n, number, part, value)
        except (OSError, EOFError, zlib.error) as e:
            raise DetectorError(f"{name}: cannot be read to its end ({e})") from e


def _events(line: bytes) -> list[bytes]:
    """The events of a line, each of an array by itself, since each has a time; what is no array of events as it is."""
    if line[:1] != b"[":
        return [line] if line else []
    try:
        events = [bytes(raw) for raw in _array.decode(line)]
    except Exception:  # whatever is wrong with it, the decoder says so later
        return [line]
    return [line] if any(event[:1] == b"[" for event in events) else events


def _time(value: bytes, before: float) -> float:
    """An event's time in s UTC; a line without one stands where the line before it does."""
    try:
        time = _timed.decode(value).time
        if isinstance(time, int | float):
            return float(time)
        at = datetime.fromisoformat(time)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except Exception:  # whatever is wrong with it, the decoder says so later
        return before


class _Counted:
    """A binary stream that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, advance: Callable[[int], None]) -> None:
        self._stream, self._advance = stream, advance

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._advance(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _open(name: str, advance: Callable[[int], None]) -> Iterator[Iterable[bytes]]:
    """The lines of a file or standard input ("-"); gzip is recognised by its first bytes."""
    try:
        raw: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115
    except OSError as e:
        raise DetectorError(f"{name}: {e.strerror}") from e
    try:
        if raw.peek(2)[:2] == b"\x1f\x8b":
            with gzip.open(_Counted(raw, advance)) as unpacked:
                yield unpacked
        else:
            yield _counted(raw, advance)
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()


def _counted(stream: BinaryIO, advance: Callable[[int], None]) -> Iterator[bytes]:
    """The lines of a plain stream, counted as they are read."""
    for line in stream:
        advance(len(line))
        yield line
