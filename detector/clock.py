"""The wall clock, injected: everything that asks for the present takes one of these."""

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns the present in seconds UTC since 1970."""

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
    return time.strftime("%d %b %H:%M UTC", time.gmtime(t))


def clock_day(t: float) -> str:
    """The day of a time (s UTC) for a person."""
    return time.strftime("%d %b", time.gmtime(t))
