"""Observations that wait until the watermark has passed them, so that they are judged in the order of event time."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.model import packed as pk
from detector.model.packed import MAX_WAITS, ROW, Columns, Ident
from detector.state.compact import raw
from detector.state.table import doubled

WAITING = np.dtype(
    [
        *((name, ROW[name]) for name in ROW.names or ()),
        ("lane", "i4"),  # slots; -1 where the row has none
        ("subject", "i4"),
        ("cell", "u8"),  # key of the sums it belongs to
        ("cell_slot", "i4"),  # set when it is judged
        ("segment", "i4"),
        ("told", "i4"),  # slot of who tells of its run; -1 where that does not matter
        ("rank", "u1"),  # of its source in `identity.meters`, from 1 on; 0: none of these
        ("due", "f8"),  # it is judged once the watermark has reached this, s UTC
        ("words", "u8", (16,)),  # sketch of the action, else of the output
        ("level", "u1"),
        ("waiting", "u1"),
        ("kept", "u1"),  # a checkpoint holds it
        ("wait_key", "u8", (MAX_WAITS,)),
        ("wait_tool", "u8", (MAX_WAITS,)),
    ]
)


class Pool:
    """Rows of WAITING with ids, tool names and identities; bounded by `watch.max_waiting`."""

    def __init__(self) -> None:
        self.rows: npt.NDArray[Any] = np.zeros(256, WAITING)
        self.ids: list[str] = []
        self.names: list[str] = []
        self.idents: list[Ident] = []
        self._taken = 0

    def __len__(self) -> int:
        return len(self.ids) - self._taken

    def add(self, columns: Columns, keep: npt.NDArray[np.intp], slots: dict[str, npt.NDArray[Any]]) -> None:
        """Adds the rows at `keep`; `slots` has the further columns: lane, subject, cell, segment, due; and where
        sources have ranks, rank and told."""
        n, k = len(self.ids), len(keep)
        while n + k > len(self.rows):
            self.rows = doubled(self.rows)
        new = self.rows[n : n + k]
        rows = columns.rows[keep]
        raw(new)[:, : ROW.itemsize] = raw(rows)  # the columns of ROW are the first of WAITING
        new["flags"] |= np.where(slots["due"] > rows["t"], pk.LATE, 0).astype(np.uint32)
        for name, values in slots.items():
            new[name] = values
        which = rows["sketch"]
        known = which >= 0
        new["words"][known] = columns.words[which[known]]
        new["level"][known] = columns.levels[which[known]]
        new["words"][~known] = 0
        new["waiting"] = new["kept"] = 0
        if "rank" not in slots:
            new["rank"], new["told"] = 0, -1
        if len(columns.waits):
            self._add_waits(columns, keep, new)
        chosen = keep.tolist()
        self.ids += [columns.ids[i] for i in chosen]
        self.names += [columns.names[i] for i in chosen]
        self.idents += [columns.idents[i] for i in rows["ident"].tolist()]

    def put(self, rows: npt.NDArray[Any], ids: list[str], names: list[str], idents: list[Ident]) -> None:
        """Adds rows as they were encoded."""
        n, k = len(self.ids), len(rows)
        while n + k > len(self.rows):
            self.rows = doubled(self.rows)
        self.rows[n : n + k] = rows
        self.ids += ids
        self.names += names
        self.idents += idents

    @staticmethod
    def _add_waits(columns: Columns, keep: npt.NDArray[np.intp], new: npt.NDArray[Any]) -> None:
        place = {int(row): i for i, row in enumerate(keep)}
        for row, key, tool in columns.waits.tolist():
            i = place.get(row)
            if i is not None and new["waiting"][i] < MAX_WAITS:
                j = new["waiting"][i]
                new["wait_key"][i, j], new["wait_tool"][i, j] = key, tool
                new["waiting"][i] = j + 1

    def waiting_of(self, ids: npt.NDArray[np.uint64]) -> dict[int, int]:
        """Where the rows of these ids are that still wait."""
        live = self.rows[: len(self.ids)]
        found = np.flatnonzero((live["due"] != np.inf) & np.isin(live["id"], ids))
        return dict(zip(live["id"][found].tolist(), found.tolist(), strict=True))

    def keep_newest(self) -> None:
        """Of an observation that was told twice by checkpoints the later one holds."""
        live = self.rows[: len(self.ids)]
        order = np.lexsort([np.arange(len(live)), live["seq"], live["source"]])
        same = (np.diff(live["source"][order]) == 0) & (np.diff(live["seq"][order]) == 0)
        self.take(order[:-1][same])

    def due(self, watermark: float) -> npt.NDArray[np.int64]:
        """Indices of the rows that the watermark has reached, in order: time, then statuses last, then source."""
        live = self.rows[: len(self.ids)]
        return self._in_order(np.flatnonzero(live["due"] <= watermark))

    def _in_order(self, which: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if len(which) > 1:
            rows = self.rows
            which = which[np.lexsort([rows[name][which] for name in ("seq", "source", "kind", "t")])]
        return which

    def due_beyond(self, most: int) -> float:
        """The watermark (s UTC) from which at most so many rows wait; 0 where there are no more than that."""
        over = len(self) - most
        if over <= 0:
            return 0.0
        due = self.rows["due"][: len(self.ids)]
        return float(np.partition(due, over - 1)[over - 1])

    def take(self, done: npt.NDArray[np.int64]) -> None:
        """Forgets rows that were judged."""
        if not len(done):
            return
        self.rows["due"][done] = np.inf
        self._taken += len(done)
        if self._taken * 2 >= len(self.ids):
            keep = np.flatnonzero(self.rows["due"][: len(self.ids)] != np.inf)
            self.rows[: len(keep)] = self.rows[keep]
            chosen = keep.tolist()
            self.ids = [self.ids[i] for i in chosen]
            self.names = [self.names[i] for i in chosen]
            self.idents = [self.idents[i] for i in chosen]
            self._taken = 0

    def waiting(self, segment: int, everything: bool = True) -> npt.NDArray[np.int64]:
        """Indices of the rows of a segment that still wait, in the order of judging; all, or those not kept yet."""
        live = self.rows[: len(self.ids)]
        chosen = (live["due"] != np.inf) & (live["segment"] == segment)
        return self._in_order(np.flatnonzero(chosen if everything else chosen & (live["kept"] == 0)))

    def segments_changed(self) -> set[int]:
        """Numbers of the segments with rows that no checkpoint holds yet."""
        live = self.rows[: len(self.ids)]
        return set(np.unique(live["segment"][(live["due"] != np.inf) & (live["kept"] == 0)]).tolist())

    def clean(self) -> None:
        """A checkpoint holds all rows."""
        self.rows["kept"][: len(self.ids)] = 1

    def waiting_for(self, name: str) -> set[int]:
        """Slots of the lanes or subjects (`name`: the column) of the rows that still wait."""
        live = self.rows[: len(self.ids)]
        slots: list[int] = np.unique(live[name][live["due"] != np.inf]).tolist()
        return set(slots)
