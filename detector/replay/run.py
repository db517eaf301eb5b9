"""Replay: recorded native events through the engine that the Kafka stages run, with event time as the only clock."""

import contextlib
import itertools
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from detector.config import Config
from detector.engine import Engine, Outcome
from detector.enrich.pseudonyms import impersonal
from detector.errors import BadInput
from detector.model.alert import Alert, encode_alert
from detector.model.packed import decode_packed
from detector.pipeline.intake import Flushed
from detector.portfolio import Portfolio
from detector.replay.explain import told
from detector.replay.feed import Feed, Files, read_into
from detector.replay.runs import Runs
from detector.replay.telling import tell
from detector.rules import loop
from detector.rules.inquiry import Explanation
from detector.rules.spend_inquiry import SpendExplanation
from detector.state.whole import Whole
from detector.totals import NO_USE, UsageSums, added

_LOOPS_KEPT = 1000
"""Loops that have ended and are kept for the summary, those that burnt most."""


class Summary(msgspec.Struct):
    """What a replay read and said; `explained`: verdicts on the call that was to be explained.

    `unpriced`: calls without a price by model. `unknown_tiers`: calls whose service tier has none, priced as standard.
    `used`: by agent and model. `runs`: how many have called. `began_t`, `ended_t`: s UTC of the first and last event, 0
    where there is none. `loops`: the last record of each, those that burnt most first. `files`: what became of them.
    """

    events: int = 0
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    alerts: Counter[str] = msgspec.field(default_factory=Counter)
    unpriced: Counter[str] = msgspec.field(default_factory=Counter)
    unknown_tiers: int = 0
    explained: int = 0
    used: dict[tuple[str | None, str | None], UsageSums] = {}
    runs: int = 0
    began_t: float = 0.0
    ended_t: float = 0.0
    loops: list[Alert] = []
    files: Files = Files()


class Judge:
    """One engine, and on its rollups a portfolio for each of `configs`, which differ in the rules of spend alone.

    The engine goes by the first of them.
    """

    def __init__(
        self, configs: Sequence[Config], *, signals: bool = False, explain: str | None = None, calls: bool = False
    ) -> None:
        self._whole = Whole()
        self._engine = Engine(configs[0], whole=self._whole, signals=signals, explain=explain, calls=calls)
        self._portfolios = [Portfolio(config) for config in configs]
        self._settings = len(configs)
        self._packed, self._rollups = itertools.count(), itertools.count()
        self.unpriced: Counter[str] = Counter()
        self.used: defaultdict[tuple[str | None, str | None], UsageSums] = defaultdict(lambda: NO_USE)

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
        outcomes = [Outcome([], [], [], []) for _ in range(self._settings)]
        for _, packed in flushed.packed:
            found = self._engine.process(packed, next(self._packed))
            rollups = [(next(self._rollups), rollup) for _, rollup in found.rollups]
            for out in outcomes:
                out.alerts.extend(found.alerts)
                out.signals.extend(found.signals)
                out.rollups.extend(found.rollups)
                out.calls.extend(found.calls)
            for n, portfolio in enumerate(self._portfolios):
                self._spend(portfolio, rollups, outcomes[n], learn=n == 0)
        for (_, _, agent, model), used in self._engine.totals.take().usage.items():
            key = impersonal(agent), model
            self.used[key] = added(self.used[key], used)
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
        self._runs = Runs()
        self._loops: dict[str, Alert] = {}

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
        return Summary(
            events=feed.events,
            refused=feed.refused,
            alerts=self._alerts,
            unpriced=judge.unpriced,
            unknown_tiers=feed.unknown_tiers,
            explained=explained,
            used=dict(judge.used),
            runs=self._runs.count,
            began_t=feed.began_t if feed.newest_t else 0.0,
            ended_t=feed.newest_t,
            loops=sorted(self._loops.values(), key=lambda loop: -loop.cost_usd),
            files=feed.files,
        )

    def take(self, value: bytes | BadInput, t: float | None = None) -> Iterator[tuple[Flushed, Outcome]]:
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
        self._loops.update((alert.id, alert) for alert in out.alerts if alert.rule == loop.NAME)
        if len(self._loops) > 2 * _LOOPS_KEPT:
            self._forget_loops()
        for _, packed in flushed.packed:
            self._runs.take(decode_packed(packed))
        return out

    def _forget_loops(self) -> None:
        """Of those that have ended the cheapest."""
        ended = sorted((a.cost_usd, id) for id, a in self._loops.items() if a.state == "resolved")
        for _, id in ended[: max(0, len(ended) - _LOOPS_KEPT)]:
            del self._loops[id]


def replay_files(
    config: Config, files: Sequence[str], alerts: str | None, signals: str | None, explain: str | None, progress: bool
) -> Summary:
    """Replays files and folders ("-": standard input).

    alerts, signals: files that their records are written to as lines ("-": standard output), None for nowhere.
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
    tell(replay.summary)
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
