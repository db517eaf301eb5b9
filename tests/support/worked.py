"""Work that an audit is asked about: calls with their costs, and what became of their tasks."""

from typing import Any

from hypothesis import strategies as st

from tests.support.judged import Event, call, status


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
