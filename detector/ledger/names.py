"""Who spends, and on what."""

from typing import NamedTuple

EXPERIMENT = "experiment"
"""The type of tasks that are there to learn, not to ship."""


class Who(NamedTuple):
    """Who paid for a call, as it was told (user: a pseudonym). `notional`: nobody bills its dollars."""

    tenant: str
    team: str | None = None
    agent: str | None = None
    key: str | None = None
    user: str | None = None
    provider: str | None = None
    model: str | None = None
    task_type: str | None = None
    notional: bool = False


class Subject(NamedTuple):
    """A task, or a run that no task claims; `key`: its hash."""

    key: int
    tenant: str
    task: str | None
