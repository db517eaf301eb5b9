"""Recorded events in batches, as the engine takes them, with event time as the only clock."""

import contextlib
import itertools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from detector.config import Config
from detector.errors import BadInput
from detector.pipeline.intake import DeadLetter, Flushed, Intake, SourceRecord
from detector.replay.finding import find
from detector.replay.opening import STDIN, shown, untold
from detector.replay.reading import Reading
from detector.sources.times import YEAR_2000_S, YEAR_2100_S

_BATCH = 500
_AFTER_S = 400 * 86_400.0
"""How far time runs on at the end of the input: past every timeout."""
_GRAIN_S = 600.0
"""Time is told to the engine at least this often; what ends by time alone ends this exactly."""
_SHOWN = 100
"""Lines that cannot be used and are told one by one; further ones are counted."""


class Files(NamedTuple):
    """What became of files: of how many the end is not written yet, and how many in folders hold no events.

    twice: calls that were left out, since a transcript tells them too.
    """

    unfinished: int = 0
    passed: int = 0
    twice: int = 0


class Feed:
    """Takes recorded events; what comes out depends on them alone.

    `events` and `refused` count what was taken, and of it by reason what was no use. `began_t`: the earliest time of
    an event (s UTC), infinite before the first. `files`: what became of the files that were read.
    """

    def __init__(self, config: Config) -> None:
        self.config, self.files = config, Files()
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

    def take(self, value: bytes | BadInput, t: float | None = None) -> Iterator[Flushed]:
        """Takes one native event (or an array), or why there is none; now and then gives a batch of them.

        `t`: its time (s UTC), where all that follows is as new but for the lateness. Time that passes without events
        is then known before the next one is taken, as heartbeats tell it on Kafka.
        """
        if t is not None and YEAR_2000_S <= t < YEAR_2100_S:
            self.began_t = min(self.began_t, t)
            if t >= self._told_t + _GRAIN_S:
                yield self._flush(t)
        if isinstance(value, BadInput):
            record = SourceRecord(self.events, None, None, value)
        else:
            record = SourceRecord(self.events, value, None)
        self._intake.take(0, "any", [record])
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


def read_into(feed: Feed, files: Sequence[str], progress: str | None) -> Iterator[Flushed]:
    """All that files and folders ("-": standard input) hold, in batches; tells on standard error what is no use.

    progress: what a bar on standard error is called, None for no bar. Raises DetectorError where a file cannot be
    read, or one that is named itself holds no events.
    """
    where: dict[int, str] = {}
    complaints = itertools.count(1)

    def complain(flushed: Flushed) -> Flushed:
        for dead in flushed.dead_letters:
            _complain(next(complaints), where[dead.offset], dead)
        for taken in [n for n in where if n < feed.events]:
            del where[taken]
        return flushed

    found = find(files)
    names = [told.name for told in found.inputs]
    with _progress(progress, names) if progress is not None else contextlib.nullcontext(untold) as advance:
        reading = Reading(feed.config, found, advance)
        for line in reading.lines():
            name = shown(names[line.file])
            where[feed.events] = f"{name}:{line.number}" if line.number else name
            for flushed in feed.take(line.value, line.t):
                yield complain(flushed)
        feed.files = Files(reading.unfinished, found.passed, reading.twice)
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

    total = None if STDIN in files else sum(os.path.getsize(f) for f in files)
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


def _complain(number: int, place: str, dead: DeadLetter) -> None:
    if number <= _SHOWN:
        print(f"{place}: {dead.field or 'event'} {dead.detail}", file=sys.stderr)
    elif number == _SHOWN + 1:
        print("and more: they are counted below", file=sys.stderr)
