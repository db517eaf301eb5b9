"""A lane's steps, compiled: a call becomes its newest step, gets its results, and is compared with those before it."""

from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.enrich.sketch import jaccard, popcount
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.found import STEP

_H, _R, _L, _S = lay.HISTORY, lay.RECENT, lay.LAGS, lay.SEEN
_FAILED = pk.ERROR | pk.TOOL_ERROR
_MIX = np.uint64(0x9E3779B97F4A7C15)


@compiled
def _mix(a: np.uint64, b: np.uint64) -> np.uint64:
    h = (a ^ b) * _MIX
    return h ^ (h >> np.uint64(29))


@compiled
def _is_seen(lane: Any, signature: np.uint64) -> bool:
    for k in range(min(lane.seen_count, _S)):  # noqa: SIM110, numba compiles no generators
        if lane.seen[k] == signature:
            return True
    return False


@compiled
def _remember(lane: Any, signature: np.uint64) -> None:
    lane.seen[lane.seen_count % _S] = signature
    lane.seen_count += 1


@compiled
def _likeness(lane: Any, i: int, j: int) -> float:
    """Similarity of steps i and j, both recent: 1 where their texts are the same."""
    a, b = lane.sketches[i % _R], lane.sketches[j % _R]
    return jaccard(a.words, a.level, a.ones, b.words, b.level, b.ones)


@compiled
def _compare(lane: Any, i: int, strong: float) -> float:
    """Compares step i with the twelve before it, counts matches by lag; the similarity to the most similar.

    A strong status (`strong`: time of the task's last, s UTC) starts anew: what was done before it is not matched.
    """
    h = lane.history[i % _H]
    alike = lane.alike
    best = 0.0
    best_output = 0.0
    for p in range(1, _L + 1):
        if p > i:
            lane.matches[p] = 0
            continue
        g = lane.history[(i - p) % _H]
        same = h.signature != 0 and h.signature == g.signature
        similarity = 0.0
        if h.mode != 0 and (h.mode == lay.MODE_OUTPUT) == (g.mode == lay.MODE_OUTPUT) and g.mode != 0:
            exact = same if h.mode == lay.MODE_OUTPUT else h.action == g.action
            similarity = 1.0 if exact else _likeness(lane, i, i - p)
        of_now = h.turn == g.turn and g.t > strong
        if h.mode == lay.MODE_OUTPUT and g.mode == lay.MODE_OUTPUT and of_now:
            same = same or similarity >= alike
            best_output = max(best_output, similarity)
        lane.matches[p] = lane.matches[p] + 1 if same and of_now else 0
        best = max(best, similarity)
    if h.mode == lay.MODE_OUTPUT:
        lane.streak = lane.streak + 1 if lane.streak > 0 and best_output >= alike else 1
    elif h.mode != lay.MODE_NONE:
        lane.streak = 0
    return best


@compiled
def _recurrence(lane: Any, i: int, strong: float) -> tuple[int, int]:
    """How often step i's signature came within the window with nothing new between, and where first."""
    h = lane.history[i % _H]
    count, first = 1, i
    if h.signature == 0 or h.mode < lay.MODE_ACTION:
        return count, first
    for j in range(i - 1, max(-1, i - min(lane.window, _H)), -1):
        g = lane.history[j % _H]
        if g.turn != h.turn or g.t <= strong:
            break
        if g.signature == h.signature:
            count += 1
            first = j
        if g.novel:
            break
    return count, first


@compiled
def _novelty(lane: Any, h: Any) -> bool:
    """Whether this action with this result is new to the lane; notes in the step whether a new action succeeded."""
    fresh = h.signature != 0 and not _is_seen(lane, h.signature)
    failed = (h.flags & _FAILED) != 0
    h.novel = h.mode >= lay.MODE_ACTION and not failed and not _is_seen(lane, h.action)
    if fresh:
        _remember(lane, h.signature)
    if h.novel and h.action != h.signature:  # a step without results has its action for a signature
        _remember(lane, h.action)
    return fresh


@compiled
def _rounds(lane: Any, i: int, strong: float) -> tuple[int, int, int]:
    """Period (0: none), how many rounds, and the step where they began, as far as the history goes back."""
    period, rounds, first = 0, 1, i
    for p in range(1, _L + 1):
        if lane.matches[p] >= p:
            period = p
            rounds = (lane.matches[p] + p) // p
            first = i - lane.matches[p] - p + 1
            break
    if period <= 2:
        if lane.history[i % _H].mode == lay.MODE_OUTPUT:
            count, since = lane.streak, i - lane.streak + 1
        else:
            count, since = _recurrence(lane, i, strong)
        if count > rounds:
            rounds, first = count, since
    return period, rounds, max(first, 0, i - _H + 1)


@compiled
def _repeats(lane: Any, i: int) -> bool:
    """Whether step i's action, or its output where it has none, is that of the step before it in the same turn."""
    h, before = lane.history[i % _H], lane.history[(i - 1) % _H]
    if i == 0 or h.mode == lay.MODE_NONE or before.turn != h.turn:
        return False
    if h.mode == lay.MODE_OUTPUT:
        return bool(before.mode == lay.MODE_OUTPUT and before.signature == h.signature)
    return bool(before.mode >= lay.MODE_ACTION and before.action == h.action)


@compiled
def judge(lane: Any, slot: int, subject_slot: int, s: Any, row: int, screen: Any, found: Any, n: int) -> int:
    """Judges the newest step of a lane; returns how many rows of `found` are used."""
    i = lane.steps - 1
    h = lane.history[i % _H]
    lane.open = 0
    fresh = _novelty(lane, h)
    best = _compare(lane, i, s.strong)
    period, rounds, first = _rounds(lane, i, s.strong)
    if rounds >= screen.rounds:
        lane.watched = 1
    if screen.all_steps == 0 and lane.watched == 0:
        return n
    g = lane.history[first % _H]
    f = found[n]
    f.kind, f.row, f.lane, f.subject = STEP, row, slot, subject_slot
    f.t, f.step, f.signature, f.flags, f.mode = h.t, i, h.signature, h.flags, h.mode
    f.repeats = _repeats(lane, i)
    f.novel = fresh and not (h.mode == lay.MODE_OUTPUT and best >= lane.alike)
    f.similarity, f.period, f.rounds = best, period, rounds
    f.first_step, f.first_t, f.calls = first, g.t, i - first + 1
    f.cost, f.cost_after = lane.cost - g.cost_before, lane.cost
    f.step_cost = lane.step_cost
    f.tokens, f.tokens_after = lane.tokens - g.tokens_before, lane.tokens
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1


@compiled
def push(lane: Any, row: Any) -> None:
    """Makes a call the newest step of its lane; it is open until it is judged."""
    i = lane.steps
    h = lane.history[i % _H]
    h.t, h.turn, h.action, h.flags, h.novel = row.t, row.turn, row.action, row.flags, 0
    h.cost_before, h.tokens_before = lane.cost, lane.tokens
    lane.step_cost = row.cost_usd
    lane.missing = row.missing
    lane.waiting = row.waiting
    for k in range(row.waiting):
        lane.wait_key[k] = row.wait_key[k]
        lane.wait_tool[k] = row.wait_tool[k]
    if row.action != 0:
        known = row.missing == 0
        h.mode = lay.MODE_RESULT if known else lay.MODE_ACTION
        h.signature = _mix(row.action, row.result) if known else row.action
        lane.pending = row.result
    elif row.output != 0 or row.sketch >= 0:
        h.mode = lay.MODE_OUTPUT
        h.signature = row.output if row.output != 0 else row.words[0] ^ row.words[7] ^ _MIX
    else:
        h.mode = lay.MODE_NONE
        h.signature = np.uint64(0)
    s = lane.sketches[i % _R]
    ones = 0
    for k in range(16):
        s.words[k] = row.words[k]
        ones += popcount(row.words[k])
    s.ones, s.level = ones, row.level
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
            lane.pending += _mix(lane.wait_tool[k], row.result)
            if row.flags & pk.TOOL_ERROR:
                h.flags |= np.uint32(pk.TOOL_ERROR)
            lane.missing -= 1
            if lane.missing == 0:
                h.mode = lay.MODE_RESULT
                h.signature = _mix(h.action, lane.pending)
                return True
            return False
    return False
