"""A run turns out to work on a task: what it has spent, and what was told of it, is the task's."""

import numpy as np

from detector.ledger.books import DAY_H, HOUR_S, Books
from detector.model.rollup import Party

MAX_LINKS = 200_000
"""Links that are remembered, for calls that come behind them; the oldest leave."""


def claim(books: Books, run: Party, task: Party, t: float) -> None:
    """What a run has spent moves to a task, as does what still comes; told at `t` (s UTC)."""
    name = task.task or ""
    known = books.task_of.get(run.subject)
    if run.subject == task.subject or known == (task.subject, name):
        return
    if known is None:
        (slot,) = books.links.add()
        _make_room(books)
    else:  # it is told of another task from now on
        slots = books.links.slots()
        slot = int(slots[books.links.rows["run"][slots] == run.subject][0])
        books.links.touch([slot])
    books.links.rows[slot], books.links.beside[slot] = (run.subject, task.subject, t), name
    books.task_of[run.subject] = task.subject, name
    source = books.places.get(run.subject, -1)
    if source < 0:
        return
    target = books.places.get(task.subject, -1)
    target = target if target >= 0 else books.make_purse(task.subject, task.tenant, task.task)
    _merge(books, source, target)


def _make_room(books: Books) -> None:
    if len(books.links) > MAX_LINKS:
        slots, rows = books.links.slots(), books.links.rows
        slots = slots[rows["t"][slots] > 0.0]  # the newest is not filled in yet
        gone = slots[np.argsort(rows["t"][slots], kind="stable")[: MAX_LINKS // 10]]
        for run in rows["run"][gone].tolist():
            del books.task_of[run]
        books.links.remove(gone.tolist())


def _merge(books: Books, source: int, target: int) -> None:
    """Moves all that is in one purse to another."""
    cells, mine = books.cells.rows, books.cells_of_purse(source)
    a, key = books.purses.rows[source].copy(), int(books.purses.rows["key"][target])

    def spent_by(t: float) -> float:
        """By the run: all, where it had ended; else in the hours that had begun."""
        begun = mine if a["heard"] <= t else mine[cells["hour"][mine] * HOUR_S < t]
        return float(cells["usd"][begun].sum()) if a["first_t"] <= t else 0.0

    record = books.outcomes.records.get(key)
    if record is not None:
        record.spend_more(spent_by)
    books.outcomes.join(int(a["key"]), key)
    for slot in mine.tolist():
        books.hot.get(int(cells["hour"][slot]), {}).pop(source << 32 | int(cells["who"][slot]), None)
    cells["purse"][mine] = target
    books.cells.touch(mine)
    for pages in (books.resumed, books.redundant):
        runs = pages.slots()
        runs = runs[pages.rows["purse"][runs] == source]
        pages.rows["purse"][runs] = target
        pages.touch(runs)
    days = cells["hour"][mine] // DAY_H
    for day in np.unique(days[days < books.common.hour // DAY_H]).tolist():
        books.correct(books.tenant_of(target), int(day), "link", float(cells["usd"][mine[days == day]].sum()))
    books.pour(a, target)
    books.drop_purses(np.array([source]))
