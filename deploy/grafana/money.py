"""Rows about money that boards of the fleet and of a team share: what it bought, and where it went.

Figures over days read the gauges of portfolio, which are reckoned from state that survives restarts and replays.
"""

from deploy.grafana.asking import (
    LINKS,
    LINKS_OF_ROW,
    OF_AGENT,
    OF_TEAM,
    RISES,
    TEAM,
    TEAM_FIRST,
    WINDOW,
    gauge,
    or_zero,
    ratio,
    total,
    within,
)
from deploy.grafana.frame import Row
from deploy.grafana.panels import (
    AMBER,
    COUNT,
    GREEN,
    RED,
    SHARE,
    TIMES,
    USD,
    USD_AN_HOUR,
    Made,
    Panel,
    Query,
    Steps,
    bars,
    figure,
    lines,
    rows,
)

_BUDGET = ("used", "limit", "forecast")
_BY_MODEL = "tenant_team_model:detector_cost_usd:rate5m"


def bought() -> Row:
    """What the money bought."""
    tasks = "A task counts once, when a strong status completes it; trackers differ in what a task is."
    cost = "All dollars of the window by tasks completed in it, work under way included: over 24h that is most of it."
    tenants = f'{{tenant=~"$tenant", {WINDOW}}}'
    middling, by_dollars = (gauge(f"completed_task_{kind}_usd", WINDOW) for kind in ("median", "weighted"))
    return (
        "What the money bought",
        [
            figure(Panel("Tasks completed with AI", tasks, [Query(total("tasks_completed"))], COUNT, 4)),
            figure(
                Panel(
                    "Cost of a completed task",
                    cost,
                    [Query(ratio("spend_usd", "tasks_completed"))],
                    USD,
                    4,
                    decimals=2,
                    none="none completed",
                )
            ),
            bars(
                Panel(
                    "Trend of that cost",
                    "What a completed task cost in 7 days over the 7 before, by team, whatever the window: above 1 it"
                    " rises. Few tasks a week make it jump. By name, for no comparison between teams.",
                    [Query(f"max by (tenant, team) ({gauge('cost_trend')})")],
                    TIMES,
                    8,
                    steps=RISES,
                    links=LINKS_OF_ROW,
                    decimals=2,
                    none="no two weeks to compare yet",
                ),
                TEAM_FIRST,
            ),
            figure(
                Panel(
                    "Deliverables",
                    "Merged, published and the like, and not taken back; of a task without any, one."
                    " Ten small ones look better than one large one.",
                    [Query(total("outcomes"))],
                    COUNT,
                    4,
                )
            ),
            figure(
                Panel(
                    "Shipped without AI",
                    "Tasks of the tenant that shipped with no metered call before, whatever the"
                    " team. Only as good as the tracker is complete.",
                    [
                        Query(
                            or_zero(
                                f"sum(detector_portfolio_without_ai_tasks{tenants})",
                                f"detector_portfolio_calls{tenants}",
                            )
                        )
                    ],
                    COUNT,
                    4,
                )
            ),
            lines(
                Panel(
                    "Cost of a completed task over time",
                    cost + " Of all that is chosen. Each point is a whole window that ends there.",
                    [Query(ratio("spend_usd", "tasks_completed"), "all that is chosen")],
                    USD,
                    8,
                    8,
                )
            ),
            lines(
                Panel(
                    "The same, by team",
                    cost + " Each point is a whole window that ends there.",
                    [Query(ratio("spend_usd", "tasks_completed", "tenant", "team"), TEAM)],
                    USD,
                    8,
                    8,
                    links=LINKS,
                )
            ),
            lines(
                Panel(
                    "What completed tasks had cost",
                    "The middling task, and the mean in which each counts by its"
                    " dollars. Only side by side: many tiny tasks lower the first alone, one dear task raises the"
                    " second.",
                    [
                        Query(f"max by (tenant, team) ({middling})", f"{TEAM}: middling"),
                        Query(f"max by (tenant, team) ({by_dollars})", f"{TEAM}: by dollars"),
                    ],
                    USD,
                    8,
                    8,
                )
            ),
        ],
    )


def spent() -> Row:
    """Where the money went."""
    told = "Metered dollars; calls without a price are missing from it. Ends at the newest event."
    each = [Query(f"sum({gauge('spend_usd', within(w))})", w) for w in ("24h", "7d", "30d", "month")]
    each.append(Query(f"sum({gauge('forecast_usd')})", "month, forecast"))
    used, limit, month_end = (f"sum by (tenant, budget) ({gauge(f'budget_{n}_usd')})" for n in _BUDGET)
    near: Steps = ((None, GREEN), (0.8, AMBER), (1.0, RED))
    by_model = f"sum by (model) (detector_portfolio_agent_spend_usd{{{OF_AGENT}, {WINDOW}}})"
    by_agent = f"sum by (tenant, team, agent) (detector_portfolio_agent_spend_usd{{{OF_AGENT}, {WINDOW}}})"
    agent_flagged = f"sum by (tenant, team, agent) (detector_portfolio_agent_flagged_usd{{{OF_AGENT}, {WINDOW}}})"
    return (
        "Where it went",
        [
            figure(
                Panel(
                    "Spend",
                    told + " Month: of the calendar, UTC. Its forecast takes each day that is left as the mean"
                    " of the month's, weekends apart; there is none before the third day.",
                    each,
                    USD,
                    14,
                    decimals=2,
                )
            ),
            bars(
                Panel(
                    "Budgets of the month",
                    "Used, and forecast by its end, as shares of the limit. A budget stops"
                    " nothing; a ticket comes at 80 %, or where the forecast passes the limit.",
                    [
                        Query(f"{_told(used, limit, 'used')} or {_told(month_end, limit, 'forecast')}"),
                    ],
                    SHARE,
                    10,
                    steps=near,
                    none="no budgets are configured",
                ),
                ["budget", "tenant", "of"],
            ),
            bars(
                Panel(
                    "By team",
                    told,
                    [Query(total("spend_usd", "tenant", "team"))],
                    USD,
                    8,
                    9,
                    links=LINKS_OF_ROW,
                    decimals=2,
                ),
                TEAM_FIRST,
            ),
            bars(Panel("By model", told, [Query(by_model)], USD, 8, 9, decimals=2), ["model"]),
            rows(
                Panel(
                    "By agent",
                    told + " An agent that is named after a person is part of `person`. Beyond"
                    " metrics.max_board_sets agents are `other`. By name: a large figure is no fault.",
                    [Query(by_agent), Query(agent_flagged)],
                    USD,
                    8,
                    9,
                    links=LINKS_OF_ROW,
                    decimals=2,
                ),
                ["tenant", "team", "agent"],
                {"spend": USD, "of it flagged": USD},
            ),
            _an_hour("By team, now", "tenant, team", TEAM, f"tenant_team:detector_cost_usd:rate5m{{{OF_TEAM}}}"),
            _an_hour("By model, now", "model", "{{model}}", f'{_BY_MODEL}{{{OF_TEAM}, model=~"$model"}}'),
        ],
    )


def _told(above: str, below: str, of: str) -> str:
    """A share, with what it is of as a label."""
    return f'label_replace({above} / {below}, "of", "{of}", "", "")'


def _an_hour(title: str, labels: str, legend: str, series: str) -> Made:
    told = "Dollars an hour at the pace of the last 5 minutes, from counters of workers: what burns now, and no sum."
    return lines(Panel(title, told, [Query(f"3600 * sum by ({labels}) ({series})", legend)], USD_AN_HOUR, 12, 8))
