"""One cause, one page: a team that rises as a whole, one agent of it alone, and very many at once."""

import pytest

from detector.model.alert import SEVERITIES
from tests.support.judged import Event, call
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.unit.test_detection_table_spend import history, hour_of_spend
from tests.unit.test_portfolio_rows import of_agent, said

AGENTS = [f"agent-{n}" for n in range(6)]
BEFORE: list[Event] = [e for a in AGENTS for e in of_agent(a, history(2.0))]


def bursts(agents: list[str], usd: float) -> list[Event]:
    """Each of these agents burns within the hour, on a task of its own."""
    spent = hour_of_spend(usd)
    return [
        e | {"id": f"{a}-{e['id']}", "agent": a, "run": f"{a}-now", "task": f"{a}-now"} for a in agents for e in spent
    ]


@pytest.mark.parametrize("n", [3, 6])
def test_a_team_that_rises_as_a_whole_is_one_page_and_none_for_each_agent(n: int) -> None:
    pages = [level for severity, level in said(BEFORE, bursts(AGENTS[:n], 40.0)) if severity == SEVERITIES[-1]]
    assert pages == ["team"]


def test_one_agent_alone_is_its_own_page_and_none_of_its_team() -> None:
    assert said(BEFORE, bursts(AGENTS[:1], 60.0)) == [("critical", "task")]


def test_thousands_of_agents_and_hundreds_of_teams_in_one_minute_are_all_kept() -> None:
    many = [call(k / 100.0, run=f"r{k}", agent=f"a{k}", team=f"team-{k % 300}", task=f"t{k}") for k in range(3000)]
    portfolio, alerts = portfolio_of(before_the_end(rollups(many, sizes=(1000,))))
    assert portfolio.accounts == {"task": 3000, "agent": 3000, "team": 300}
    assert alerts == []
