"""Counts what alert records say of a history: episodes by rule and severity, whom they name, what pages came to."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from detector.alerts.episodes import TASK_MOVED
from detector.enrich.pseudonyms import impersonal
from detector.model.alert import SEVERITIES, Alert, Level, Severity

PROGRESS_S = 3600.0
"""A strong status of the paged task so soon after its page: the page was probably wrong."""


class Subject(NamedTuple):
    """Whom an episode names: an agent where there is one, else its task, key, team or model. Never a person."""

    level: Level
    tenant: str
    team: str | None
    name: str | None


class Page(NamedTuple):
    """What became of an episode that paged. `progress`: its task moved soon after; None where nothing can tell."""

    burnt_usd: float  # of the whole episode
    saved_usd: float  # of it after the page
    progress: bool | None


class _Open(NamedTuple):
    """An episode under way: its newest record, and the one that paged first."""

    last: Alert
    paged: Alert | None


class Tally:
    """What a rule (None: every rule) said of a history; episodes count once they have resolved, at their highest."""

    def __init__(self, rule: str | None = None) -> None:
        self._rule = rule
        self._open: dict[str, _Open] = {}
        self.episodes: Counter[tuple[str, Severity]] = Counter()
        self.pages: defaultdict[str, list[Page]] = defaultdict(list)  # by rule
        self._subjects: defaultdict[tuple[str, Severity], Counter[Subject]] = defaultdict(Counter)
        self._tasks: defaultdict[tuple[str, Severity, Subject], set[str]] = defaultdict(set)

    def take(self, alerts: Iterable[Alert]) -> None:
        """Takes records in their order."""
        for alert in alerts:
            if self._rule not in (None, alert.rule):
                continue
            before = self._open.pop(alert.id, None)
            paged = before.paged if before is not None else None
            if paged is None and alert.severity == "critical":
                paged = alert
            if alert.state == "resolved":
                self._count(alert, paged)
            else:
                self._open[alert.id] = _Open(alert, paged)

    def _count(self, last: Alert, paged: Alert | None) -> None:
        kind, subject = (last.rule, last.severity), subject_of(last)
        self.episodes[kind] += 1
        self._subjects[kind][subject] += 1
        if last.task is not None:
            self._tasks[*kind, subject].add(last.task)
        if paged is not None:
            self.pages[last.rule].append(_page(paged, last))

    def most(self, rule: str, severity: Severity, n: int) -> list[tuple[Subject, int, int]]:
        """Those that most episodes name, each with how many, and on how many tasks."""
        found = sorted(self._subjects[rule, severity].items(), key=lambda kv: (-kv[1], kv[0].level, kv[0].name or ""))
        return [(subject, count, len(self._tasks[rule, severity, subject])) for subject, count in found[:n]]

    def by_severity(self, rule: str) -> dict[Severity, int]:
        """Episodes of a rule, the severest first."""
        return {severity: self.episodes[rule, severity] for severity in reversed(SEVERITIES)}


def subject_of(alert: Alert) -> Subject:
    """Whom an alert names: of a task or run its agent, since tasks come and go."""
    if alert.level == "model":
        return Subject("model", alert.tenant, alert.team, alert.model)
    if alert.level == "team":
        return Subject("team", alert.tenant, alert.team, alert.team)
    if alert.level == "key":
        return Subject("key", alert.tenant, alert.team, alert.key)
    if alert.agent is None and alert.task is not None:
        return Subject("task", alert.tenant, alert.team, alert.task)
    return Subject("agent", alert.tenant, alert.team, impersonal(alert.agent))


def _page(paged: Alert, last: Alert) -> Page:
    """What became of an episode by its first page and the record that resolves it."""
    moved = last.evidence.get("resolved_by") == TASK_MOVED
    soon = moved and last.resolved_at is not None and last.resolved_at - paged.updated_at <= PROGRESS_S
    tells = last.task is not None and last.level in ("task", "run")
    return Page(last.cost_usd, max(0.0, last.cost_usd - paged.cost_usd), soon if tells else None)
