"""Which tasks, runs and agents spend far more than usual: what the rule `spend_spike` is told of each."""

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from detector.accounts.booking import Booked
from detector.accounts.facts import SpendFacts
from detector.accounts.last_hour import Dear, LastHour
from detector.accounts.usual import bar, moves_a_dollar
from detector.accounts.windows import Slots

_PART = 0.1
"""Of an agent's hour, from which a task's moves are the agent's; those of its dearest one always are."""
_CULPRIT = 0.25
"""Of a task's hour, from which an agent bears the blame where a page was wrong."""


def tasks(hour: LastHour, booked: Booked) -> Iterator[Dear]:
    """Tasks, and runs without one, that spent in this minute and may be too dear; by their keys."""
    usual_usd = hour.by_task(hour.usual.usd[hour.agent])
    dear = hour.dear(hour.by_task(hour.usd), hour.by_task(hour.ten), usual_usd)
    dear &= hour.by_task((~hour.usual.known[hour.agent]).astype(np.float64)) == 0.0
    slots = booked.tasks[dear[booked.tasks]]
    rows = hour.accounts.tasks.rows
    rows["held"][booked.tasks[~dear[booked.tasks]]] = 0
    for slot in slots[np.argsort(rows["key"][slots])].tolist():
        yield task(hour, slot)


def task(hour: LastHour, slot: int) -> Dear:
    """What is told of a task that spent in this minute, whether it is dear or not."""
    accounts, of = hour.accounts, hour.of_task(slot)
    of = of[np.argsort(-hour.usd[of], kind="stable")]
    agents = hour.agent[of].tolist()
    row, name, top = accounts.tasks.rows[slot], accounts.task_names[slot], accounts.agent_names[agents[0]]
    a_dollar = moves_a_dollar(accounts.agents.rows[agents[0]])
    # Dollars of the last quarter of an hour have brought no status yet.
    unanswered = max(0.0, float(row["still_usd"]) - float(hour.quarter[of].sum()))
    facts = _facts(
        hour, of, "task" if row["has_task"] else "run", float(hour.usual.usd[agents].sum()), agents,
        known=bool(hour.usual.known[agents].all()), history=int(hour.usual.active[agents].min()),
        dearest_usd=float(accounts.agents.rows["dearest"][agents].sum()),
        bar=max(_bar(hour, a) for a in agents),
        t=min(max(float(row["heard"]), hour.t - 60.0), hour.t),
        strong_t=float(row["strong"]), medium_t=float(row["medium"]), since_strong_usd=float(row["since_usd"]),
        moves_due=None if a_dollar is None else unanswered * a_dollar,
        still_share=float(hour.still[slot]), top_share=1.0, top=top.agent,
        usd_after=float(row["usd"]), calls_after=int(row["calls"]), tokens_after=int(row["tokens"]),
    )  # fmt: skip
    who = msgspec.structs.replace(name, agent=top.agent)
    blamed = hour.agent[of[hour.usd[of] >= _CULPRIT * hour.usd[of].sum()]].tolist()
    place = (int(row["key"]), int(row["segment"]), slot)
    return Dear(*place, who, facts, bool(row["has_task"]), bool(row["interactive"]), blamed)


def agents(hour: LastHour, booked: Booked) -> Iterator[Dear]:
    """Agents of whose dollars no single task has most, and that may be too dear; by their keys."""
    most = np.zeros(len(hour.agent_usd))
    np.maximum.at(most, hour.agent, hour.usd)
    chosen = hour.dear(hour.agent_usd, hour.by_agent(hour.ten), hour.usual.usd) & hour.usual.known
    chosen &= most < hour.rule.most_of_it * hour.agent_usd
    slots = booked.agents[chosen[booked.agents]]
    rows = hour.accounts.agents.rows
    for slot in slots[np.argsort(rows["key"][slots])].tolist():
        yield _agent(hour, slot)


def _agent(hour: LastHour, slot: int) -> Dear:
    of = hour.of_agent(slot)
    row, rows, on = hour.accounts.agents.rows[slot], hour.accounts.tasks.rows, hour.task[of]
    spent = float(hour.usd[of].sum())
    part = on[hour.usd[of] >= min(_PART * spent, hour.usd[of].max())]
    name = hour.accounts.agent_names[slot]
    facts = _facts(
        hour, of, "agent", float(hour.usual.usd[slot]), [slot],
        known=bool(hour.usual.known[slot]), history=int(hour.usual.active[slot]),
        dearest_usd=float(row["dearest"]), bar=_bar(hour, slot), t=hour.t,
        strong_t=float(rows["strong"][part].max()), medium_t=float(rows["medium"][part].max()),
        since_strong_usd=float(rows["since_usd"][on].sum()), moves_due=None,
        still_share=float(hour.agent_still_usd[slot]) / max(spent, 1e-12), top_share=0.0, top=name.agent,
        usd_after=float(rows["usd"][on].sum()), calls_after=int(rows["calls"][on].sum()),
        tokens_after=int(rows["tokens"][on].sum()),
    )  # fmt: skip
    interactive = float(hour.usd[of] @ (rows["interactive"][on] == 1)) >= 0.5 * spent
    claimed = float(hour.agent_claimed_usd[slot]) >= 0.5 * spent
    return Dear(int(row["key"]), int(row["segment"]), slot, name, facts, claimed, interactive, [slot])


def _facts(hour: LastHour, of: Slots, level: Any, usual_usd: float, agents: list[int], **more: Any) -> SpendFacts:
    """What is told of the pairs at `of`."""
    return SpendFacts(
        level=level, hour_usd=float(hour.usd[of].sum()), twenty_usd=float(hour.twenty[of].sum()),
        ten_usd=float(hour.ten[of].sum()), usual_usd=usual_usd, usual_is=_usual_is(hour, agents), held_s=0.0, movers=0,
        within_team=False, calls=hour.calls(of), tokens=hour.tokens(of), **more,
    )  # fmt: skip


def _bar(hour: LastHour, agent: int) -> float:
    young = hour.usual.active[agent] < hour.rule.young_hours
    return bar(hour.accounts.agents.rows[agent], hour.t) * (hour.rule.young_factor if young else 1.0)


def _usual_is(hour: LastHour, agents: list[int]) -> str:
    """How the usual hour of these agents is known."""
    n = int(hour.usual.active[agents].min())
    whose = "the agent" if len(agents) == 1 else f"each of {len(agents)} agents, summed,"
    if n >= hour.rule.young_hours:
        return f"mean of the active hours of {whose} in 7 days ({n})"
    return f"of its peers, since it has {n} active hours" if hour.usual.known[agents].all() else "not known"
