"""What leaves memory: steps whose results never came, and rows that were idle for too long or exceed the bound.

A lane whose calls come late has a clock of its own, that much behind the watermark: what is over by it is over.
"""

from collections.abc import Container, Mapping

import numpy as np

from detector.fairness import giving_way
from detector.model.packed import Ident
from detector.state.layout import HISTORY
from detector.state.shard import Shard
from detector.state.table import Table


def overdue(shard: Shard, limit: float) -> list[int]:
    """Slots of the lanes whose newest step has waited for results since before `limit` (s UTC), oldest first."""
    shard.touch_lanes(shard.awaiting.overdue(limit, lambda lane: _late_s(shard, lane)))
    rows = shard.lanes.rows
    slots = np.flatnonzero(rows["open"] == 1)
    newest = rows["history"]["t"][slots, (rows["steps"][slots] - 1) % HISTORY]
    over = newest + rows["late_s"][slots] <= limit
    slots, newest = slots[over], newest[over]
    late: list[int] = slots[np.lexsort((rows["key"][slots], newest))].tolist()
    return late


def _late_s(shard: Shard, lane: int) -> float:
    """How far the clock of a lane, by its key, is behind the watermark."""
    slot = shard.lanes.get(lane)
    return float(shard.lanes.rows["late_s"][slot]) if slot >= 0 else 0.0


def finished(shard: Shard, t: float) -> list[tuple[float, int]]:
    """Of lanes idle for long enough by `t` (s UTC) since an output: when that became final, and the slot."""
    rows = shard.lanes.rows
    slots = np.flatnonzero((rows["final_t"] > 0.0) & (rows["last_t"] + rows["final_s"] + rows["late_s"] <= t))
    ends = rows["last_t"][slots] + rows["final_s"][slots]
    order = np.lexsort((rows["key"][slots], ends))
    return list(zip(ends[order].tolist(), slots[order].tolist(), strict=True))


def finished_of(shard: Shard, subject: int, t: float) -> list[tuple[float, int]]:
    """The same of the lanes of one subject (its key) that have an output by `t`, when its task has ended."""
    rows = shard.lanes.rows
    slots = np.flatnonzero((rows["subject_key"] == subject) & (rows["final_t"] > 0.0) & (rows["last_t"] <= t))
    return [(t, slot) for slot in slots[np.argsort(rows["key"][slots])].tolist()]


def forget_lanes(shard: Shard, limit: float, most: int, told: Container[int]) -> None:
    """Forgets lanes unheard since `limit` (s UTC), and beyond `most` the longest unheard of the tenants with most.

    Not those with rows that wait, nor those in `told`: what an open episode has come to is counted by its lane.
    """
    lanes, waiting = shard.lanes, shard.pool.waiting_for("lane")

    def free(keys: list[int]) -> list[int]:
        return [k for k in keys if k not in told and lanes.get(k) not in waiting]

    gone = free(lanes.idle_since(limit))
    excess = len(lanes) - len(gone) - most
    if excess > 0:
        left = set(gone)
        rest = free([k for k in lanes.longest_unheard(len(lanes)) if k not in left])
        gone += _of_those_with_most(rest, left, excess, lanes, shard.lane_names)
    for key in gone:
        shard.forget_lane(key)


def forget_tellings(shard: Shard, limit: float, most: int) -> None:
    """Forgets who tells of runs unheard since `limit` (s UTC), and beyond `most` the longest unheard."""
    tellings, waiting = shard.tellings, shard.pool.waiting_for("told")
    gone = tellings.idle_since(limit)
    excess = len(tellings) - len(gone) - most
    if excess > 0:
        gone = tellings.longest_unheard(len(gone) + excess)
    for key in gone:
        if tellings.get(key) not in waiting:
            tellings.remove(key)


def idle_subjects(shard: Shard, limit: float, most: int, told: Container[int]) -> list[int]:
    """Keys of the subjects unheard since `limit` (s UTC) that have neither lanes nor rows that wait.

    Beyond `most` also the longest unheard of the tenants with most, if no lane and no episode (`told`) is theirs.
    """
    subjects, lanes = shard.subjects, shard.lanes.rows
    idle = subjects.idle_since(limit)
    excess = len(subjects) - len(idle) - most
    if not idle and excess <= 0:
        return []
    busy = set(lanes["subject_key"][lanes["used"] == 1].tolist())
    waiting = shard.pool.waiting_for("subject")
    gone = [k for k in idle if k not in busy and subjects.get(k) not in waiting]
    if excess > 0:
        left = set(gone)
        longest = (k for k in subjects.longest_unheard(len(subjects)) if k not in left and k not in busy)
        rest = [k for k in longest if k not in told and subjects.get(k) not in waiting]
        gone += _of_those_with_most(rest, left, excess, subjects, shard.subject_names)
    return gone


def _of_those_with_most(
    free: list[int], gone: set[int], excess: int, table: Table, names: Mapping[int, Ident]
) -> list[int]:
    """Which of the rows that may leave (keys, the longest unheard first) do; all rows but those `gone` count."""
    may = set(free)
    staying = [names[table.get(k)].tenant for k in table if k not in may and k not in gone]
    tenants = [names[slot].tenant for slot in table.slots(free)]
    return [free[place] for place in giving_way(tenants, excess, staying)]
