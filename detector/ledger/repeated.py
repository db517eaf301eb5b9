"""What runs cost a team whose final answer an earlier run of their task had given."""

from typing import NamedTuple

import numpy as np

from detector.ledger.books import DAY_H
from detector.ledger.month import Month
from detector.ledger.payers import Floats, Ints, totals
from detector.ledger.survey import DAY_S
from detector.rules.redundant_spend import RedundantFacts


class Repeated(NamedTuple):
    """By team and purse (n, codes and slots): so many runs, and what they cost; experiments left out."""

    team: Ints
    purse: Ints
    runs: Ints
    usd: Floats


def repeated(month: Month) -> Repeated:
    """Of the days of a month. No run cost more than its team paid for its task: what nobody bills is not in it."""
    survey, rows = month.survey, month.survey.books.redundant.live()
    teams = survey.payers["team"]
    day, last = rows["hour"] // DAY_H, round(month.ended_t / DAY_S)
    rows = rows[(day >= last - month.days) & (day < last) & ~survey.learning[rows["purse"]]]
    rows = rows[rows["who"] < len(teams.of_who)]
    rows = rows[teams.of_who[rows["who"]] >= 0]
    told = teams.of_who[rows["who"]] << 32 | rows["purse"].astype(np.int64)
    pairs, place = np.unique(told, return_inverse=True)
    runs = np.bincount(place, rows["runs"], len(pairs)).astype(np.int64)
    paid = np.zeros(len(pairs))
    spent = teams.code << 32 | teams.purse
    at = np.searchsorted(spent, pairs)
    found = at < len(spent)
    found[found] = spent[at[found]] == pairs[found]
    paid[found] = month.pair_usd("team")[at[found]]
    usd = np.minimum(totals(place, rows["usd"], len(pairs)), paid)
    return Repeated(pairs >> 32, pairs & 0xFFFF_FFFF, runs, usd)


def redundant_facts(month: Month, told: Repeated, team: int) -> RedundantFacts:
    """What `redundant_spend` asks of a team, by its code."""
    mine = told.team == team
    purse, usd = told.purse[mine].tolist(), told.usd[mine]
    window = month.window("team", team, 0.0)._replace(tasks=tuple(map(month.task, purse, usd.tolist())))
    return RedundantFacts(window, int(told.runs[mine].sum()), round(float(usd.sum()), 6), len(purse))
