"""What became of each task, as arrays by purse: all records at once."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.ledger.books import Books
from detector.ledger.outcomes import MARK, Outcomes, Record, folded_within
from detector.ledger.pages import Slots
from detector.ledger.payers import Floats

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


DONE = np.dtype([("purse", "i8"), ("t", "f8"), ("usd", "f8")])
"""A task that was completed first at `t` (s UTC); what it had cost by its last outcome."""


class Results(NamedTuple):
    """What tasks achieved up to a time; the first five are by slot of their purse. USD, s UTC."""

    last_t: npt.NDArray[np.float64]  # of the last outcome that stands; not a number: there is none
    direct_usd: npt.NDArray[np.float64]  # what the task had cost by then
    undone: npt.NDArray[np.bool_]  # it had outcomes, and all of them were taken back or largely rewritten
    dropped: npt.NDArray[np.bool_]  # the newest strong status gave it up
    folded: npt.NDArray[np.bool_]  # it is many tasks, of which sums are known by day
    came: npt.NDArray[Any]  # rows of CAME
    done: npt.NDArray[Any]  # rows of DONE
    known: frozenset[str]  # tenants of whom it was ever told that something came undone


def results(books: Books, t: float, rewritten: float) -> Results:
    """What came of all tasks up to `t` (s UTC); largely rewritten is what was rewritten by this share.

    What an outcome is, Outcomes.within says; this says the same of all of them at once.
    """
    slots, tasks, folded = _records(books)
    n, purses = len(books.purses.rows), books.purses.rows
    reopened_t, dropped = np.zeros(n), np.zeros(n, np.bool_)
    reopened_t[slots] = [record.reopened_t for record in tasks]
    dropped[slots] = [record.dropped for record in tasks]
    marks = np.frombuffer(b"".join([record.marks for record in tasks]), MARK)
    of = np.repeat(slots, [len(record.marks) // MARK.itemsize for record in tasks])
    reverted_t, churned, churned_t = _taken_back(books.outcomes, marks["what"])
    told = np.isfinite(reverted_t) | np.isfinite(churned_t)
    known = np.unique(np.concatenate([purses["tenant"][of[told]], purses["tenant"][reopened_t > 0.0]]))

    rows = np.zeros(len(marks), CAME)
    rows["purse"], rows["t"], rows["usd"] = of, marks["t"], np.nan_to_num(marks["usd"])
    rows["reverted_t"], rows["churned"], rows["churned_t"] = reverted_t, churned, churned_t
    rows["stands"] = ~np.isfinite(reverted_t)
    delivered, delivers = marks["what"] != 0, np.zeros(n, np.bool_)
    delivers[of[delivered]] = True
    metered_t = purses["metered_t"][of]
    mine = (metered_t > 0.0) & (marks["t"] > metered_t) & (marks["t"] <= t)
    done = _first(rows[mine & ~delivered])
    shipped = rows[mine & delivered]
    undone = np.bincount(shipped["purse"], minlength=n) > 0
    lasting = shipped["stands"] & ~(shipped["churned"] >= rewritten)
    undone[shipped["purse"][lasting]] = False

    last = np.concatenate([shipped[shipped["stands"]], done])
    last = last[np.lexsort((last["usd"], last["t"]))]
    last_t, direct_usd = np.full(n, np.nan), np.full(n, np.nan)
    last_t[last["purse"]], direct_usd[last["purse"]] = last["t"], last["usd"].round(6)
    came = _in_order(np.concatenate([shipped, done[~delivers[done["purse"]]]]), reopened_t)
    ended = np.zeros(len(done), DONE)
    ended["purse"], ended["t"], ended["usd"] = done["purse"], done["t"], direct_usd[done["purse"]]

    more_came, more_done = _of_folded(books, folded, t)
    tenants = frozenset(books.whos.beside[code].tenant for code in known.tolist())
    together = np.zeros(n, np.bool_)
    together[folded] = True
    all_came, all_done = np.concatenate([came, more_came]), np.concatenate([ended, more_done])
    return Results(last_t, direct_usd, undone, dropped, together, all_came, all_done, tenants)


def _records(books: Books) -> tuple[Slots, list[Record], list[int]]:
    """Slots (n) of single tasks with a record, these, and slots of what is many tasks."""
    slots, records, folded = list[int](), list[Record](), list[int]()
    for slot, kept in books.purses.beside.items():
        if kept.folded:
            folded.append(slot)
        elif kept.record is not None:
            slots.append(slot)
            records.append(kept.record)
    return np.array(slots, np.int64), records, folded


def _taken_back(outcomes: Outcomes, what: npt.NDArray[np.uint64]) -> tuple[Floats, Floats, Floats]:
    """Of deliverables (n, hashes): when each was taken back, what share was rewritten and when that was told."""
    reverted_t, churned, churned_t = np.full(len(what), np.inf), np.full(len(what), np.nan), np.full(len(what), np.inf)
    told = np.array([*outcomes.reverted, *outcomes.churned], np.uint64)
    for n in np.flatnonzero(np.isin(what, told)).tolist():
        reverted_t[n] = outcomes.reverted.get(int(what[n]), np.inf)
        churned[n], churned_t[n] = outcomes.churned.get(int(what[n]), (np.nan, np.inf))
    return reverted_t, churned, churned_t


def _first(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of each purse the first row."""
    rows = rows[np.argsort(rows["t"], kind="stable")]
    return rows[np.unique(rows["purse"], return_index=True)[1]]


def _in_order(rows: npt.NDArray[Any], reopened_t: Floats) -> npt.NDArray[Any]:
    """Outcomes by purse and time: what each had cost since the one before, and whether the task was reopened then."""
    rows = rows[np.lexsort((rows["t"], rows["purse"]))]
    same = rows["purse"][1:] == rows["purse"][:-1]
    before, after_t = np.zeros(len(rows)), np.full(len(rows), np.inf)
    before[1:][same], after_t[:-1][same] = rows["usd"][:-1][same], rows["t"][1:][same]
    rows["usd"] = np.maximum(0.0, rows["usd"] - before)
    again_t = reopened_t[rows["purse"]]
    # A task that is taken up again undoes the newest outcome before.
    rows["reopened_t"] = np.where((rows["t"] < again_t) & (after_t >= again_t), again_t, np.inf)
    return rows


def _of_folded(books: Books, slots: list[int], ended_t: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Of what is many tasks outcomes and completions are known by the day; each is taken to have cost the same."""
    came, done = list[tuple[Any, ...]](), list[tuple[int, float, float]]()
    never = np.inf, np.inf, np.nan, np.inf
    for slot in slots:
        record = books.purses.beside[slot].record
        for t, outcomes, completed, usd in folded_within(record, -np.inf, ended_t) if record is not None else ():
            came += [(slot, t, usd / max(1, outcomes), True, *never)] * outcomes
            done += [(slot, t, usd / max(1, completed))] * completed
    return np.array(came, CAME), np.array(done, DONE)
