"""A team's whole weeks, Monday to Sunday: what it spent in each, and what the tasks completed in it had cost."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.ledger.month import Month
from detector.ledger.payers import totals
from detector.ledger.survey import DAY_S, Survey
from detector.rules.cost_per_outcome import CostFacts, Week, week

_MONDAY = 4
"""The first of them was the fifth day of 1970."""


def ended_day(t: float) -> int:
    """The day (since 1970) at whose beginning the newest week ended that is whole by `t` (s UTC)."""
    day = int(t // DAY_S)
    return day - (day - _MONDAY) % 7


def cost_facts(survey: Survey, month: Month, team: int, first_day: int, done: npt.NDArray[Any]) -> CostFacts:
    """What `cost_per_outcome` asks of a team, by its code.

    `month`: the newest weeks that are looked at. `first_day` (since 1970): of the team. `done`: rows of DONE of its
    tasks.
    """
    ended = round(month.ended_t / DAY_S)
    first = first_day + (_MONDAY - first_day) % 7
    window = month.window("team", team, 0.0)
    weeks = _weeks(survey, team, first, max(0, ended - first) // 7, done)
    return CostFacts(month.ended_t, weeks, window.calls, window.tokens, window.tasks)


def _weeks(survey: Survey, team: int, first: int, count: int, done: npt.NDArray[Any]) -> tuple[Week, ...]:
    order, starts = survey.cells_by_team
    cells = order[starts[team] : starts[team + 1]]
    number, purse = (survey.day[cells] - first) // 7, survey.purse[survey.payment[cells]]
    mine = (number >= 0) & (number < count) & ~survey.learns[survey.payment[cells]]
    number, purse, usd = number[mine], purse[mine], survey.cell_usd[cells[mine]]
    total = totals(number, usd, count).round(6)
    largest = np.zeros(count)
    pairs, place = np.unique(number << 32 | purse, return_inverse=True)
    of_task = totals(place, usd, len(pairs)) * survey.single[pairs & 0xFFFF_FFFF]
    np.maximum.at(largest, pairs >> 32, of_task)
    when, costs = np.floor((done["t"] / DAY_S - first) / 7.0), done["usd"]
    return tuple(
        week((first + 7 * n) * DAY_S, float(total[n]), float(largest[n]), costs[when == n].tolist())
        for n in range(count)
    )
