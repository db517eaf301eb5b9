"""Figures of evidence as people read them: what they are called and their unit, from the name of the field."""

from html import escape
from typing import Any

from detector.markup.words import UNKNOWN, duration, share, shown
from detector.rules.finding import number, usd
from detector.web.pages.parts import moment, name

_TIMES = frozenset({"t", "at", "since", "until"})
_LABELS = {
    "what": "what repeats",
    "known": "what was compared",
    "usual_is": "usual is",
    "bar": "times as high a bar",
    "decided_by": "decided by",
    "calls": "ids of calls",
    "usd": "dollars",
    "t": "at (UTC)",
    "at": "at (UTC)",
    "since": "since (UTC)",
    "or_burnt_usd": "or burnt at any rate",
    "usd_above_usual": "above usual",
    "usd_per_hour": "an hour",
    "counted_usd": "counted",
    "cost_usd": "burnt",
    "told_late": "told late",
    "same": "as the newest",
}
"""What fields are called whose names do not say it."""
_LEAST_TIME = 1e8
"""Smaller numbers are no time since 1970 that any event has."""
_MOST_TEXT = 300


def label(field: str) -> str:
    """What a field is called: its name without the unit."""
    if field in _LABELS:
        return _LABELS[field]
    for unit in ("_usd", "_s"):
        if field.endswith(unit) and len(field) > len(unit):
            field = field[: -len(unit)]
    return shown(field.replace("_", " ")) if field.strip() else "(blank)"


def said(field: str, value: Any) -> str:
    """One value as HTML. Of a list or table its length: `evidence.told` shows what is in it."""
    if value is None:
        return f'<span class="soft">{UNKNOWN}</span>'
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(field, value)
    if isinstance(value, str):
        return name(value, _MOST_TEXT)
    return escape(f"{len(value):,}")


def _number(field: str, value: float) -> str:
    words = field.split("_")
    if "usd" in words and "share" not in words:
        return f"{usd(value)} an hour" if field.endswith("per_hour") else usd(value)
    if (field in _TIMES or words[-1] in ("t", "at")) and value > _LEAST_TIME:
        return moment(value)
    if words[-1] == "s":
        return escape(duration(max(0.0, value)))
    if "share" in words:
        return escape(share(value, 1.0))
    return escape(number(value))
