"""Recorded events in batches, as the engine takes them, with event time as the only clock."""

import contextlib
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from detector.config import Config
from detector.pipeline.intake import DeadLetter, Flushed, Intake, SourceRecord
from detector.replay.reading import read
from detector.sources.times import YEAR_2000_S, YEAR_2100_S

_BATCH = 500
_AFTER_S = 400 * 86_400.0
"""How far time runs on at the end of the input: past every timeout."""
_GRAIN_S = 600.0
"""Time is told to the engine at least this often; what ends by time alone ends this exactly."""
_SHOWN = 100
"""Lines that cannot be used and are told one by one; further ones are counted."""


class Feed:
    """Takes recorded events; what comes out depends on them alone.

    `events` and `refused` count what was taken, and of it by reason what was no use. `began_t`: the earliest time of
    an event (s UTC), infinite before the first.
    """

    def __init__(self, config: Config) -> None:
        self._intake, self._lateness_s = Intake(config, 1), config.time.lateness_s
        self._batch, self._told_t = 0, 0.0
        self.events = 0
        self.refused: Counter[str] = Counter()
        self.began_t = float("inf")

    @property
    def newest_t(self) -> float:
        """The latest time of an event that could be used (s UTC), 0 before the first."""
        return self._intake.forwarded(0)

    @property
    def unknown_tiers(self) -> int:
        """Calls whose service tier has no price, priced as standard."""
        return self._intake.counts["unknown_service_tier"]

    def take(self, value: bytes, t: float | None = None) -> Iterator[Flushed]:
        """Takes one event (or an array); now and then gives a batch of them.

        `t`: its time (s UTC), where all that follows is as new but for the lateness. Time that passes without events
        is then known before the next one is taken, as heartbeats tell it on Kafka.
        """
        if t is not None and YEAR_2000_S <= t < YEAR_2100_S:
            self.began_t = min(self.began_t, t)
            if t >= self._told_t + _GRAIN_S:
                yield self._flush(t)
        self._intake.take(0, "any", [SourceRecord(self.events, value, None)])
        self.events += 1
        self._batch += 1
        if self._batch >= _BATCH:
            yield self._flush(self.newest_t)

    def finish(self) -> Iterator[Flushed]:
        """The end of the input: time runs on, so that everything that waits is judged and every episode resolves."""
        newest = self.newest_t
        yield self._flush(newest)
        yield self._flush(newest + self._lateness_s)
        yield self._flush(newest + _AFTER_S)

    def _flush(self, mark: float) -> Flushed:
        self._batch, self._told_t = 0, mark
        flushed = self._intake.flush({0: mark}, everywhere=True)
        for dead in flushed.dead_letters:
            self.refused[dead.reason] += 1
        return flushed


def read_into(feed: Feed, files: list[str], progress: str | None) -> Iterator[Flushed]:
    """All that the files ("-": standard input) hold, in batches; tells on standard error of lines that are no use.

    progress: what a bar on standard error is called, None for no bar. Raises DetectorError where a file cannot be read.
    """
    where: dict[int, str] = {}
    complaints = itertools.count(1)

    def complain(flushed: Flushed) -> Flushed:
        for dead in flushed.dead_letters:
            _complain(next(complaints), where[dead.offset], dead)
        for taken in [n for n in where if n < feed.events]:
            del where[taken]
        return flushed

    with _progress(progress, files) if progress is not None else contextlib.nullcontext(_untold) as advance:
        for line in read(files, advance):
            name = files[line.file] if files[line.file] != "-" else "standard input"
            where[feed.events] = f"{name}:{line.number}"
            for flushed in feed.take(line.value, line.t):
                yield complain(flushed)
        for flushed in feed.finish():
            yield complain(flushed)


@contextlib.contextmanager
def _progress(what: str, files: list[str]) -> Iterator[Callable[[int], None]]:
    """A bar on standard error by the bytes read; for standard input their number alone."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    total = None if "-" in files else sum(os.path.getsize(f) for f in files)
    columns = (
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)


def _untold(n: int) -> None:
    """Progress that nobody watches."""


def _complain(number: int, place: str, dead: DeadLetter) -> None:
    if number <= _SHOWN:
        print(f"{place}: {dead.field or 'event'} {dead.detail}", file=sys.stderr)
    elif number == _SHOWN + 1:
        print("and more: they are counted below", file=sys.stderr)
