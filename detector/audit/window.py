"""The time that an audit is about."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

WEEK_S = 7 * 86_400.0


class Window(NamedTuple):
    """After `began_t`, up to `ended_t` (s UTC)."""

    began_t: float
    ended_t: float

    @property
    def days(self) -> float:
        """Its length."""
        return (self.ended_t - self.began_t) / 86_400.0

    @property
    def week_count(self) -> int:
        """How many weeks it takes, the first of which may be shorter."""
        return max(1, math.ceil((self.ended_t - self.began_t) / WEEK_S))

    def week(self, t: float) -> int:
        """How many whole weeks before its end a time of it (s UTC) lies."""
        return min(self.week_count - 1, int((self.ended_t - t) // WEEK_S))

    def weeks(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """The same of many."""
        return np.minimum(self.week_count - 1, (self.ended_t - t) // WEEK_S).astype(np.int64)

    def holds(self, t: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which of these times (s UTC) lie in it."""
        return (t > self.began_t) & (t <= self.ended_t)
