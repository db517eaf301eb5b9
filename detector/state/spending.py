"""What a call or a status does to its subject (task, or run without one) and its actor (agent), compiled."""

from typing import Any

import numpy as np

from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.state import layout as lay
from detector.state.found import CALLS, EXACT, MOVED, SPEND, UNTOLD


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
    """Dollars of the last `span` places up to `now`."""
    total = 0.0
    for k in range(max(now - span + 1, newest - len(ring) + 1), min(now, newest) + 1):
        total += ring[k % len(ring)]
    return total


@compiled
def meter(s: Any, actor: Any, row: Any, r: int, at: float, screen: Any, found: Any, n: int) -> int:
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
    s.minute = _spend(s.minutes, newest, minute, row.cost_usd, np.inf)
    _spend(s.minute_calls, newest, minute, 1.0, 65_535.0)
    _spend(s.minute_tokens, newest, minute, float(row.input) + float(row.out), 4_294_967_295.0)
    actor.hour = _spend(actor.hours, actor.hour, hour, row.cost_usd, np.inf)
    level = int(s.calls >= actor.info_calls) + int(s.calls >= actor.warning_calls)
    many = counted and level > s.told
    if many:
        s.told = level
    if s.has_task and s.ended == 0 and (many or 0.0 < s.look_at_usd <= s.cost):
        s.look_at_usd = s.cost * screen.update_factor
        n = _tell(CALLS, EXACT, s, row, r, found, n)
    elif screen.all_spend:
        n = _tell(CALLS, UNTOLD, s, row, r, found, n)
    if s.total_cost < screen.spike_usd and screen.all_spend == 0:
        return n
    usd = _window(s.minutes, s.minute, minute, 60)
    if usd < screen.spike_usd and screen.all_spend == 0:
        return n
    usual, active = _usual(actor, hour)
    dear = usd - usual >= screen.spike_usd and usd >= screen.spike_times * usual
    if not dear and screen.all_spend == 0:
        return n
    n = _tell(SPEND, EXACT if dear else UNTOLD, s, row, r, found, n)
    f = found[n - 1]
    f.hour_usd, f.usual_usd, f.active_hours = usd, usual, active
    f.calls = int(_window(s.minute_calls, s.minute, minute, 60))
    f.tokens = int(_window(s.minute_tokens, s.minute, minute, 60))
    f.calls_after, f.tokens_after = s.total_calls, s.total_tokens
    f.slices = 0
    for k in range(4):
        if _window(s.minutes, s.minute, minute - 10 * k, 10) > usual / 6.0:
            f.slices += 1
    return n


@compiled
def _tell(kind: int, how: int, s: Any, row: Any, r: int, found: Any, n: int) -> int:
    f = found[n]
    f.kind, f.how, f.row, f.lane, f.subject, f.t, f.flags = kind, how, r, row.lane, row.subject, row.t, row.flags
    f.calls, f.tokens = s.calls, s.tokens
    f.cost, f.since_strong_usd, f.cost_after = s.cost, s.cost, s.total_cost
    f.strong_t, f.medium_t, f.began_t = s.strong, s.medium, s.first
    return n + 1


@compiled
def move(s: Any, row: Any, r: int, found: Any, n: int) -> int:
    """Applies a status to its subject."""
    if row.strength < pk.MEDIUM:
        return n
    n = _tell(MOVED, EXACT, s, row, r, found, n)
    found[n - 1].flags, found[n - 1].mode = row.strength, row.category
    if row.strength == pk.MEDIUM:
        s.medium = max(s.medium, row.t)
        return n
    if row.t < s.strong:
        return n
    s.strong = row.t
    s.ended = pk.ENDED[0] <= row.category <= pk.ENDED[-1]
    s.calls, s.tokens, s.cost, s.look_at_usd, s.told = 0, 0, 0.0, 0.0, 0
    return n
