"""How a lane's newest step is like those before it, compiled: the same, nearly the same, or in vain."""

from math import log
from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.enrich.sketch import jaccard, popcount
from detector.model import packed as pk
from detector.state import layout as lay

_H, _R, _L, _S = lay.HISTORY, lay.RECENT, lay.LAGS, lay.SEEN
_FAILED = pk.ERROR | pk.TOOL_ERROR
_SAYS_NO = _FAILED | pk.SAYS_FAILED
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHORT_TEXT = 64
"""Bits of a sketch below which a text is so short (some 70 letters) that only the whole says whether it is the same."""
_FORM_OF = 6
"""Outputs whose sketches are laid over each other to see where they differ: a loop of them is told from six on."""
_BITS = 1024.0
_FORM_MOST = 100.0
"""Shingles of its own that a filled-in form has at most: some seven words. Rewordings have more."""


@compiled
def tie(a: np.uint64, b: np.uint64) -> np.uint64:
    """One fingerprint of two, as `detector.enrich.packing.tie` makes it of whole columns."""
    h = (a ^ b) * _MIX
    return h ^ (h >> np.uint64(29))


@compiled
def _is_seen(lane: Any, signature: np.uint64) -> bool:
    short = np.uint32(signature)
    for k in range(min(lane.seen_count, _S)):  # noqa: SIM110, numba compiles no generators
        if lane.seen[k] == short:
            return True
    return False


@compiled
def _remember(lane: Any, signature: np.uint64) -> None:
    lane.seen[lane.seen_count % _S] = np.uint32(signature)
    lane.seen_count += 1


@compiled
def novelty(lane: Any, h: Any, copies: int) -> bool:
    """Whether this action with this result is new to the lane; notes in the step whether it succeeded and was new.

    New is an action, or a result of one, that the lane has not seen. `copies`: how many near copies of it came to the
    same failure: one more of them is no success.
    """
    fresh = h.signature != 0 and not _is_seen(lane, h.signature)
    failed = (h.flags & (_FAILED | pk.SAYS_ONLY_FAILED)) != 0 or copies > 1
    new = not _is_seen(lane, h.action)
    h.novel = h.mode >= lay.MODE_ACTION and not failed and (new or fresh)
    if fresh:
        _remember(lane, h.signature)
    if h.novel and new and h.action != h.signature:  # a step without results has its action for a signature
        _remember(lane, h.action)
    return fresh


@compiled
def _likeness(lane: Any, i: int, j: int) -> float:
    """Similarity of what steps i and j did or said, both recent."""
    a, b = lane.sketches[i % _R], lane.sketches[j % _R]
    return jaccard(a.words, a.level, a.ones, b.words, b.level, b.ones)


@compiled
def similarity(lane: Any, i: int, j: int) -> float:
    """Similarity of steps i and j, both recent: 1 where their texts are the same, 0 where they are of two kinds."""
    h, g = lane.history[i % _H], lane.history[j % _H]
    if h.mode < lay.MODE_OUTPUT or g.mode < lay.MODE_OUTPUT:
        return 0.0
    if h.mode == lay.MODE_OUTPUT or g.mode == lay.MODE_OUTPUT:
        if h.mode != g.mode:
            return 0.0
        if h.signature == g.signature:
            return 1.0
        if lane.sketches[i % _R].ones < _SHORT_TEXT:
            return 0.0
    elif h.action == g.action:
        return 1.0
    return _likeness(lane, i, j)


@compiled
def compare(lane: Any, i: int, strong: float, closely: bool) -> tuple[float, int, int]:
    """Compares step i with the twelve before it and counts matches by lag.

    A strong status (`strong`: time of the task's last, s UTC) starts anew: what was done before it is not matched.
    Returns the similarity to the most similar (of actions only if `closely`, else 1 or 0), and of outputs how many
    in this row of like ones are alike to this one, itself included, and the first of them.
    """
    h = lane.history[i % _H]
    is_output = h.mode == lay.MODE_OUTPUT
    best, best_output = 0.0, 0.0
    count, first = 1, i
    for p in range(1, _L + 1):
        if p > i:
            lane.matches[p] = 0
            continue
        g = lane.history[(i - p) % _H]
        of_now = h.turn == g.turn and g.t > strong
        same = h.signature != 0 and h.signature == g.signature
        if is_output or closely:
            like = similarity(lane, i, i - p)
            best = max(best, like)
            if is_output and g.mode == lay.MODE_OUTPUT and of_now:
                same = same or like >= lane.alike
                best_output = max(best_output, like)
                if same and p <= lane.streak:
                    count, first = count + 1, i - p
        elif h.mode >= lay.MODE_ACTION and h.action == g.action:
            best = 1.0
        lane.matches[p] = lane.matches[p] + 1 if same and of_now else 0
    if is_output:
        lane.streak = lane.streak + 1 if lane.streak > 0 and best_output >= lane.alike else 1
    elif h.mode >= lay.MODE_ACTION:
        lane.streak = 0
    return best, count, first


@compiled
def recurrence(lane: Any, i: int, strong: float) -> tuple[int, int, int, int]:
    """How often step i's signature came with nothing new between, and where first: within the window, and in all."""
    h = lane.history[i % _H]
    near, near_first, count, first = 1, i, 1, i
    if h.signature == 0 or h.mode < lay.MODE_ACTION:
        return near, near_first, count, first
    for j in range(i - 1, max(-1, i - _H), -1):
        g = lane.history[j % _H]
        if g.turn != h.turn or g.t <= strong:
            break
        if g.signature == h.signature:
            count, first = count + 1, j
            if i - j < lane.window:
                near, near_first = count, j
        if g.novel:
            break
    return near, near_first, count, first


@compiled
def copies(lane: Any, i: int, strong: float) -> tuple[int, int, float]:
    """How many near copies of step i's action came to the same failure with nothing new between.

    Also the first of them, and how like the least like one is. 1 where all are the very same action: that is judged
    as such.
    """
    h = lane.history[i % _H]
    count, first, least, differ = 1, i, 1.0, False
    if h.mode != lay.MODE_RESULT or h.flags & _SAYS_NO == 0:
        return count, first, least
    for j in range(i - 1, max(-1, i - _L), -1):
        g = lane.history[j % _H]
        if g.turn != h.turn or g.t <= strong:
            break
        if g.mode == lay.MODE_RESULT and g.outcome == h.outcome:
            like = similarity(lane, i, j)
            if like >= lane.near:
                count, first, least = count + 1, j, min(least, like)
                differ = differ or g.action != h.action
        if g.novel:
            break
    return (count if differ else 1), first, least


@compiled
def in_vain(lane: Any, i: int, strong: float) -> tuple[int, int]:
    """How often step i's action failed in the same way each time, though something was done between, and where first.

    0 where nothing was done between: then it is a loop of another kind.
    """
    h = lane.history[i % _H]
    if h.mode != lay.MODE_RESULT or h.flags & _SAYS_NO == 0:
        return 0, i
    count, first, moved = 1, i, False
    for j in range(i - 1, max(-1, i - _H), -1):
        g = lane.history[j % _H]
        if g.turn != h.turn or g.t <= strong:
            break
        if g.action == h.action:
            if g.outcome != h.outcome:
                break
            count, first = count + 1, j
        elif g.outcome == h.outcome and g.flags & h.flags & pk.SEVERAL != 0:
            count, first, moved = count + 1, j, True  # what was done and what failed are one step
        elif g.novel:
            moved = True
    return (count if moved else 0), first


@compiled
def form(lane: Any, i: int) -> float:
    """How far the newest six outputs differ in the same places only, 0 to 1, as a form filled in for one after another.

    Of rewordings each differs elsewhere, so that all share much less than two do; of a filled-in form they share the
    same. Two sketches with a common part that sets a share c of the bits, and else each a share r by itself, have
    c + (1-c) r set, and c + (1-c) r² in common; n sketches have c + (1-c) rⁿ, where all have the same common part.
    Returns what they have in common by that. 0 where not each is like the one before, or two in turn are the same (a
    form is filled in with something), or too much differs for a form.
    """
    if lane.matches[1] < _FORM_OF - 1:
        return 0.0
    shared, pairs, ones = 0, 0.0, 0.0
    for w in range(16):
        word = ~np.uint64(0)
        for j in range(i - _FORM_OF + 1, i + 1):
            word &= lane.sketches[j % _R].words[w]
        shared += popcount(word)
    for j in range(i - _FORM_OF + 1, i):
        a, b = lane.sketches[j % _R], lane.sketches[(j + 1) % _R]
        if a.level != b.level or lane.history[j % _H].signature == lane.history[(j + 1) % _H].signature:
            return 0.0
        for w in range(16):
            pairs += popcount(a.words[w] & b.words[w]) / (_BITS * (_FORM_OF - 1))
        ones += (a.ones + b.ones) / (2 * _BITS * (_FORM_OF - 1))
    if pairs >= ones or ones >= 1.0 or ones - pairs >= 1.0 - ones:
        return 0.0  # the same, or nothing in common
    r = (ones - pairs) / (1.0 - ones)
    c = 1.0 - (1.0 - ones) / (1.0 - r)
    level = lane.sketches[i % _R].level
    own = _BITS * log((1.0 - c) / (1.0 - ones)) * (1 << level)
    if own > _FORM_MOST:
        return 0.0
    return min(1.0, shared / _BITS / max(c + (1.0 - c) * r**_FORM_OF, 1e-9))
