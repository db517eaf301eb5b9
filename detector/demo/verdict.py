"""Pure judgement of the demo: what was planted against the alert records that were seen."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from detector.model.alert import Alert

WARNS_FREELY = "run_inflation"
"""The rule whose warnings are no blame: many calls without a status change are just a ticket."""


class Planted(NamedTuple):
    """A runaway that was put into the fleet; times in s UTC of event time."""

    agent: str
    team: str
    rule: str
    what: str
    begins: float
    ends: float
    due: float
    """Until then it must have been paged."""


class Finding(NamedTuple):
    """What became of one planted runaway; `alert` is the first record that paged for it."""

    planted: Planted
    outcome: Literal["caught", "missed", "waiting", "not begun"]
    alert: Alert | None

    @property
    def after_s(self) -> float | None:
        """Seconds of event time from its beginning to the page."""
        return None if self.alert is None else self.alert.updated_at - self.planted.begins


class Verdict(NamedTuple):
    """The result so far. `paged` and `warned`: the first such record of each episode of an innocent."""

    findings: tuple[Finding, ...]
    paged: tuple[Alert, ...]
    warned: tuple[Alert, ...]

    @property
    def caught(self) -> int:
        """Planted runaways that were paged."""
        return sum(f.outcome == "caught" for f in self.findings)

    @property
    def outcome(self) -> Literal["passed", "failed", "not judged"]:
        """Not judged while a planted runaway may still be caught and nothing else is wrong."""
        if self.paged or any(f.outcome == "missed" for f in self.findings):
            return "failed"
        return "passed" if self.caught == len(self.findings) else "not judged"

    @property
    def exit_code(self) -> int:
        """Non-zero if a planted runaway was missed or an innocent one paged."""
        return 1 if self.outcome == "failed" else 0


def judge(planted: Sequence[Planted], records: Iterable[Alert], now: float) -> Verdict:
    """The verdict at event time `now` (s UTC); `records` are all alert records seen, in any order."""
    held = sorted(records, key=lambda alert: (alert.updated_at, alert.id, alert.version))
    paged = [alert for alert in held if alert.severity == "critical"]
    findings = tuple(_find(p, paged, now) for p in planted)
    warned = [alert for alert in held if alert.severity == "warning" and alert.rule != WARNS_FREELY]
    blamed = _innocent(planted, paged)
    ids = {alert.id for alert in blamed}
    return Verdict(findings, blamed, tuple(alert for alert in _innocent(planted, warned) if alert.id not in ids))


def _find(planted: Planted, paged: Sequence[Alert], now: float) -> Finding:
    for alert in paged:
        if alert.agent == planted.agent and alert.rule == planted.rule and alert.updated_at >= planted.begins:
            return Finding(planted, "caught", alert)
    if now < planted.begins:
        return Finding(planted, "not begun", None)
    return Finding(planted, "waiting" if now < planted.due else "missed", None)


def _innocent(planted: Sequence[Planted], alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """The first record of each episode that no planted runaway explains."""
    first: dict[str, Alert] = {}
    for alert in alerts:
        if not any(_explains(p, alert) for p in planted):
            first.setdefault(alert.id, alert)
    return tuple(first.values())


def _explains(planted: Planted, alert: Alert) -> bool:
    """From its beginning on a runaway answers for its agent, and for its team where no agent is named."""
    if alert.updated_at < planted.begins:
        return False
    return alert.agent == planted.agent or (alert.agent is None and alert.team in (planted.team, None))
