"""What a call's context says, compiled: whether it is far larger than usual, or grows while nothing new is done."""

from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.state.found import BLOAT, GROWN, LARGE

_CACHED, _OUT = 0.1, 5.0
"""Weights of a cached input token and of an output token, where one that is not cached weighs 1: as most lists do."""


@compiled
def _share_of_input(row: Any) -> float:
    """Of a call's dollars, the part that its input has cost, by these weights."""
    fresh = max(0.0, float(row.input) - float(row.cached)) + _CACHED * float(row.cached)
    whole = fresh + _OUT * float(row.out)
    return fresh / whole if whole > 0.0 else 0.0


@compiled
def bloat(lane: Any, s: Any, row: Any, r: int, screen: Any, found: Any, n: int) -> int:
    """Books the context of a call, before it becomes a step; tells where it has cost too much, and as that doubles."""
    usd = row.cost_usd * _share_of_input(row)
    if lane.usual_input > 0.0 and row.input >= screen.bloat_times * lane.usual_input:
        if lane.large == 0:
            lane.large_t, lane.large_usd = row.t, 0.0
        lane.large += 1
        lane.large_usd += usd * (1.0 - lane.usual_input / row.input)
    else:
        lane.large = 0
    if lane.grown > 0 and np.int64(row.input) > lane.input and np.int64(row.cached) * 2 < np.int64(row.input):
        lane.grown += 1
        lane.grown_usd += usd * (1.0 - lane.grown_from / row.input)
    else:
        lane.grown, lane.grown_from, lane.grown_t, lane.grown_usd = 1, np.int64(row.input), row.t, 0.0
    large = lane.large >= screen.bloat_calls
    grown = lane.grown >= screen.growth_calls and row.input >= screen.growth_times * lane.grown_from
    if not (large or grown):
        lane.bloat_told_usd = 0.0
        return n
    usd = lane.large_usd if large else lane.grown_usd
    if usd < max(screen.bloat_usd, lane.bloat_told_usd):
        return n
    lane.bloat_told_usd = usd * screen.update_factor
    f = found[n]
    f.kind, f.how, f.row, f.lane, f.subject = BLOAT, LARGE if large else GROWN, r, row.lane, row.subject
    f.t, f.flags, f.step, f.cost = row.t, row.flags, lane.steps, usd
    f.calls, f.first_t = (lane.large, lane.large_t) if large else (lane.grown, lane.grown_t)
    f.input_before = np.int64(lane.usual_input) if large else lane.grown_from
    f.input, f.cached, f.tokens = np.int64(row.input), np.int64(row.cached), np.int64(row.input)
    f.calls_after, f.tokens_after, f.cost_after = lane.calls, lane.tokens, lane.cost
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1
