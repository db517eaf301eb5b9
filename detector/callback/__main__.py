"""The child of the callback: reads calls from stdin, sketches and sends them, reports on stdout what became of each.

It takes no more than one batch before that is sent, so that what waits does so in the proxy, where it is bounded. It
ends when the proxy has: what is in hand then is sent within `flush_s`.
"""

import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

if "NUMBA_DISABLE_JIT" not in os.environ:
    try:
        import numba  # noqa: F401
    except Exception:  # not installed, or it does not fit what is
        os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything is imported that reads texts

from detector.callback import settings as told
from detector.callback.frames import Frames
from detector.callback.posting import Outcome, Sink, sink
from detector.callback.settings import Settings
from detector.callback.values import values
from detector.errors import BadInput, DetectorError
from detector.model.events import Event
from detector.sources import litellm
from detector.sources.whose import Whose

log = logging.getLogger("detector.callback")

MAX_CALLS, MAX_CALLS_BYTES, LINGER_S = 200, 1 << 20, 0.5
MAX_BODY_BYTES = 400_000
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_SAY_EVERY_S = 60.0
_NICE = 5


class Child:
    """`report` is told how many calls were sent, and how many were dropped for which reason."""

    def __init__(self, settings: Settings, frames: Frames, to: Sink, report: Callable[[str, int], None]) -> None:
        self._frames, self._sink, self._report = frames, to, report
        self._whose = Whose(settings.attributes, {"tenant": settings.tenant, "team": settings.team})
        self._flush_s = settings.flush_s
        self._until_s: float | None = None
        self._said_s = -_SAY_EVERY_S

    def run(self) -> None:
        """Until the proxy has closed its end."""
        while calls := self._frames.batch(MAX_CALLS, MAX_CALLS_BYTES, LINGER_S):
            for body, n in self._bodies(calls):
                self._deliver(body, n)

    def _bodies(self, calls: list[bytes]) -> Iterator[tuple[bytes, int]]:
        """JSON arrays of events of at most about MAX_BODY_BYTES, and of how many calls each is."""
        try:
            events, ends, refused = self._events(calls)
            encoded = values(events)
        except Exception as fault:
            if len(calls) > 1:  # the others of them shall not be lost with it
                for call in calls:
                    yield from self._bodies([call])
                return
            self._say(f"a call cannot be told: {type(fault).__name__}")
            self._report("unreadable", 1)
            return
        for bad in refused:
            self._say(f"a call is refused: {bad}")
            self._report("refused", 1)
        body: list[bytes] = []
        n = start = 0
        for end in ends:
            if body and sum(map(len, body)) > MAX_BODY_BYTES:
                yield b"[" + b",".join(body) + b"]", n
                body, n = [], 0
            body += encoded[start:end]
            start, n = end, n + 1
        if body:
            yield b"[" + b",".join(body) + b"]", n
        elif n:
            self._report("passed over", n)

    def _events(self, calls: list[bytes]) -> tuple[list[Event], list[int], list[BadInput]]:
        """The events of all calls, after how many of them each call ends, and why others are refused."""
        events: list[Event] = []
        ends: list[int] = []
        refused: list[BadInput] = []
        for call in calls:
            found = self._whose.fill_all(litellm.decode(call))
            fault = next((each for each in found if isinstance(each, BadInput)), None)
            if fault is not None:
                refused.append(fault)
                continue
            events += [each for each in found if not isinstance(each, BadInput)]
            ends.append(len(events))
        return events, ends, refused

    def _deliver(self, body: bytes, n: int) -> None:
        """Tries until they are taken or refused, or until there is no more time; reports what became of `n` calls."""
        wait_s = _FIRST_WAIT_S
        while True:
            answer = self._sink.send(body)
            if answer.outcome is not Outcome.LATER:
                refused = n if answer.outcome is Outcome.REFUSED else min(n, answer.refused)
                if refused:
                    self._say(answer.fault or f"{refused} of {n} calls were refused")
                    self._report("refused", refused)
                self._report("sent", n - refused)
                return
            self._say(answer.fault)
            if not self._wait(answer.wait_s or random.uniform(wait_s / 2, wait_s)):  # noqa: S311, no secret
                self._report("not taken", n)
                return
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _wait(self, wait_s: float) -> bool:
        """Waits; False where the proxy has ended and there is no time left."""
        end_s = time.monotonic() + wait_s
        while (now_s := time.monotonic()) < end_s:
            if self._until_s is None and self._frames.closing():
                self._until_s = now_s + self._flush_s
            if self._until_s is not None and now_s >= self._until_s:
                return False
            time.sleep(min(0.1, end_s - now_s))
        return True

    def _say(self, what: str) -> None:
        """Once a minute at most."""
        if time.monotonic() - self._said_s >= _SAY_EVERY_S:
            self._said_s = time.monotonic()
            log.warning("detector callback: %s", what)


def reporter(fd: int) -> Callable[[str, int], None]:
    """Writes a line for each report; where nobody reads any more, nothing."""

    def report(what: str, calls: int) -> None:
        with suppress(OSError):
            os.write(fd, json.dumps({what: calls}).encode() + b"\n")

    return report


def main(argv: Sequence[str] = ()) -> int:
    """0, or 2 where the settings are wrong."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the proxy
    os.nice(_NICE)
    try:
        settings = told.read(os.environ)
        to = sink(settings)
    except (DetectorError, ImportError) as fault:
        log.error("detector callback: %s", fault)
        return 2
    reports = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is no report
    try:
        Child(settings, Frames(sys.stdin.fileno()), to, reporter(reports)).run()
    finally:
        to.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
