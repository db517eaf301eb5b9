"""Work that an audit is asked about: calls with their costs, and what became of their tasks."""

import random
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from tests.support.judged import Event, call, in_order, status

DAY_S = 86_400.0


def spent(t: float, usd: float = 1.0, task: str | None = "T-1", **fields: Any) -> Event:
    return call(t, task=task, cost_usd=usd, **fields)


def merged(t: float, name: str, task: str = "T-1") -> Event:
    return status(t, task, to="merged", deliverable=name)


def completed(t: float, task: str = "T-1") -> Event:
    return status(t, task, category="completed")


calls = st.builds(
    lambda t, usd, task, run, team: spent(t * 60.0, usd, task, run=f"{team}-{run}", team=team),
    st.integers(0, 3 * 1440), st.integers(0, 500).map(lambda c: c / 100), st.sampled_from(["A", "B", "C", None]),
    st.integers(0, 3), st.sampled_from(["red", "blue"]),
)  # fmt: skip
statuses = st.builds(
    lambda t, task, strength, category, name, reverts: status(
        t * 60.0 + 30.0, task, strength, category=category, deliverable=name, reverts=reverts
    ),
    st.integers(0, 3 * 1440), st.sampled_from(["A", "B", "C", "D"]), 
    st.sampled_from(["strong", "strong", "medium", "weak"]),
    st.sampled_from([None, "completed", "started", "not_planned"]), st.sampled_from([None, None, "d1", "d2"]),
    st.sampled_from([None, None, None, "d1"]),
)  # fmt: skip


def month(seed: int, tasks: int = 40, days: int = 12, teams: Sequence[str] = ("red", "red", "blue")) -> list[Event]:
    """Tasks of these teams with several runs; most ship, some late, some are taken back."""
    dice, events = random.Random(seed), list[Event]()
    for n in range(tasks):
        task, began = f"T-{n}", dice.uniform(0, days * DAY_S)
        for k in range(dice.randint(1, 30)):
            team, t = dice.choice(teams), began + k * dice.uniform(20.0, 4000.0)
            run = f"{task}-{team}-{k // 7}"
            events.append(spent(t, dice.uniform(0.01, 2.0), task if n % 5 else None, run=run, team=team, agent=team))
        if n % 3:
            events.append(merged(t + 100.0, f"d{n}", task))
        if n % 4:
            events.append(completed(t + 200.0, task))
        if n % 9 == 1:
            events.append(status(t + 5000.0, f"T-{n - 1}", reverts=f"d{n}"))
    return in_order(events)
