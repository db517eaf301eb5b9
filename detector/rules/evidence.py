"""What an alert shows of its steps and minutes, drawn from the tables at the moment of the verdict."""

from typing import Any

from detector.model.packed import ERROR, FAILURE
from detector.rules.finding import Facts
from detector.state import found as fnd
from detector.state.alike import similarity
from detector.state.layout import MODE_ACTION, MODE_OUTPUT, MODE_RESULT, RECENT
from detector.state.shard import Shard
from detector.state.trails import KEEP_IDS

_SHOWN_STEPS, _SHOWN_MINUTES = 24, 60
_FAILED = ERROR | FAILURE


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
    """What a page about it draws: the steps of its rounds, dollars by minute, and when its task moved."""
    told: dict[str, Any] = {"moves": moves(facts.strong_t, facts.medium_t)}
    if facts.kind == fnd.STEP and facts.how != fnd.THRASH:
        told |= _steps(shard, facts)
    return told


def moves(strong_t: float, medium_t: float) -> list[dict[str, Any]]:
    """The last strong and the last medium status (s UTC, 0: none came), in their order."""
    told = {strong_t: "strong"} if medium_t == strong_t else {strong_t: "strong", medium_t: "medium"}
    return [{"t": t, "strength": told[t]} for t in sorted(told) if t > 0.0]


def _steps(shard: Shard, facts: Facts) -> dict[str, Any]:
    """The newest steps of a loop; and the dollars of its lane by minute, as far as the history goes back."""
    lane, step = shard.lanes.rows[facts.lane], facts.step
    history = lane["history"]
    size = len(history)
    # Of as many steps as the history holds the oldest may be gone: the next step may have been taken by now.
    numbers = range(max(0, step - size + 2), step + 1)
    ends = [*(float(history[(n + 1) % size]["cost_before"]) for n in numbers[:-1]), facts.cost_after]
    steps: list[dict[str, Any]] = []
    minutes: dict[float, float] = {}
    for n, after in zip(numbers, ends, strict=True):
        h = history[n % size]
        usd, t = round(after - float(h["cost_before"]), 6), float(h["t"])
        minute = t // 60.0 * 60.0
        minutes[minute] = round(minutes.get(minute, 0.0) + usd, 6)
        if n >= max(facts.first_step, step - _SHOWN_STEPS + 1):
            steps.append({"t": t, "usd": usd, **_told_of(shard, facts, lane, n)})
    by_minute = [[t, usd] for t, usd in minutes.items() if usd and t > facts.t - 60.0 * _SHOWN_MINUTES]
    return {"steps": steps, "usd_by_minute": by_minute}


def _told_of(shard: Shard, facts: Facts, lane: Any, n: int) -> dict[str, Any]:
    """Of a step its first tool, fingerprints of what was done and of what came back, and how it is like the others."""
    trail, history = shard.trails[facts.lane], lane["history"]
    h, newest = history[n % len(history)], history[facts.step % len(history)]
    mode, before = int(h["mode"]), n - max(1, facts.period)
    acts = mode >= MODE_ACTION
    same = int(h["signature"]) == facts.signature
    if facts.how == fnd.NEAR:
        same = h["mode"] == facts.mode and h["outcome"] == newest["outcome"]
    came_back = {MODE_RESULT: int(h["outcome"]), MODE_OUTPUT: int(h["signature"])}.get(mode)
    return {
        "name": trail.names[n - trail.first] if n >= trail.first and n > facts.step - KEEP_IDS else "",
        "action": _short(int(h["action"])) if acts else None,
        "result": None if came_back is None else _short(came_back),
        "same": bool(same),
        "failed": bool(h["flags"] & _FAILED),
        "new": bool(h["novel"]) if acts else None,
        "similarity": _likeness(lane, facts.step, n, before) if mode >= MODE_OUTPUT else None,
    }


def _likeness(lane: Any, newest: int, n: int, before: int) -> float | None:
    """How like step n is to the one before it by that much, 0 to 1; None where that cannot be told any more."""
    history = lane["history"]
    if before < max(0, newest - len(history) + 2):
        return None
    # Sketches are kept of thirteen steps, the newest of which may have come after this one.
    if before > newest - RECENT + 1:
        return round(float(similarity(lane, n, before)), 3)
    h, g = history[n % len(history)], history[before % len(history)]
    by = "action" if h["mode"] >= MODE_ACTION else "signature"
    same = h[by] == g[by] and (h["mode"] >= MODE_ACTION) == (g["mode"] >= MODE_ACTION)
    return 1.0 if same else None


def _short(fingerprint: int) -> str:
    """Its last eight hex digits."""
    return f"{fingerprint & 0xFFFFFFFF:08x}"
