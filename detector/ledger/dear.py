"""Tasks under way that cost more than their like did that shipped."""

from collections.abc import Iterator

import numpy as np

from detector.ledger.month import OPEN, REVERTED, SHIPPED, Month
from detector.ledger.payers import Floats, Ints
from detector.rules.no_deliverable import LIKE_IT_SHARE, DearTaskFacts


class Like:
    """By type of tasks what those cost that shipped within the days of a month, up to their last outcome."""

    def __init__(self, month: Month) -> None:
        survey, told = month.survey, month.survey.results
        shipped = np.flatnonzero((month.fates == SHIPPED) & (told.last_t > month.began_t) & survey.single)
        kind = survey.type_of_purse[shipped]
        count = len(survey.types.names)
        self.shipped: Ints = np.bincount(kind[kind >= 0], minlength=count)
        order = np.lexsort((told.direct_usd[shipped], kind))
        costs, starts = told.direct_usd[shipped][order], np.searchsorted(kind[order], np.arange(count))
        # The dearest of them that so many do not exceed.
        place = np.ceil(LIKE_IT_SHARE * self.shipped - 1e-9).astype(np.int64) - 1
        found = self.shipped > 0
        self.dear_usd: Floats = np.full(count, np.inf)
        self.dear_usd[found] = costs[(starts + place)[found]]


def dear_tasks(month: Month, like: Like, least_usd: float) -> Iterator[tuple[int, DearTaskFacts]]:
    """Slots of tasks under way that cost this much and more than their like, in the order of their slots."""
    survey, told = month.survey, month.survey.results
    usd = survey.books.purses.rows["usd"].copy()
    earlier = ~np.isnan(told.last_t) & ~told.undone
    usd[earlier] -= told.direct_usd[earlier]
    usd = usd.round(6)
    asked = np.isin(month.fates, (OPEN, REVERTED)) & survey.single & (month.purse_usd > 0.0) & (usd >= least_usd)
    slots = np.flatnonzero(asked & (survey.type_of_purse >= 0))
    slots = slots[usd[slots] > like.dear_usd[survey.type_of_purse[slots]]]
    calls, tokens, began = survey.since_outcome
    for slot in slots.tolist():
        kind = int(survey.type_of_purse[slot])
        yield (
            slot,
            DearTaskFacts(
                t=month.ended_t,
                days=month.days,
                began_t=float(began[slot]),
                usd=float(usd[slot]),
                calls=int(calls[slot]),
                tokens=int(tokens[slot]),
                fate="open" if month.fates[slot] == OPEN else "reverted",
                task_type=survey.types.names[kind][2],
                shipped=int(like.shipped[kind]),
                dear_usd=float(like.dear_usd[kind]),
                told_of=None,
            ),
        )
