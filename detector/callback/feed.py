"""Hands calls to the child without ever waiting for it: a bounded queue, a thread that writes, one that listens."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress

from detector.callback.frames import framed
from detector.callback.settings import Settings

log = logging.getLogger("detector.callback")

SAY_EVERY_S = 60.0
_SENT, _PASSED_OVER = "sent", "passed over"
_SOON_S, _LONGEST_WAIT_S = 1.0, 60.0
_KILL_S = 1.0
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV")
_INHERITED_PREFIXES = ("DETECTOR_", "SSL_CERT_", "NUMBA_")

Dropped = Callable[[str, int], None]


class Feed:
    """One of a process. Counts are of calls: `taken` in, `sent` to where they belong, `dropped` by reason.

    Reasons: full (the queue), unreadable, refused (by the gateway), not taken (at the end), child ended (with what it
    had), at the end (what no time was left for), internal.
    """

    def __init__(self, settings: Settings, on_drop: Dropped = lambda reason, calls: None) -> None:
        self._settings, self._on_drop = settings, on_drop
        self.taken = self.sent = 0
        self.dropped: Counter[str] = Counter()
        self._said = Counter[str]()
        self._said_s = time.monotonic()
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._there = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._child: _Child | None = None
        os.register_at_fork(after_in_child=self._forked)

    def has_room(self) -> bool:
        """Whether a call can be taken; one that cannot is counted."""
        if len(self._waiting) < self._settings.max_calls and self._bytes < self._settings.max_bytes:
            return True
        self.drop("full")
        return False

    def put(self, call: bytes) -> None:
        """Takes a call. Returns at once."""
        frame = framed(call)
        with self._lock:
            if self._closing or self._bytes + len(frame) > self._settings.max_bytes:
                reason = "at the end" if self._closing else "full"
            else:
                self.taken += 1
                self._bytes += len(frame)
                self._waiting.append(frame)
                reason = ""
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="detector-callback", daemon=True)
                    self._thread.start()
        if reason:
            self.drop(reason)
        else:
            self._there.set()

    def drop(self, reason: str, calls: int = 1) -> None:
        """Counts calls that are not told; says so once a minute at most."""
        with self._lock:
            self.dropped[reason] += calls
            now_s = time.monotonic()
            said = None
            if now_s - self._said_s >= SAY_EVERY_S:
                said, self._said, self._said_s = self.dropped - self._said, self.dropped.copy(), now_s
        self._on_drop(reason, calls)
        if said:
            self._say(said)

    @staticmethod
    def _say(counts: Counter[str]) -> None:
        by_reason = ", ".join(f"{reason}: {n}" for reason, n in sorted(counts.items()))
        log.warning("detector callback: calls not told since the last such line: %s", by_reason)

    def close(self) -> None:
        """Sends what waits, within `flush_s` and a second or two; counts what is left. Idempotent."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            thread = self._thread
        if thread is None:
            return
        until_s = time.monotonic() + self._settings.flush_s
        self._there.set()
        thread.join(self._settings.flush_s)
        child = self._child
        if child is not None:
            child.end(max(0.0, until_s - time.monotonic()) + _KILL_S)
        thread.join(_KILL_S)
        with self._lock:
            left, self._bytes = len(self._waiting), 0
            self._waiting.clear()
        if left:
            self.drop("at the end", left)
        unsaid = self.dropped - self._said
        if unsaid:
            self._said = self.dropped.copy()
            self._say(unsaid)

    def _forked(self) -> None:
        """A process that was forked has neither the threads nor a claim to the child, nor to what waits."""
        if self._child is not None:
            self._child.forget()
        self.taken = self.sent = self._bytes = 0
        self.dropped.clear()
        self._said.clear()
        self._lock = threading.Lock()
        self._there = threading.Event()
        self._waiting = deque()
        self._thread = self._child = None
        self._closing = False

    def _run(self) -> None:
        """The thread that writes."""
        wait_s, started_s = _SOON_S, 0.0
        while True:
            self._there.wait()
            self._there.clear()
            while self._waiting:
                if self._child is None:
                    if time.monotonic() - started_s > _LONGEST_WAIT_S:
                        wait_s = _SOON_S
                    elif started_s:
                        self._pause(wait_s)
                        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
                    if self._closing and started_s:
                        return
                    started_s = time.monotonic()
                    try:
                        self._child = _Child(self._settings, self._heard, self.drop)
                    except OSError as error:
                        log.error("detector callback: the child cannot be started: %s", error)
                        continue
                with self._lock:
                    frame = self._waiting.popleft()
                if not self._child.write(frame):
                    self._child.end(0.0)
                    self._child = None
                with self._lock:
                    self._bytes -= len(frame)
            if self._closing:
                if self._child is not None:
                    self._child.finish()
                return

    def _pause(self, wait_s: float) -> None:
        until_s = time.monotonic() + wait_s
        while not self._closing and time.monotonic() < until_s:
            time.sleep(0.1)

    def _heard(self, what: str, calls: int) -> None:
        """What the child says became of calls."""
        if what == _SENT:
            self.sent += calls
        elif what != _PASSED_OVER:
            self.drop(what, calls)


class _Child:
    """A child process, and how many of the calls that were written to it are still with it."""

    def __init__(self, settings: Settings, heard: Callable[[str, int], None], drop: Dropped) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
        }
        self._process = subprocess.Popen(  # noqa: S603, the interpreter is the operator's
            [settings.python or sys.executable, "-P", "-m", "detector.callback"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment,
            start_new_session=True,
        )
        self._heard, self._drop = heard, drop
        self._with_it = 0
        self._lock = threading.Lock()
        self._listener = threading.Thread(target=self._listen, name="detector-callback-reports", daemon=True)
        self._listener.start()

    def write(self, frame: bytes) -> bool:
        """Waits until the child has taken it; False where the child has ended."""
        assert self._process.stdin is not None
        with self._lock:
            self._with_it += 1
        left = memoryview(frame)
        try:
            while left:
                left = left[self._process.stdin.write(left) :]
        except (OSError, ValueError):
            return False
        return True

    def finish(self) -> None:
        """No more calls come: the child ends when it has sent what it has."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def end(self, wait_s: float) -> None:
        """Waits for the child's end, then ends it."""
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._listener.join(_KILL_S)
        self.finish()
        self._settle()

    def forget(self) -> None:
        """In a process that was forked: only its parent holds the pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while read := self._process.stdout.read(1 << 16):
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                for what, calls in json.loads(line).items():
                    with self._lock:
                        self._with_it -= calls
                    self._heard(what, calls)
        self._process.stdout.close()
        self._settle()

    def _settle(self) -> None:
        """What was with it when it ended is lost."""
        with self._lock:
            lost, self._with_it = self._with_it, 0
        if lost:
            self._drop("child ended", lost)
