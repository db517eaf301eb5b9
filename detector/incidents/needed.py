"""What a severity needs of an alert beside what was found, in words that a page and a terminal share."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from detector.markup.words import SEVERITY, duration, share
from detector.model.alert import Alert
from detector.rules.finding import number, usd

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
    "or_burnt_usd": "or burnt at any rate",
    "usd_per_hour": "burning",
}
_NOT_KNOWN = "not known"


class Need(NamedTuple):
    """A condition of a page as its rule names it and in words, what it asks for and what was found, both as told."""

    field: str
    condition: str
    needed: str
    found: str


def needs(alert: Alert) -> list[Need]:
    """All that a page needs; nothing where the rule does not tell it."""
    told = alert.evidence.get("page_needs")
    return [_need(alert, field, value) for field, value in told.items()] if isinstance(told, Mapping) else []


def why(alert: Alert) -> str:
    """Which threshold made it what it is, in sentences; empty where the record does not say."""
    kind, by = SEVERITY[alert.severity][0], alert.evidence.get("decided_by")
    if isinstance(by, str):
        held = "Every condition of a page holds" if by == "every check holds" else f"What keeps it from more: {by}"
        return f"It is a {kind}. {held}."
    calls, least, of = (alert.evidence.get(name) for name in ("interactions", "warning_needs", "warning_is"))
    if isinstance(calls, int | float) and isinstance(least, int | float):
        told = f"A ticket needs {number(least)} calls without a status change ({of}), and it has had {number(calls)}."
        return f"It is a {kind}. {told} It is never a page."
    return "It is never a page: a model is nobody's to stop." if alert.level == "model" else ""


def _need(alert: Alert, field: str, value: Any) -> Need:
    condition = _CONDITIONS.get(field, field.replace("_", " "))
    if isinstance(value, bool):  # of these the rule tells what was found
        return Need(field, condition, "yes", "yes" if value else "no")
    found = _FOUND[field](alert) if field in _FOUND else alert.evidence.get(field)
    needed = "nothing makes it a page" if value is None else f"at least {_said(field, value)}"
    return Need(field, condition, needed, _said(field, found))


def _said(field: str, value: Any) -> str:
    """A figure with its unit, by the name of its field."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _NOT_KNOWN if value is None else str(value)
    words = field.split("_")
    if "usd" in words:
        return f"{usd(value)} an hour" if field.endswith("per_hour") else usd(value)
    if words[-1] == "s":
        return duration(max(0.0, value))
    return share(value, 1.0) if "share" in words else number(value)


def _less(whole: Any, part: Any) -> float | None:
    return whole - part if isinstance(whole, int | float) and isinstance(part, int | float) else None


def _times(whole: Any, part: Any) -> float | None:
    known = isinstance(whole, int | float) and isinstance(part, int | float) and part > 0
    return whole / part if known else None
