"""What boards are told of teams, tenants and types of tasks: sums that add up, so that names can be put together."""

from typing import NamedTuple, Self

import msgspec

Team = tuple[str, str, str | None]
"""Window, tenant, team."""


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
    """Of a tenant in a window: tasks that shipped without AI, and named teams that called a model at all."""

    without_ai: int = 0
    teams: int = 0

    def add(self, other: Self) -> None:
        """Takes in another tenant."""
        self.without_ai += other.without_ai
        self.teams += other.teams


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
    of what stopping saved (USD).
    """

    teams: dict[Team, TeamSums] = {}
    tenants: dict[tuple[str, str], TenantSums] = {}
    types: dict[tuple[str, str | None], TypeCost] = {}
    saved: dict[Team, float] = {}
    budgets: dict[tuple[str, str | None, str], BudgetState] = {}
