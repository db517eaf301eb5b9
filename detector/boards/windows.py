"""The times that boards show: they end at the newest event, and begin with a whole hour or day."""

import math

from detector.audit.window import DAY_S, Window
from detector.clock import month_of

HOUR_S = 3600.0
DAYS = {"7d": 7, "30d": 30}
HOURS = 24
WEEK_BEFORE = "week before"
"""The 7 days before those of `7d`: told by the trend alone."""


def windows_of(newest_t: float) -> dict[str, Window]:
    """By label, for books whose newest event is of `newest_t` (s UTC): the hour or day under way is in each of them."""
    hour, day = newest_t // HOUR_S * HOUR_S, newest_t // DAY_S * DAY_S
    began = {"24h": hour - (HOURS - 1) * HOUR_S}
    began |= {name: day - (days - 1) * DAY_S for name, days in DAYS.items()}
    began["month"] = month_of(newest_t)[0]
    windows = {name: Window(_before(t), newest_t) for name, t in began.items()}
    week = began["7d"]
    return windows | {WEEK_BEFORE: Window(_before(week - 7 * DAY_S), _before(week))}


def _before(t: float) -> float:
    return math.nextafter(t, 0.0)
