"""The last hour of all that spent in it, at the end of a minute: dollars by agent and task, and what stands still."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.accounts.facts import SpendFacts
from detector.accounts.rows import MINUTES
from detector.accounts.tables import Accounts
from detector.accounts.usual import Usual, look, usual
from detector.accounts.windows import Slots, since
from detector.config.thresholds import SpikeRule
from detector.model.rollup import Party

Floats = npt.NDArray[np.float64]


class Dear(NamedTuple):
    """One subject that may be too dear: whom an alert names, and what is told of it."""

    key: int
    segment: int
    slot: int  # of the task or agent; -1: a group
    who: Party
    facts: SpendFacts
    has_task: bool
    interactive: bool
    culprits: list[int]  # slots of agents


class _Index:
    """Places of equal values in a column, in their order."""

    def __init__(self, column: Slots) -> None:
        self._order = np.argsort(column, kind="stable")
        self._values = column[self._order]

    def of(self, value: Any) -> Slots:
        """Where the column has this value."""
        first, end = np.searchsorted(self._values, [value, value + 1])
        return self._order[first:end]


class LastHour:
    """Columns over the pairs of agent and task that spent within the hour, by their keys.

    `agent` and `task` are slots; `rule` has the loosest thresholds.
    """

    def __init__(self, accounts: Accounts, minute: int, rule: SpikeRule) -> None:
        self.accounts, self.minute, self.rule = accounts, minute, rule
        self.t = (minute + 1) * 60.0
        pairs = accounts.pairs.rows
        self.live = accounts.live_pairs(minute)
        rings = pairs["minutes"][self.live]
        self.agent, self.task = (pairs[name][self.live].astype(np.int64) for name in ("agent", "task"))
        self.usd = rings.sum(axis=1, dtype=np.float64)
        self.twenty, self.quarter, self.ten = (since(rings, minute, minute - n + 1) for n in (20, 15, 10))
        agents = np.unique(self.agent)
        look(accounts, agents, minute)
        self.usual: Usual = usual(accounts, agents, rule.young_hours, rule.peers)
        tasks = accounts.tasks.rows
        moved = np.maximum(tasks["strong"], tasks["medium"])
        self.unmoved = (moved == 0.0) | (self.t - moved >= rule.calm_s)  # by slot of the task
        self.still = self.unmoved & (tasks["has_task"] == 1)

    def by_task(self, values: Floats) -> Floats:
        """Sums of a column by slot of the task."""
        return np.bincount(self.task, values, len(self.accounts.tasks.rows)).astype(np.float64)

    def by_agent(self, values: Floats) -> Floats:
        """Sums of a column by slot of the agent."""
        return np.bincount(self.agent, values, len(self.accounts.agents.rows)).astype(np.float64)

    def dear(self, hour: Floats, ten: Floats, usual_usd: Floats) -> npt.NDArray[np.bool_]:
        """Which of these are above usual far enough to be a line on a board."""
        rule = self.rule
        sudden = (ten - usual_usd / 6.0 >= rule.info_usd) & (6.0 * ten >= rule.times_usual * usual_usd)
        return sudden | (hour - usual_usd >= np.maximum(rule.info_usd, (rule.times_usual - 1.0) * usual_usd))

    def of_task(self, slot: int) -> Slots:
        """Places of the pairs of a task."""
        return self._by_task.of(slot)

    def of_agent(self, slot: int) -> Slots:
        """Places of the pairs of an agent."""
        return self._by_agent.of(slot)

    def of_team(self, key: int) -> Slots:
        """Slots of a team's agents that spent within the hour, by their keys."""
        return self._teams.get(key, np.zeros(0, np.int64))

    def movers(self, team: int) -> Slots:
        """Slots of the team's agents that are dear at once, with nothing moved by it; the dearest first."""
        slots = self.of_team(team)
        hour, usual_usd = self.agent_usd[slots], self.usual.usd[slots]
        above = hour - usual_usd
        dear = (above >= self.rule.info_usd) & (hour >= self.rule.times_usual * usual_usd)
        dear &= self.agent_unmoved_usd[slots] >= self.rule.still_share * hour
        return slots[dear][np.argsort(-above[dear], kind="stable")]

    @cached_property
    def agent_usd(self) -> Floats:
        """Dollars by slot of the agent."""
        return self.by_agent(self.usd)

    @cached_property
    def agent_unmoved_usd(self) -> Floats:
        """Of these, what went to tasks and runs that did not move."""
        return self.by_agent(self.usd * self.unmoved[self.task])

    @cached_property
    def agent_still_usd(self) -> Floats:
        """Of these, what went to tasks that did not move."""
        return self.by_agent(self.usd * self.still[self.task])

    @cached_property
    def agent_claimed_usd(self) -> Floats:
        """Of these, what went to tasks."""
        return self.by_agent(self.usd * (self.accounts.tasks.rows["has_task"][self.task] == 1))

    @cached_property
    def agent_interactive_usd(self) -> Floats:
        """Of these, what was spent with a person before it."""
        return self.by_agent(self.usd * (self.accounts.tasks.rows["interactive"][self.task] == 1))

    @cached_property
    def _by_task(self) -> _Index:
        return _Index(self.task)

    @cached_property
    def _by_agent(self) -> _Index:
        return _Index(self.agent)

    @cached_property
    def _teams(self) -> dict[int, Slots]:
        rows = self.accounts.agents.rows
        slots = np.unique(self.agent)
        slots = slots[np.lexsort((rows["key"][slots], rows["team"][slots]))]
        teams, first = np.unique(rows["team"][slots], return_index=True)
        return dict(zip(teams.tolist(), np.split(slots, first[1:]), strict=True)) if len(slots) else {}

    def calls(self, places: Slots | Sequence[int]) -> int:
        """Calls of these pairs within the hour."""
        return int(self.accounts.pairs.rows["minute_calls"][self.live[places]].sum())

    def tokens(self, places: Slots | Sequence[int]) -> int:
        """Tokens of these pairs within the hour."""
        return int(self.accounts.pairs.rows["minute_tokens"][self.live[places]].sum(dtype=np.float64))

    def by_minute(self, dear: Dear) -> list[list[float]]:
        """Dollars of a subject by minute of the last hour, [s UTC, USD]."""
        if dear.slot < 0:
            groups: dict[int, Any] = self.accounts.models if dear.facts.level == "model" else self.accounts.teams
            ring = groups[dear.key].minutes
        else:
            of = self.of_agent(dear.slot) if dear.facts.level == "agent" else self.of_task(dear.slot)
            ring = self.accounts.pairs.rows["minutes"][self.live[of]].sum(axis=0, dtype=np.float64)
        minutes = range(self.minute - MINUTES + 1, self.minute + 1)
        told = ((m * 60, round(float(ring[m % MINUTES]), 6)) for m in minutes)
        return [[t, usd] for t, usd in told if usd]
