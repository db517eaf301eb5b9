"""Replay: recorded native events through the engine that the Kafka stages run, with event time as the only clock."""

import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from detector.config import Config
from detector.engine import Engine, Outcome
from detector.model.alert import encode_alert
from detector.pipeline.intake import Flushed
from detector.portfolio import Portfolio
from detector.replay.explain import told
from detector.replay.feed import Feed, read_into
from detector.rules.inquiry import Explanation
from detector.rules.spend_inquiry import SpendExplanation
from detector.state.whole import Whole

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


class Judge:
    """One engine, and on its rollups a portfolio for each of `configs`, which differ in the rules of spend alone.

    The engine goes by the first of them.
    """

    def __init__(self, configs: Sequence[Config], *, signals: bool = False, explain: str | None = None) -> None:
        self._whole = Whole()
        self._engine = Engine(configs[0], whole=self._whole, signals=signals, explain=explain)
        self._portfolios = [Portfolio(config) for config in configs]
        self._settings = len(configs)
        self._packed, self._rollups = itertools.count(), itertools.count()
        self.unpriced: Counter[str] = Counter()

    @property
    def explanations(self) -> list[Explanation]:
        """What the rules made of the call that is to be explained."""
        return self._engine.explanations

    @property
    def of_spend(self) -> list[SpendExplanation]:
        """What the rules of spend made of its task at the end of its minute."""
        return self._portfolios[0].explanations

    def judge(self, flushed: Flushed) -> list[Outcome]:
        """What a batch leads to under each of the configurations; rollups and signals are the same for all."""
        outcomes = [Outcome([], [], []) for _ in range(self._settings)]
        for _, packed in flushed.packed:
            found = self._engine.process(packed, next(self._packed))
            rollups = [(next(self._rollups), rollup) for _, rollup in found.rollups]
            for out in outcomes:
                out.alerts.extend(found.alerts)
                out.signals.extend(found.signals)
                out.rollups.extend(found.rollups)
            for n, portfolio in enumerate(self._portfolios):
                self._spend(portfolio, rollups, outcomes[n], learn=n == 0)
        for (*_, model), used in self._engine.totals.take().usage.items():
            if used.unpriced_calls:
                self.unpriced[model or "no model"] += used.unpriced_calls
        return outcomes

    def _spend(self, portfolio: Portfolio, rollups: list[tuple[int, bytes]], out: Outcome, *, learn: bool) -> None:
        """What rollups lead to in a portfolio; `learn`: the engine takes its baselines, which are the same of all."""
        for call in self._engine.explanations:
            portfolio.explain(call.ident, call.facts.t)
        for offset, rollup in rollups:
            told = portfolio.process(rollup, offset)
            out.alerts.extend(told.alerts)
            for _, record in told.baselines if learn else ():
                self._whole.learn(record)


class Replay:
    """Feeds recorded events to one engine; what comes out depends on them alone."""

    def __init__(self, config: Config, *, signals: bool = False, explain: str | None = None) -> None:
        self.feed = Feed(config)
        self._judge = Judge([config], signals=signals, explain=explain)
        self._alerts: Counter[str] = Counter()

    @property
    def explanations(self) -> list[Explanation]:
        """What the rules made of the call that is to be explained."""
        return self._judge.explanations

    @property
    def of_spend(self) -> list[SpendExplanation]:
        """What the rules of spend made of its task at the end of its minute."""
        return self._judge.of_spend

    @property
    def summary(self) -> Summary:
        """What was read and said so far."""
        feed, judge = self.feed, self._judge
        explained = len(judge.explanations) + len(judge.of_spend)
        return Summary(feed.events, feed.refused, self._alerts, judge.unpriced, feed.unknown_tiers, explained)

    def take(self, value: bytes, t: float | None = None) -> Iterator[tuple[Flushed, Outcome]]:
        """Takes one event (or an array), as `Feed.take` does; now and then gives what a batch of them led to."""
        for flushed in self.feed.take(value, t):
            yield flushed, self.judge(flushed)

    def finish(self) -> Iterator[tuple[Flushed, Outcome]]:
        """The end of the input: time runs on, so that everything that waits is judged and every episode resolves."""
        for flushed in self.feed.finish():
            yield flushed, self.judge(flushed)

    def judge(self, flushed: Flushed) -> Outcome:
        """What a batch of the feed leads to."""
        (out,) = self._judge.judge(flushed)
        self._alerts.update(f"{alert.rule} {alert.severity}" for alert in out.alerts if alert.state == "open")
        return out


def replay_files(
    config: Config, files: list[str], alerts: str | None, signals: str | None, explain: str | None, progress: bool
) -> Summary:
    """Replays files ("-": standard input); writes alert records and signals as lines to files ("-": standard output).

    explain: the id of a call; what the rules made of it is written to standard output in the end.
    Raises DetectorError where a file cannot be read.
    """
    replay = Replay(config, signals=signals is not None, explain=explain)
    encode_signal = msgspec.json.Encoder().encode
    with contextlib.ExitStack() as stack:
        to_alerts = stack.enter_context(_sink(alerts)) if alerts is not None else None
        to_signals = stack.enter_context(_sink(signals)) if signals is not None else None
        for flushed in read_into(replay.feed, files, "replay" if progress else None):
            outcome = replay.judge(flushed)
            if to_alerts is not None:
                to_alerts.writelines(encode_alert(a) + b"\n" for a in outcome.alerts)
            if to_signals is not None:
                to_signals.writelines(encode_signal(s._asdict()) + b"\n" for s in outcome.signals)
    _tell(replay.summary)
    if explain is not None:
        print(told(explain, replay.explanations, replay.of_spend))
    return replay.summary


@contextlib.contextmanager
def _sink(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with Path(name).open("wb") as f:
        yield f


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
