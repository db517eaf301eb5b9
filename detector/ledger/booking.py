"""A minute's rollups go into the books: links first, then statuses, which know what was spent before, then dollars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.books import HOUR_S, Books, who_of
from detector.ledger.claims import claim
from detector.ledger.flags import MAX_MINUTES, flag, forget_minutes
from detector.ledger.statuses import hear
from detector.model.rollup import CHURNED, CLAIMED, OLD, OUTCOME, REDUNDANT, RESUMED, REVERTED, SPENT, Opened, Party


def book(books: Books, minute: int, told: Sequence[Opened]) -> None:
    """Books what all sources say of a minute, which `upkeep.reach` has been told of; minutes come in their order."""
    books.minute_usd = {}
    if len(books.minutes) > 1.25 * MAX_MINUTES:
        forget_minutes(books)
    for _, parties, _, rows in told:
        for row in rows[rows["kind"] == CLAIMED]:
            claim(books, parties[row["party"]], parties[row["other"]], float(row["t"]))
    spent = [(o.parties, o.rows[(o.rows["calls"] > 0) & _of_calls(o.rows)]) for o in told]
    for _, parties, _, rows in told:
        for row in rows[np.isin(rows["kind"], (OUTCOME, REVERTED, CHURNED))]:
            hear(books, parties[row["party"]], row, minute, spent)
    for parties, rows in spent:
        if len(rows):
            _spend(books, minute, parties, rows)
    for _, parties, _, rows in told:
        _resume(books, parties, rows[rows["kind"] == RESUMED])
        _sum_redundant(books, parties, rows[rows["kind"] == REDUNDANT])
        flagged = rows[_of_calls(rows) & (rows["flagged_usd"] > 0.0)]
        if len(flagged):
            flag(books, parties, flagged)


def _of_calls(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.isin(rows["kind"], (SPENT, OLD))


def _spend(books: Books, minute: int, parties: Sequence[Party], rows: npt.NDArray[Any]) -> None:
    party = rows["party"].tolist()
    numbers = list(dict.fromkeys(party))
    purses = books.purses_of([parties[p] for p in numbers])
    places = {p: (purse, books.code_of(who_of(parties[p]))) for p, purse in zip(numbers, purses, strict=True)}
    purse, who = np.array([places[p] for p in party], np.int64).T
    notional_usd, hour = rows["notional_usd"], books.bucket(_hours(books, rows["first_t"]))
    usd = rows["usd"] - notional_usd
    kept = hour >= books.first_hour
    books.common.lost_usd += float(usd[~kept].sum())
    books.add(purse[kept], who[kept], hour[kept], rows[kept], usd[kept], minute)
    unbilled = np.flatnonzero(kept & (notional_usd != 0.0))
    if len(unbilled):
        told = [books.code_of(who_of(parties[party[n]])._replace(notional=True)) for n in unbilled.tolist()]
        books.add(purse[unbilled], np.array(told, np.int64), hour[unbilled], None, notional_usd[unbilled])
    _fill_purses(books, purse, rows, usd)
    books.common.newest_t = max(books.common.newest_t, float(rows["t"].max()))


def _hours(books: Books, t: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Hours (n) of these times (s UTC), none after the one under way."""
    hours: npt.NDArray[np.int64] = np.clip(t // HOUR_S, 0, books.common.hour).astype(np.int64)
    return hours


def _fill_purses(
    books: Books, purse: npt.NDArray[np.int64], rows: npt.NDArray[Any], usd: npt.NDArray[np.float64]
) -> None:
    slots, place = np.unique(purse, return_inverse=True)
    purses = books.purses.rows
    purses["usd"][slots] += np.bincount(place, usd, len(slots))
    heard = purses["heard"][slots]
    np.maximum.at(heard, place, rows["t"])
    purses["heard"][slots] = heard
    for name, told in (("first_t", rows["first_t"]), ("metered_t", rows["metered_t"])):
        least = np.where(purses[name][slots] > 0.0, purses[name][slots], np.inf)
        np.minimum.at(least, place, np.where(told > 0.0, told, np.inf))
        purses[name][slots] = np.where(np.isinf(least), 0.0, least)
    books.purses.touch(slots)


def _resume(books: Books, parties: Sequence[Party], rows: npt.NDArray[Any]) -> None:
    """Runs that went on in another hour than their last."""
    if not len(rows):
        return
    places = [(books.purse_of(parties[p]), books.code_of(who_of(parties[p]))) for p in rows["party"].tolist()]
    slots = books.resumed.add(len(rows))
    told = books.resumed.rows
    told["purse"][slots], told["who"][slots] = np.array(places).T
    told["hour"][slots], told["before"][slots] = (_hours(books, rows[name]) for name in ("t", "first_t"))


def _sum_redundant(books: Books, parties: Sequence[Party], rows: npt.NDArray[Any]) -> None:
    """Runs whose final answer was there; what nobody has called for within the days that are kept is left out."""
    for row in rows:
        party, hour = parties[row["party"]], int(row["t"] // HOUR_S)
        purse = books.places.get(books.key_of(party.subject), -1)
        if purse >= 0 and hour >= books.first_hour:
            (slot,) = books.redundant.add()
            books.redundant.rows[slot] = (purse, books.code_of(who_of(party)), hour, row["runs"], row["usd"])
