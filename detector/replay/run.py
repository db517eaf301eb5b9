"""Replay: recorded native events through the engine that the Kafka stages run, with event time as the only clock."""

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from detector.config import Config
from detector.engine import Engine, Outcome
from detector.model.alert import encode_alert
from detector.pipeline.intake import Flushed, Intake, SourceRecord
from detector.replay.reading import read

_BATCH = 500
_AFTER_S = 400 * 86_400.0
"""How far time runs on at the end of the input: past every timeout."""
_SHOWN = 5


class Summary(msgspec.Struct):
    """What a replay read and said."""

    lines: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    alerts: Counter[str] = msgspec.field(default_factory=Counter)


class Replay:
    """Feeds recorded lines to one engine; what comes out depends on the lines alone."""

    def __init__(self, config: Config, *, signals: bool = False) -> None:
        self._intake = Intake(config, 1)
        self._engine = Engine(config, signals=signals)
        self._config, self._batch, self._newest, self._offset = config, 0, 0.0, -1
        self.summary = Summary()

    def take(self, value: bytes) -> Iterator[tuple[Flushed, Outcome]]:
        """Takes one line; now and then gives what a batch of them led to."""
        self._intake.take(0, "any", [SourceRecord(self.summary.lines, value, None)])
        self.summary.lines += 1
        self._batch += 1
        if self._batch >= _BATCH:
            yield from self._flush(self._intake.forwarded(0))

    def finish(self) -> Iterator[tuple[Flushed, Outcome]]:
        """The end of the input: time runs on, so that everything that waits is judged and every episode resolves."""
        newest = self._intake.forwarded(0)
        yield from self._flush(newest)
        yield from self._flush(newest + self._config.time.lateness_s)
        yield from self._flush(newest + _AFTER_S)

    def _flush(self, mark: float) -> Iterator[tuple[Flushed, Outcome]]:
        self._batch = 0
        flushed = self._intake.flush({0: mark}, everywhere=True)
        for dead in flushed.dead_letters:
            self.summary.refused[dead.reason] += 1
        for _, packed in flushed.packed:
            self._offset += 1
            outcome = self._engine.process(packed, self._offset)
            for alert in outcome.alerts:
                if alert.state == "open":
                    self.summary.alerts[f"{alert.rule} {alert.severity}"] += 1
            self._engine.totals.take()
            yield flushed, outcome


def replay_files(config: Config, files: list[str], alerts: str, signals: str | None, progress: bool) -> Summary:
    """Replays files ("-": standard input); writes alert records and signals as lines to files ("-": standard output).

    Raises DetectorError where a file cannot be read.
    """
    replay = Replay(config, signals=signals is not None)
    encode_signal = msgspec.json.Encoder().encode
    where: dict[int, tuple[int, int]] = {}
    with contextlib.ExitStack() as stack:
        to_alerts = stack.enter_context(_sink(alerts))
        to_signals = stack.enter_context(_sink(signals)) if signals is not None else None
        advance = stack.enter_context(_progress(files)) if progress else _untold

        def write(flushed: Flushed, outcome: Outcome) -> None:
            for dead in flushed.dead_letters:
                _complain(replay.summary, files, where.pop(dead.offset, (0, 0)), dead.field, dead.detail)
            where.clear()
            to_alerts.writelines(encode_alert(a) + b"\n" for a in outcome.alerts)
            if to_signals is not None:
                to_signals.writelines(encode_signal(s._asdict()) + b"\n" for s in outcome.signals)

        for line in read(files, advance):
            where[replay.summary.lines] = (line.file, line.number)
            for flushed, outcome in replay.take(line.value):
                write(flushed, outcome)
        for flushed, outcome in replay.finish():
            write(flushed, outcome)
    _tell(replay.summary)
    return replay.summary


@contextlib.contextmanager
def _sink(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with Path(name).open("wb") as f:
        yield f


@contextlib.contextmanager
def _progress(files: list[str]) -> Iterator[Callable[[int], None]]:
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
        TextColumn("replay"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=total)
        yield lambda n: bar.advance(task, n)


def _untold(n: int) -> None:
    """Progress that nobody watches."""


def _complain(summary: Summary, files: list[str], place: tuple[int, int], field: str, detail: str) -> None:
    if summary.refused.total() > _SHOWN * 20:
        return
    name = files[place[0]] if files[place[0]] != "-" else "standard input"
    print(f"{name}:{place[1]}: {field or 'event'} {detail}", file=sys.stderr)


def _tell(summary: Summary) -> None:
    refused = ", ".join(f"{n} {reason}" for reason, n in sorted(summary.refused.items()))
    alerts = ", ".join(f"{n} {what}" for what, n in sorted(summary.alerts.items()))
    print(
        f"{summary.lines} lines{f' ({summary.refused.total()} events refused: {refused})' if refused else ''}; "
        f"episodes opened: {alerts or 'none'}",
        file=sys.stderr,
    )
