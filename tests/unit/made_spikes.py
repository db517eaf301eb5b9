"""Spikes and fleets for the tests of the measure of spend."""

from typing import Any

from tests.bench.spend_truth import Spike, Truth

HOUR_S, DAY_S = 3600.0, 86_400.0
SPIKE_S = 8 * DAY_S


def spike(kind: Any = "guilty", start: float = SPIKE_S, **fields: Any) -> Spike:
    """A ten-fold spike of an hour of one agent, that burns $36 above usual evenly."""
    told: dict[str, Any] = {
        "level": "agent",
        "factor": 10,
        "end": start + HOUR_S,
        "usual_usd_per_hour": 4.0,
        "above_usd": 36.0,
        "team": "t",
        "agents": ["a"],
        "tasks": ["T"],
        "runs": ["r"],
        "curve": [3.0 * n for n in range(13)],
    }
    return Spike(kind=kind, start=start, **{**told, **fields})


def truth(*spikes: Spike, days: int = 14, agents: int = 10) -> Truth:
    """A fleet of one team that runs from 1970 on, with these spikes."""
    return Truth(0.0, days, 0, {f"{'abcdefghij'[n]}": "t" for n in range(agents)}, list(spikes))
