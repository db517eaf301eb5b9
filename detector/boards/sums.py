"""What boards are told of teams, tenants and types of tasks: sums that add up, so that names can be put together."""

from typing import NamedTuple, Self

import msgspec

Team = tuple[str, str, str | None]
"""Window, tenant, team."""
Agent = tuple[str, str, str | None, str | None, str | None]
"""Window, tenant, team, agent, model."""


class TeamSums(msgspec.Struct):
    """What a team spent within a window and what its tasks achieved; see detector.audit.figures for the meanings.

    `completed_usd`: of each task that was completed in it, what it had cost by then, in all. `turns` of persons up to
    now, of completed tasks of which any is told: these are `tasks_with_turns`.
    """

    spend_usd: float = 0.0
    notional_usd: float = 0.0
    flagged_usd: float = 0.0
    no_task_usd: float = 0.0
    experiments_usd: float = 0.0
    reverted_usd: float = 0.0
    direct_usd: float = 0.0
    calls: int = 0
    unpriced_calls: int = 0
    uncached_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    runs: int = 0
    useful_runs: int = 0
    tasks: int = 0
    tasks_completed: int = 0
    outcomes: int = 0
    turns: int = 0
    tasks_with_turns: int = 0
    completed_usd: list[float] = []

    def add(self, other: Self) -> None:
        """Takes in what another team spent and achieved."""
        self.completed_usd.extend(other.completed_usd)
        for name in self.__struct_fields__[:-1]:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class TenantSums(msgspec.Struct):
    """Of a tenant in a window: tasks that shipped without AI, and named teams and agents that called a model at all."""

    without_ai: int = 0
    teams: int = 0
    agents: int = 0

    def add(self, other: Self) -> None:
        """Takes in another tenant."""
        self.without_ai += other.without_ai
        self.teams += other.teams
        self.agents += other.agents


class AgentSums(msgspec.Struct):
    """Of an agent with a model in a window: dollars, and those of them within episodes."""

    usd: float = 0.0
    flagged_usd: float = 0.0

    def add(self, other: Self) -> None:
        """Takes in another agent or model."""
        self.usd += other.usd
        self.flagged_usd += other.flagged_usd


class OpenTasks(msgspec.Struct):
    """Of a team how many open tasks are at most as old, and at most as dear, as each bound of open_tasks says."""

    by_age: list[int]
    by_cost: list[int]

    def add(self, other: Self) -> None:
        """Takes in another team."""
        self.by_age = [a + b for a, b in zip(self.by_age, other.by_age, strict=True)]
        self.by_cost = [a + b for a, b in zip(self.by_cost, other.by_cost, strict=True)]


class HourState(msgspec.Struct):
    """What a team spent in the last 60 minutes, and what is usual of an hour; None while its history is short (USD)."""

    usd: float = 0.0
    usual_usd: float | None = None

    def add(self, other: Self) -> None:
        """Takes in another team."""
        self.usd += other.usd
        if other.usual_usd is not None:
            self.usual_usd = (self.usual_usd or 0.0) + other.usual_usd


class TypeCost(NamedTuple):
    """What a completed task of a type costs, all tasks of the type counted: in all, and with the cheapest model that
    ships it as their main one; `cheapest` None: too few were completed with any."""

    used_usd: float
    cheapest_usd: float | None
    cheapest: str | None


class BudgetState(NamedTuple):
    """What a month's budget is, what of it is used, and will be by its end as far as that is known (USD)."""

    limit_usd: float
    used_usd: float
    forecast_usd: float | None


class Figures(msgspec.Struct):
    """Everything that boards are told of one partition.

    `tenants` by window and tenant, `types` by tenant and type, `budgets` by tenant, team and name. `saved`: an estimate
    of what stopping saved (USD). `agents` by window, tenant, team, agent and model. By tenant and team: `open_tasks`,
    `hours`, and `forecasts` of what this month will cost (USD).
    """

    teams: dict[Team, TeamSums] = {}
    tenants: dict[tuple[str, str], TenantSums] = {}
    types: dict[tuple[str, str | None], TypeCost] = {}
    saved: dict[Team, float] = {}
    budgets: dict[tuple[str, str | None, str], BudgetState] = {}
    agents: dict[Agent, AgentSums] = {}
    open_tasks: dict[tuple[str, str | None], OpenTasks] = {}
    hours: dict[tuple[str, str | None], HourState] = {}
    forecasts: dict[tuple[str, str | None], float] = {}
