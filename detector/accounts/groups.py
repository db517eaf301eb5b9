"""A team, or a model across teams: dollars by minute and hour, and what is usual at a time of the day.

There are few of them, so each has objects of its own; river keeps the means by the time of the day.
"""

from collections import deque
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from river.stats import EWMean

from detector.accounts.rows import HOURS, MINUTES
from detector.accounts.windows import spans
from detector.model.baseline import Baseline

WEEK_H = 168
FADE = 0.3
"""Share of the newest day in a mean by the time of the day: two weeks ago counts for little."""
HABIT_H = 5 * 24
"""Hours of history before the time of the day counts."""
ENDED_KEPT = 256
"""Ended tasks of a type whose calls are remembered, the newest."""
MAX_PARTS = 1000
"""Teams whose parts of a model's last hour are told apart."""
MAX_TYPES = 200
"""Task types of a team of which that is remembered."""


class Group:
    """Sums of one team or model; `name`: its tenant, and its own name."""

    def __init__(self, key: int, tenant: str, name: str | None, segment: int, first_t: float) -> None:
        self.key, self.tenant, self.name, self.segment, self.first_t = key, tenant, name, segment, first_t
        self.minute = self.hour = 0
        self.minutes = np.zeros(MINUTES)
        self.hours = np.zeros(HOURS)
        self.unclaimed = np.zeros(HOURS)  # of these dollars: what no task claims
        self.habit: list[EWMean | None] = [None] * 24
        self.heard = first_t
        self.status_t = 0.0
        self.peers, self.peer_usd = 0, 0.0  # agents whose usual is known, and what most of them stay below
        self.usd, self.calls, self.tokens = 0.0, 0, 0
        self.ended: dict[str, deque[int]] = {}
        self.told: Baseline | None = None
        self._usual = (0, 0.0)  # of the hour for which it was asked last

    def spend(self, minute: int, usd: float, unclaimed: float, calls: int, tokens: int) -> None:
        """Books what was spent in a minute; minutes come in their order."""
        self.reach(minute)
        self.minutes[minute % MINUTES] += usd
        self.hours[self.hour % HOURS] += usd
        self.unclaimed[self.hour % HOURS] += unclaimed
        self.usd, self.calls, self.tokens = self.usd + usd, self.calls + calls, self.tokens + tokens
        self.heard = (minute + 1) * 60.0

    def reach(self, minute: int) -> None:
        """Time has come to this minute: what has left the rings is zeroed, and hours that ended are learnt."""
        if minute <= self.minute:
            return
        self.minutes[spans(minute, MINUTES) > self.minute] = 0.0
        self.minute, hour = minute, minute // 60
        if hour > self.hour:
            if self.hour:
                self._learn(hour)
            passed = spans(hour, HOURS) > self.hour
            self.hours[passed] = self.unclaimed[passed] = 0.0
            self.hour = hour

    def _learn(self, hour: int) -> None:
        """The hours before `hour` are over: what each cost is learnt."""
        for past in range(max(self.hour, hour - HOURS), hour):
            mean = self.habit[past % 24]
            if mean is None:
                mean = self.habit[past % 24] = EWMean(FADE)
            mean.update(float(self.hours[past % HOURS]) if past == self.hour else 0.0)

    def last(self, minutes: int) -> float:
        """Dollars of the last minutes."""
        return self.since(self.minute - minutes + 1)

    def since(self, minute: int) -> float:
        """Dollars from this minute on, which is one of the last hour."""
        return float(self.minutes[spans(self.minute, MINUTES) >= minute].sum())

    def history_h(self) -> int:
        """Clock hours of history that lie wholly before the last 60 minutes, 7 days of them at most."""
        return max(0, min(WEEK_H, self.hour - 1 - int(self.first_t // 3600.0)))

    def usual(self) -> float:
        """Mean dollars of all hours of the last 7 days; of this time of the day, where days are known and it is more.

        Hours that the last 60 minutes touch are left out: what is judged is no part of what it is judged by.
        """
        if self._usual[0] != self.hour:
            self._usual = (self.hour, self._of_history())
        return self._usual[1]

    def _of_history(self) -> float:
        n = self.history_h()
        if n == 0:
            return 0.0
        stands = spans(self.hour, HOURS)
        known = (stands <= self.hour - 2) & (stands >= self.hour - 1 - n)
        mean = float(self.hours[known].sum()) / n
        if self.hour - int(self.first_t // 3600.0) >= HABIT_H:
            habit = self.habit[self.hour % 24]
            return mean if habit is None else max(mean, float(habit.get()))
        return mean

    def shares(self, hours: int) -> tuple[float, float, float, float]:
        """Dollars, and those that no task claims, of the last `hours` full hours; and of the 7 days before these."""
        stands = spans(self.hour, HOURS)
        new = (stands < self.hour) & (stands >= self.hour - hours)
        old = (stands < self.hour - hours) & (stands >= self.hour - hours - WEEK_H)
        sums = (self.hours[new], self.unclaimed[new], self.hours[old], self.unclaimed[old])
        spent, unclaimed, spent_before, unclaimed_before = (float(s.sum()) for s in sums)
        return spent, unclaimed, spent_before, unclaimed_before

    def claim(self, t: float, usd: float) -> None:
        """Of the hour of `t` (s UTC) dollars turn out to belong to a task."""
        hour = int(t // 3600.0)
        if self.hour - HOURS < hour <= self.hour:
            self.unclaimed[hour % HOURS] = max(0.0, self.unclaimed[hour % HOURS] - usd)

    def end_task(self, task_type: str, calls: int) -> None:
        """A task has ended that had `calls` calls between two moves, at most."""
        kept = self.ended.get(task_type)
        if kept is None:
            if len(self.ended) >= MAX_TYPES:
                del self.ended[next(iter(self.ended))]
            kept = self.ended[task_type] = deque(maxlen=ENDED_KEPT)
        kept.append(calls)

    def encode(self) -> list[Any]:
        """As plain values."""
        rings = [self.minutes.tobytes(), self.hours.tobytes(), self.unclaimed.tobytes()]
        habit = [None if h is None else float(h.get()) for h in self.habit]
        sums = [self.usd, self.calls, self.tokens, self.peers, self.peer_usd]
        ended = {name: list(kept) for name, kept in self.ended.items()}
        head = [self.key, self.tenant, self.name, self.segment, self.first_t]
        told = msgspec.to_builtins(self.told)
        return [head, self.minute, self.hour, rings, habit, self.heard, self.status_t, sums, ended, told]

    @classmethod
    def decode(cls, kept: list[Any]) -> "Group":
        """Takes back what `encode` gave."""
        head, minute, hour, rings, habit, heard, status_t, sums, ended, told = kept
        group = cls(*head)
        group.minute, group.hour, group.heard, group.status_t = minute, hour, heard, status_t
        group.minutes, group.hours, group.unclaimed = (_ring(raw) for raw in rings)
        for n, value in enumerate(habit):
            if value is not None:
                mean = group.habit[n] = EWMean(FADE)
                mean.update(value)  # all that it keeps is the mean, and the first value is that
        group.usd, group.calls, group.tokens, group.peers, group.peer_usd = sums
        group.ended = {name: deque(calls, maxlen=ENDED_KEPT) for name, calls in ended.items()}
        group.told = msgspec.convert(told, Baseline | None)
        return group


class ModelGroup(Group):
    """A model across the teams of a tenant: whose dollars of the last hour they are, and what of them stood still."""

    def __init__(self, key: int, tenant: str, name: str | None, segment: int, first_t: float) -> None:
        super().__init__(key, tenant, name, segment, first_t)
        self.parts: dict[str | None, npt.NDArray[np.float64]] = {}  # by team, USD by minute
        self.still = np.zeros(MINUTES)

    def share(self, minute: int, team: str | None, usd: float, still_usd: float) -> None:
        """A team's part of what was spent in this minute, after `spend`."""
        self.still[minute % MINUTES] += still_usd
        if team not in self.parts:
            if len(self.parts) >= MAX_PARTS:
                return  # of so many none stands out
            self.parts[team] = np.zeros(MINUTES)
        self.parts[team][minute % MINUTES] += usd

    def reach(self, minute: int) -> None:
        """As of every group, and its parts."""
        if minute > self.minute:
            passed = spans(minute, MINUTES) > self.minute
            self.still[passed] = 0.0
            for team in list(self.parts):
                self.parts[team][passed] = 0.0
                if not self.parts[team].any():
                    del self.parts[team]
        super().reach(minute)

    def encode(self) -> list[Any]:
        """As plain values."""
        parts = [(team, ring.tobytes()) for team, ring in self.parts.items()]
        return [*super().encode(), parts, self.still.tobytes()]

    @classmethod
    def decode(cls, kept: list[Any]) -> "ModelGroup":
        """Takes back what `encode` gave."""
        *of_group, parts, still = kept
        group = super().decode(of_group)
        assert isinstance(group, ModelGroup)
        group.parts, group.still = {team: _ring(raw) for team, raw in parts}, _ring(still)
        return group


def _ring(raw: bytes) -> npt.NDArray[np.float64]:
    return np.frombuffer(raw, np.float64).copy()
