"""When tasks achieved something, as columns: what `ledger.outcomes` says of each, over the widest of some windows."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.window import Window
from detector.ledger.books import Books
from detector.ledger.outcomes import MARK, folded_within

CAME = np.dtype([("purse", "i8"), ("t", "f8"), ("usd", "f8")])
"""Something came of the task at `purse`, at `t` (s UTC), when it had cost `usd` in all."""
_AT_ONCE = 5_000
"""Tasks that are asked about in one step, about 60 ms."""

Rows = npt.NDArray[Any]


class Events:
    """What came of the tasks that are `relevant` (by slot of their purse), as rows of CAME.

    An outcome within a window is one within the widest that lies in it. `moved_t`: by slot when the newest strong
    status came, 0 where none did; `is_closed`: whether it is completed, or was given up. `is_folded`: by slot, whether
    a purse is of many tasks that are kept as one; of their direct dollars `folded` tells when they came.
    """

    def __init__(self, books: Books, purses: Rows, relevant: npt.NDArray[np.bool_], windows: Iterable[Window]) -> None:
        self._books, self._purses = books, purses
        self._slots = np.flatnonzero(relevant).tolist()
        every = list(windows)
        self._widest = Window(min(w.began_t for w in every), max(w.ended_t for w in every))
        self.outcomes, self.completed, self.reverted, self.folded = np.zeros((4, 0), CAME)
        self.is_folded, self.is_closed = np.zeros((2, len(purses)), np.bool_)
        self.moved_t = np.zeros(len(purses))
        self._shipped = np.zeros(0, CAME)

    def gather(self) -> Iterator[None]:
        """Asks about all of them, in steps."""
        told = [list[tuple[int, float, float]]() for _ in range(5)]
        for first in range(0, len(self._slots), _AT_ONCE):
            self._ask(self._slots[first : first + _AT_ONCE], told)
            yield
        yield from self._ask_taken_back(told[3])
        came = (np.array(rows, CAME) for rows in told)
        self.outcomes, self.completed, self._shipped, self.reverted, self.folded = came

    def _ask(self, slots: list[int], told: list[list[tuple[int, float, float]]]) -> None:
        books, window = self._books, self._widest
        outcomes, completed, shipped, _, folded = told
        keys, metered = self._purses["key"][slots].tolist(), self._purses["metered_t"][slots].tolist()
        for slot, key, metered_t in zip(slots, keys, metered, strict=True):
            if books.places.get(key, -1) != slot:
                continue
            kept = books.purses.beside[slot]
            self.is_folded[slot], record = kept.folded, kept.record
            if record is None:
                continue
            self.moved_t[slot], spent_usd = record.moved_t, record.spent_usd
            folded.extend((slot, t, usd) for t, _, _, usd in folded_within(record, *window))
            found = books.outcomes.within(key, metered_t if metered_t > 0.0 else np.inf, *window)
            if found is not None:
                outcomes.extend((slot, t, spent_usd.get(t, 0.0)) for t in found.outcomes)
                completed.extend((slot, t, spent_usd.get(t, 0.0)) for t in found.completed)
            self.is_closed[slot] = record.closed
            shipped.extend((slot, t, 0.0) for t in (*record.completed[:1], *record.deliverables.values()))

    def _ask_taken_back(self, told: list[tuple[int, float, float]]) -> Iterator[None]:
        """Whose deliverables were taken back within the widest window: the task may be older than that."""
        books, began_t = self._books, self._widest.began_t
        taken = {delivers: t for delivers, t in books.outcomes.reverted.items() if t > began_t}
        if not taken:
            return
        records = [(slot, kept.record.marks) for slot, kept in books.purses.beside.items() if kept.record is not None]
        yield
        marks = np.frombuffer(b"".join(packed for _, packed in records), MARK)
        counts = np.array([len(packed) // MARK.itemsize for _, packed in records], np.int64)
        slots = np.repeat(np.array([slot for slot, _ in records], np.int64), counts)
        mine = np.isin(marks["what"], np.array(list(taken), np.uint64)) & (slots < len(self._purses))
        marks, slots = marks[mine], slots[mine]
        metered_t = self._purses["metered_t"][slots]
        after = (metered_t > 0.0) & (marks["t"] > metered_t) & self._purses_are_as_they_were(slots)
        for slot, (what, _, usd) in zip(slots[after].tolist(), marks[after].tolist(), strict=True):
            told.append((slot, taken[what], 0.0 if math.isnan(usd) else usd))
        yield

    def _purses_are_as_they_were(self, slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        same: npt.NDArray[np.bool_] = self._books.purses.rows["key"][slots] == self._purses["key"][slots]
        return same

    def without_ai(self, window: Window, achieved: npt.NDArray[np.bool_]) -> dict[str, int]:
        """By tenant the tasks that shipped within a window, and not with AI (`achieved`: by slot of the purse)."""
        shipped = self._shipped[window.holds(self._shipped["t"])]
        slots = np.unique(shipped["purse"][~achieved[shipped["purse"]]])
        codes = Counter(self._purses["tenant"][slots].tolist())
        whos = self._books.whos.beside
        return {whos[code].tenant: n for code, n in codes.items() if code in whos}
