"""What boards are reckoned from: the cells of tasks that were heard of lately, in columns."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.books import HOUR_S, Books
from detector.ledger.names import EXPERIMENT, Who

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[Any]

WITHIN_S = 1e-3
"""A sum counts in a window from the instant on at which its hour or day begins."""


class Table:
    """The cells of tasks that were heard of since `began_t` (s UTC), as they are now, and whose they are."""

    def __init__(self, books: Books, began_t: float) -> None:
        known = dict(books.whos.beside.items())
        self.whos = [known.get(code, Who("")) for code in range(1 + max(known, default=-1))]
        self.names = sorted({(w.tenant, w.team) for w in self.whos}, key=_by_name)
        place = {name: n for n, name in enumerate(self.names)}
        self.team_of = np.array([place[w.tenant, w.team] for w in self.whos], np.int64)
        self.learns = np.array([w.task_type == EXPERIMENT for w in self.whos], np.bool_)
        self.notional = np.array([w.notional for w in self.whos], np.bool_)
        self.purses = books.purses.rows.copy()
        self.relevant = books.purses.used & (self.purses["heard"] > began_t)
        slots = books.cells.slots()
        self.cells = books.cells.rows[slots[self.relevant[books.cells.rows["purse"][slots]]]]
        self.t: Floats = self.cells["hour"] * HOUR_S + WITHIN_S
        self.purse = self.cells["purse"].astype(np.int64)
        self.team = self.team_of[self.cells["who"]]
        notional = self.notional[self.cells["who"]]
        self.usd = np.where(notional, 0.0, self.cells["usd"])
        self.notional_usd = np.where(notional, self.cells["usd"], 0.0)
        self.resumed = books.resumed.live()
        self.owner = np.full(len(self.purses), -1)

    def find_owners(self) -> None:
        """The team of each task: the one that spent most on it, of equals the first by name."""
        purse, team, _ = most_of_each(self.purse, self.team, self.usd, len(self.names))
        self.owner[purse] = team


def sums_by(code: Ints, values: Rows, codes: int) -> Floats:
    """The sums of `values` (n) by code (n), of so many codes."""
    sums: Floats = np.bincount(code, values, codes).astype(np.float64, copy=False)
    return sums


def most_of_each(of: Ints, code: Ints, usd: Floats, codes: int) -> tuple[Ints, Ints, Floats]:
    """Of each of `of` (n) the code on which most dollars fall, of equals the lowest; and these dollars."""
    pairs, place = np.unique(of * codes + code, return_inverse=True)
    sums, of, code = sums_by(place, usd, len(pairs)), pairs // codes, pairs % codes
    order = np.lexsort((code, -sums, of))
    first = order[np.flatnonzero(np.diff(of[order], prepend=-1))]
    return of[first], code[first], sums[first]


def _by_name(name: tuple[str, str | None]) -> tuple[str, bool, str]:
    tenant, team = name
    return tenant, team is None, team or ""
