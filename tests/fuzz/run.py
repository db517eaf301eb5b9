"""Runs a target on many inputs and watches over each: its errors, its time, its memory."""

import faulthandler
import hashlib
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.targets import TARGETS, Try

MEMORY_BASE, MEMORY_TIMES = 96 << 20, 100
"""An input may bring the process's peak up by so many bytes, and so many times its own size."""
HANGS_S = 20.0
"""Nothing of this size takes so long, however busy the machine is."""


class Fault(Exception):  # noqa: N818, it is what was looked for
    """An input that shows one: the file that keeps it, and what happened."""


class Ran(NamedTuple):
    """Inputs in all and accepted, seconds, and the highest memory of the process in bytes."""

    inputs: int
    accepted: int
    seconds: float
    peak_bytes: int


def peak_bytes() -> int:
    """The highest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(
    name: str, inputs: int, seed: int, keep_in: Path | None = None, tell: Callable[[int], None] = lambda n: None
) -> Ran:
    """Tries so many mutated inputs; the first faulty one is kept as a file. Raises Fault."""
    target = TARGETS[name]
    once, mutator, began, accepted = target.begin(), target.mutator(seed), time.monotonic(), 0
    for n in range(inputs):
        data = mutator.one()
        try:
            accepted += tried(once, data)
        except Exception as error:
            where = f"input {n} of seed {seed}"
            raise Fault(f"{name}: {where}{_kept(keep_in, name, data)}: {_told(error)}") from error
        if n % 64 == 0:
            tell(n)
    return Ran(inputs, accepted, time.monotonic() - began, peak_bytes())


def tried(once: Try, data: bytes) -> bool:
    """What a target says of an input; raises where it fails, hangs, or takes memory beyond its bound."""
    before = peak_bytes()
    with _limit():
        accepted = once(data)
    grown = peak_bytes() - before
    if grown > MEMORY_BASE + MEMORY_TIMES * len(data):
        raise MemoryError(f"an input of {len(data):,} bytes took {grown:,} bytes")
    return accepted


@contextmanager
def _limit() -> Iterator[None]:
    """Raises TimeoutError in Python code that hangs; where compiled code does, the process ends with a traceback."""
    before = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, HANGS_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _hangs(*_: object) -> None:
    faulthandler.dump_traceback_later(HANGS_S, exit=True)
    try:
        raise TimeoutError(f"it takes more than {HANGS_S:g} s")
    finally:
        faulthandler.cancel_dump_traceback_later()


def _kept(keep_in: Path | None, name: str, data: bytes) -> str:
    if keep_in is None:
        return f", {data[:200]!r}"
    keep_in.mkdir(parents=True, exist_ok=True)
    path = keep_in / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return f", kept as {path}"


def _told(error: Exception) -> str:
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__}: {str(error)[:300]} ({Path(last.filename).name}:{last.lineno})"


def progress(name: str, total: int) -> Callable[[int], None]:
    """Tells every few seconds on standard error how far it is."""
    last = began = time.monotonic()

    def tell(n: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now > last + 5.0:
            last = now
            mb, a_second = peak_bytes() >> 20, n / (now - began)
            print(
                f"{name}: {n:,} of {total:,} inputs, {a_second:,.0f} a second, {mb} MB at most",
                file=sys.stderr,
                flush=True,
            )

    return tell
