"""Which teams, and models across teams, spend far more than usual: what the rule `spend_spike` is told of each."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from detector.accounts.booking import Booked
from detector.accounts.facts import SpendFacts
from detector.accounts.groups import Group
from detector.accounts.last_hour import Dear, LastHour
from detector.accounts.rows import MINUTES
from detector.accounts.windows import Slots
from detector.model.rollup import Party

_PART = 0.1
"""Of a model's hour, from which a team has a share in its rise."""


def teams(hour: LastHour, booked: Booked) -> Iterator[Dear]:
    """Teams that spent in this minute and may be too dear, by their keys."""
    for key in booked.teams:
        group = hour.accounts.teams[key]
        if not _rises(hour, group, hour.rule.team_usd):
            continue
        of = hour.of_team(key)
        usd, claimed = float(hour.agent_usd[of].sum()), float(hour.agent_claimed_usd[of].sum())
        above = hour.agent_usd[of] - hour.usual.usd[of]
        top, movers = int(of[np.argmax(above)]), hour.movers(key)
        most = max(float(above.max()), _dearest_task(hour, of))
        facts = _facts(
            hour, group, "team", float(hour.agent_still_usd[of].sum()), most,
            hour.accounts.agent_names[top].agent, len(movers),
            calls=sum(hour.calls(hour.of_agent(slot)) for slot in of.tolist()),
            tokens=sum(hour.tokens(hour.of_agent(slot)) for slot in of.tolist()),
        )  # fmt: skip
        who = Party(key, group.tenant, group.name)
        interactive = float(hour.agent_interactive_usd[of].sum()) >= 0.5 * usd
        yield Dear(key, group.segment, -1, who, facts, claimed >= 0.5 * usd, interactive, movers.tolist())


def _dearest_task(hour: LastHour, agents: Slots) -> float:
    """Dollars above usual of the task (or run) on which these agents spend most, one or several together."""
    places = np.concatenate([hour.of_agent(slot) for slot in agents.tolist()])
    tasks, code = np.unique(hour.task[places], return_inverse=True)
    spent = np.bincount(code, hour.usd[places], len(tasks))
    return float((spent - np.bincount(code, hour.usual.usd[hour.agent[places]], len(tasks))).max())


def models(hour: LastHour, booked: Booked) -> Iterator[Dear]:
    """Models that spent in this minute and may be too dear across the teams of a tenant, by their keys."""
    for key in booked.models:
        group = hour.accounts.models[key]
        if not _rises(hour, group, hour.rule.model_usd):
            continue
        parts = {team: float(ring.sum()) for team, ring in group.parts.items()}
        top = max(parts, key=lambda team: (parts[team], team or ""))
        above = parts[top] - group.usual() / max(1, len(parts))
        rising = sum(part >= _PART * group.last(MINUTES) for part in parts.values())
        facts = _facts(hour, group, "model", float(group.still.sum()), above, top, rising)
        yield Dear(key, group.segment, -1, Party(key, group.tenant, model=group.name), facts, True, False, [])


def _rises(hour: LastHour, group: Group, floor_usd: float) -> bool:
    spent = group.last(MINUTES)
    if spent < floor_usd or group.history_h() < hour.rule.history_hours:
        return False
    usual_usd = group.usual()
    return spent - usual_usd >= floor_usd and spent >= hour.rule.team_times * usual_usd


def _facts(
    hour: LastHour,
    group: Group,
    level: Any,
    still_usd: float,
    top_above: float,
    top: str | None,
    movers: int,
    calls: int = 0,
    tokens: int = 0,
) -> SpendFacts:
    spent, usual_usd, history = group.last(MINUTES), group.usual(), group.history_h()
    return SpendFacts(
        level=level, t=hour.t, hour_usd=spent, twenty_usd=group.last(20), ten_usd=group.last(10), usual_usd=usual_usd,
        usual_is=f"mean of {history} hours", known=history >= hour.rule.history_hours, history=history,
        dearest_usd=float(group.hours.max()), bar=1.0, strong_t=0.0, medium_t=0.0, since_strong_usd=0.0,
        moves_due=None, held_s=0.0, still_share=min(1.0, still_usd / max(spent, 1e-12)), movers=movers,
        top_share=min(1.0, max(0.0, top_above) / max(spent - usual_usd, 1e-12)), top=top, within_team=False,
        calls=calls, tokens=tokens, usd_after=group.usd, calls_after=group.calls, tokens_after=group.tokens,
    )  # fmt: skip
