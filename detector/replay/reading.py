"""Recorded events from files or standard input, in the order of their times."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from detector.config import Config
from detector.errors import BadInput, DetectorError, Reason
from detector.replay.bodies import Bodies
from detector.replay.finding import MAX_WHOLE_BYTES, UNKNOWN, Found, Input, recognised
from detector.replay.opening import STDIN, opened, shown
from detector.sources import json_lines
from detector.sources.reading import finished
from detector.sources.recognise import opening

LOOK_AHEAD_LINES, LOOK_AHEAD_BYTES = 100_000, 64_000_000
"""How far lines may stand from their place in time and still be put there; bounds the memory."""

Advance = Callable[[int], None]


class Line(NamedTuple):
    """An event and where it stands; compares by time, then place. `part`: its place in an array or a body.

    number: of its line, 0 where the file is one body. value: a native event, or why there is none.
    """

    t: float
    file: int
    number: int
    part: int
    value: bytes | BadInput


class _Timed(msgspec.Struct):
    time: Any = None


_timed = msgspec.json.Decoder(_Timed)
_array = msgspec.json.Decoder(list[msgspec.Raw])


class Reading:
    """Reads what was found; `unfinished`: files whose end is still being written.

    In memory are the look-ahead, and of files that are one body the events of those that overlap in time.
    """

    def __init__(self, config: Config, found: Found, advance: Advance) -> None:
        self._inputs, self._advance = found.inputs, advance
        self._bodies, self._looked_into = Bodies(config, found.runs), Bodies(config)
        self.unfinished = 0

    @property
    def twice(self) -> int:
        """Calls that were left out, since a transcript tells them."""
        return self._bodies.twice

    def lines(self) -> Iterator[Line]:
        """The events of all files in the order of their times."""
        ahead: list[Line] = []
        size = 0
        for line in self._merged():
            heapq.heappush(ahead, line)
            size += _size(line)
            while len(ahead) > LOOK_AHEAD_LINES or size > LOOK_AHEAD_BYTES:
                first = heapq.heappop(ahead)
                size -= _size(first)
                yield first
        while ahead:
            yield heapq.heappop(ahead)

    def _merged(self) -> Iterator[Line]:
        """As sorted as each file is. A file is opened when its first event's turn has come."""
        waiting = deque(sorted((self._begin(told), n, told) for n, told in enumerate(self._inputs)))
        heads: list[tuple[Line, Iterator[Line]]] = []
        while heads or waiting:
            while waiting and (not heads or waiting[0][0] <= heads[0][0].t):
                _, n, told = waiting.popleft()
                events = self._events(n, told)
                if (line := next(events, None)) is not None:
                    heapq.heappush(heads, (line, events))
            if heads:
                first, events = heads[0]
                yield first
                if (line := next(events, None)) is not None:
                    heapq.heapreplace(heads, (line, events))
                else:
                    heapq.heappop(heads)

    def _begin(self, told: Input) -> float:
        """When a file begins, s UTC; a body that does not say so is read for it."""
        if told.begin is not None:
            return told.begin
        with opened(told.name) as stream:
            events = self._looked_into.events(told.format, finished(told.format, stream.read())[0])
        return min((event.t for event in events if event.t is not None), default=0.0)

    def _events(self, n: int, told: Input) -> Iterator[Line]:
        with opened(told.name, self._advance) as stream:
            head: list[bytes] = []
            if told.name == STDIN:
                found = recognised(STDIN, stream, head)
                if found is None:
                    raise DetectorError(f"{shown(STDIN)}: {UNKNOWN}")
                told = found.input
            if not told.whole:
                yield from self._by_line(n, told, chain(head, stream))
                return
            body = b"".join(head) + stream.read(MAX_WHOLE_BYTES)
        body, is_whole = finished(told.format, body)
        self.unfinished += not is_whole
        t = 0.0
        for part, event in enumerate(self._bodies.events(told.format, body, told.parent)):
            t = event.t if event.t is not None else t
            yield Line(t, n, 0, part, event.value)

    def _by_line(self, n: int, told: Input, stream: Iterable[bytes]) -> Iterator[Line]:
        t = 0.0
        for number, raw in enumerate(stream, 1):
            if not json_lines.whole(raw):
                self.unfinished += 1
                return
            for part, (at, value) in enumerate(self._of_line(told, raw.strip())):
                t = at if at is not None else t
                yield Line(t, n, number, part, value)

    def _of_line(self, told: Input, line: bytes) -> Iterable[tuple[float | None, bytes | BadInput]]:
        if told.format == "native":
            return [(_time(value), value) for value in _split(line)]
        if not line:
            return ()
        format = opening(line)
        if format is not None:
            return self._bodies.events(format.format, line)
        # JSON all the same: metrics among a collector's logs and traces.
        return () if json_lines.whole(line) else [(None, BadInput(Reason.NOT_JSON, "", "is not JSON"))]


def _size(line: Line) -> int:
    return len(line.value) if isinstance(line.value, bytes) else 0


def _split(line: bytes) -> list[bytes]:
    """The events of a line, each of an array by itself, since each has a time; what is no array of events as it is."""
    if line[:1] != b"[":
        return [line] if line else []
    try:
        events = [bytes(raw) for raw in _array.decode(line)]
    except Exception:  # whatever is wrong with it, the decoder says so later
        return [line]
    return [line] if any(event[:1] == b"[" for event in events) else events


def _time(value: bytes) -> float | None:
    """An event's time in s UTC; a line without one stands where the line before it does."""
    try:
        time = _timed.decode(value).time
        if isinstance(time, int | float):
            return float(time)
        at = datetime.fromisoformat(time)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except Exception:  # whatever is wrong with it, the decoder says so later
        return None
