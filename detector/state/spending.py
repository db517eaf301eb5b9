"""What a call or a status does to its subject (task, or run without one) and to the minute's sums, compiled."""

from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.found import CALLS, CLAIMED, EXACT, MOVED, UNTOLD


@compiled
def _spend(ring: Any, newest: int, now: int, usd: float, most: float) -> int:
    """Adds dollars to a ring of equal spans at span `now`, zeroing what has passed; returns the newest span.

    `most`: what the ring's type can hold; a span that comes to more stays there.
    """
    size = len(ring)
    if now > newest:
        for k in range(max(newest + 1, now - size + 1), now + 1):
            ring[k % size] = 0
        newest = now
    if now > newest - size:
        ring[now % size] = min(ring[now % size] + usd, most)
    return newest


@compiled
def _window(ring: Any, newest: int, now: int, span: int) -> float:
    """The sum of the last `span` places up to `now`."""
    total = 0.0
    for k in range(max(now - span + 1, newest - len(ring) + 1), min(now, newest) + 1):
        total += ring[k % len(ring)]
    return total


@compiled
def meter(s: Any, lane: Any, cell: Any, row: Any, r: int, screen: Any, found: Any, n: int) -> int:
    """Books a call to its subject and to the minute's sums (`cell`), and tells of many calls."""
    minute = int(row.t // 60.0)
    if s.total_calls == 0:
        s.first = row.t
    counted = (row.flags & (pk.COMPACTION | pk.STEPLESS)) == 0
    tokens = np.int64(row.input) + np.int64(row.out)
    s.calls += counted
    s.total_calls += 1
    s.cost += row.cost_usd
    s.total_cost += row.cost_usd
    s.tokens += tokens
    s.total_tokens += tokens
    newest = s.minute
    s.minute = _spend(s.minutes, newest, minute, row.cost_usd, np.inf)
    _spend(s.minute_calls, newest, minute, 1.0 if counted else 0.0, 65_535.0)
    if row.flags & pk.NOTIONAL == 0:
        under_way = int(row.due // 60.0)
        if s.billed_minute != under_way:
            s.billed_minute, s.billed_usd = under_way, 0.0
        s.billed_usd += row.cost_usd
    _sum_up(cell, row)
    level = int(s.calls >= lane.info_calls) + int(s.calls >= lane.warning_calls)
    many = counted and level > s.told
    if many:
        s.told = level
    if s.has_task and s.ended == 0 and (many or 0.0 < s.look_at_usd <= s.cost):
        s.look_at_usd = s.cost * screen.update_factor
        n = _tell(CALLS, EXACT, s, row, r, found, n)
        found[n - 1].rounds = lane.warning_calls
    elif screen.all_calls:
        n = _tell(CALLS, UNTOLD, s, row, r, found, n)
        found[n - 1].rounds = lane.warning_calls
    return n


@compiled
def _sum_up(cell: Any, row: Any) -> None:
    """Adds a call to the sums of its identity in this minute."""
    if cell.calls == 0:
        cell.first_t = row.t
    cell.first_t, cell.t = min(cell.first_t, row.t), max(cell.t, row.t)
    cell.calls += 1
    cell.failed += (row.flags & pk.ERROR) != 0
    cell.unpriced += (row.flags & pk.UNPRICED) != 0
    cell.unmetered += (row.flags & pk.UNMETERED) != 0
    cell.interactive += (row.flags & pk.INTERACTIVE) != 0
    cell.input += row.input
    cell.cached += row.cached
    cell.written += row.written
    cell.out += row.out
    cell.reasoning += row.reasoning
    cell.usd += row.cost_usd
    if row.flags & pk.NOTIONAL:
        cell.notional_usd += row.cost_usd
    if row.flags & pk.UNMETERED == 0 and (cell.metered_t == 0.0 or row.t < cell.metered_t):
        cell.metered_t = row.t


@compiled
def _tell(kind: int, how: int, s: Any, row: Any, r: int, found: Any, n: int) -> int:
    f = found[n]
    f.kind, f.how, f.row, f.lane, f.subject, f.t, f.flags = kind, how, r, row.lane, row.subject, row.t, row.flags
    f.calls, f.tokens, f.cost, f.turns = s.calls, s.tokens, s.cost, s.turns
    f.calls_after, f.tokens_after, f.cost_after = s.total_calls, s.total_tokens, s.total_cost
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1


@compiled
def claim(s: Any, row: Any, r: int, found: Any, n: int) -> int:
    """Tells what a client says of its own work."""
    n = _tell(CLAIMED, EXACT, s, row, r, found, n)
    found[n - 1].rounds = row.input
    return n


@compiled
def move(s: Any, row: Any, r: int, found: Any, n: int) -> int:
    """Applies a status to its subject.

    One that is told late leaves the calls that came after it, as far as they are known by the minute.
    """
    if row.strength < pk.MEDIUM:
        return n
    n = _tell(MOVED, EXACT, s, row, r, found, n)
    f = found[n - 1]
    span = 0
    if row.flags & pk.LATE:
        span = min(lay.MINUTES, max(0, int(s.minute) - int(row.t // 60.0)))
    f.step_cost = s.billed_usd if s.billed_minute == int(row.due // 60.0) else 0.0
    f.step_cost -= _window(s.minutes, s.minute, s.minute, span)
    f.flags, f.mode, f.rounds = row.strength, row.category, max(s.longest, s.calls)
    if row.strength == pk.MEDIUM:
        s.medium = max(s.medium, row.t)
        return n
    if row.t < s.strong:
        return n
    s.strong = row.t
    s.longest = max(s.longest, s.calls)
    s.ended = pk.ENDED[0] <= row.category <= pk.ENDED[-1]
    left = int(_window(s.minute_calls, s.minute, s.minute, span))
    s.tokens = s.tokens * left // s.calls if s.calls > 0 else 0  # of each minute only the calls and dollars are known
    s.calls = left
    s.cost = _window(s.minutes, s.minute, s.minute, span)
    s.turns, s.look_at_usd, s.told = 0, 0.0, 0
    return n
