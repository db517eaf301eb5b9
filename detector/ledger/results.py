"""What became of each task, as arrays by purse: one walk over the records."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.ledger.books import Books
from detector.ledger.outcomes import Outcomes, Record, folded_within

CAME = np.dtype(
    [
        ("purse", "i8"),  # slot
        ("t", "f8"),  # s UTC
        ("usd", "f8"),  # what the task had cost by then, since the one before
        ("stands", "?"),  # it was not taken back
        ("reverted_t", "f8"),  # when it was taken back; infinite: never, as of the others
        ("reopened_t", "f8"),  # when the task was taken up again after it
        ("churned", "f8"),  # share that was rewritten since, and when that was told; not a number: nobody tells
        ("churned_t", "f8"),
    ]
)
"""An outcome, whether it stands or came undone."""


_Came = tuple[int, float, float, bool, float, float, float, float]
_NEVER = math.inf
_UNTOLD = math.nan, _NEVER


class Results(NamedTuple):
    """What tasks achieved up to a time; the first five by slot of their purse. USD, s UTC."""

    completed_t: npt.NDArray[np.float64]  # first; not a number: never, as for those below
    last_t: npt.NDArray[np.float64]  # of the last outcome that stands
    direct_usd: npt.NDArray[np.float64]  # what the task had cost by then
    undone: npt.NDArray[np.bool_]  # it had outcomes, and all of them were taken back or largely rewritten
    dropped: npt.NDArray[np.bool_]  # the newest strong status gave it up
    came: npt.NDArray[Any]  # rows of CAME
    known: frozenset[str]  # tenants of whom it was ever told that something came undone


def results(books: Books, t: float, rewritten: float) -> Results:
    """What came of all tasks up to `t` (s UTC); largely rewritten is what was rewritten by this share."""
    outcomes, metered = books.outcomes, books.purses.rows["metered_t"].tolist()
    n = len(metered)
    completed_t, last_t, direct_usd = (np.full(n, np.nan) for _ in range(3))
    undone, dropped = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    came: list[_Came] = []
    known: set[str] = set()
    for key, record in outcomes.records.items():
        slot = books.places[key]
        touched = any(d in outcomes.reverted or d in outcomes.churned for d in record.deliverables)
        if touched or record.reopened_t:
            known.add(books.tenant_of(slot))
        dropped[slot] = record.dropped
        if record.folded:
            came += _of_folded(record, slot, t)
            continue
        if not metered[slot] or not (record.completed or record.deliverables):
            continue
        came += _came(outcomes, record, slot, metered[slot], t)
        undone[slot] = touched and _all_undone(outcomes, record, metered[slot], rewritten)
        found = outcomes.within(key, metered[slot], -math.inf, t)
        if found is not None:
            last_t[slot] = newest_t = found.last_t
            direct_usd[slot] = round(record.spent_usd.get(newest_t, 0.0), 6)
            completed_t[slot] = min(found.completed, default=math.nan)
    return Results(completed_t, last_t, direct_usd, undone, dropped, np.array(came, CAME), frozenset(known))


def _came(outcomes: Outcomes, record: Record, slot: int, metered_t: float, ended_t: float) -> list[_Came]:
    """Rows of CAME: a task's deliverables in their order, or that it was completed without any."""
    if record.deliverables:
        told = [(t, d) for d, t in record.deliverables.items() if metered_t < t <= ended_t]
        told.sort()
    else:
        told = [(t, 0) for t in record.completed if metered_t < t <= ended_t][:1]
    rows, before, reopened_t = list[_Came](), 0.0, record.reopened_t
    for n, (t, delivers) in enumerate(told, 1):
        usd = record.spent_usd.get(t, 0.0)
        # A task that is taken up again undoes the newest outcome before.
        newest = t < reopened_t and (n == len(told) or told[n][0] >= reopened_t)
        reverted_t, churned = outcomes.reverted.get(delivers, _NEVER), outcomes.churned.get(delivers, _UNTOLD)
        told_t = reopened_t if newest else _NEVER
        rows.append((slot, t, max(0.0, usd - before), reverted_t == _NEVER, reverted_t, told_t, *churned))
        before = max(before, usd)
    return rows


def _of_folded(record: Record, slot: int, ended_t: float) -> Iterator[_Came]:
    """Of many tasks that are kept as one: by the day, and taken as what stands."""
    for t, outcomes, _, usd in folded_within(record, -math.inf, ended_t):
        for _ in range(outcomes):
            yield slot, t, usd / outcomes, True, _NEVER, _NEVER, *_UNTOLD


def _all_undone(outcomes: Outcomes, record: Record, metered_t: float, rewritten: float) -> bool:
    mine = [d for d, t in record.deliverables.items() if t > metered_t]
    return bool(mine) and all(
        d in outcomes.reverted or outcomes.churned.get(d, (0.0, 0.0))[0] >= rewritten for d in mine
    )
