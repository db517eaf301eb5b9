"""The time that an audit is about."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S


class Window(NamedTuple):
    """After `began_t`, up to `ended_t` (s UTC)."""

    began_t: float
    ended_t: float

    @property
    def days(self) -> float:
        """Its length."""
        return (self.ended_t - self.began_t) / DAY_S

    @property
    def _last_day_ends(self) -> float:
        return math.ceil(self.ended_t / DAY_S) * DAY_S

    @property
    def week_count(self) -> int:
        """How many weeks it takes, the first of which may be shorter."""
        return max(1, math.ceil((self._last_day_ends - self.began_t) / WEEK_S))

    def week(self, t: float) -> int:
        """How many whole weeks before the end of its last day (UTC) a time of it (s UTC) lies."""
        return int(self.weeks(np.array([t]))[0])

    def weeks(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The same of many."""
        before = np.ceil((self._last_day_ends - t) / WEEK_S) - 1
        weeks: npt.NDArray[np.int64] = np.clip(before, 0, self.week_count - 1).astype(np.int64)
        return weeks

    def week_began(self, number: int) -> float:
        """When the week of this number began, as far as it is in the window (s UTC)."""
        return max(self.began_t, self._last_day_ends - (number + 1) * WEEK_S)

    def holds(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which of these times (s UTC) lie in it."""
        return (t > self.began_t) & (t <= self.ended_t)
