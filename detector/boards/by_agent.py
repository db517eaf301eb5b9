"""What agents spent with which models within a window, and how many of them there were."""

import numpy as np

from detector.boards.of_window import OfWindow
from detector.boards.sums import AgentSums, Figures, TenantSums
from detector.boards.table import Table, sums_by


def tell_agents(table: Table, told: OfWindow, name: str, figures: Figures) -> None:
    """Adds dollars by agent and model, and counts the agents of each tenant; `name`: of the window."""
    who, codes = told.cells["who"], len(table.whos)
    calls = np.bincount(who, told.cells["calls"], codes)
    columns = (sums_by(who, told.usd, codes), sums_by(who, told.cells["flagged_usd"], codes))
    usd, flagged = (column.tolist() for column in columns)
    named: set[tuple[str, str | None, str]] = set()
    for code in np.flatnonzero(calls > 0).tolist():
        of = table.whos[code]
        key = name, of.tenant, of.team, of.agent, of.model
        figures.agents.setdefault(key, AgentSums()).add(AgentSums(usd[code], flagged[code]))
        if of.agent is not None and (of.tenant, of.team, of.agent) not in named:
            named.add((of.tenant, of.team, of.agent))
            figures.tenants.setdefault((name, of.tenant), TenantSums()).agents += 1
