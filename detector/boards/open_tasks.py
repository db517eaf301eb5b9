"""How long tasks have been open, and what they have cost: how many of each team, by bounds."""

import math

import numpy as np
import numpy.typing as npt

from detector.audit.window import DAY_S
from detector.boards.events import Events
from detector.boards.sums import OpenTasks
from detector.boards.table import Floats, Ints, Table
from detector.boards.windows import DAYS, HOUR_S

AGES_S = (HOUR_S, 4 * HOUR_S, DAY_S, 3 * DAY_S, 7 * DAY_S, 14 * DAY_S, 30 * DAY_S, math.inf)
"""Since its first call that told tokens, at most."""
COSTS_USD = (0.1, 0.5, 1.0, 5.0, 20.0, 100.0, 500.0, math.inf)
"""Billed in all, at most."""
HEARD_DAYS = DAYS["30d"]
"""What was not heard of for so long is abandoned, and counts no more."""


def open_tasks(table: Table, events: Events, newest_t: float) -> dict[tuple[str, str | None], OpenTasks]:
    """By team the tasks that were metered and lately heard of, and were neither completed nor given up."""
    slots = np.flatnonzero(may_be_open(table, newest_t) & ~events.is_closed & ~events.is_folded)
    team, of = table.owner[slots], table.purses[slots]
    ages, costs = _counts(team, newest_t - of["metered_t"], AGES_S, table), _counts(team, of["usd"], COSTS_USD, table)
    told = zip(table.names, ages.tolist(), costs.tolist(), strict=True)
    return {name: OpenTasks(by_age, by_cost) for name, by_age, by_cost in told if by_age[-1]}


def may_be_open(table: Table, newest_t: float) -> npt.NDArray[np.bool_]:
    """By slot of their purse the tasks that are open unless they were completed, given up, or are many in one."""
    purses = table.purses
    may_be = table.relevant & purses["has_task"].astype(np.bool_) & (purses["metered_t"] > 0.0)
    return may_be & (purses["heard"] > newest_t - HEARD_DAYS * DAY_S) & (table.owner >= 0)


def _counts(team: Ints, values: Floats, bounds: tuple[float, ...], table: Table) -> Ints:
    """By team how many are at most each bound, as histograms of Prometheus count."""
    place = np.searchsorted(bounds, values)
    flat = np.bincount(team * len(bounds) + place, minlength=len(table.names) * len(bounds))
    counts: Ints = flat.reshape(len(table.names), len(bounds)).cumsum(axis=1)
    return counts
