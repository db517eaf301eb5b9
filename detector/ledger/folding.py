"""Beyond the bound the tasks that were unheard for the longest are kept together: sums stay, names go.

Of each team there are three such purses: of runs without a task, of tasks that shipped, and of others.
"""

import math

import numpy as np

from detector.enrich.identity import hash64
from detector.fairness import giving_way
from detector.ledger.books import DAY_S, Books
from detector.ledger.outcomes import Record
from detector.ledger.pages import Slots
from detector.ledger.upkeep import sum_up

_SHARE = 20
"""A twentieth of all leaves at once, so that it seldom has to be done."""
OTHERS = "other tasks"


def make_room(books: Books, most: int) -> None:
    """Keeps at most so many purses, those of which it was heard last; of the tenants with most more leave."""
    excess = len(books.purses) - most
    if excess <= 0:
        return
    slots = books.purses.slots()
    slots = slots[np.array([not books.purses.beside[slot].folded for slot in slots.tolist()], np.bool_)]
    rows = books.purses.rows
    slots = slots[np.lexsort([rows["key"][slots], rows["heard"][slots]])]
    tenants = [books.tenant_of(slot) for slot in slots.tolist()]
    _fold(books, slots[giving_way(tenants, min(len(slots), excess + most // _SHARE))])


def _fold(books: Books, gone: Slots) -> None:
    teams = _teams(books, gone)
    to = np.arange(len(books.purses.rows))
    for slot in gone.tolist():
        if slot in teams:
            to[slot] = _join(books, slot, teams[slot])
    to = np.concatenate([to, np.arange(len(to), len(books.purses.rows))])  # there may be more of them now
    for pages in (books.cells, books.resumed, books.redundant):
        slots = pages.slots()
        mine = slots[to[pages.rows["purse"][slots]] != pages.rows["purse"][slots]]
        pages.rows["purse"][mine] = to[pages.rows["purse"][mine]]
        pages.touch(mine)
        if pages is books.cells and len(mine):
            books.hot = {}
            targets = np.unique(pages.rows["purse"][mine])
            sum_up(books, slots[np.isin(pages.rows["purse"][slots], targets)])
    books.drop_purses(gone)
    books.common.folded += len(gone)


def _teams(books: Books, purses: Slots) -> dict[int, str | None]:
    """By purse the team that spent most on it; of equals the first by name. Purses without cells have none."""
    cells = books.cells.live()
    cells = cells[np.isin(cells["purse"], purses)]
    spent: dict[int, dict[str | None, float]] = {}
    for purse, code, usd in zip(cells["purse"].tolist(), cells["who"].tolist(), cells["usd"].tolist(), strict=True):
        who = books.whos.beside[code]
        of = spent.setdefault(purse, {})
        of[who.team] = of.get(who.team, 0.0) + (0.0 if who.notional else usd)
    return {
        purse: min(of.items(), key=lambda told: (-told[1], told[0] is None, told[0] or ""))[0]
        for purse, of in spent.items()
    }


def _join(books: Books, slot: int, team: str | None) -> int:
    """Adds a purse, but for its cells, to that of its kind; returns the slot of that."""
    row, tenant = books.purses.rows[slot].copy(), books.tenant_of(slot)
    metered_t = float(row["metered_t"]) or math.inf
    achieved = books.outcomes.within(int(row["key"]), metered_t, -math.inf, math.inf)
    kind = "unclaimed" if not row["has_task"] else "open" if achieved is None else "shipped"
    key = hash64(tenant, team, "folded", kind)
    target = books.places.get(key, -1)
    if target < 0:
        target = books.make_purse(key, tenant, OTHERS if row["has_task"] else None)
    record = books.outcomes.records.setdefault(key, Record(folded={}))
    if achieved is not None:
        spent_usd = books.outcomes.records[int(row["key"])].spent_usd.get(achieved.last_t, 0.0)
        for t in achieved.outcomes:
            _tell(record, t, 1, 0, 0.0)
        for t in achieved.completed:
            _tell(record, t, 0, 1, 0.0)
        _tell(record, achieved.last_t, 0, 0, spent_usd)
    books.pour(row, target)
    return target


def _tell(record: Record, t: float, outcomes: int, completed: int, usd: float) -> None:
    day, folded = int(t // DAY_S), record.folded or {}
    known = folded.get(day, (0, 0, 0.0))
    folded[day] = known[0] + outcomes, known[1] + completed, known[2] + usd
    record.folded = folded
