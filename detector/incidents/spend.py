"""What each team was billed in each minute of the last hours, and what of it is flagged, as rollups tell it.

A minute of a source counts as it was told first, which is portfolio's rule too: a replay repeats it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.accounts.tables import OTHER
from detector.incidents.flagging import ROW, Rows, Spike, flagged_usd, joined, tag
from detector.model.rollup import OLD, ROLL, SPENT, Party, Rollup, Sheet
from detector.state.sources import Sources

Team = tuple[str, str | None]
Floats = npt.NDArray[np.float64]

HOURS = 6
SLICE_MIN = 5
SLICES = HOURS * 60 // SLICE_MIN
RING = HOURS * 60 + 24
"""Minutes that are known: of the window, and some that one source is ahead of the others."""
FLAG_MIN = 60
"""Minutes after which it is settled what of them is flagged: an alert comes later than what it is about."""
MAX_ROWS = 1_000_000
"""Rows of those minutes that are kept, 60 B each; where there are more, the oldest are settled sooner."""
_PART_BITS = 16
_OTHERS: Team = (OTHER, OTHER)


class Window(NamedTuple):
    """Sums by team (n), and by team and slice (n × SLICES, oldest first); the hour is the one before until_s. USD."""

    teams: list[Team]
    begins_s: float
    usd: Floats
    flagged_usd: Floats
    hour_usd: Floats
    flagged_hour_usd: Floats


class Spend:
    """Sums of the last hours. `max_teams`: what further ones spend is team 'other' of tenant 'other'.

    `hold_back_s`: a source of which nothing more is told is waited for this long.
    """

    def __init__(self, max_teams: int, hold_back_s: float, max_rows: int = MAX_ROWS) -> None:
        self._max_teams, self._hold_back_s, self._max_rows = max_teams, hold_back_s, max_rows
        self._codes: dict[Team, int] = {_OTHERS: 0}
        self._free: list[int] = []
        self._usd, self._settled = np.zeros((16, RING)), np.zeros((16, RING))
        self._newest = 0  # minute since 1970
        self._taken: dict[tuple[int, int], int] = {}  # (partition, source) -> newest minute << 16 | its newest part
        self._sources: dict[int, Sources] = {}  # by partition
        self._recent = [np.zeros(0, ROW)]
        self._rows = 0

    @property
    def until_s(self) -> float | None:
        """The event time (s UTC) up to which every source has told everything; None: nothing yet."""
        reached = [sources.reached(self._hold_back_s) for sources in self._sources.values()]
        return min(reached, default=0.0) or None

    @property
    def begins_s(self) -> float:
        """The time (s UTC) of the oldest minute that is known."""
        return max(0.0, (self._newest - RING + 1) * 60.0)

    def take(self, partition: int, rollup: Rollup, written_s: float) -> bool:
        """Takes a rollup of a partition of the topic, written at `written_s` (s UTC); whether it tells of a minute."""
        marks = dict.fromkeys(range(rollup.sources), 0.0) | {rollup.source: rollup.mark}
        self._sources.setdefault(partition, Sources()).tell(marks, written_s, self._hold_back_s)
        told = False
        for sheet in rollup.sheets:
            place = sheet.minute << _PART_BITS | sheet.part
            if place > self._taken.get((partition, rollup.source), -1):
                self._taken[partition, rollup.source] = place
                self._book(sheet, rollup.parties)
                told = True
        return told

    def settle(self, spikes: Sequence[Spike]) -> None:
        """Flags what is recent anew, by these spikes; what is no longer recent, or too much, stays as it is then."""
        rows = joined(self._recent)
        known = [spike for spike in map(self._placed, spikes) if spike is not None]
        rows["flagged_usd"] = flagged_usd(rows, known)
        gone = rows["told"] + FLAG_MIN <= self._newest
        excess = len(rows) - int(gone.sum()) - self._max_rows
        if excess > 0:
            gone |= rows["told"] <= np.sort(rows["told"][~gone])[excess - 1]
        self._add(self._settled, rows[gone], "flagged_usd")
        self._recent = [rows[~gone]]
        self._rows = len(self._recent[0])

    @property
    def crowded(self) -> bool:
        """Whether it has to be settled: there are more recent rows than are kept."""
        return self._rows > self._max_rows

    def window(self) -> Window:
        """The last hours as they were settled last, without teams that spent nothing in them."""
        first = (self._newest // SLICE_MIN - SLICES + 1) * SLICE_MIN
        minutes = np.arange(first, first + SLICES * SLICE_MIN)
        at, ahead = minutes % RING, minutes > self._newest
        usd, flagged_of = self._usd[:, at], self._settled[:, at]
        recent = joined(self._recent)
        recent = recent[recent["flagged_usd"] > 0.0]
        place = recent["minute"].astype(np.int64) - first
        known = place >= 0
        np.add.at(flagged_of, (recent["team"][known], place[known]), recent["flagged_usd"][known])
        usd[:, ahead] = flagged_of[:, ahead] = 0.0  # the rest of the slice that is under way
        spent = np.flatnonzero(usd.any(axis=1))
        until = int((self.until_s or 0.0) // 60.0)
        in_hour = (minutes < until) & (minutes >= until - 60)
        named = {code: team for team, code in self._codes.items()}
        usd, flagged_of = usd[spent], np.minimum(flagged_of[spent], usd[spent])
        slices = (len(spent), SLICES, SLICE_MIN)
        return Window(
            [named[code] for code in spent.tolist()],
            first * 60.0,
            usd.reshape(slices).sum(axis=2),
            flagged_of.reshape(slices).sum(axis=2),
            usd[:, in_hour].sum(axis=1),
            flagged_of[:, in_hour].sum(axis=1),
        )

    def _book(self, sheet: Sheet, parties: Sequence[Party]) -> None:
        rolls = np.frombuffer(sheet.rows, ROLL)
        spent = (rolls["kind"] == SPENT) | (rolls["kind"] == OLD)
        rolls = rolls[spent & ((rolls["calls"] > 0) | (rolls["flagged_usd"] > 0.0))]
        self._reach(sheet.minute)
        rows = np.zeros(len(rolls), ROW)
        numbers, place = np.unique(rolls["party"], return_inverse=True)
        of = [parties[n] for n in numbers.tolist()]
        for name, told in (
            ("subject", [p.subject for p in of]),
            ("agent", [tag(p.tenant, p.team, p.agent) for p in of]),
            ("model", [tag(p.tenant, p.model) for p in of]),
            ("team", [self._code_of((p.tenant, p.team)) for p in of]),
        ):
            rows[name] = np.array(told, ROW[name])[place]
        called = rolls["calls"] > 0
        rows["usd"] = np.where(called, rolls["usd"] - rolls["notional_usd"], 0.0)
        rows["more_usd"] = rolls["flagged_usd"]
        rows["told"] = sheet.minute
        old = np.clip(rolls["first_t"] // 60.0, 0.0, sheet.minute)
        rows["minute"] = np.where(rolls["kind"] == OLD, old, sheet.minute)
        self._add(self._usd, rows, "usd")
        self._recent.append(rows)
        self._rows += len(rows)

    def _add(self, sums: Floats, rows: Rows, name: str) -> None:
        """Adds a column to the minutes that are known."""
        rows = rows[rows["minute"] + RING > self._newest]
        np.add.at(sums, (rows["team"], rows["minute"] % RING), rows[name])

    def _reach(self, minute: int) -> None:
        """Time passes until this minute: the oldest make room, and teams that spent in none of the others."""
        if minute <= self._newest:
            return
        passed = np.arange(max(self._newest + 1, minute - RING + 1), minute + 1) % RING
        self._usd[:, passed] = self._settled[:, passed] = 0.0
        self._newest = minute
        if len(self._codes) > self._max_teams:
            self._forget_idle()

    def _code_of(self, team: Team) -> int:
        code = self._codes.get(team)
        if code is not None:
            return code
        if len(self._codes) > self._max_teams:
            return self._codes[_OTHERS]
        code = self._codes[team] = self._free.pop() if self._free else len(self._codes)
        if code >= len(self._usd):
            more = np.zeros((min(len(self._usd), self._max_teams + 2 - len(self._usd)), RING))
            self._usd, self._settled = np.concatenate([self._usd, more]), np.concatenate([self._settled, more])
        return code

    def _forget_idle(self) -> None:
        """Teams that spent nothing within the hours that are known leave."""
        recent = np.zeros(len(self._usd), np.bool_)
        recent[joined(self._recent)["team"]] = True
        idle = ~(recent | self._usd.any(axis=1))
        gone = [team for team, code in self._codes.items() if idle[code] and team != _OTHERS]
        self._free += [self._codes.pop(team) for team in gone]

    def _placed(self, spike: Spike) -> Spike | None:
        """A spike of a team with the row of its sums; None where that spent nothing."""
        if spike.column != "team":
            return spike
        code = self._codes.get(spike.key) if isinstance(spike.key, tuple) else None
        return None if code is None else spike._replace(key=code)
