"""The walk over observations in the order of event time, compiled: what each does to its lane, subject and cell.

Nothing is decided here. Each judged step leaves its features, and what may concern a rule is told in `found`; the
screens are looser than any rule, so that a rule sees all that it needs and only a little more.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.contexts import bloat
from detector.state.found import EXACT, FINAL, STEP
from detector.state.spending import claim, meter, move
from detector.state.steps import answer, compact, judge, push

_H = lay.HISTORY
MOST_OF_A_STEP = 4
"""The most that the judging of one step can leave."""
_MOST = 2 * MOST_OF_A_STEP + 3
"""The most that one row can leave: many calls, the step before it judged, its context, its own step, a compaction."""
ROOM = 64
"""Rows of `found` for one walk."""


@compiled
def advance(
    order: npt.NDArray[np.int64], rows: Any, lanes: Any, subjects: Any, cells: Any, screen: Any, found: Any,
    pushed: npt.NDArray[np.int64],
) -> tuple[int, int, int]:  # fmt: skip
    """Walks over `rows` (WAITING) in `order` (n indices).

    Changes lanes, subjects and cells in place, fills `found` (ROOM of FOUND) and `pushed` (n, rows that became steps)
    and returns how far it came and how many of each are used. It halts after a row that leaves a step,
    so that evidence is drawn from the tables as they are at that moment; the rest says all in its row of `found`.
    """
    n, m = 0, 0
    told = 0
    for k in range(len(order)):
        r = order[k]
        row = rows[r]
        if row.kind == pk.CALL:
            s, lane = subjects[row.subject], lanes[row.lane]
            if s.has_task and lane.final_t > 0.0 and row.t - lane.last_t >= lane.final_s:
                if n > 0 or k > 0:
                    return k, n, m  # what came before is told first
                return 0, final(lane, row.lane, s, row.subject, r, lane.last_t + lane.final_s, found, n), m
            lane.last_t = max(lane.last_t, row.t)
            called, apart = row.flags & pk.TOOL == 0, row.flags & pk.APART != 0
            counts = called and row.flags & pk.UNCOUNTED == 0
            if (
                called
                and row.turn != 0
                and (lane.steps == 0 or lane.history[(lane.steps - 1) % _H].turn != np.uint32(row.turn))
            ):
                s.turns += 1
            if counts:
                n = meter(s, lane, cells[row.cell_slot], row, r, screen, found, n)
            newest = lane.history[(lane.steps - 1) % _H].t if lane.steps > 0 else 0.0
            if row.t >= newest and (row.flags & (pk.COMPACTION | pk.STEPLESS)) == 0:
                if lane.open:
                    n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
                if counts:
                    n = bloat(lane, s, row, r, screen, found, n)
                if apart:
                    lane.input = row.input
                else:
                    push(lane, row)
                    pushed[m] = r
                    m += 1
            if called:
                tokens = np.int64(row.input) + np.int64(row.out)
                lane.cost += row.cost_usd
                lane.tokens += tokens
                lane.calls += 1
                if apart:
                    lane.apart_cost += row.cost_usd
                    lane.apart_tokens += tokens
                    lane.apart_calls += 1
            if row.flags & pk.COMPACTION:
                n = compact(lane, row, r, s, screen, found, n)
            if lane.open and (lane.missing == 0 or lane.missing == pk.NEVER):
                n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.TOOL_RESULT and row.lane >= 0:
            lane = lanes[row.lane]
            if answer(lane, row, screen.result_wait_s):
                n = judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.STATUS:
            n = move(subjects[row.subject], row, r, found, n)
        elif row.kind == pk.CLAIM:
            n = claim(subjects[row.subject], row, r, found, n)
        halt = n > len(found) - _MOST
        while told < n:
            halt = halt or found[told].kind == STEP
            told += 1
        if halt:
            return k + 1, n, m
    return len(order), n, m


@compiled
def final(lane: Any, slot: int, s: Any, subject_slot: int, row: int, t: float, found: Any, n: int) -> int:
    """Tells that a lane's last output was its final one, at `t` (s UTC), and takes it as filed."""
    f = found[n]
    f.kind, f.how, f.row, f.lane, f.subject, f.t = FINAL, EXACT, row, slot, subject_slot, t
    f.flags, f.step, f.first_t = 0, lane.steps, lane.final_t
    f.cost, f.calls, f.tokens = lane.cost, lane.calls, lane.tokens
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    lane.final_t = 0.0
    return n + 1


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


@compiled
def file_finals(
    slots: npt.NDArray[np.int64],
    lanes: Any,
    subject_of: npt.NDArray[np.int64],
    subjects: Any,
    ends: npt.NDArray[np.float64],
    found: Any,
) -> int:
    """Tells of lanes whose last output was their final one, at `ends` (n, s UTC); fills `found` (n), returns n."""
    n = 0
    for k in range(len(slots)):
        n = final(lanes[slots[k]], slots[k], subjects[subject_of[k]], subject_of[k], -1, ends[k], found, n)
    return n
