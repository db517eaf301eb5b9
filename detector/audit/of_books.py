"""An audit's source where portfolio has kept books: figures are exact to the hour, and beyond 8 days to the day."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.source import RUNS, SUM, Floats
from detector.audit.window import Window
from detector.ledger.books import HOUR_S, Books
from detector.ledger.names import Subject, Who
from detector.ledger.outcomes import Outcomes, folded_within

_WITHIN_S = 1e-3
"""A sum counts in a window from the instant on at which its hour or day begins."""


class BooksSource:
    """The books of one partition, of one tenant where it is told; codes are theirs."""

    def __init__(self, books: Books, tenant: str | None = None) -> None:
        self._books, self.outcomes = books, books.outcomes
        names, end = books.whos.beside, 1 + max(books.whos.beside, default=-1)
        self.whos = [names[code] if code in names else Who("") for code in range(end)]
        slots = books.purses.slots()
        if tenant is not None:
            slots = slots[np.array([books.tenant_of(slot) == tenant for slot in slots.tolist()], np.bool_)]
        self._number = np.zeros(len(books.purses.rows), np.int64)
        self._number[slots] = np.arange(len(slots))
        self._slots, keys = slots, books.purses.rows["key"]
        self.subjects = [
            Subject(int(keys[slot]), books.tenant_of(slot), books.purses.beside[slot].task) for slot in slots.tolist()
        ]
        self._notional = np.array([who.notional for who in self.whos], np.bool_)
        self._cells, self._resumed = books.cells.live(), books.resumed.live()
        if tenant is not None:
            self._cells, self._resumed = (r[np.isin(r["purse"], slots)] for r in (self._cells, self._resumed))
            self.outcomes = self._of(slots)

    def _of(self, slots: npt.NDArray[np.int64]) -> Outcomes:
        """What became of these purses alone."""
        books = self._books
        keys, records = books.purses.rows["key"], [(slot, books.purses.beside[slot].record) for slot in slots.tolist()]
        outcomes = Outcomes({int(keys[slot]): record for slot, record in records if record is not None})
        outcomes.reverted, outcomes.any_status = books.outcomes.reverted, books.outcomes.any_status
        return outcomes

    def sums(self) -> Iterator[npt.NDArray[Any]]:
        """See Source."""
        cells, out = self._cells, np.zeros(len(self._cells), SUM)
        notional = self._notional[cells["who"]]
        out["t"], out["who"] = self._began(cells), cells["who"]
        out["subject"] = self._number[cells["purse"]]
        metered_t = self._books.purses.rows["metered_t"][cells["purse"]]
        out["metered_t"] = np.where(metered_t > 0.0, metered_t, np.inf)
        for name in ("calls", "unpriced", "unmetered", "flagged_usd"):
            out[name] = cells[name]
        out["usd"] = np.where(notional, 0.0, cells["usd"])
        out["notional_usd"] = np.where(notional, cells["usd"], 0.0)
        yield out

    @staticmethod
    def _began(cells: npt.NDArray[Any]) -> Floats:
        t: Floats = cells["hour"] * HOUR_S + _WITHIN_S
        return t

    def runs(self, window: Window) -> npt.NDArray[Any]:
        """See Source."""
        cells = self._cells[(self._cells["runs"] > 0) & window.holds(self._began(self._cells))]
        went_on = self._resumed
        # One that called before within the window is counted there.
        now, before = (went_on[name] * HOUR_S + _WITHIN_S for name in ("hour", "before"))
        went_on = went_on[window.holds(now) & ~window.holds(before)]
        out = np.zeros(len(cells) + len(went_on), RUNS)
        out["run"] = np.arange(len(out))
        out["who"] = np.concatenate([cells["who"], went_on["who"]])
        out["runs"] = np.concatenate([cells["runs"], np.ones(len(went_on), np.int64)])
        out["subject"] = self._number[np.concatenate([cells["purse"], went_on["purse"]])]
        return out

    def spent_by(self, t: Floats) -> Floats:
        """See Source."""
        total = np.zeros(len(self.subjects))
        for n in np.flatnonzero(t > -np.inf).tolist():
            total[n] = self.outcomes.records[self.subjects[n].key].spent_usd.get(float(t[n]), np.nan)
        return total

    def direct_usd(self, last_t: Floats, window: Window, asked: npt.NDArray[np.bool_]) -> float:
        """See Source. What a task had spent by a status is known of all its teams together, and shared out."""
        cells = self._cells[~self._notional[self._cells["who"]]]
        within, purse = window.holds(self._began(cells)), self._number[cells["purse"]]
        after = cells["hour"] * HOUR_S + _WITHIN_S > window.began_t
        count = len(self._slots)
        spent = np.bincount(purse[within], cells["usd"][within], count)
        mine = within & asked[cells["who"]]
        of_asked = np.bincount(purse[mine], cells["usd"][mine], count)
        before = self._books.purses.rows["usd"][self._slots] - np.bincount(purse[after], cells["usd"][after], count)
        total = 0.0
        for n in np.flatnonzero(last_t > -np.inf).tolist():
            record = self.outcomes.records[self.subjects[n].key]
            if record.folded:
                told = sum(usd for *_, usd in folded_within(record, *window))
                total += min(told, spent[n]) if of_asked[n] > 0.0 else 0.0
                continue
            usd = min(max(0.0, record.spent_usd.get(float(last_t[n]), 0.0) - before[n]), spent[n])
            total += usd * of_asked[n] / spent[n] if spent[n] > 0.0 else 0.0
        return float(total)
