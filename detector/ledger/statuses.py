"""A status goes to the record of its task, with what the task had cost by then."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.books import DAY_S, HOUR_S, Books
from detector.model.packed import STRONG
from detector.model.rollup import CHURNED, REVERTED, Party

LATE_S = 3600.0
"""A status this late corrects what was told before, and what the task had cost by then is known by the hour alone."""

Spent = Sequence[tuple[Sequence[Party], npt.NDArray[Any]]]
"""Parties, and rows of ROLL: the calls of the minute."""


def hear(books: Books, party: Party, row: Any, minute: int, spent: Spent) -> None:
    """Takes a row of OUTCOME, REVERTED or CHURNED that came in `minute`, in which this was spent."""
    t, delivers, common = float(row["t"]), int(row["deliverable"]), books.common
    common.statuses[party.tenant] = max(t, common.statuses.get(party.tenant, 0.0))
    common.newest_t = max(common.newest_t, t)
    if row["kind"] in (REVERTED, CHURNED):
        _take_back(books, row)
        return
    key = books.key_of(party.subject)
    slot, late_s, strength = books.places.get(key, -1), minute * 60.0 - t, int(row["strength"])
    spent_usd = 0.0 if slot < 0 else _spent_by(books, slot, t, float(row["usd"]), late_s, spent)
    if strength == STRONG:
        common.shipping_since[party.tenant] = min(t, common.shipping_since.get(party.tenant, t))
        slot = books.purse_of(party)
        books.minute_usd[slot] = float(row["usd"])
        books.purses.rows["turns"][slot] += row["turns"]
        books.purses.rows["heard"][slot] = max(float(books.purses.rows["heard"][slot]), t)
        books.purses.touch([slot])
    books.outcomes.status(key, t, strength, int(row["category"]), delivers, spent_usd)
    if strength == STRONG and late_s > LATE_S and int(t // DAY_S) < int(minute * 60.0 // DAY_S):
        books.correct(party.tenant, int(t // DAY_S), "status", spent_usd)


def _take_back(books: Books, row: Any) -> None:
    t, delivers = float(row["t"]), int(row["deliverable"])
    (slot,) = books.taken.add()
    told = books.taken.rows[slot]
    told["deliverable"], told["t"], told["churned"] = delivers, t, row["churned"]
    told["reverted"] = row["kind"] == REVERTED
    if told["reverted"]:
        books.outcomes.revert(delivers, t)
    else:
        books.outcomes.rewrite(delivers, float(row["churned"]), t)


def _spent_by(books: Books, slot: int, t: float, minute_usd: float, late_s: float, spent: Spent) -> float:
    """Billed dollars of a purse by `t` (s UTC), of which `minute_usd` were spent within the minute that is told."""
    purse, key = books.purses.rows[slot], int(books.purses.rows["key"][slot])
    if late_s > LATE_S:
        mine = books.cells.rows[books.cells_of_purse(slot)]
        return float(_billed(books, mine[mine["hour"] * HOUR_S <= t])["usd"].sum())
    of_runs = 0.0
    for parties, rows in spent:  # of runs that are still told of under their own names
        linked = [n for n, p in enumerate(parties) if p.subject in books.task_of and books.key_of(p.subject) == key]
        if linked:
            mine = rows[np.isin(rows["party"], linked) & (rows["t"] <= t)]
            of_runs += float((mine["usd"] - mine["notional_usd"]).sum())
    return float(purse["usd"]) + minute_usd + of_runs


def _billed(books: Books, cells: npt.NDArray[Any]) -> npt.NDArray[Any]:
    notional = [books.whos.beside[code].notional for code in cells["who"].tolist()]
    return cells[~np.array(notional, np.bool_)]
