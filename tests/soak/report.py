"""What a soak has found: pure figures over its samples, and the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

DAY_S = 86_400.0
MB = 1_000_000.0

GROWS_MB_A_DAY = 6.0
"""Memory may grow by so much a day of events in the second half: tasks, with their names, are kept for 8 days."""
LEAST_DAYS = 3.0
"""A shorter run says nothing of growth: runs and ids are remembered for a day, which the second half has to be past."""


class Counted(NamedTuple):
    """What was sent."""

    calls: int
    others: int
    bad: int

    @property
    def all(self) -> int:
        """Records."""
        return sum(self)


class Sample(NamedTuple):
    """The stages at one moment: event time in s since the beginning, wall time, counts by stage."""

    event_s: float
    wall_s: float
    stages: Mapping[str, Mapping[str, float]]


def unjudged_s(sample: Sample) -> float:
    """Seconds of event time that were sent, and that watch or portfolio has not judged."""
    return max(stage["unjudged_s"] for stage in sample.stages.values())


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line that fits best; 0 of fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """By stage by how many MB a day of events its memory grew in the second half."""
    half = samples[len(samples) // 2 :]
    names = samples[-1].stages
    return {n: slope([(s.event_s / DAY_S, s.stages[n]["rss_bytes"] / MB) for s in half]) for n in names}


def verdict(samples: Sequence[Sample], sent: Counted) -> dict[str, Any]:
    """Figures and `faults`: sentences, none where all is well."""
    last = samples[-1].stages
    taken, refused, judged = last["ingest"]["events"], last["ingest"]["refused"], last["watch"]["calls"]
    days, grown = samples[-1].event_s / DAY_S, growth(samples)
    faults = []
    if taken != sent.all:
        faults.append(f"ingest has accounted for {taken:,.0f} of {sent.all:,} records")
    if refused != sent.bad:
        faults.append(f"{refused:,.0f} dead letters, and {sent.bad:,} records were bad")
    if judged != sent.calls:
        faults.append(f"watch has metered {judged:,.0f} of {sent.calls:,} calls")
    if late := last["watch"]["late"]:
        faults.append(f"{late:,.0f} observations came late, and none was sent late")
    if days >= LEAST_DAYS:
        faults += [
            f"{name} grew by {mb:.1f} MB a day of events, more than {GROWS_MB_A_DAY:g}"
            for name, mb in grown.items()
            if mb > GROWS_MB_A_DAY
        ]
    return {
        "event_days": days,
        "wall_s": samples[-1].wall_s,
        "sent": sent.all,
        "bad": sent.bad,
        "accepted": taken - refused,
        "dead_letters": refused,
        "calls_sent": sent.calls,
        "calls_metered": judged,
        "late": late,
        "alerts": sum(stage["alerts"] for stage in last.values()),
        "lag_records_at_the_end": sum(stage["lag"] for stage in last.values()),
        "lag_records_highest": {n: max(s.stages[n]["lag"] for s in samples) for n in last},
        "behind_s_highest": {n: max(s.stages[n]["behind_s"] for s in samples) for n in last},
        "unjudged_event_s_highest": max(unjudged_s(s) for s in samples),
        "live_runs_highest": max(s.stages["watch"]["live_runs"] for s in samples),
        "peak_rss_bytes": {n: max(s.stages[n]["rss_bytes"] for s in samples) for n in last},
        "grown_mb_a_day": grown if days >= LEAST_DAYS else None,
        "faults": faults,
    }
