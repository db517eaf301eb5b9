"""What a partition spends in the minute that is under way, and how it becomes rollups at the minute's end."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector.model.packed import Ident
from detector.model.rollup import (
    FORMAT,
    MODEL,
    OLD,
    ROLL,
    SPENT,
    Party,
    Rollup,
    Sheet,
    cut_rollup,
    model_key,
    tenant_key,
)
from detector.state.layout import CELL
from detector.state.tracked import Tracked

OLD_S = 3600.0
"""What comes later than this is no part of the hour under way: it is summed up by itself."""
_OLD = 0x9E3779B97F4A7C15
_DAY = 0xD6E8FEB86659FD93
"""Tell the keys of such sums, and those of another day than the minute's, from the others."""
STILL_S = 3600.0
"""A task that did not move for so long stands still."""
_SPENT = (
    "calls", "runs", "failed", "unpriced", "unmetered", "interactive", "input", "cached", "written", "out",
    "reasoning", "usd", "notional_usd", "flagged_usd", "first_t", "t", "metered_t",
)  # fmt: skip
_BY_MODEL = ("calls", "usd", "input", "cached", "out")
_key_of_tenant = lru_cache(65_536)(tenant_key)


class News(msgspec.Struct, array_like=True):
    """What the minute under way has beside sums; its fields as the columns of ROLL. `first_t` 0: as `t`."""

    kind: int
    party: Party
    t: float
    strength: int = 0
    category: int = 0
    longest: int = 0
    turns: int = 0
    other: Party | None = None
    first_t: float = 0.0
    usd: float = 0.0
    deliverable: int = 0
    churned: float = 0.0
    runs: int = 0


class Clocks(NamedTuple):
    """When subjects last moved: strong and medium statuses by slot (s UTC), and whether they are tasks."""

    strong: npt.NDArray[np.float64]
    medium: npt.NDArray[np.float64]
    has_task: npt.NDArray[np.uint8]


def keys_of(
    cells: npt.NDArray[np.uint64], old: npt.NDArray[np.bool_], days: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Keys (n) of the sums that calls belong to.

    By the cells of their identities, whether they are old, and how many days before the minute under way they were.
    """
    keys = cells ^ (days.astype(np.uint64) * np.uint64(_DAY))
    return np.where(old, keys ^ np.uint64(_OLD), keys)


class Cells:
    """Sums by identity since the last full minute, statuses and links; memory: what spends within a minute.

    `source`: this partition of `sources`; `partitions`: those of the rollups, of which none is over `most_bytes`.
    """

    def __init__(self, source: int, sources: int, partitions: int, most_bytes: int) -> None:
        self._source, self._sources, self._most_bytes = source, sources, most_bytes
        self._drafts = [_Draft() for _ in range(partitions)]
        self._told_t = 0.0
        self.table = Tracked(CELL)
        self.minute = 0
        self.closed = 0  # minutes
        self.idents: dict[int, Ident] = {}  # by slot
        self.last_ids: dict[int, str] = {}
        self.news: list[News] = []

    def open(self, key: int, ident: Ident, subject: int, segment: int, old: bool = False) -> int:
        """The slot of the sums of this key, made where it is new; `subject`: the slot of the identity's subject."""
        slot = self.table.get(key)
        if slot < 0:
            slot = self.table.add(key, segment)
            self.table.rows["subject"][slot], self.table.rows["old"][slot] = subject, old
            self.idents[slot] = ident
        return slot

    def note(self, slots: list[int], ids: Iterable[str]) -> None:
        """Keeps the id of the newest call of each cell; in the order of the calls."""
        self.last_ids.update(zip(slots, ids, strict=True))

    def flag(self, ident: Ident, subject: int, segment: int, usd: float) -> None:
        """Dollars of this identity's subject lie within an episode."""
        slot = self.open(ident.cell, ident, subject, segment)
        self.table.rows["flagged_usd"][slot] += usd
        self.table.touch([slot])

    def tell(self, news: News) -> None:
        """A status or link goes out with the minute."""
        self.news.append(news)

    def close(self, t: float, clocks: Clocks) -> None:
        """Ends the minute that is under way; `t`: all before it (s UTC) is told."""
        self.minute = self.minute or int(t // 60.0) - 1  # where nothing came, what time alone has brought about
        rows = self.table.rows
        slots = np.flatnonzero(rows["used"])
        slots = slots[np.argsort(rows["key"][slots])]
        if len(slots):
            self._add_spent(slots, clocks, (self.minute + 1) * 60.0)
        for news in self.news:
            self._drafts[_key_of_tenant(news.party.tenant) % len(self._drafts)].add_news(news)
        for draft in self._drafts:
            draft.close(self.minute)
        self._told_t = t
        self.table = Tracked(CELL, len(rows))
        self.idents, self.last_ids, self.news, self.minute = {}, {}, [], 0
        self.closed += 1

    def flush(self) -> list[tuple[int, bytes]]:
        """(partition, rollup) for every partition, of the minutes that ended since this was last asked; or none."""
        if not self._told_t:
            return []
        head = (FORMAT, self._source, self._sources, self._told_t)
        told = [(p, draft.rollup(*head)) for p, draft in enumerate(self._drafts)]
        out = [(p, value) for p, rollup in told for value in cut_rollup(rollup, self._most_bytes)]
        self._drafts, self._told_t = [_Draft() for _ in self._drafts], 0.0
        return out

    def _add_spent(self, slots: npt.NDArray[np.int64], clocks: Clocks, t: float) -> None:
        """What was spent goes to each party's tenant, and summed up by team for whoever looks at the model."""
        rolls, cells = np.zeros(len(slots), ROLL), self.table.rows[slots]
        for name in _SPENT:
            rolls[name] = cells[name]
        of = cells["subject"]
        rolls["strong_t"], rolls["medium_t"] = clocks.strong[of], clocks.medium[of]
        moved = np.maximum(rolls["strong_t"], rolls["medium_t"])
        still = (clocks.has_task[of] == 1) & (t - moved >= STILL_S)
        parties = [party_of(self.idents[slot]) for slot in slots.tolist()]
        last_ids = [self.last_ids.get(slot, "") for slot in slots.tolist()]
        for kind, which in ((SPENT, cells["old"] == 0), (OLD, cells["old"] == 1)):
            mine = np.flatnonzero(which)
            of_kind = [parties[i] for i in mine]
            self._add(kind, of_kind, rolls[mine], [last_ids[i] for i in mine])
            if kind == SPENT:
                self._add_models(of_kind, rolls[mine], still[mine], moved[mine])

    def _add_models(
        self,
        parties: list[Party],
        rolls: npt.NDArray[Any],
        still: npt.NDArray[np.bool_],
        moved: npt.NDArray[np.float64],
    ) -> None:
        """Sums by model and team; `still`, `moved` (n): whether a party's subject stands still, when it moved last."""
        by: dict[Party, int] = {}
        code = np.array([by.setdefault(_of_model(p.tenant, p.model, p.team), len(by)) for p in parties], np.int64)
        sums = np.zeros(len(by), ROLL)
        for name in _BY_MODEL:
            np.add.at(sums[name], code, rolls[name])
        np.add.at(sums["still_usd"], code, rolls["usd"] * still)
        np.maximum.at(sums["t"], code, rolls["t"])
        np.maximum.at(sums["strong_t"], code, moved)
        self._add(MODEL, list(by), sums, [""] * len(by))

    def _add(self, kind: int, parties: list[Party], rolls: npt.NDArray[Any], last_ids: list[str]) -> None:
        """Writes rows to the drafts of their parties' partitions."""
        rolls["kind"] = kind
        place = [_key_of_tenant(p.tenant) % len(self._drafts) for p in parties]
        rolls["party"] = [self._drafts[at].number(party) for at, party in zip(place, parties, strict=True)]
        for at in sorted(set(place)):
            mine = [i for i, where in enumerate(place) if where == at]
            self._drafts[at].add(rolls[mine], [last_ids[i] for i in mine])


class _Draft:
    """What goes to one partition: minutes that have ended, and the rows of the one that is being told."""

    def __init__(self) -> None:
        self._parties: dict[Party, int] = {}
        self._sheets: list[Sheet] = []
        self._last_ids: list[str] = []
        self._rows: list[bytes] = []

    def add(self, rolls: npt.NDArray[Any], last_ids: list[str]) -> None:
        self._rows.append(rolls.tobytes())
        self._last_ids += last_ids

    def add_news(self, news: News) -> None:
        roll = np.zeros(1, ROLL)
        roll["kind"], roll["party"] = news.kind, self.number(news.party)
        roll["turns"] = news.turns
        roll["strength"], roll["category"], roll["longest"] = news.strength, news.category, news.longest
        roll["t"], roll["first_t"] = news.t, news.first_t or news.t
        roll["usd"], roll["deliverable"], roll["churned"] = news.usd, news.deliverable, news.churned
        roll["runs"] = news.runs
        if news.other is not None:
            roll["other"] = self.number(news.other)
        self.add(roll, [""])

    def close(self, minute: int) -> None:
        if self._rows:
            self._sheets.append(Sheet(minute, self._last_ids, b"".join(self._rows)))
            self._last_ids, self._rows = [], []

    def rollup(self, format: int, source: int, sources: int, told_t: float) -> Rollup:
        return Rollup(format, source, sources, told_t, list(self._parties), self._sheets)

    def number(self, party: Party) -> int:
        return self._parties.setdefault(party, len(self._parties))


def party_of(ident: Ident) -> Party:
    """The party that an identity stands for in rollups. A run is told only where it has no task."""
    return Party(
        ident.subject, ident.tenant, ident.team, ident.user, ident.agent, ident.key,
        ident.run if ident.task is None else None, ident.task, ident.task_type, ident.model, ident.provider,
    )  # fmt: skip


@lru_cache(10_000)
def _of_model(tenant: str, model: str | None, team: str | None) -> Party:
    """The party that a team's part of a model stands for."""
    return Party(model_key(tenant, model), tenant, team=team, model=model)
