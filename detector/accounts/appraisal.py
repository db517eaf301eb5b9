"""Who spends far more than usual in the hour that ends with a minute: what the rule `spend_spike` is told."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.accounts.booking import Booked
from detector.accounts.facts import SpendFacts
from detector.accounts.groups import Group, ModelGroup
from detector.accounts.rows import MINUTES
from detector.accounts.tables import Accounts
from detector.accounts.usual import Usual, bar, look, moves_a_dollar, usual
from detector.accounts.windows import since
from detector.config.thresholds import SpikeRule
from detector.model.rollup import Party

Floats = npt.NDArray[np.float64]
_FRESH_S = 900.0
"""Dollars of the last quarter of an hour have brought no status yet."""
_PART = 0.1
"""Of an agent's hour, from which a task's moves are the agent's (those of its dearest ones always are); of a model's,
from which a team has a share in it."""


_CULPRIT = 0.25
"""Of a task's hour, from which an agent bears the blame where a page was wrong."""


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


class Appraisal:
    """The last hour of all that spent in it, at the end of `minute`; `rule` has the loosest thresholds."""

    def __init__(self, accounts: Accounts, minute: int, rule: SpikeRule) -> None:
        self._accounts, self._minute, self._rule = accounts, minute, rule
        self.t = (minute + 1) * 60.0
        pairs = accounts.pairs.rows
        live = self._live = accounts.live_pairs(minute)
        rings = pairs["minutes"][live]
        self._agent, self._task = pairs["agent"][live].astype(np.int64), pairs["task"][live].astype(np.int64)
        self._hour = rings.sum(axis=1, dtype=np.float64)
        self._twenty, self._ten = since(rings, minute, minute - 19), since(rings, minute, minute - 9)
        self._quarter = since(rings, minute, minute - 14)
        look(accounts, np.unique(self._agent), minute)
        self._usual: Usual = usual(accounts, np.unique(self._agent), rule.young_hours, rule.peers)
        tasks = accounts.tasks.rows
        moved = np.maximum(tasks["strong"], tasks["medium"])
        self._unmoved = (moved == 0.0) | (self.t - moved >= rule.calm_s)
        self._still = self._unmoved & (tasks["has_task"] == 1)

    def _by_task(self, values: Floats) -> Floats:
        return np.bincount(self._task, values, len(self._accounts.tasks.rows)).astype(np.float64)

    def _by_agent(self, values: Floats) -> Floats:
        return np.bincount(self._agent, values, len(self._accounts.agents.rows)).astype(np.float64)

    def _dear(self, hour: Floats, ten: Floats, usd: Floats) -> npt.NDArray[np.bool_]:
        """Which of these are above usual far enough to be a line on a board."""
        rule = self._rule
        sudden = (ten - usd / 6.0 >= rule.info_usd) & (6.0 * ten >= rule.times_usual * usd)
        return sudden | (hour - usd >= np.maximum(rule.info_usd, (rule.times_usual - 1.0) * usd))

    def tasks(self, booked: Booked) -> Iterator[Dear]:
        """Tasks, and runs without one, that spent in this minute and may be too dear; by their keys."""
        hour, ten = self._by_task(self._hour), self._by_task(self._ten)
        usd = self._by_task(self._usual.usd[self._agent])
        slots = booked.tasks[self._dear(hour, ten, usd)[booked.tasks]]
        rows = self._accounts.tasks.rows
        rows["held"][np.setdiff1d(booked.tasks, slots)] = 0
        for slot in slots[np.argsort(rows["key"][slots])].tolist():
            yield self._task_facts(slot, float(usd[slot]))

    def task(self, slot: int) -> Dear:
        """What is told of a task that spent in this minute, whether it is dear or not."""
        return self._task_facts(slot, float(self._by_task(self._usual.usd[self._agent])[slot]))

    def _task_facts(self, slot: int, usual_usd: float) -> Dear:
        of = np.flatnonzero(self._task == slot)
        of = of[np.argsort(-self._hour[of], kind="stable")]
        agents = self._agent[of].tolist()
        blamed = self._agent[of[self._hour[of] >= _CULPRIT * self._hour[of].sum()]].tolist()
        row, top = self._accounts.tasks.rows[slot], self._accounts.agents.rows[agents[0]]
        name, agent = self._accounts.task_names[slot], self._accounts.agent_names[agents[0]]
        a_dollar = moves_a_dollar(top)
        unanswered = max(0.0, float(row["still_usd"]) - float(self._quarter[of].sum()))
        known = self._usual.known[agents]
        facts = self._facts(
            of, "task" if row["has_task"] else "run", usual_usd, self._is(agents),
            known=bool(known.all()), history=int(self._usual.active[agents].min()),
            dearest_usd=float(self._accounts.agents.rows["dearest"][agents].sum()),
            bar=max(self._bar(a) for a in agents),
            t=min(max(float(row["heard"]), self.t - 60.0), self.t),
            strong_t=float(row["strong"]), medium_t=float(row["medium"]), since_strong_usd=float(row["since_usd"]),
            moves_due=None if a_dollar is None else unanswered * a_dollar,
            still_share=float(self._still[slot]), top_share=1.0, top=agent.agent,
            usd_after=float(row["usd"]), calls_after=int(row["calls"]), tokens_after=int(row["tokens"]),
        )  # fmt: skip
        who = Party(
            name.subject, name.tenant, name.team, name.user, agent.agent, name.key, name.run, name.task,
            name.task_type, name.model,
        )  # fmt: skip
        place = (int(row["key"]), int(row["segment"]), slot)
        return Dear(*place, who, facts, bool(row["has_task"]), bool(row["interactive"]), blamed)

    def agents(self, booked: Booked) -> Iterator[Dear]:
        """Agents of whose dollars no single task has most, and that may be too dear; by their keys."""
        hour, ten = self._by_agent(self._hour), self._by_agent(self._ten)
        most = np.zeros(len(hour))
        np.maximum.at(most, self._agent, self._hour)
        wide = most < self._rule.most_of_it * hour
        chosen = self._dear(hour, ten, self._usual.usd) & wide
        slots = booked.agents[chosen[booked.agents]]
        rows = self._accounts.agents.rows
        for slot in slots[np.argsort(rows["key"][slots])].tolist():
            yield self._agent_facts(slot)

    def _agent_facts(self, slot: int) -> Dear:
        of = np.flatnonzero(self._agent == slot)
        row, tasks = self._accounts.agents.rows[slot], self._accounts.tasks.rows
        spent = float(self._hour[of].sum())
        part = self._task[of[self._hour[of] >= min(_PART * spent, self._hour[of].max())]]
        claimed = float(self._hour[of] @ (tasks["has_task"][self._task[of]] == 1))
        name = self._accounts.agent_names[slot]
        usd_after, calls_after, tokens_after = (
            float(tasks[n][self._task[of]].sum()) for n in ("usd", "calls", "tokens")
        )
        facts = self._facts(
            of, "agent", float(self._usual.usd[slot]), self._is([slot]),
            known=bool(self._usual.known[slot]), history=int(self._usual.active[slot]),
            dearest_usd=float(row["dearest"]), bar=self._bar(slot), t=self.t,
            strong_t=float(tasks["strong"][part].max()), medium_t=float(tasks["medium"][part].max()),
            since_strong_usd=float(tasks["since_usd"][self._task[of]].sum()), moves_due=None,
            still_share=float(self._hour[of] @ self._still[self._task[of]]) / max(spent, 1e-12),
            top_share=0.0, top=name.agent,
            usd_after=usd_after, calls_after=int(calls_after), tokens_after=int(tokens_after),
        )  # fmt: skip
        interactive = float(self._hour[of] @ (tasks["interactive"][self._task[of]] == 1)) >= 0.5 * spent
        place = (int(row["key"]), int(row["segment"]), slot)
        return Dear(*place, name, facts, claimed >= 0.5 * spent, interactive, [slot])

    def _facts(self, of: npt.NDArray[np.int64], level: Any, usual_usd: float, usual_is: str, **more: Any) -> SpendFacts:
        """What is told of the pairs `of`."""
        pairs, live = self._accounts.pairs.rows, self._live[of]
        return SpendFacts(
            level=level, hour_usd=float(self._hour[of].sum()), twenty_usd=float(self._twenty[of].sum()),
            ten_usd=float(self._ten[of].sum()), usual_usd=usual_usd, usual_is=usual_is, held_s=0.0, movers=0,
            within_team=False, calls=int(pairs["minute_calls"][live].sum()),
            tokens=int(pairs["minute_tokens"][live].sum(dtype=np.float64)), **more,
        )  # fmt: skip

    def _bar(self, agent: int) -> float:
        young = self._usual.active[agent] < self._rule.young_hours
        return bar(self._accounts.agents.rows[agent], self.t) * (self._rule.young_factor if young else 1.0)

    def _is(self, agents: list[int]) -> str:
        """How the usual hour of these agents is known."""
        n = int(self._usual.active[agents].min())
        whose = "the agent" if len(agents) == 1 else f"each of {len(agents)} agents, summed,"
        if n >= self._rule.young_hours:
            return f"mean of the active hours of {whose} in 7 days ({n})"
        return f"of its peers, since it has {n} active hours" if self._usual.known[agents].all() else "not known"

    def movers(self, team: int) -> npt.NDArray[np.int64]:
        """Slots of the team's agents that are dear at once, with nothing moved by it; the dearest first."""
        agents, usd = self._accounts.agents.rows, self._usual.usd
        hour = self._by_agent(self._hour)
        unmoved = self._by_agent(self._hour * self._unmoved[self._task])
        above = hour - usd
        dear = (above >= self._rule.info_usd) & (hour >= self._rule.times_usual * usd)
        found = np.flatnonzero(dear & (agents["team"] == team) & (unmoved >= self._rule.still_share * hour))
        return found[np.lexsort((agents["key"][found], -above[found]))]

    def teams(self, booked: Booked) -> Iterator[Dear]:
        """Teams that may be too dear, by their keys."""
        for key in booked.teams:
            group = self._accounts.teams[key]
            if not self._rises(group, self._rule.team_usd):
                continue
            agents = self._accounts.agents.rows
            hour = self._by_agent(self._hour)
            of = np.flatnonzero((agents["team"] == key) & (hour > 0.0))
            of = of[np.argsort(agents["key"][of])]
            above = hour[of] - self._usual.usd[of]
            still = float(self._by_agent(self._hour * self._still[self._task])[of].sum())
            claimed = self._hour @ (
                (self._accounts.tasks.rows["has_task"][self._task] == 1) & (agents["team"][self._agent] == key)
            )
            movers, top = self.movers(key), int(of[np.argmax(above)])
            mine = self._live[agents["team"][self._agent] == key]
            facts = self._group_facts(
                group, "team", still, float(above.max()), self._accounts.agent_names[top].agent, len(movers),
                calls=int(self._accounts.pairs.rows["minute_calls"][mine].sum()),
            )  # fmt: skip
            who = Party(key, group.tenant, group.name)
            yield Dear(
                key, group.segment, -1, who, facts, bool(claimed >= 0.5 * hour[of].sum()), False, movers.tolist()
            )

    def models(self, booked: Booked) -> Iterator[Dear]:
        """Models that may be too dear across the teams of a tenant, by their keys."""
        for key in booked.models:
            group = self._accounts.models[key]
            if not self._rises(group, self._rule.model_usd):
                continue
            parts = {team: float(ring.sum()) for team, ring in group.parts.items()}
            top = max(parts, key=lambda team: (parts[team], team or ""))
            above = parts[top] - group.usual() / max(1, len(parts))
            rising = sum(part >= _PART * group.last(MINUTES) for part in parts.values())
            facts = self._group_facts(group, "model", float(group.still.sum()), above, top, rising)
            yield Dear(key, group.segment, -1, Party(key, group.tenant, model=group.name), facts, True, False, [])

    def _rises(self, group: Group | ModelGroup, floor_usd: float) -> bool:
        spent, usd = group.last(MINUTES), group.usual()
        return spent - usd >= floor_usd and spent >= self._rule.team_times * usd

    def _group_facts(
        self, group: Group, level: Any, still_usd: float, top_above: float, top: str | None, movers: int, calls: int = 0
    ) -> SpendFacts:
        hour, usd = group.last(MINUTES), group.usual()
        history = group.history_h()
        return SpendFacts(
            level=level, t=self.t, hour_usd=hour, twenty_usd=group.last(20), ten_usd=group.last(10), usual_usd=usd,
            usual_is=f"mean of {history} hours", known=history >= self._rule.history_hours, history=history,
            dearest_usd=float(group.hours.max()), bar=1.0, strong_t=0.0, medium_t=0.0, since_strong_usd=0.0,
            moves_due=None, held_s=0.0, still_share=min(1.0, still_usd / max(hour, 1e-12)), movers=movers,
            top_share=min(1.0, max(0.0, top_above) / max(hour - usd, 1e-12)), top=top, within_team=False,
            calls=calls, tokens=0, usd_after=group.usd, calls_after=group.calls, tokens_after=group.tokens,
        )  # fmt: skip

    def by_minute(self, dear: Dear) -> list[list[float]]:
        """Dollars by minute of the last hour, [s UTC, USD]."""
        if dear.slot < 0:
            groups: dict[int, Any] = self._accounts.models if dear.facts.level == "model" else self._accounts.teams
            ring = groups[dear.key].minutes
        else:
            of = self._agent == dear.slot if dear.facts.level == "agent" else self._task == dear.slot
            ring = self._accounts.pairs.rows["minutes"][self._live[of]].sum(axis=0, dtype=np.float64)
        told = (
            (m * 60, round(float(ring[m % MINUTES]), 6)) for m in range(self._minute - MINUTES + 1, self._minute + 1)
        )
        return [[t, usd] for t, usd in told if usd]
