"""Replay: recorded native events through the engine that the Kafka stages run, with event time as the only clock."""

import contextlib
import itertools
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
from detector.pipeline.intake import DeadLetter, Flushed, Intake, SourceRecord
from detector.portfolio import Portfolio
from detector.replay.explain import told
from detector.replay.reading import read
from detector.rules.inquiry import Explanation
from detector.rules.spend_inquiry import SpendExplanation
from detector.sources.times import YEAR_2000_S, YEAR_2100_S
from detector.state.whole import Whole

_BATCH = 500
_AFTER_S = 400 * 86_400.0
"""How far time runs on at the end of the input: past every timeout."""
_GRAIN_S = 600.0
"""Time is told to the engine at least this often; what ends by time alone ends this exactly."""
_SHOWN = 100
"""Lines that cannot be used and are told one by one; further ones are counted."""
_MODELS_SHOWN = 10
"""Models without a price that are named, those with the most calls first."""


class Summary(msgspec.Struct):
    """What a replay read and said; `explained`: verdicts on the call that was to be explained.

    `unpriced`: calls without a price by model. `unknown_tiers`: calls whose service tier has none, priced as standard.
    """

    events: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    alerts: Counter[str] = msgspec.field(default_factory=Counter)
    unpriced: Counter[str] = msgspec.field(default_factory=Counter)
    unknown_tiers: int = 0
    explained: int = 0


class Replay:
    """Feeds recorded events to one engine; what comes out depends on them alone."""

    def __init__(self, config: Config, *, signals: bool = False, explain: str | None = None) -> None:
        self._intake = Intake(config, 1)
        self._whole = Whole()
        self._engine = Engine(config, whole=self._whole, signals=signals, explain=explain)
        self._portfolio = Portfolio(config)
        self._rollups = itertools.count()
        self._config, self._batch, self._told_t, self._offset = config, 0, 0.0, -1
        self.summary = Summary()

    @property
    def explanations(self) -> list[Explanation]:
        """What the rules made of the call that is to be explained."""
        return self._engine.explanations

    @property
    def of_spend(self) -> list[SpendExplanation]:
        """What the rules of spend made of its task at the end of its minute."""
        return self._portfolio.explanations

    def take(self, value: bytes, t: float | None = None) -> Iterator[tuple[Flushed, Outcome]]:
        """Takes one event (or an array); now and then gives what a batch of them led to.

        `t`: its time (s UTC), where all that follows is as new but for the lateness. Time that passes without events
        is then known before the next one is taken, as heartbeats tell it on Kafka.
        """
        if t is not None and YEAR_2000_S <= t < YEAR_2100_S and t >= self._told_t + _GRAIN_S:
            yield self._flush(t)
        self._intake.take(0, "any", [SourceRecord(self.summary.events, value, None)])
        self.summary.events += 1
        self._batch += 1
        if self._batch >= _BATCH:
            yield self._flush(self._intake.forwarded(0))

    def finish(self) -> Iterator[tuple[Flushed, Outcome]]:
        """The end of the input: time runs on, so that everything that waits is judged and every episode resolves."""
        newest = self._intake.forwarded(0)
        yield self._flush(newest)
        yield self._flush(newest + self._config.time.lateness_s)
        yield self._flush(newest + _AFTER_S)

    def _flush(self, mark: float) -> tuple[Flushed, Outcome]:
        self._batch, self._told_t = 0, mark
        flushed = self._intake.flush({0: mark}, everywhere=True)
        for dead in flushed.dead_letters:
            self.summary.refused[dead.reason] += 1
        out = Outcome([], [], [])
        for _, packed in flushed.packed:
            self._offset += 1
            outcome = self._engine.process(packed, self._offset)
            out.alerts.extend(outcome.alerts)
            out.signals.extend(outcome.signals)
            for call in self._engine.explanations:
                self._portfolio.explain(call.ident, call.facts.t)
            for _, rollup in outcome.rollups:
                told = self._portfolio.process(rollup, next(self._rollups))
                out.alerts.extend(told.alerts)
                for _, record in told.baselines:
                    self._whole.learn(record)
        for (*_, model), used in self._engine.totals.take().usage.items():
            if used.unpriced_calls:
                self.summary.unpriced[model or "no model"] += used.unpriced_calls
        self.summary.unknown_tiers = self._intake.counts["unknown_service_tier"]
        for alert in out.alerts:
            if alert.state == "open":
                self.summary.alerts[f"{alert.rule} {alert.severity}"] += 1
        return flushed, out


def replay_files(
    config: Config, files: list[str], alerts: str | None, signals: str | None, explain: str | None, progress: bool
) -> Summary:
    """Replays files ("-": standard input); writes alert records and signals as lines to files ("-": standard output).

    explain: the id of a call; what the rules made of it is written to standard output in the end.
    Raises DetectorError where a file cannot be read.
    """
    replay = Replay(config, signals=signals is not None, explain=explain)
    encode_signal = msgspec.json.Encoder().encode
    where: dict[int, str] = {}
    complaints = itertools.count(1)
    with contextlib.ExitStack() as stack:
        to_alerts = stack.enter_context(_sink(alerts)) if alerts is not None else None
        to_signals = stack.enter_context(_sink(signals)) if signals is not None else None
        advance = stack.enter_context(_progress(files)) if progress else _untold

        def write(flushed: Flushed, outcome: Outcome) -> None:
            for dead in flushed.dead_letters:
                _complain(next(complaints), where[dead.offset], dead)
            for taken in [n for n in where if n < replay.summary.events]:
                del where[taken]
            if to_alerts is not None:
                to_alerts.writelines(encode_alert(a) + b"\n" for a in outcome.alerts)
            if to_signals is not None:
                to_signals.writelines(encode_signal(s._asdict()) + b"\n" for s in outcome.signals)

        for line in read(files, advance):
            name = files[line.file] if files[line.file] != "-" else "standard input"
            where[replay.summary.events] = f"{name}:{line.number}"
            for flushed, outcome in replay.take(line.value, line.t):
                write(flushed, outcome)
        for flushed, outcome in replay.finish():
            write(flushed, outcome)
    _tell(replay.summary)
    if explain is not None:
        print(told(explain, replay.explanations, replay.of_spend))
        replay.summary.explained = len(replay.explanations) + len(replay.of_spend)
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


def _complain(number: int, place: str, dead: DeadLetter) -> None:
    if number <= _SHOWN:
        print(f"{place}: {dead.field or 'event'} {dead.detail}", file=sys.stderr)
    elif number == _SHOWN + 1:
        print("and more: they are counted below", file=sys.stderr)


def _tell(summary: Summary) -> None:
    refused = ", ".join(f"{n} {reason}" for reason, n in sorted(summary.refused.items()))
    alerts = ", ".join(f"{n} {what}" for what, n in sorted(summary.alerts.items()))
    print(
        f"{summary.events} events{f' ({summary.refused.total()} refused: {refused})' if refused else ''}; "
        f"episodes opened: {alerts or 'none'}",
        file=sys.stderr,
    )
    if summary.unpriced:
        print(_unpriced(summary.unpriced), file=sys.stderr)
    if n := summary.unknown_tiers:
        print(f"{_counted(n, 'call')} priced as standard, for want of a price of the service tier", file=sys.stderr)


def _unpriced(calls: Counter[str]) -> str:
    total, models = calls.total(), len(calls)
    named = ", ".join(f"{model} ({n})" for model, n in calls.most_common(_MODELS_SHOWN))
    more = f" and {models - _MODELS_SHOWN} more" if models > _MODELS_SHOWN else ""
    have = "has" if total == 1 else "have"
    return f"{_counted(total, 'call')} of {_counted(models, 'model')} {have} no price: {named}{more}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
