"""What an alert shows of its steps and minutes, drawn from the tables at the moment of the verdict."""

from typing import Any

from detector.rules.finding import Facts
from detector.state import found as fnd
from detector.state.shard import Shard
from detector.state.trails import KEEP_IDS

_SHOWN_STEPS, _SHOWN_MINUTES = 12, 60


def call_of(shard: Shard, facts: Facts) -> str:
    """The id of the call that these facts are of."""
    if facts.kind == fnd.STEP and facts.how != fnd.THRASH:
        trail = shard.trails[facts.lane]
        return trail.ids[facts.step - trail.first]
    return shard.pool.ids[facts.row] if facts.kind != fnd.FINAL else ""


def calls_of(shard: Shard, facts: Facts) -> list[str]:
    """Ids of the calls of the rounds, as far as they are kept."""
    if facts.kind == fnd.FINAL:
        return []
    if facts.kind != fnd.STEP:
        return [shard.pool.ids[facts.row]]
    trail = shard.trails[facts.lane]
    if facts.how == fnd.THRASH:
        return trail.compactions[-facts.rounds :]
    last = facts.step - trail.first
    return trail.ids[max(0, facts.first_step - trail.first, last + 1 - KEEP_IDS) : last + 1]


def names_of(shard: Shard, facts: Facts) -> tuple[str, ...]:
    """The first tool of each step of the newest round, as far as they are kept; of what is no step none."""
    if facts.kind != fnd.STEP or facts.how == fnd.THRASH:
        return ()
    trail = shard.trails[facts.lane]
    last = facts.step - trail.first
    return tuple(trail.names[max(0, last + 1 - max(1, facts.period)) : last + 1])


def drawn(shard: Shard, facts: Facts) -> dict[str, Any]:
    """What a page about it draws: steps, and dollars by minute."""
    if facts.kind == fnd.STEP and facts.how != fnd.THRASH:
        return _steps(shard, facts)
    return {}


def _steps(shard: Shard, facts: Facts) -> dict[str, Any]:
    """The newest steps of a loop, and its dollars by minute as far as the history goes back."""
    trail, history = shard.trails[facts.lane], shard.lanes.rows["history"][facts.lane]
    size = len(history)
    # Of as many steps as the history holds the oldest may be gone: the next step may have been taken by now.
    numbers = range(max(facts.first_step, facts.step - size + 2), facts.step + 1)
    ends = [*(float(history[(n + 1) % size]["cost_before"]) for n in numbers[:-1]), facts.cost_after]
    newest = history[facts.step % size]
    steps: list[dict[str, Any]] = []
    minutes: dict[int, float] = {}
    for n, after in zip(numbers, ends, strict=True):
        h = history[n % size]
        usd, t = round(after - float(h["cost_before"]), 6), float(h["t"])
        minute = int(t // 60) * 60
        minutes[minute] = round(minutes.get(minute, 0.0) + usd, 6)
        kept = n >= trail.first and n > facts.step - KEEP_IDS
        name = trail.names[n - trail.first] if kept else ""
        same = int(h["signature"]) == facts.signature
        if facts.how == fnd.NEAR:
            same = h["mode"] == facts.mode and h["outcome"] == newest["outcome"]
        steps.append({"t": t, "usd": usd, "name": name, "same": bool(same)})
    return {"steps": steps[-_SHOWN_STEPS:], "usd_by_minute": [list(m) for m in minutes.items()][-_SHOWN_MINUTES:]}
