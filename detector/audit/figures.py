"""What an audit says, as figures: the screen, the page and the files all show these and nothing else.

Money in USD, times in s UTC. No person is in it, and no text of a prompt or an answer. What each figure means, and how
it can mislead, is in docs/portfolio.md.
"""

import msgspec


class Went(msgspec.Struct):
    """Where dollars went, each to the first that holds: flagged; claimed by no task; to a task that shipped within the
    window; to one that was given up; to one that is open."""

    looping_usd: float = 0.0
    unclaimed_usd: float = 0.0
    shipped_usd: float = 0.0
    dropped_usd: float = 0.0
    open_usd: float = 0.0


class Team(msgspec.Struct):
    """What a team spent within the window and what it achieved; `team` None: calls that name none."""

    team: str | None
    tenant: str
    spend_usd: float = 0.0
    calls: int = 0
    tasks: int = 0
    tasks_completed: int = 0
    outcomes: int = 0
    cost_per_outcome_usd: float | None = None
    no_task_usd: float = 0.0
    useful_run_share: float | None = None
    went: Went = msgspec.field(default_factory=Went)


class Model(msgspec.Struct):
    """What was spent on a model of a provider, as calls name them; None where they name none."""

    provider: str | None
    model: str | None
    spend_usd: float
    calls: int


class Billed(msgspec.Struct):
    """What a provider billed for a model, and what was metered; `unexplained_usd`: the first less the second."""

    provider: str
    model: str
    billed_usd: float
    metered_usd: float
    unexplained_usd: float


class Week(msgspec.Struct):
    """Seven days of the window; `began_t`: s UTC."""

    began_t: float
    spend_usd: float
    calls: int
    tasks_completed: int = 0
    outcomes: int = 0
    cost_per_completed_task_usd: float | None = None
    cost_per_outcome_usd: float | None = None


class Nothing(msgspec.Struct):
    """A task that was worked on within the window, and shipped nothing in it."""

    task: str
    tenant: str
    team: str | None
    spend_usd: float
    calls: int
    runs: int


class Corrected(msgspec.Struct):
    """What came so late that it changed a day that was over: statuses or links (`kind`), and dollars they are about.

    `day_t`: when the day began, s UTC.
    """

    day_t: float
    kind: str
    count: int
    usd: float


class Figures(msgspec.Struct):
    """All of it. `days`: the length of the window, which ends at the last event (or with the month)."""

    days: float
    began_t: float | None
    ended_t: float | None
    spend_usd: float
    calls: int
    unpriced_calls: int
    unmetered_calls: int
    notional_usd: float
    no_task_usd: float
    flagged_usd: float
    outcomes: int
    tasks: int
    tasks_completed: int
    without_ai: int
    cost_per_completed_task_usd: float | None
    cost_per_outcome_usd: float | None
    direct_cost_per_outcome_usd: float | None
    median_completed_task_usd: float | None
    weighted_completed_task_usd: float | None
    useful_run_share: float | None
    status_source: bool
    experiments_usd: float
    went: Went
    weeks: list[Week]
    teams: list[Team]
    shipped_nothing: list[Nothing]
    models: list[Model]
    invoice: list[Billed] | None = None
    corrected: list[Corrected] = []


def to_json(figures: Figures) -> bytes:
    """One object on one line."""
    return msgspec.json.encode(figures) + b"\n"


def per(usd: float, count: int) -> float | None:
    """What one cost; None where there is none."""
    return usd / count if count else None
