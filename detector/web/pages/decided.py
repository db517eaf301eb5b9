"""What an alert was decided by: the sentence of the rule, and what a page needs beside what was found."""

from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from detector.model.alert import Alert
from detector.web.pages.figures import label, said
from detector.web.pages.parts import SIGNS, name, table

FIELDS = frozenset({"decided_by", "page_needs", "known"})
"""Fields of the evidence that are shown here."""
_FOUND: dict[str, Callable[[Alert], Any]] = {
    "rounds": lambda alert: alert.evidence.get("rounds"),
    "burnt_usd": lambda alert: alert.cost_usd,
    "or_burnt_usd": lambda alert: alert.cost_usd,
    "usd_per_hour": lambda alert: alert.burn_usd_per_hour,
    "usd_above_usual": lambda alert: _less(alert.evidence.get("hour_usd"), alert.evidence.get("usual_usd")),
    "times_usual": lambda alert: _times(alert.evidence.get("hour_usd"), alert.evidence.get("usual_usd")),
    "calm_s": lambda alert: alert.since_status_change_s,
    "usual_hours_since_strong": lambda alert: _times(
        alert.evidence.get("since_strong_usd"), alert.evidence.get("usual_usd")
    ),
}
"""Where what a page needs has another name than what was found."""
_CONDITIONS = {
    "no_status_change": "no status of the task changed",
    "not_interactive": "no person is before it",
    "has_task": "a task claims it",
    "status_source": "a source of status is connected",
    "calm_s": "no status moved for",
    "held_s": "dear and still for",
    "still_share": "share on tasks that do not move",
    "movers": "agents that rise at once",
    "times_usual": "times its usual hour",
    "usd_above_usual": "above usual in the hour",
    "usual_hours_since_strong": "usual hours' worth since a strong status",
    "burnt_usd": "burnt",
    "usd_per_hour": "burning",
}


def decided(alert: Alert) -> str:
    """Which threshold decided, and all that a page needs."""
    evidence = alert.evidence
    return "".join((*_sentence(alert), *_needs(alert, evidence.get("page_needs"))))


def _sentence(alert: Alert) -> Iterator[str]:
    known, by = alert.evidence.get("known"), alert.evidence.get("decided_by")
    if isinstance(by, str):
        sign = SIGNS[alert.severity][1].split()[1].lower()
        louder = by.replace(": , needs ", ": ")  # of a check that finds nothing
        why = "Every condition of a page holds" if by == "every check holds" else f"What keeps it from more: {louder}"
        yield f"<p>It is a {escape(sign)}. {name(why, 400)}.</p>"
    elif alert.level == "model":
        yield "<p>It is never a page: a model is nobody's to stop.</p>"
    if isinstance(known, str):
        yield f"<p>Steps were compared by <b>{name(known)}</b>.</p>"


def _needs(alert: Alert, needs: Any) -> Iterator[str]:
    if not isinstance(needs, Mapping) or not needs:
        return
    rows = [
        [escape(_CONDITIONS.get(field, label(field))), _wanted(field, value), _found(alert, field, value)]
        for field, value in needs.items()
    ]
    yield table("What a page needs, and what was found", ("condition", "a page needs", "found"), rows)


def _wanted(field: str, value: Any) -> str:
    if value is None:
        return "nothing makes it a page"
    return "yes" if isinstance(value, bool) else f"at least {said(field, value)}"


def _found(alert: Alert, field: str, value: Any) -> str:
    if isinstance(value, bool):  # of these the rule tells what was found
        return said(field, value)
    found = _FOUND[field](alert) if field in _FOUND else alert.evidence.get(field)
    return said(field, found)


def _less(whole: Any, part: Any) -> float | None:
    return whole - part if isinstance(whole, int | float) and isinstance(part, int | float) else None


def _times(whole: Any, part: Any) -> float | None:
    known = isinstance(whole, int | float) and isinstance(part, int | float) and part > 0
    return whole / part if known else None
