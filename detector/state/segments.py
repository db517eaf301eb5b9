"""How a shard's rows are written down: all of a segment, or what changed in it since the last checkpoint.

Both have one form, `Rows`, and are taken back in the order of their writing: each row is told whole but for its rings,
of which only the new places are.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.model.packed import MAX_WAITS, Ident
from detector.state import layout as lay
from detector.state.cells import News
from detector.state.compact import Index, Ring, Words, gather, keys_of, rows_of, scatter, spread, squeeze
from detector.state.finals import Final
from detector.state.pool import WAITING
from detector.state.shard import Shard, telling_key
from detector.state.sources import Sources

_AND_MORE = 1.2
AS_TOLD = -1
"""Stands for an identity that is as it was told before."""
_HISTORY = Ring.of(lay.LANE, "history")
_RINGS = (
    (_HISTORY, "steps", 0),
    (Ring.of(lay.LANE, "sketches"), "steps", 0),
    (Ring.of(lay.LANE, "seen"), "seen_count", 1),
)
"""A ring, what counts its places, and which column of what was told counts those that were."""


class Common(msgspec.Struct, array_like=True):
    """What belongs to no segment; see Shard and Cells. `kept_house`: the engine's."""

    sources: Sources
    taken: dict[int, int]
    statuses: dict[int, float]
    watermark: float
    asked: int
    minute: int
    closed: int
    news: list[News]
    kept_house: float

    @classmethod
    def of(cls, shard: Shard, kept_house: float) -> "Common":
        """As it is now."""
        cells = shard.cells
        told = (shard.sources, shard.taken, shard.statuses, shard.watermark, shard.awaiting.asked)
        return cls(*told, cells.minute, cells.closed, cells.news, kept_house)

    def back_to(self, shard: Shard) -> float:
        """Takes it back into an empty shard; returns `kept_house`."""
        cells = shard.cells
        shard.sources, shard.taken = self.sources, self.taken
        shard.statuses, shard.watermark = self.statuses, self.watermark
        shard.awaiting.asked = self.asked
        cells.minute, cells.closed, cells.news = self.minute, self.closed, self.news
        return self.kept_house


class Lanes(msgspec.Struct, array_like=True):
    """Lanes without their rings; what is new in these (`since`: how much was told before); all calls that wait."""

    rows: Words
    since: bytes
    rings: list[bytes]
    trails: list[msgspec.Raw]  # of Trail
    idents: list[int]
    asked: list[tuple[int, float, int, int]]  # number, s UTC, wait key, lane
    gone: list[int]


class Subjects(msgspec.Struct, array_like=True):
    """Subjects, the teams that spent on them, and final outputs where these are new."""

    rows: Words
    idents: list[int]
    teams: list[list[str | None]]
    finals: dict[int, list[Final]]
    gone: list[int]


class Tellings(msgspec.Struct, array_like=True):
    """Who tells of runs."""

    rows: Words
    gone: list[int]


class CellRows(msgspec.Struct, array_like=True):
    """Sums of the minute under way."""

    rows: Words
    idents: list[int]
    last_ids: list[str]


class Waiting(msgspec.Struct, array_like=True):
    """Observations that wait, with the keys of their lanes and subjects (0: none)."""

    rows: Words
    lanes: list[int]
    subjects: list[int]
    idents: list[int]
    ids: list[str]
    names: list[str]


_decode_cells = msgspec.msgpack.Decoder(CellRows, strict=False).decode
_decode_waiting = msgspec.msgpack.Decoder(Waiting, strict=False).decode


def _encode(told: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(told))


class Rows(msgspec.Struct, array_like=True):
    """Of a segment. Who has an identity points into `idents`; a number there is the key of a lane that goes by it.

    Cells are read only where as many minutes have been closed as `closed` says, and what waited only where the last of
    it, due at `due` (s UTC), waits yet: of what was told some checkpoints ago that is over.
    """

    idents: list[Ident | int]
    lanes: Lanes
    subjects: Subjects
    tellings: Tellings
    closed: int
    cells: msgspec.Raw  # of CellRows
    due: float
    waiting: msgspec.Raw  # of Waiting


class Writer:
    """Writes a segment of a shard, `whole` or only what changed since `Shard.clean`."""

    def __init__(self, shard: Shard, segment: int, whole: bool) -> None:
        self._shard, self._segment, self._whole = shard, segment, whole
        self._told: list[Ident | int] = []
        self._numbers: dict[Ident, int] = {}

    def rows(self) -> Rows:
        """Equal states give equal rows, where all is written."""
        lanes, subjects, tellings = self._lanes(), self._subjects(), self._tellings()
        due, waiting = self._waiting()
        cells = _encode(self._cells())
        return Rows(self._told, lanes, subjects, tellings, self._shard.cells.closed, cells, due, waiting)

    def _slots(self, table: Any) -> Index:
        slots: Index = (table.slots_of_segment if self._whole else table.changed_of_segment)(self._segment)
        return slots

    def _number(self, ident: Ident, named: bool = False) -> int:
        """Of an identity; `named`: it is what a lane or subject is called from now on."""
        number = self._numbers.get(ident)
        if number is None:
            number = self._numbers[ident] = len(self._told)
            known = not named and self._shard.lane_names.get(self._shard.lanes.get(ident.lane)) == ident
            self._told.append(ident.lane if known else ident)
        return number

    def _names(self, slots: list[int], names: dict[int, Ident], renamed: set[int]) -> list[int]:
        return [self._number(names[s], True) if self._whole or s in renamed else AS_TOLD for s in slots]

    def _lanes(self) -> Lanes:
        shard, slots = self._shard, self._slots(self._shard.lanes)
        rows, chosen = shard.lanes.rows, slots.tolist()
        shard.reach_told()
        since = np.zeros((len(slots), 2), np.int32) if self._whole else shard.told[slots]
        rings = []
        for ring, counts, column in _RINGS:
            rings.append(gather(rows, slots, _begin(since[:, column], ring), rows[counts][slots], ring))
        return Lanes(
            squeeze(rows, slots, lay.HEAD_BYTES),
            since.tobytes(),
            rings,
            shard.trails.tell(chosen, since[:, 0].tolist()),
            self._names(chosen, shard.lane_names, shard.renamed_lanes),
            shard.awaiting.of(rows["key"][slots].tolist()),
            [] if self._whole else shard.lanes.gone_of_segment(self._segment),
        )

    def _subjects(self) -> Subjects:
        shard, slots = self._shard, self._slots(self._shard.subjects)
        rows, chosen = shard.subjects.rows[slots], slots.tolist()
        keys: list[int] = rows["key"].tolist()
        return Subjects(
            squeeze(rows),
            self._names(chosen, shard.subject_names, shard.renamed_subjects),
            [shard.teams.get(s, []) for s in chosen],
            shard.finals.of(keys if self._whole else shard.finals.changed.intersection(keys)),
            [] if self._whole else shard.subjects.gone_of_segment(self._segment),
        )

    def _tellings(self) -> Tellings:
        table = self._shard.tellings
        gone = [] if self._whole else table.gone_of_segment(self._segment)
        return Tellings(squeeze(table.rows, self._slots(table)), gone)

    def _cells(self) -> CellRows:
        cells, slots = self._shard.cells, self._slots(self._shard.cells.table)
        rows, chosen = cells.table.rows[slots], slots.tolist()
        rows["subject"] = 0  # its key stands for it
        idents = [self._number(cells.idents[s]) for s in chosen]
        return CellRows(squeeze(rows), idents, [cells.last_ids.get(s, "") for s in chosen])

    def _waiting(self) -> tuple[float, msgspec.Raw]:
        shard, pool = self._shard, self._shard.pool
        places = pool.waiting(self._segment, everything=self._whole)
        rows, chosen = pool.rows[places], places.tolist()
        lanes, subjects = (_keys(t.rows, rows[n]) for t, n in ((shard.lanes, "lane"), (shard.subjects, "subject")))
        rows["told"] = rows["told"] >= 0
        for name in ("lane", "subject", "cell_slot", "kept"):
            rows[name] = 0  # the keys stand for them
        unused = np.arange(MAX_WAITS) >= rows["waiting"][:, None]
        for name in ("wait_key", "wait_tool"):
            rows[name][unused] = 0
        idents = [self._number(pool.idents[i]) for i in chosen]
        ids, names = [pool.ids[i] for i in chosen], [pool.names[i] for i in chosen]
        told = Waiting(squeeze(rows), lanes, subjects, idents, ids, names)
        return float(rows["due"].max(initial=0.0)), _encode(told)


def _keys(rows: npt.NDArray[Any], slots: npt.NDArray[np.int32]) -> list[int]:
    """Keys of the rows at these slots; 0 where a slot is below 0."""
    keys: list[int] = np.where(slots < 0, np.uint64(0), rows["key"][slots]).tolist()
    return keys


def _begin(told: npt.NDArray[np.int32], ring: Ring) -> Index:
    """The number of the first place of a ring that is new; the newest step that was told may have been judged since."""
    return told.astype(np.int64) - (ring == _HISTORY)


class Reader:
    """Takes written segments into an empty shard, one after the other; then `finish`."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._asked: dict[int, list[tuple[int, float, int, int]]] = {}  # by lane

    def read(self, parts: Iterable[Rows]) -> None:
        """A segment: all of it, then what changed, in the order of its writing.

        Raises ValueError, KeyError, TypeError or IndexError where they are damaged.
        """
        shard = self._shard
        cells: list[tuple[CellRows, list[Ident | int]]] = []
        for kept in parts:
            told = kept.idents
            lanes, subjects = self._lanes(kept.lanes), self._subjects(kept.subjects)
            self._tellings(kept.tellings)
            _name(lanes, kept.lanes.idents, told, shard.lane_names)
            _name(subjects, kept.subjects.idents, told, shard.subject_names)
            if kept.closed == shard.cells.closed:
                cells.append((_decode_cells(kept.cells), told))
            if kept.due > shard.watermark:
                self._waiting(_decode_waiting(kept.waiting), told)
        if cells:
            self._cells(cells)

    def expect(self, times: int) -> None:
        """About so many times what was read yet is to come in all: growing bit by bit would take longer."""
        for table in (self._shard.lanes, self._shard.subjects):
            table.reserve(round(len(table) * times * _AND_MORE))

    def finish(self) -> None:
        """All segments are read: they are what a checkpoint holds."""
        self._shard.awaiting.restore(one for asked in self._asked.values() for one in asked)
        self._shard.pool.keep_newest()
        self._shard.clean()

    def _lanes(self, kept: Lanes) -> list[int]:
        shard = self._shard
        for key in kept.gone:
            self._asked.pop(key, None)
            if key in shard.lanes:
                shard.forget_lane(key)
        keys = keys_of(kept.rows, lay.HEAD_BYTES)
        chosen = shard.lanes.place(keys)
        slots, rows = np.array(chosen, np.int64), shard.lanes.rows
        spread(kept.rows, rows, slots, lay.HEAD_BYTES)
        since = np.frombuffer(kept.since, np.int32).reshape(-1, 2)
        for (ring, counts, column), new in zip(_RINGS, kept.rings, strict=True):
            scatter(new, rows, slots, _begin(since[:, column], ring), rows[counts][slots], ring)
        shard.trails.take_back(chosen, kept.trails)
        self._asked.update((key, []) for key in keys)
        for asked in kept.asked:
            self._asked[asked[3]].append(asked)
        return chosen

    def _subjects(self, kept: Subjects) -> list[int]:
        shard = self._shard
        for key in kept.gone:
            if key in shard.subjects:
                shard.forget_subject(key)
        slots = shard.subjects.put(rows_of(kept.rows, lay.SUBJECT))
        shard.teams.update(zip(slots, kept.teams, strict=True))
        shard.finals.restore(kept.finals)
        return slots

    def _tellings(self, kept: Tellings) -> None:
        table = self._shard.tellings
        for key in kept.gone:
            if key in table:
                table.remove(key)
        table.put(rows_of(kept.rows, lay.TELLING))

    def _ident(self, who: Ident | int) -> Ident:
        return who if isinstance(who, Ident) else self._shard.lane_names[self._shard.lanes.get(who)]

    def _cells(self, parts: list[tuple[CellRows, list[Ident | int]]]) -> None:
        """Of each cell what was told last: all of it."""
        cells = self._shard.cells
        rows = np.concatenate([rows_of(kept.rows, lay.CELL) for kept, _ in parts])
        who = [self._ident(told[number]) for kept, told in parts for number in kept.idents]
        ids = [last_id for kept, _ in parts for last_id in kept.last_ids]
        last = sorted({key: n for n, key in enumerate(rows["key"].tolist())}.values())
        if not len(rows) == len(who) == len(ids):
            raise ValueError("cells are missing")
        rows["subject"] = self._shard.subjects.slots([ident.subject for ident in who])
        slots = cells.table.put(rows[last])
        cells.idents.update(zip(slots, map(who.__getitem__, last), strict=True))
        cells.last_ids.update((slot, ids[n]) for slot, n in zip(slots, last, strict=True) if ids[n])

    def _waiting(self, kept: Waiting, told: list[Ident | int]) -> None:
        shard = self._shard
        rows = rows_of(kept.rows, WAITING)
        rows["lane"], rows["subject"] = shard.lanes.slots(kept.lanes), shard.subjects.slots(kept.subjects)
        left = np.flatnonzero(rows["due"] > shard.watermark).tolist()  # the rest is judged
        ids, names = [kept.ids[i] for i in left], [kept.names[i] for i in left]
        idents = [self._ident(told[kept.idents[i]]) for i in left]
        rows = rows[left]
        told_of = zip(idents, rows["told"].tolist(), strict=True)
        rows["told"] = [shard.tellings.get(telling_key(ident)) if there else -1 for ident, there in told_of]
        shard.pool.put(rows, ids, names, idents)


def _name(slots: list[int], numbers: list[int], told: list[Ident | int], names: dict[int, Ident]) -> None:
    for slot, number in zip(slots, numbers, strict=True):
        if number != AS_TOLD:
            ident = told[number]
            if not isinstance(ident, Ident):
                raise ValueError("a name that is only told by another")
            names[slot] = ident
