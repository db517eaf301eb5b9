"""What an agent usually spends in an hour: by its own history, and while that is short by its peers'."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.accounts.rows import HOURS
from detector.accounts.tables import Accounts
from detector.accounts.windows import Slots, spans

WEEK_H = 168
HABIT_DAYS = 5
"""Days of history before the time of the day counts."""
PEER_SHARE = 0.75
"""Of the usual hours of peers, the share that lies below what a young agent may spend."""
PEER_HOURS = 8
"""Active hours from which an agent is a peer."""
FEW_CALLS = 30.0
"""Calls without a status that are added to an agent's, so that a short history promises none."""
LEAST_MOVES = 3
_HALF_LIFE_S = 7 * 86_400.0


class Usual(NamedTuple):
    """Of agents, by slot: USD of a usual hour, whether it is known, and by how many hours of their own."""

    usd: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]
    active: npt.NDArray[np.int64]


def look(accounts: Accounts, slots: Slots, minute: int) -> None:
    """Brings what is usual of agents (`slots`, each once) up to this hour, once an hour.

    Hours that the last 60 minutes touch are left out: what is judged is no part of what it is judged by.
    """
    agents, hour = accounts.agents.rows, minute // 60
    due = slots[agents["looked"][slots] < hour]
    if not len(due):
        return
    accounts.reach(due, minute)
    stands = spans(hour, HOURS)
    hours = agents["hours"][due].astype(np.float64)
    before = hours[:, (stands <= hour - 2) & (stands >= hour - WEEK_H)]
    active = (before > 0.0).sum(axis=1)
    total = before.sum(axis=1)
    recent = (hours[:, stands == hour - 1] > 0.0).sum(axis=1) + 1  # and the hour under way
    agents["active"][due], agents["week_usd"][due] = active + recent, total
    agents["usual"][due] = total / np.maximum(active, 1)
    agents["dearest"][due] = before.max(axis=1)
    agents["habit"][due] = _habit(hours, agents["first"][due], hour)
    agents["looked"][due] = hour
    accounts.touched.update(agents["segment"][due].tolist())


def _habit(hours: npt.NDArray[np.float64], first_t: Any, hour: int) -> npt.NDArray[np.float64]:
    """Dollars at this time of the day, or the hour before or after it, on at least half of the last 7 days."""
    days = [[(hour - 24 * day + off) % HOURS for day in range(1, 8)] for off in (-1, 0, 1)]
    around = [np.sort(hours[:, places], axis=1)[:, 3] for places in days]  # the median of seven
    old = hour - first_t // 3600.0 >= 24 * HABIT_DAYS
    most: npt.NDArray[np.float64] = np.where(old, np.maximum.reduce(around), 0.0)
    return most


def usual(accounts: Accounts, slots: Slots, young_hours: int, peers: int) -> Usual:
    """What is usual of the agents at `slots` (each once), after `look`; arrays by slot of the table."""
    agents = accounts.agents.rows
    usd, known = np.zeros(len(agents)), np.zeros(len(agents), np.bool_)
    own = np.maximum(agents["usual"][slots], agents["habit"][slots])
    usd[slots], known[slots] = own, agents["active"][slots] >= young_hours
    young = slots[~known[slots]]
    for slot, team in zip(young.tolist(), agents["team"][young].tolist(), strict=True):
        group = accounts.teams[team]
        if group.peers >= peers:
            usd[slot], known[slot] = max(usd[slot], group.peer_usd), True
    return Usual(usd, known, agents["active"].astype(np.int64))


def look_at_peers(accounts: Accounts) -> None:
    """Notes what the agents of each team usually spend in an hour, those of some history; once an hour."""
    agents = accounts.agents.rows
    of = np.flatnonzero((agents["used"] == 1) & (agents["active"] >= PEER_HOURS))
    of = of[np.lexsort((agents["usual"][of], agents["team"][of]))]
    teams, first, count = np.unique(agents["team"][of], return_index=True, return_counts=True)
    for team, at, n in zip(teams.tolist(), first.tolist(), count.tolist(), strict=True):
        group = accounts.teams.get(team)
        if group is not None:
            accounts.touched.add(group.segment)
            group.peers, group.peer_usd = n, float(agents["usual"][of[at + int(PEER_SHARE * (n - 1))]])


def moves_a_dollar(row: Any) -> float | None:
    """Statuses that a dollar has brought an agent's tasks in 8 days; None where there were too few to tell."""
    moves, calls = int(row["moves"].sum()), float(row["calls"].sum())
    usd = float(row["week_usd"]) * (1.0 + FEW_CALLS / max(calls, 1.0))
    return moves / usd if moves >= LEAST_MOVES and usd > 0.0 else None


def bar(row: Any, t: float) -> float:
    """The factor on an agent's bars at `t` (s UTC): what wrong pages have earned it, forgotten by half in 7 days."""
    if row["bar"] <= 1.0:
        return 1.0
    faded = float(0.5 ** (max(0.0, t - float(row["bar_t"])) / _HALF_LIFE_S))
    return 1.0 + (float(row["bar"]) - 1.0) * faded
