"""What the ledger holds of the tenants of one partition: purses of tasks, cells, runs that went on, and outcomes."""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.ledger.names import Who
from detector.ledger.outcomes import Outcomes, Record
from detector.ledger.pages import Pages, Slots
from detector.ledger.places import Places
from detector.ledger.rows import CELL, COUNTS, LINK, MINUTE, PURSE, REDUNDANT_RUN, RESUMED, TAKEN, WHO
from detector.model.rollup import Party

DAYS = 100
"""Days that are kept."""
HOURLY_DAYS = 8
"""Days before this one of which each hour is kept."""
HOUR_S, DAY_S, DAY_H = 3600.0, 86_400.0, 24
FULL = 2**32 - 1
"""The most that a sum of a cell holds."""


class Kept(msgspec.Struct, array_like=True, gc=False):
    """What a purse has beside its row: the task's name, and what became of it."""

    task: str | None
    record: Record | None = None

    @property
    def folded(self) -> bool:
        """Whether it is of many tasks."""
        return self.record is not None and self.record.folded is not None


class Correction(msgspec.Struct, array_like=True):
    """What came so late that it changed a day (since 1970) that was over; `usd`: billed dollars that it is about."""

    tenant: str
    day: int
    kind: str  # "status" or "link"
    count: int = 0
    usd: float = 0.0


class Spike(msgspec.Struct, array_like=True):
    """A spike of spend that is a warning: whom it is about, from when until when (s UTC; infinite: it goes on).

    `subject`: the key of a task or run, for these levels. `last_usd`: where it ends within a minute, what was billed of
    its task in that minute before; -1: not known.
    """

    level: str
    tenant: str
    team: str | None
    agent: str | None
    model: str | None
    subject: int
    since: float
    until: float
    last_usd: float = -1.0


class Common(msgspec.Struct, array_like=True):
    """What belongs to no page. `spikes`: by id, as long as their minutes are kept.

    `hour`: the one under way, since 1970; `compacted`: the newest day that is kept as one. `statuses`: by tenant the
    time of the newest, `shipping_since`: of the first strong one. `lost_usd`: of calls from before the days that are
    kept. `folded`: tasks that are kept together.
    """

    hour: int = 0
    compacted: int = 0
    newest_t: float = 0.0
    lost_usd: float = 0.0
    folded: int = 0
    statuses: dict[str, float] = {}
    corrections: list[Correction] = []
    spikes: dict[str, Spike] = {}
    shipping_since: dict[str, float] = {}


class _Records(MutableMapping[int, Record]):
    """Records by the keys of their purses, which have to be there."""

    def __init__(self, places: Places, purses: Pages[Kept]) -> None:
        self._places, self._purses = places, purses

    def __getitem__(self, key: int) -> Record:
        record = self._purses.beside[self._places[key]].record
        if record is None:
            raise KeyError(key)
        return record

    def __setitem__(self, key: int, record: Record) -> None:
        self._purses.beside[self._places[key]].record = record

    def __delitem__(self, key: int) -> None:
        self._purses.beside[self._places[key]].record = None

    def __iter__(self) -> Iterator[int]:
        slots = self._purses.slots()
        told = zip(self._purses.rows["key"][slots].tolist(), slots.tolist(), strict=True)
        return (key for key, slot in told if self._purses.beside[slot].record is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Books:
    """Pages of rows, and how to find them."""

    def __init__(self) -> None:
        self.cells, self.purses = Pages(CELL, int), Pages(PURSE, Kept)
        self.resumed, self.whos = Pages(RESUMED, int), Pages(WHO, Who)
        self.links, self.taken = Pages(LINK, str), Pages(TAKEN, int)
        self.redundant = Pages(REDUNDANT_RUN, int)
        self.common = Common()
        self.minutes = Pages(MINUTE, int)
        self.minute_usd: dict[int, float] = {}  # by purse: what was billed in this minute before its newest status
        self.places = Places()  # of purses by key
        self.outcomes = Outcomes(_Records(self.places, self.purses))
        self.codes: dict[Who, int] = {}
        self.task_of: dict[int, tuple[int, str]] = {}  # by key of a linked run: key and name of its task
        self.hot: dict[int, dict[int, int]] = {}  # by hour: purse << 32 | who -> slot

    @property
    def pages(self) -> tuple[Pages[Any], ...]:
        """All of them, in an order that is stored."""
        return self.cells, self.purses, self.resumed, self.whos, self.links, self.taken, self.redundant, self.minutes

    @property
    def first_hour(self) -> int:
        """The oldest hour that is kept."""
        return (self.common.hour // DAY_H - DAYS + 1) * DAY_H

    def bucket(self, hours: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The hours (n) under which sums of these hours are kept: of an old day its first."""
        days = hours // DAY_H
        return np.where(days < self.common.hour // DAY_H - HOURLY_DAYS, days * DAY_H, hours)

    def key_of(self, subject: int) -> int:
        """The key of the purse that a subject's dollars go to."""
        return self.task_of[subject][0] if subject in self.task_of else subject

    def purse_of(self, party: Party) -> int:
        """The slot of the purse of a party's task, or run; made where it is new."""
        key, task = self.task_of.get(party.subject, (party.subject, party.task))
        slot = self.places.get(key, -1)
        return slot if slot >= 0 else self.make_purse(key, party.tenant, task)

    def purses_of(self, parties: Sequence[Party]) -> list[int]:
        """The same of many."""
        keys = np.array([self.key_of(party.subject) for party in parties], np.uint64)
        slots: list[int] = self.places.find(keys).tolist()
        return [slot if slot >= 0 else self.purse_of(party) for slot, party in zip(slots, parties, strict=True)]

    def make_purse(self, key: int, tenant: str, task: str | None) -> int:
        """An empty purse; returns its slot."""
        (slot,) = self.purses.add()
        row = self.purses.rows[slot]
        row["key"], row["has_task"], row["tenant"] = key, task is not None, self.code_of(Who(tenant))
        self.purses.beside[slot] = Kept(task)
        self.places[key] = slot
        return slot

    def pour(self, row: Any, purse: int) -> None:
        """What a purse's `row` has comes into the purse at a slot as well; its cells and its record are not in it."""
        into = self.purses.rows[purse]
        into["usd"] += row["usd"]
        into["turns"] += row["turns"]
        into["heard"] = max(row["heard"], into["heard"])
        for name in ("first_t", "metered_t"):
            into[name] = min((t for t in (row[name], into[name]) if t > 0.0), default=0.0)
        self.purses.touch([purse])

    def drop_purses(self, slots: Slots) -> None:
        """Takes purses out that have no cells any more."""
        for key in self.purses.rows["key"][slots].tolist():
            del self.places[key]
        self.purses.remove(slots)

    def tenant_of(self, purse: int) -> str:
        """The tenant of the purse at a slot."""
        return self.whos.beside[int(self.purses.rows["tenant"][purse])].tenant

    def code_of(self, who: Who) -> int:
        """The code of whoever spends; made where it is new."""
        code = self.codes.get(who, -1)
        if code < 0:
            (code,) = self.whos.add()
            self.whos.beside[code] = who
            self.codes[who] = code
        return code

    def cells_of_purse(self, purse: int) -> Slots:
        """Slots of the cells of the purse at a slot."""
        live = self.cells.slots()
        mine: Slots = live[self.cells.rows["purse"][live] == purse]
        return mine

    def add(
        self,
        purse: Slots,
        who: Slots,
        hour: Slots,
        counts: npt.NDArray[Any] | None,
        usd: npt.NDArray[np.float64],
        minute: int | None = None,
    ) -> None:
        """Adds to the cells of these purses, codes and hours (n each): `counts` has columns as in COUNTS.

        `minute`: in which the dollars were billed; None where nobody bills them.
        """
        slots, place = np.unique(np.array(self._cells(purse, who, hour), np.int64), return_inverse=True)
        more_usd: npt.NDArray[np.float64] = np.bincount(place, usd, len(slots)).astype(np.float64)
        if counts is not None:
            sums = {name: self.cells.rows[name][slots].astype(np.int64) for name in COUNTS}
            for name in COUNTS:
                np.add.at(sums[name], place, counts[name].astype(np.int64))
            slots = self._put(slots, sums)
        cells = self.cells.rows
        cells["usd"][slots] += more_usd
        if minute is not None:
            self._note(slots, more_usd, minute)
        self.cells.touch(slots)

    def _note(self, cells: Slots, usd: npt.NDArray[np.float64], minute: int) -> None:
        cells, usd = cells[usd > 0.0], usd[usd > 0.0]
        slots = self.minutes.add(len(cells))
        rows = self.minutes.rows
        rows["cell"][slots], rows["minute"][slots], rows["usd"][slots] = cells, minute, usd

    def _put(self, slots: Slots, sums: dict[str, npt.NDArray[np.int64]]) -> Slots:
        """Puts sums (n) into cells; where they do not fit, what is new goes to other rows. The slots of all."""
        over = np.logical_or.reduce([total > FULL for total in sums.values()])
        for name, total in sums.items():
            self.cells.rows[name][slots[~over]] = total[~over]
        slots = slots.copy()
        for n in np.flatnonzero(over).tolist():
            (other,) = self.cells.add()
            old, new = self.cells.rows[slots[n]], self.cells.rows[other]
            for name in ("purse", "who", "hour"):
                new[name] = old[name]
            for name, total in sums.items():
                new[name] = min(FULL, int(total[n]) - int(old[name]))
            self.hot_of(int(old["hour"]))[int(old["purse"]) << 32 | int(old["who"])] = other
            slots[n] = other
        return slots

    def _cells(self, purse: Slots, who: Slots, hour: Slots) -> list[int]:
        """Slots of cells (n), made where they are new."""
        told = list(zip((purse << 32 | who).tolist(), hour.tolist(), strict=True))
        new = list({(pair, at): n for n, (pair, at) in enumerate(told) if pair not in self.hot_of(at)}.values())
        made = self.cells.add(len(new))
        for name, values in (("purse", purse), ("who", who), ("hour", hour)):
            self.cells.rows[name][made] = values[new]
        for n, slot in zip(new, made, strict=True):
            pair, at = told[n]
            self.hot[at][pair] = slot
        return [self.hot[at][pair] for pair, at in told]

    def hot_of(self, hour: int) -> dict[int, int]:
        """Where the cells of an hour are."""
        hot = self.hot.get(hour)
        if hot is None:
            live, cells = self.cells.slots(), self.cells.rows
            mine = live[cells["hour"][live] == hour]
            pairs = cells["purse"][mine].astype(np.int64) << 32 | cells["who"][mine].astype(np.int64)
            hot = self.hot[hour] = dict(zip(pairs.tolist(), mine.tolist(), strict=True))
        return hot

    def correct(self, tenant: str, day: int, kind: str, usd: float) -> None:
        """Notes that a day of a tenant that was over has changed."""
        key = (tenant, day, kind)
        told = next((c for c in self.common.corrections if (c.tenant, c.day, c.kind) == key), None)
        if told is None:
            told = Correction(*key)
            self.common.corrections.append(told)
        told.count += 1
        told.usd += usd


def who_of(party: Party) -> Who:
    """Who a party is, whatever it works on."""
    return Who(
        party.tenant, party.team, party.agent, party.key, party.user, party.provider, party.model, party.task_type
    )
