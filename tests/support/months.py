"""Months of work through watch and portfolio, and what the rules about a month say of them at a midnight."""

from collections.abc import Iterable
from typing import Any

from detector.config import Config
from detector.model.alert import Alert
from tests.support.judged import T0, Event, in_order, last
from tests.support.spread import CONFIG, Told, before_the_end, portfolio_of, rollups
from tests.support.worked import completed, spent

DAY_S = 86_400.0
_FIRST_S = (T0 // DAY_S + 1) * DAY_S - T0
RULES = ("no_deliverable", "concentration", "cost_per_outcome", "churn", "redundant_spend")


def on(day: float, hour: float = 9.0) -> float:
    """A time as events are made with: so many seconds after T0. Day 0 is a Tuesday, the first whole day after it."""
    return _FIRST_S + day * DAY_S + hour * 3600.0


def work(day: float, task: str | None, usd: float, hour: float = 9.0, **fields: Any) -> Event:
    """A call of team `search` on a task, in a run of its own unless told otherwise."""
    return spent(on(day, hour), usd, task, **{"team": "search", "run": f"{task}-{day}-{hour}", **fields})


def done(day: float, task: str, hour: float = 18.0) -> Event:
    """A task is completed."""
    return completed(on(day, hour), task)


def tracker(days: int) -> list[Event]:
    """Another team ships something every five days, for cents: so it is known that something tells what ships."""
    told = []
    for day in range(0, days, 5):
        told += [work(day, f"web-{day}", 0.05, team="web", agent="web"), done(day, f"web-{day}")]
    return told


def weeks_told(events: Iterable[Event], day: int) -> list[Told]:
    """The rollups of these events, up to an hour after the beginning of a day."""
    end = [{**work(day, None, 0.0, 1.0, team="clock", agent="clock")}]
    return before_the_end(rollups(in_order([*events, *end])))


def found(events: Iterable[Event], day: int, config: Config = CONFIG) -> list[Alert]:
    """What the rules about a month speak of at the beginning of a day (see `on`): the record that holds of each."""
    alerts = portfolio_of(weeks_told(events, day), config)[1]
    return [a for a in last(alerts) if a.rule in RULES and a.state != "resolved"]


def told(alerts: Iterable[Alert], rule: str) -> list[tuple[str, str, str | None]]:
    """Severity, level and subject of what a rule speaks of: a team, or one of its tasks, agents, keys or people."""
    mine = [a for a in alerts if a.rule == rule]
    return sorted((a.severity, a.level, a.task or a.agent or a.key or _culprit(a) or a.team) for a in mine)


def _culprit(alert: Alert) -> str | None:
    return next(iter(alert.evidence.get("culprits", {}).values()), None)
