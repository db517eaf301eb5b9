"""Backtest: one reading of a history under several settings, and what each of them would have said."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from detector.config import Config
from detector.errors import DetectorError
from detector.model.alert import Severity
from detector.replay.feed import Feed, read_into
from detector.replay.run import Judge
from detector.replay.tally import Page, Subject, Tally
from detector.replay.trials import Trial
from detector.rules import RULES

WEEK_S = 7 * 86_400.0
_LEAST_S = 3600.0
"""A history counts as at least so long, so that a rate of it is a number."""
_SHOWN = 5
"""Subjects that are named, those with the most episodes first."""
_NAMED: tuple[Severity, ...] = ("critical", "warning")
"""Severities whose subjects are named."""


class History(NamedTuple):
    """What was read. Times in s UTC."""

    events: int
    refused: int
    unpriced: int  # calls: their dollars are missing from every figure
    began_t: float
    ended_t: float

    @property
    def weeks(self) -> float:
        """How long it is."""
        return max(_LEAST_S, self.ended_t - self.began_t) / WEEK_S


class Backtest(NamedTuple):
    """A history, and what each setting said of it."""

    history: History
    tallies: list[tuple[Trial, Tally]]


def backtest(trials: Sequence[Trial], rule: str | None, files: list[str], progress: bool) -> Backtest:
    """Judges what `files` ("-": standard input) hold under every setting; `rule`: the one they vary, None for all.

    Raises DetectorError where a file cannot be read, or holds nothing of use.
    """
    feed = Feed(trials[0].config)
    judges = judges_of([trial.config for trial in trials], rule)
    tallies = [Tally(rule) for _ in trials]
    for flushed in read_into(feed, files, "backtest" if progress else None):
        outcomes = (outcome for judge in judges for outcome in judge.judge(flushed))
        for tally, outcome in zip(tallies, outcomes, strict=True):
            tally.take(outcome.alerts)
    if not feed.newest_t:
        raise DetectorError(f"{', '.join(files)}: no event can be used; `detector replay` tells why")
    unpriced = judges[0].unpriced.total()
    history = History(feed.events, feed.refused.total(), unpriced, feed.began_t, feed.newest_t)
    return Backtest(history, list(zip(trials, tallies, strict=True)))


def judges_of(configs: Sequence[Config], rule: str | None) -> list[Judge]:
    """What judges these settings, in their order: those of a rule of spend share an engine, others have their own."""
    if rule in {module.NAME for module in RULES}:
        return [Judge([config]) for config in configs]
    return [Judge(configs)]


def figures(found: Backtest, rule: str | None) -> dict[str, Any]:
    """All figures, as --json writes them; rates are a week."""
    history = found.history
    weeks = history.weeks
    rules = [rule] if rule is not None else list(type(found.tallies[0][0].config.rules).model_fields)
    return {
        "history": {**history._asdict(), "weeks": round(weeks, 4)},
        "settings": [
            {"setting": trial.name, "rules": {name: _of_rule(tally, name, weeks) for name in rules}}
            for trial, tally in found.tallies
        ],
    }


def _of_rule(tally: Tally, rule: str, weeks: float) -> dict[str, Any]:
    counts = tally.by_severity(rule)
    return {
        "episodes": counts,
        "episodes_a_week": {severity: round(n / weeks, 4) for severity, n in counts.items()},
        "pages": _of_pages(tally.pages[rule], weeks),
        "subjects": {s: [_named(*told) for told in tally.most(rule, s, _SHOWN)] for s in _NAMED},
    }


def _of_pages(pages: Sequence[Page], weeks: float) -> dict[str, Any]:
    """What stopping each at its page would have saved, and how many were probably wrong."""
    burnt, saved = sum(p.burnt_usd for p in pages), sum(p.saved_usd for p in pages)
    return {
        "burnt_usd": round(burnt, 6),
        "saved_usd": round(saved, 6),
        "burnt_usd_a_week": round(burnt / weeks, 6),
        "saved_usd_a_week": round(saved / weeks, 6),
        "with_a_task": sum(p.progress is not None for p in pages),
        "followed_by_progress": sum(p.progress is True for p in pages),
    }


def _named(subject: Subject, episodes: int, tasks: int) -> dict[str, Any]:
    return {**subject._asdict(), "episodes": episodes, "tasks": tasks}
