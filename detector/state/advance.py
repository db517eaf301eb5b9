"""The compiled walk over observations in the order of event time: what each does to its lane, subject and actor.

Nothing is decided here. Each judged step leaves its features, and what may concern a rule is told in `FOUND` rows;
the screens are looser than any rule, so that a rule sees all that it needs and only a little more.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.enrich.sketch import jaccard, popcount
from detector.model import packed as pk
from detector.state import layout as lay

STEP, CALLS, SPEND, MOVED = 0, 1, 2, 3
"""A step was judged; a task has many calls; an hour is dear; a medium or strong status came."""

FOUND = np.dtype(
    [
        ("kind", "u1"),
        ("row", "i8"),  # index of the waiting row that it came with
        ("lane", "i4"),
        ("subject", "i4"),
        ("t", "f8"),
        ("step", "i8"),  # of a step: its number in the lane
        ("signature", "u8"),
        ("flags", "u4"),  # of the row; of a status: its strength
        ("mode", "u1"),
        ("repeats", "u1"),
        ("novel", "u1"),
        ("similarity", "f4"),
        ("period", "i4"),
        ("rounds", "i4"),
        ("first_step", "i8"),  # where the rounds began
        ("first_t", "f8"),
        ("cost", "f8"),  # USD of the rounds, or of the subject since its last strong status
        ("cost_after", "f8"),  # USD of the lane, or of the subject in all, after it
        ("step_cost", "f8"),
        ("tokens", "i8"),
        ("tokens_after", "i8"),
        ("calls", "i8"),
        ("hour_usd", "f8"),  # of the subject
        ("usual_usd", "f8"),  # an active hour of the actor
        ("active_hours", "i4"),
        ("slices", "i4"),  # of the last four ten-minute slices, how many burnt more than usual
        ("since_strong_usd", "f8"),
        ("strong_t", "f8"),  # of the subject's last strong status at that moment, 0: none
        ("medium_t", "f8"),
        ("began_t", "f8"),  # of the subject's first call
    ]
)

SCREEN = np.dtype(
    [
        ("rounds", "i8"),  # from so many rounds on a step is told
        ("spike_usd", "f8"),  # least dollars above usual
        ("spike_times", "f8"),
        ("update_factor", "f8"),
        ("result_wait_s", "f8"),
        ("all_steps", "u1"),
    ]
)

_H, _R, _L, _S = lay.HISTORY, lay.RECENT, lay.LAGS, lay.SEEN
_FAILED = pk.ERROR | pk.TOOL_ERROR
_MIX = np.uint64(0x9E3779B97F4A7C15)


@compiled
def _mix(a: np.uint64, b: np.uint64) -> np.uint64:
    h = (a ^ b) * _MIX
    return h ^ (h >> np.uint64(29))


@compiled
def _is_seen(lane: Any, signature: np.uint64) -> bool:
    for k in range(min(lane.seen_count, _S)):
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
    if a.known == 0 or b.known == 0 or a.ones == 0 or b.ones == 0:
        return 0.0
    return jaccard(a.words, a.level, a.ones, b.words, b.level, b.ones)


@compiled
def _compare(lane: Any, i: int) -> float:
    """Compares step i with the twelve before it, counts matches by lag; the similarity to the most similar."""
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
        if h.mode == lay.MODE_OUTPUT and g.mode == lay.MODE_OUTPUT and h.turn == g.turn:
            same = same or similarity >= alike
            best_output = max(best_output, similarity)
        lane.matches[p] = lane.matches[p] + 1 if same and h.turn == g.turn else 0
        best = max(best, similarity)
    if h.mode == lay.MODE_OUTPUT:
        lane.streak = lane.streak + 1 if lane.streak > 0 and best_output >= alike else 1
    elif h.mode != lay.MODE_NONE:
        lane.streak = 0
    return best


@compiled
def _recurrence(lane: Any, i: int) -> tuple[int, int]:
    """How often step i's signature came within the window with nothing new between, and where first."""
    h = lane.history[i % _H]
    count, first = 1, i
    if h.signature == 0 or h.mode < lay.MODE_ACTION:
        return count, first
    for j in range(i - 1, max(-1, i - min(lane.window, _H)), -1):
        g = lane.history[j % _H]
        if g.turn != h.turn:
            break
        if g.signature == h.signature:
            count += 1
            first = j
        if g.novel:
            break
    return count, first


@compiled
def _judge(lane: Any, slot: int, subject: int, s: Any, row: int, screen: Any, found: Any, n: int) -> int:
    """Judges the newest step of a lane; returns how many rows of `found` are used."""
    i = lane.steps - 1
    h = lane.history[i % _H]
    lane.open = 0
    lane.judged = lane.steps
    failed = (h.flags & _FAILED) != 0
    fresh = h.signature != 0 and not _is_seen(lane, h.signature)
    action_new = h.mode >= lay.MODE_ACTION and not _is_seen(lane, h.action)
    h.novel = action_new and not failed
    best = _compare(lane, i)
    if h.mode == lay.MODE_OUTPUT:
        fresh = fresh and best < lane.alike
    if h.signature != 0 and not _is_seen(lane, h.signature):
        _remember(lane, h.signature)
    if h.novel:
        _remember(lane, h.action)
    period, rounds, first = 0, 1, i
    for p in range(1, _L + 1):
        if lane.matches[p] >= p:
            period = p
            rounds = (lane.matches[p] + p) // p
            first = i - lane.matches[p] - p + 1
            break
    if period <= 2:
        if h.mode == lay.MODE_OUTPUT:
            count, since = lane.streak, i - lane.streak + 1
        else:
            count, since = _recurrence(lane, i)
        if count > rounds:
            rounds, first = count, since
    if rounds >= screen.rounds:
        lane.watched = 1
    if screen.all_steps == 0 and lane.watched == 0:
        return n
    first = max(first, 0, i - _H + 1)
    g = lane.history[first % _H]
    f = found[n]
    f.kind, f.row, f.lane, f.subject = STEP, row, slot, subject
    f.t, f.step, f.signature, f.flags, f.mode = h.t, i, h.signature, h.flags, h.mode
    f.repeats = 0
    if i > 0 and h.mode != lay.MODE_NONE:
        before = lane.history[(i - 1) % _H]
        if before.turn == h.turn:
            if h.mode == lay.MODE_OUTPUT:
                f.repeats = before.mode == lay.MODE_OUTPUT and before.signature == h.signature
            else:
                f.repeats = before.action == h.action and before.mode >= lay.MODE_ACTION
    f.novel, f.similarity, f.period, f.rounds = fresh, best, period, rounds
    f.first_step, f.first_t, f.calls = first, g.t, i - first + 1
    f.cost, f.cost_after = lane.cost - g.cost_before, lane.cost
    f.step_cost = lane.cost - h.cost_before
    f.tokens, f.tokens_after = lane.tokens - g.tokens_before, lane.tokens
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1


@compiled
def _push(lane: Any, row: Any) -> None:
    """Makes a call the newest step of its lane; it is open until it is judged."""
    i = lane.steps
    h = lane.history[i % _H]
    h.t, h.turn, h.action, h.flags, h.novel = row.t, row.turn, row.action, row.flags, 0
    h.cost_before, h.tokens_before = lane.cost, lane.tokens
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
    elif row.output != 0 or row.output_sketch >= 0:
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
    s.ones, s.level, s.known = ones, row.level, ones > 0
    lane.steps += 1
    lane.open = 1


@compiled
def _answer(lane: Any, row: Any, result_wait_s: float) -> bool:
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


@compiled
def _usual(actor: Any, hour: int) -> tuple[float, int]:
    """Mean dollars of an actor's active clock hours in the 7 days before this hour, and how many there were.

    Hours that the last 60 minutes touch are left out: what is judged is no part of what it is judged by.
    """
    total, active = 0.0, 0
    for h in range(max(hour - 168, actor.hour - lay.HOURS + 1), min(hour - 1, actor.hour + 1)):
        usd = actor.hours[h % lay.HOURS]
        if usd > 0.0:
            total += usd
            active += 1
    return (total / active if active else 0.0), active


@compiled
def _spend(ring: Any, newest: int, now: int, usd: float) -> int:
    """Adds dollars to a ring of equal spans at span `now`, zeroing what has passed; returns the newest span."""
    size = len(ring)
    if now > newest:
        for k in range(max(newest + 1, now - size + 1), now + 1):
            ring[k % size] = 0
        newest = now
    if now > newest - size:
        ring[now % size] += usd
    return newest


@compiled
def _window(ring: Any, newest: int, now: int, span: int) -> float:
    """Dollars of the last `span` places up to `now`."""
    total = 0.0
    for k in range(max(now - span + 1, newest - len(ring) + 1), min(now, newest) + 1):
        total += ring[k % len(ring)]
    return total


@compiled
def _meter(s: Any, actor: Any, row: Any, r: int, at: float, screen: Any, found: Any, n: int) -> int:
    """Books a call to its subject and actor, and tells of many calls and dear hours."""
    minute, hour = int(at // 60.0), int(at // 3600.0)
    if s.total_calls == 0:
        s.first = row.t
    counted = (row.flags & (pk.COMPACTION | pk.STEPLESS)) == 0
    s.calls += counted
    s.total_calls += 1
    s.cost += row.cost_usd
    s.total_cost += row.cost_usd
    s.tokens += np.int64(row.input) + np.int64(row.out)
    s.total_tokens += np.int64(row.input) + np.int64(row.out)
    newest = s.minute
    s.minute = _spend(s.minutes, newest, minute, row.cost_usd)
    _spend(s.minute_calls, newest, minute, 1.0)
    _spend(s.minute_tokens, newest, minute, float(row.input) + float(row.out))
    actor.hour = _spend(actor.hours, actor.hour, hour, row.cost_usd)
    many = counted and (s.calls == s.info_calls or s.calls == s.warning_calls)
    if s.has_task and s.ended == 0 and (many or 0.0 < s.look_at_usd <= s.cost):
        s.look_at_usd = s.cost * screen.update_factor
        n = _tell(CALLS, s, row, r, found, n)
    if s.total_cost < screen.spike_usd:
        return n
    usd = _window(s.minutes, s.minute, minute, 60)
    if usd < screen.spike_usd:
        return n
    usual, active = _usual(actor, hour)
    if usd - usual < screen.spike_usd or usd < screen.spike_times * usual:
        return n
    n = _tell(SPEND, s, row, r, found, n)
    f = found[n - 1]
    f.hour_usd, f.usual_usd, f.active_hours = usd, usual, active
    f.calls = int(_window(s.minute_calls, s.minute, minute, 60))
    f.tokens = int(_window(s.minute_tokens, s.minute, minute, 60))
    f.first_step, f.tokens_after = s.total_calls, s.total_tokens
    f.slices = 0
    for k in range(4):
        if _window(s.minutes, s.minute, minute - 10 * k, 10) > usual / 6.0:
            f.slices += 1
    return n


@compiled
def _tell(kind: int, s: Any, row: Any, r: int, found: Any, n: int) -> int:
    f = found[n]
    f.kind, f.row, f.lane, f.subject, f.t, f.flags = kind, r, row.lane, row.subject, row.t, row.flags
    f.calls, f.tokens = s.calls, s.tokens
    f.cost, f.since_strong_usd, f.cost_after = s.cost, s.cost, s.total_cost
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1


@compiled
def _move(s: Any, row: Any, r: int, found: Any, n: int) -> int:
    """Applies a status to its subject."""
    if row.strength < pk.MEDIUM:
        return n
    n = _tell(MOVED, s, row, r, found, n)
    found[n - 1].flags = row.strength
    if row.strength == pk.MEDIUM:
        s.medium = max(s.medium, row.t)
        return n
    if row.t < s.strong:
        return n
    s.strong = row.t
    s.ended = pk.ENDED[0] <= row.category <= pk.ENDED[-1]
    s.calls, s.tokens, s.cost, s.look_at_usd = 0, 0, 0.0, 0.0
    return n


@compiled
def advance(
    order: npt.NDArray[np.int64], rows: Any, lanes: Any, subjects: Any, actors: Any, screen: Any, watermark: float,
    found: Any, pushed: npt.NDArray[np.int64],
) -> tuple[int, int]:  # fmt: skip
    """Walks over `rows` (WAITING) in `order` (n indices); `watermark` is the one before these rows, s UTC.

    Changes lanes, subjects and actors in place, fills `found` (4 n of FOUND) and `pushed` (n, rows that became steps)
    and returns how many of each are used.
    """
    n, m = 0, 0
    for r in order:
        row = rows[r]
        if row.kind == pk.CALL:
            s = subjects[row.subject]
            n = _meter(s, actors[row.actor], row, r, max(row.t, watermark), screen, found, n)
            lane = lanes[row.lane]
            newest = lane.history[(lane.steps - 1) % _H].t if lane.steps > 0 else 0.0
            if row.t >= newest and (row.flags & (pk.COMPACTION | pk.STEPLESS)) == 0:
                if lane.open:
                    n = _judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
                _push(lane, row)
                pushed[m] = r
                m += 1
            lane.cost += row.cost_usd
            lane.tokens += np.int64(row.input) + np.int64(row.out)
            if lane.open and (lane.missing == 0 or lane.missing == pk.NEVER):
                n = _judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.TOOL_RESULT and row.lane >= 0:
            lane = lanes[row.lane]
            if _answer(lane, row, screen.result_wait_s):
                n = _judge(lane, row.lane, row.subject, subjects[row.subject], r, screen, found, n)
        elif row.kind == pk.STATUS:
            n = _move(subjects[row.subject], row, r, found, n)
    return n, m


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
        n = _judge(lanes[slots[k]], slots[k], subject_of[k], s, -1, screen, found, n)
    return n
