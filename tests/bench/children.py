"""Processes that the bench measures: how it talks to them, and how they answer; a JSON object a line, both ways.

A child can be held: its event loop stands still, so that records gather for it, and costs nothing. It answers from a
thread of its own, and ends when its standard input does.
"""

import asyncio
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

READY_S = 90.0
PATIENCE_S = 120.0
POLL_S = 0.02


class ChildError(RuntimeError):
    """A process of the bench ended, or does not get on."""


class Child:
    """A process of `module`, until the end of `with`, or of this process."""

    def __init__(self, module: str, *args: str) -> None:
        self.name = " ".join([module.rpartition(".")[2], *(a for a in args if not a.startswith("{"))])
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the bench, which then ends this in order
        )

    def ready(self) -> None:
        """Returns once it says so."""
        answer = self._read()
        if answer != {"ready": True}:
            raise ChildError(f"{self.name} answers {answer}")

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Its answer to a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise ChildError(f"{self.name} has ended (exit code {self._process.wait()})") from None
        return self._read()

    def sample(self) -> dict[str, float]:
        """Its counts, and `cpu_s` that it has used so far."""
        return self.ask("sample")

    def hold(self) -> None:
        """Its event loop stands still from now on."""
        self.ask("hold")

    def go(self) -> None:
        """Ends hold()."""
        self.ask("go")

    def until(self, **reached: float) -> dict[str, float]:
        """Waits until these counts are reached; the counts then."""
        end = time.monotonic() + PATIENCE_S
        while True:
            counts = self.sample()
            if all(counts[key] >= value for key, value in reached.items()):
                return counts
            if time.monotonic() > end:
                raise ChildError(f"{self.name} stands at {counts}, and should reach {reached}")
            time.sleep(POLL_S)

    def close(self) -> None:
        """Ends it; idempotent."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(30.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            self._process.kill()
        self.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildError(f"{self.name} has ended (exit code {self._process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Present:
    """A clock that the bench sets, s UTC: the event time up to which everything was sent and taken."""

    def __init__(self, t: float) -> None:
        self.t = t

    def __call__(self) -> float:
        return self.t


class Answers:
    """The child's side: answers from its own thread until standard input ends; then `stop` is set."""

    def __init__(
        self,
        stop: asyncio.Event,
        counts: Callable[[], dict[str, float]],
        clock: Present | None = None,
        checkpoint: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._stop, self._counts, self._clock, self._checkpoint = stop, counts, clock, checkpoint
        self._loop = asyncio.get_running_loop()
        self._held, self._gate = threading.Event(), threading.Event()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        say({"ready": True})
        for line in sys.stdin:
            say(self._obey(json.loads(line)))
        self._gate.set()
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)

    def _obey(self, command: dict[str, Any]) -> dict[str, float]:
        match command:
            case {"do": "sample"}:
                return {"cpu_s": time.process_time(), "rss_bytes": rss_bytes(), **self._counts()}
            case {"do": "checkpoint"} if self._checkpoint is not None:
                asyncio.run_coroutine_threadsafe(self._checkpoint(), self._loop).result()
            case {"do": "clock", "t": t} if self._clock is not None:
                self._clock.t = t
            case {"do": "hold"}:
                self._gate.clear()
                self._held.clear()
                self._loop.call_soon_threadsafe(self._stand_still)
                self._held.wait()
            case {"do": "go"}:
                self._gate.set()
            case _:
                raise ValueError(command)
        return {}

    def _stand_still(self) -> None:
        self._held.set()
        self._gate.wait()


def say(answer: dict[str, Any]) -> None:
    """A line to the bench."""
    print(json.dumps(answer), flush=True)


def rss_bytes() -> int:
    """Memory of this process that is resident; its peak where the system tells no more."""
    try:
        with open("/proc/self/statm", "rb") as f:
            return int(f.read().split()[1]) * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
