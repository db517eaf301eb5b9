"""How boards ask about money: gauges of what the reader has chosen, their sums and ratios."""

from deploy.grafana.frame import to_board, to_incidents
from deploy.grafana.panels import (
    AMBER,
    GREEN,
    RED,
    Steps,
)

OF_TEAM = 'tenant=~"$tenant", team=~"$team"'
OF_AGENT = OF_TEAM + ', agent=~"$agent", model=~"$model"'
WINDOW = 'window="$window"'
RISES: Steps = ((None, GREEN), (1.25, AMBER), (2.0, RED))
WASTE: Steps = ((None, GREEN), (0.1, AMBER), (0.25, RED))
BLIND: Steps = ((None, GREEN), (0.01, AMBER), (0.05, RED))
TEAM = "{{team}} ({{tenant}})"
"""What a series of a team is called: two tenants may have teams of one name."""
LINKS = (to_board("detector-team", "board of the team", "tenant", "team"), to_incidents("tenant", "team"))
LINKS_OF_ROW = (
    to_board("detector-team", "board of the team", "tenant", "team", table=True),
    to_incidents("tenant", "team", table=True),
)
TEAM_FIRST = ("team", "tenant")
"""The labels by which bars of teams are named and come."""


def gauge(name: str, *more: str) -> str:
    """A gauge of portfolio of what the reader has chosen."""
    return f"detector_portfolio_{name}{{{', '.join((OF_TEAM, *more))}}}"


def within(window: str) -> str:
    """A matcher of one window, whatever the reader has chosen."""
    return f'window="{window}"'


def total(name: str, *by: str) -> str:
    """The sum of a gauge over the window of figures."""
    return f"{_sum(by)}({gauge(name, WINDOW)})"


def ratio(above: str, below: str, *by: str) -> str:
    """One sum by another; nothing where the other is 0."""
    return f"{total(above, *by)} / ({total(below, *by)} > 0)"


def or_zero(expr: str, by: str) -> str:
    """`expr`, 0 where it has nothing and `by` has something: nothing at all is no 0."""
    return f"{expr} or on() 0 * max({by})"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({', '.join(by)}) " if by else "sum"
