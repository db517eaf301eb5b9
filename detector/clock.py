"""The wall clock, injected: everything that asks for the present takes one of these."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]
"""Returns the present in seconds UTC since 1970."""
LATEST_S = 253_402_300_799.0
"""The last second of the year 9999: a record that somebody else wrote may tell any time."""

system_clock: Clock = time.time


def scaled_clock(event_end_s: float, wall_end_s: float, speed: float, wall: Clock = time.time) -> Clock:
    """A clock that runs `speed` times faster and meets the real one: at `wall_end_s` it shows `event_end_s`.

    From then on it runs at the real pace. The demo lives on such a clock.
    """

    def now() -> float:
        left_s = wall_end_s - wall()
        return event_end_s - left_s * (speed if left_s > 0 else 1.0)

    return now


def clock_time(t: float) -> str:
    """A time (s UTC) for a person: day, hour and minute."""
    return time.strftime("%d %b %H:%M UTC", time.gmtime(min(max(t, 0.0), LATEST_S)))


def clock_day(t: float) -> str:
    """The day of a time (s UTC) for a person."""
    return time.strftime("%d %b", time.gmtime(min(max(t, 0.0), LATEST_S)))


def month_of(t: float) -> tuple[float, float]:
    """When the calendar month (UTC) of a time began and when it ends (all s UTC)."""
    first = datetime.fromtimestamp(math.floor(t), UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.timestamp(), after.timestamp()
