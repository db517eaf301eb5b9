"""The walk over observations in the order of event time, compiled: what each does to its lane, subject and actor.

Nothing is decided here. Each judged step leaves its features, and what may concern a rule is told in `found`; the
screens are looser than any rule, so that a rule sees all that it needs and only a little more.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.found import SPEND, STEP
from detector.state.spending import meter, move
from detector.state.steps import answer, judge, push

_H = lay.HISTORY
_MOST = 4
"""The most that one row can leave: the step before it judged, two of its spend, its own step judged."""
ROOM = 64
"""Rows of `found` for one walk."""


@compiled
def advance(
    order: npt.NDArray[np.int64], rows: Any, lanes: Any, subjects: Any, actors: Any, screen: Any, watermark: float,
    found: Any, pushed: npt.NDArray[np.int64],
) -> tuple[int, int, int]:  # fmt: skip
    """Walks over `rows` (WAITING) in `order` (n indices); `watermark` is the one before these rows, s UTC.

    Changes lanes, subjects and actors in place, fills `found` (ROOM of FOUND) and `pushed` (n, rows that became steps)
    and returns how far it came and how many of each are used. It halts after a row that leaves a step or a dear hour,
    so that evidence is drawn from the tables as they are at that moment; the rest says all in its row of `found`.
    """
    n, m = 0, 0
    told = 0
    for k in range(len(order)):
        r = order[k]
        row = rows[r]
        if row.kind == pk.CALL:
            s = subjects[row.subject]
            n = meter(s, actors[row.actor], row, r, max(row.t, watermark), screen, found, n)
            lane = lanes[row.lane]
            newest = lane.history[(lane.steps - 1) % _H].t if lane.steps > 0 else 0.0
            if row.t >= newest and (row.flags & (pk.COMPACTION | pk.STEPLESS)) == 0:
                if lane.open:
                    n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
                push(lane, row)
                pushed[m] = r
                m += 1
            lane.cost += row.cost_usd
            lane.tokens += np.int64(row.input) + np.int64(row.out)
            if lane.open and (lane.missing == 0 or lane.missing == pk.NEVER):
                n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.TOOL_RESULT and row.lane >= 0:
            lane = lanes[row.lane]
            if answer(lane, row, screen.result_wait_s):
                n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.STATUS:
            n = move(subjects[row.subject], row, r, found, n)
        halt = n > len(found) - _MOST
        while told < n:
            halt = halt or found[told].kind == STEP or found[told].kind == SPEND
            told += 1
        if halt:
            return k + 1, n, m
    return len(order), n, m


@compiled
def expire(
    slots: npt.NDArray[np.int64],
    lanes: Any,
    subject_of: npt.NDArray[np.int64],
    subjects: Any,
    screen: Any,
    found: Any,
) -> int:
    """Judges the open steps of these lanes, whose results did not come in time; fills `found` (n), returns how many."""
    n = 0
    for k in range(len(slots)):
        s = subjects[subject_of[k]]
        n = judge(lanes[slots[k]], slots[k], subject_of[k], s, -1, screen, found, n)
    return n
