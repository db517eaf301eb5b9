"""Time passes: hours of old days become one sum, and what is older than the days that are kept leaves."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.books import DAY_H, FULL, HOUR_S, HOURLY_DAYS, Books
from detector.ledger.flags import forget_minutes
from detector.ledger.pages import Slots
from detector.ledger.rows import COUNTS

_HOT_HOURS = 2
"""Hours whose cells are at hand; others are looked for when something comes late."""


def reach(books: Books, hour: int) -> None:
    """The hour (since 1970) has come."""
    common = books.common
    if hour <= common.hour:
        return
    day, before = hour // DAY_H, common.hour // DAY_H
    common.hour = hour
    forget_minutes(books)
    for old in [h for h in books.hot if h <= hour - _HOT_HOURS]:
        del books.hot[old]
    if day > before:
        compact(books, day)
        compact_redundant(books, day)
        expire(books)


def compact(books: Books, today: int) -> None:
    """Sums of the hours of days that are not kept by the hour any more become one for each purse and who."""
    last = today - HOURLY_DAYS - 1
    if last <= books.common.compacted:
        return
    live, cells = books.cells.slots(), books.cells.rows
    days = cells["hour"][live] // DAY_H
    mine = live[(days > books.common.compacted) & (days <= last)]
    books.common.compacted, books.hot = last, {}
    if not len(mine):
        return
    cells["hour"][mine] = cells["hour"][mine] // DAY_H * DAY_H
    _compact_runs(books, last)
    sum_up(books, mine)


def sum_up(books: Books, mine: Slots) -> None:
    """Of the cells at `mine` those of one purse, who and hour become one, as far as its sums have room."""
    cells = books.cells.rows
    mine, starts = _alike(cells, mine)
    sums = {name: np.add.reduceat(cells[name][mine].astype(np.int64), starts) for name in COUNTS}
    fits = np.logical_and.reduce([total <= FULL for total in sums.values()])
    first = mine[starts]
    for name, total in sums.items():
        cells[name][first[fits]] = total[fits]
    for name in ("usd", "flagged_usd"):
        cells[name][first[fits]] = np.add.reduceat(cells[name][mine], starts)[fits]
    others = np.ones(len(mine), np.bool_)
    others[starts] = False
    lengths = np.diff([*starts.tolist(), len(mine)])
    books.cells.touch(mine)
    gone = mine[others & np.repeat(fits, lengths)]
    slots = books.minutes.slots()
    books.minutes.remove(slots[np.isin(books.minutes.rows["cell"][slots], gone)].tolist())
    books.cells.remove(gone.tolist())


def _alike(rows: npt.NDArray[Any], slots: Slots) -> tuple[Slots, Slots]:
    """The slots (n), rows of the same purse, who and hour together; and where the first of each stands."""
    names = ("who", "purse", "hour")
    slots = slots[np.lexsort([rows[name][slots] for name in names])]
    differs = [np.diff(rows[name][slots].astype(np.int64)) != 0 for name in names]
    return slots, np.flatnonzero(np.concatenate([[True], np.logical_or.reduce(differs)]))


def compact_redundant(books: Books, today: int) -> None:
    """Redundant runs of days that are over become one row for each purse and who."""
    slots, rows = books.redundant.slots(), books.redundant.rows
    slots = slots[rows["hour"][slots] // DAY_H < today]
    if not len(slots):
        return
    rows["hour"][slots] = rows["hour"][slots] // DAY_H * DAY_H
    slots, starts = _alike(rows, slots)
    for name in ("runs", "usd"):
        rows[name][slots[starts]] = np.add.reduceat(rows[name][slots], starts)
    others = np.ones(len(slots), np.bool_)
    others[starts] = False
    books.redundant.touch(slots)
    books.redundant.remove(slots[others].tolist())


def _compact_runs(books: Books, last: int) -> None:
    """Of runs that went on up to the day `last` it is kept on which day they had called before."""
    slots, runs = books.resumed.slots(), books.resumed.rows
    mine = slots[runs["hour"][slots] // DAY_H <= last]
    for name in ("hour", "before"):
        runs[name][mine] = runs[name][mine] // DAY_H * DAY_H
    books.resumed.touch(mine)
    books.resumed.remove(mine[runs["hour"][mine] == runs["before"][mine]].tolist())


def expire(books: Books) -> None:
    """What is older than the days that are kept leaves."""
    first, t = books.first_hour, books.first_hour * HOUR_S
    live = books.cells.slots()
    books.cells.remove(live[books.cells.rows["hour"][live] < first].tolist())
    for pages in (books.resumed, books.redundant):
        runs = pages.slots()
        pages.remove(runs[pages.rows["hour"][runs] < first].tolist())
    purses = books.purses.slots()
    books.drop_purses(purses[books.purses.rows["heard"][purses] < t])
    for told in (books.links, books.taken):
        slots = told.slots()
        gone = slots[told.rows["t"][slots] < t].tolist()
        if told is books.links:
            for run in told.rows["run"][gone].tolist():
                del books.task_of[run]
        told.remove(gone)
    outcomes, common = books.outcomes, books.common
    for _, kept in books.purses.beside.items():
        if kept.folded and kept.record is not None:
            folded = kept.record.folded or {}
            kept.record.folded = {day: told for day, told in folded.items() if day >= first // DAY_H}
    outcomes.reverted = {k: told for k, told in outcomes.reverted.items() if told >= t}
    outcomes.churned = {k: told for k, told in outcomes.churned.items() if told[1] >= t}
    common.statuses = {k: told for k, told in common.statuses.items() if told >= t}
    common.shipping_since = {k: told for k, told in common.shipping_since.items() if k in common.statuses}
    common.corrections = [c for c in common.corrections if c.day >= first // DAY_H]
    _forget_names(books)


def _forget_names(books: Books) -> None:
    """Names of whom nothing is left."""
    used = np.zeros(len(books.whos.rows), np.bool_)
    for pages, name in (
        (books.cells, "who"),
        (books.resumed, "who"),
        (books.redundant, "who"),
        (books.purses, "tenant"),
    ):
        used[pages.rows[name][pages.slots()]] = True
    for code in [c for c in books.whos.beside if not used[c]]:
        if books.codes.get(who := books.whos.beside[code]) == code:  # two are the same once people are forgotten
            del books.codes[who]
        books.whos.remove([code])
