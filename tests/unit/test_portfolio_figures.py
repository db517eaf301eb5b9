"""The figures of spend against a slow recomputation: lists of calls and sums, no rings."""

from typing import Any

import pytest

from detector.model.alert import Alert
from tests.support.judged import Event
from tests.support.spenders import Spenders
from tests.support.spread import spikes

HOUR_MIN, WEEK_H, OLD_H = 60, 168, 120


def minute(event: Event) -> int:
    return int(event["time"] // 60.0)


class Slow:
    """All events of a world, and what an alert about them should say."""

    def __init__(self, events: list[Event]) -> None:
        self.calls = [e for e in events if "cost_usd" in e]
        self.strong = [e for e in events if e.get("strength") == "strong"]
        self.links = {(e["tenant"], e["run"]): e for e in events if e.get("type") == "link"}

    def task_of(self, call: Event, by: int) -> str | None:
        """The task of a call as it is known at the end of a minute."""
        link = self.links.get((call["tenant"], call["run"]))
        return call.get("task") or (link["task"] if link and minute(link) <= by else None)

    def of(self, a: Alert, by: int) -> list[Event]:
        """The calls of its task, or of its run without one, up to a minute."""
        mine = [c for c in self.calls if (c["tenant"], c["team"]) == (a.tenant, a.team) and minute(c) <= by]
        if a.level == "agent":
            return [c for c in mine if c["agent"] == a.agent]
        if a.level == "task":
            return [c for c in mine if self.task_of(c, by) == a.task]
        return [c for c in mine if self.task_of(c, by) is None and c["run"] == a.run]

    def usual(self, a: Alert, agent: str | None, by: int) -> float:
        """Mean of an agent's active hours, or what it spends at this time of the day where that is more."""
        mine = [c for c in self.calls if (c["tenant"], c["team"], c["agent"]) == (a.tenant, a.team, agent)]
        hours: dict[int, float] = {}
        for c in mine:
            hours[minute(c) // 60] = hours.get(minute(c) // 60, 0.0) + c["cost_usd"]
        now = by // 60
        known = [usd for h, usd in hours.items() if now - WEEK_H <= h <= now - 2 and usd > 0]
        mean = sum(known) / max(1, len(known))
        if now - min(map(minute, mine)) // 60 < OLD_H:
            return mean
        habits = [sorted(hours.get(now - 24 * d + off, 0.0) for d in range(1, 8))[3] for off in (-1, 0, 1)]
        return max(mean, *habits)

    def figures(self, a: Alert) -> dict[str, Any]:
        by = int(a.updated_at // 60.0) - (a.level == "agent")
        mine = self.of(a, by)
        lately = [c for c in mine if minute(c) > by - HOUR_MIN]
        out: dict[str, Any] = {
            "hour_usd": sum(c["cost_usd"] for c in lately),
            "usual_usd": sum(self.usual(a, agent, by) for agent in {c["agent"] for c in lately}),
        }
        if a.level != "agent":
            moved = [minute(s) for s in self.strong if s["task"] == a.task and s["tenant"] == a.tenant]
            since = max((m for m in moved if m <= by), default=0)
            out["since_strong_usd"] = sum(c["cost_usd"] for c in mine if minute(c) > since)
        return out


@pytest.mark.parametrize("seed", range(12))
def test_every_figure_of_a_spike_is_what_a_slow_recomputation_says(seed: int) -> None:
    events = Spenders(seed).events
    slow, compared = Slow(events), 0
    for a in spikes(events):
        if a.state == "resolved" or a.level in ("team", "model") or "peers" in a.evidence["usual_is"]:
            continue
        compared += 1
        wanted = slow.figures(a)
        assert {k: a.evidence[k] for k in wanted} == pytest.approx(wanted, rel=1e-5, abs=1e-5), a.summary
        by_minute = sum(usd for _, usd in a.evidence["usd_by_minute"])
        assert by_minute == pytest.approx(wanted["hour_usd"], rel=1e-5, abs=1e-4)
    assert compared or seed not in range(6)
