"""What portfolio tells watch of each team at a full hour."""

from collections import defaultdict

import numpy as np

from detector.accounts.tables import Accounts
from detector.model.baseline import FORMAT, Baseline, Baselines, encode_baselines

CALLS_SHARE = 0.95
MAX_AGENTS = 1000
"""Agents of a team of which watch is told what is usual."""


def tell(accounts: Accounts, t: float) -> list[tuple[bytes, bytes]]:
    """(key, record) of each team that spent since it was told last, at a full hour `t` (s UTC)."""
    due = [group for _, group in sorted(accounts.teams.items()) if group.told is None or group.heard > group.told.t]
    inputs = _inputs(accounts) if due else {}
    out = []
    for group in due:
        calls = {name: (len(kept), _most(sorted(kept))) for name, kept in group.ended.items()}
        told = Baseline(t, group.status_t, calls, inputs.get(group.key, {}))
        record = Baselines(FORMAT, group.tenant, group.name, told, group.told)
        group.told = told
        accounts.touched.add(group.segment)
        out.append((b"%016x" % group.key, encode_baselines(record)))
    return out


def _most(calls: list[int]) -> int:
    """What 95 of 100 stay at or below."""
    return calls[min(len(calls) - 1, int(CALLS_SHARE * len(calls)))]


def _inputs(accounts: Accounts) -> dict[int, dict[str, tuple[int, int]]]:
    """By team and agent: calls of 8 days, and their mean input tokens."""
    rows = accounts.agents.rows
    calls, tokens = rows["calls"].sum(axis=1), rows["inputs"].sum(axis=1, dtype=np.float64)
    found: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for slot, name in accounts.agent_names.items():
        if calls[slot]:
            told = (int(calls[slot]), int(tokens[slot] / calls[slot]))
            found[int(rows["team"][slot])][name.agent or ""] = told
    return {team: _busiest(agents) for team, agents in found.items()}


def _busiest(agents: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The agents with most calls: a record of all would be as long as somebody likes."""
    if len(agents) <= MAX_AGENTS:
        return agents
    return dict(sorted(agents.items(), key=lambda told: (-told[1][0], told[0]))[:MAX_AGENTS])
