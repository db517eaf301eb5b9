"""A lane's steps, compiled: a call becomes its newest step, gets its results, and is judged by those before it."""

from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.enrich.sketch import popcount
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.alike import compare, copies, form, in_vain, novelty, recurrence, similarity, tie
from detector.state.found import DEGENERATE, EXACT, NEAR, STALLED, STEP, THRASH

_H, _R, _L = lay.HISTORY, lay.RECENT, lay.LAGS
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SAME_WORDS = 0.97
"""Similarity from which an output says nothing that the one before it did not say."""
_FORM_FROM = 4
"""Like outputs from which it is worth looking where they differ."""


@compiled
def push(lane: Any, row: Any) -> None:
    """Makes a call, or a tool that is told apart, the newest step of its lane; it is open until it is judged."""
    i = lane.steps
    h = lane.history[i % _H]
    h.t, h.action, h.flags, h.novel = row.t, row.action, row.flags, 0
    h.turn, h.outcome = np.uint32(row.turn), np.uint32(row.output)
    h.cost_before, h.tokens_before = lane.cost - lane.apart_cost, lane.tokens - lane.apart_tokens
    h.calls_before = lane.calls - lane.apart_calls
    lane.step_cost = row.cost_usd + lane.apart_cost
    lane.apart_cost, lane.apart_tokens, lane.apart_calls = 0.0, 0, 0
    lane.missing = row.missing
    lane.waiting = row.waiting
    for k in range(row.waiting):
        lane.wait_key[k] = row.wait_key[k]
        lane.wait_tool[k] = row.wait_tool[k]
    if row.action != 0:
        known = row.missing == 0
        h.mode = lay.MODE_RESULT if known else lay.MODE_ACTION
        h.signature = tie(row.action, row.result) if known else row.action
        lane.pending = row.result
    elif row.output != 0 or row.sketch >= 0:
        h.mode = lay.MODE_OUTPUT
        h.signature = row.output if row.output != 0 else row.words[0] ^ row.words[7] ^ _MIX
    elif row.input + row.out > 0:
        h.mode = lay.MODE_TOKENS
        h.signature = tie(np.uint64(row.out), np.uint64(np.int64(row.input) - lane.input)) | np.uint64(1)
    else:
        h.mode = lay.MODE_NONE
        h.signature = np.uint64(0)
    if row.flags & pk.TOOL == 0:
        lane.input = row.input
    lane.said_before, lane.said = lane.said, row.said
    s = lane.sketches[i % _R]
    ones = 0
    for k in range(16):
        s.words[k] = row.words[k]
        ones += popcount(row.words[k])
    s.ones, s.level = ones, row.level
    if h.mode == lay.MODE_OUTPUT and row.sketch >= 0 and row.flags & pk.MUTED == 0:
        lane.final_t, lane.final.ones, lane.final.level = row.t, ones, row.level
        for k in range(16):
            lane.final.words[k] = row.words[k]
    lane.steps += 1
    lane.open = 1


@compiled
def answer(lane: Any, row: Any, result_wait_s: float) -> bool:
    """Gives the open step of a lane the result of one of its tools; True once it has them all."""
    h = lane.history[(lane.steps - 1) % _H]
    if lane.open == 0 or row.t - h.t > result_wait_s:
        return False
    for k in range(lane.waiting):
        if lane.wait_key[k] == row.action:
            lane.wait_key[k] = np.uint64(0)
            lane.pending += tie(lane.wait_tool[k], row.result)
            fails, failed = row.flags & pk.FAILURE != 0, h.flags & pk.FAILURE != 0
            if fails and not failed:
                h.outcome = np.uint32(0)  # of a step that failed what came back is its failures
            if fails or not failed:
                h.outcome += np.uint32(row.output)
            h.flags |= row.flags & np.uint32(pk.OF_RESULTS)
            lane.missing -= 1
            if lane.missing == 0:
                h.mode = lay.MODE_RESULT
                h.signature = tie(h.action, lane.pending)
                return True
            return False
    return False


@compiled
def _rounds(lane: Any, i: int, strong: float, alike: int, alike_first: int) -> tuple[int, int, int]:
    """Period (0: none), how many rounds, and the step where they began, as far as the history goes back."""
    period, rounds, first = 0, 1, i
    for p in range(1, _L + 1):
        if lane.matches[p] >= p:
            period = p
            rounds = (lane.matches[p] + p) // p
            first = i - lane.matches[p] - p + 1
            break
    if lane.history[i % _H].mode == lay.MODE_OUTPUT:
        if alike > rounds:
            period, rounds, first = 1, alike, alike_first
        return period, rounds, max(first, 0, i - _H + 1)
    near, near_first, count, count_first = recurrence(lane, i, strong)
    if period <= 2 and near > rounds:
        rounds, first = near, near_first
    if count > rounds:
        gap = int((i - count_first) / (count - 1) + 0.5)
        if period > 2 or lane.history[i % _H].mode == lay.MODE_ACTION:
            rounds, first = count, count_first  # what came between its rounds was not new
        elif period == 0 and 2 < gap <= _L:
            period, rounds, first = gap, count, count_first
    return period, rounds, max(first, 0, i - _H + 1)


@compiled
def _repeats(lane: Any, i: int) -> bool:
    """Whether step i's action, or its output where it has none, says nothing that the step before it did not say."""
    h, before = lane.history[i % _H], lane.history[(i - 1) % _H]
    if i == 0 or before.turn != h.turn:
        return False
    if h.mode == lay.MODE_OUTPUT:
        return similarity(lane, i, i - 1) >= _SAME_WORDS
    both = h.mode >= lay.MODE_ACTION and before.mode >= lay.MODE_ACTION
    return bool(both and lane.said == lane.said_before)


@compiled
def judge(lane: Any, slot: int, subject_slot: int, s: Any, row: int, screen: Any, found: Any, n: int) -> int:
    """Judges the newest step of a lane; returns how many rows of `found` are used."""
    i = lane.steps - 1
    h = lane.history[i % _H]
    lane.open = 0
    near, near_first, likeness = copies(lane, i, s.strong)
    fresh = novelty(lane, h, near)
    best, alike, alike_first = compare(lane, i, s.strong, screen.all_steps != 0)
    fresh = fresh and not (h.mode == lay.MODE_OUTPUT and best >= lane.alike)
    if h.flags & pk.ERROR == 0 and (h.novel or (fresh and h.mode == lay.MODE_OUTPUT) or h.mode <= lay.MODE_TOKENS):
        lane.compactions, lane.grown = 0, 0
    period, rounds, first = _rounds(lane, i, s.strong, alike, alike_first)
    if rounds >= screen.rounds:
        lane.watched = 1
    vain, vain_first = in_vain(lane, i, s.strong)
    if screen.all_steps != 0 or lane.watched != 0:
        n = _tell(lane, slot, subject_slot, s, row, EXACT, rounds, first, found, n)
        f = found[n - 1]
        f.period, f.repeats, f.novel, f.similarity = period, _repeats(lane, i), fresh or h.novel, best
        if h.mode == lay.MODE_OUTPUT and rounds >= _FORM_FROM:
            f.form = form(lane, i)
    if near >= screen.near:
        n = _tell(lane, slot, subject_slot, s, row, NEAR, near, near_first, found, n)
        found[n - 1].similarity = likeness
    if vain >= screen.stalled:
        n = _tell(lane, slot, subject_slot, s, row, STALLED, vain, vain_first, found, n)
    if h.flags & pk.DEGENERATE:
        n = _tell(lane, slot, subject_slot, s, row, DEGENERATE, 1, i, found, n)
    return n


@compiled
def _tell(
    lane: Any, slot: int, subject_slot: int, s: Any, row: int, how: int, rounds: int, first: int, found: Any, n: int
) -> int:
    """Tells of the newest step that it repeats since step `first`."""
    i = lane.steps - 1
    h, g, f = lane.history[i % _H], lane.history[first % _H], found[n]
    f.kind, f.how, f.row, f.lane, f.subject = STEP, how, row, slot, subject_slot
    f.t, f.step, f.signature, f.flags, f.mode = h.t, i, h.signature, h.flags, h.mode
    f.period, f.rounds, f.first_step, f.first_t = 1, rounds, first, g.t
    f.step_cost = lane.step_cost
    _sum(f, lane, s, g.cost_before, g.tokens_before, g.calls_before)
    return n + 1


@compiled
def _sum(f: Any, lane: Any, s: Any, cost_before: float, tokens_before: int, calls_before: int) -> None:
    """Notes what a lane has spent since it had spent so much, and what is known of its task; the rest is told later."""
    f.repeats, f.novel, f.similarity, f.form = False, False, 0.0, 0.0
    f.compactions = lane.compactions
    f.cost, f.cost_after = lane.cost - cost_before, lane.cost
    f.tokens, f.tokens_after = lane.tokens - tokens_before, lane.tokens
    f.calls, f.calls_after = lane.calls - calls_before, lane.calls
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first


@compiled
def compact(lane: Any, row: Any, r: int, s: Any, screen: Any, found: Any, n: int) -> int:
    """Books a call that only shortened the context, after its cost; tells of many with nothing done between."""
    if lane.compactions == 0 or lane.compacted_t <= s.strong:
        lane.compactions = 0
        lane.compacted_t, lane.compacted_calls, lane.compacted_step = row.t, lane.calls - 1, lane.steps
        lane.compacted_cost = lane.cost - row.cost_usd
        lane.compacted_tokens = lane.tokens - np.int64(row.input) - np.int64(row.out)
    lane.compactions += 1
    if lane.compactions < screen.compactions:
        return n
    f = found[n]
    f.kind, f.how, f.row, f.lane, f.subject = STEP, THRASH, r, row.lane, row.subject
    f.t, f.step, f.signature, f.flags, f.mode = row.t, lane.steps - 1, _MIX, row.flags, lay.MODE_ACTION
    f.period, f.rounds, f.first_step, f.first_t = 1, lane.compactions, lane.compacted_step, lane.compacted_t
    f.step_cost = row.cost_usd
    _sum(f, lane, s, lane.compacted_cost, lane.compacted_tokens, lane.compacted_calls)
    return n + 1
