"""The board of incidents, for who is on call: what is open, how soon pages come, and how many of them were wrong."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.asking import OF_TEAM, WINDOW, or_zero
from deploy.grafana.frame import Row, to_board, to_incidents, to_page
from deploy.grafana.frame import board as framed
from deploy.grafana.panels import (
    AMBER,
    COUNT,
    GREEN,
    RED,
    SECONDS,
    SHARE,
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

TOLD = """Open and recent episodes, how soon pages came and whether they were right. Episodes are counted, their \
dollars are not added up: several may hold the same."""
OPEN = f"tenant_team_rule_severity:detector_incidents_open:max{{{OF_TEAM}}}"
OPENED = f"tenant_team_rule_severity_window:detector_incidents_opened:max{{{OF_TEAM}, {WINDOW}}}"
PAGED = "tenant_team_rule_window:detector_incidents_paged:max"
MOVED = "tenant_team_rule_window:detector_incidents_paged_moved:max"
READ = 'detector_stage_ready{stage="notify"} == 1'
"""A worker has read all records of alerts: without one, that there are none is not known."""
LATE: Steps = ((None, GREEN), (60.0, AMBER), (300.0, RED))


def board(detector_url: str) -> Dashboard:
    """Of all teams, unless the reader chooses."""
    rows = [_open(), _pages(), _delivered()]
    windows = ("24h", "7d", "30d")
    return framed("detector-incidents", TOLD, rows, detector_url, labels=("tenant", "team"), windows=windows)


def _open() -> Row:
    burns: Steps = ((None, GREEN), (1.0, AMBER))
    team = to_board("detector-team", "board of the team", "tenant", "team", table=True)
    wakes: Steps = ((None, GREEN), (1.0, RED))
    return (
        "Open now",
        [
            _count("Critical", "Episodes that are pages and open: somebody should be looking.", "critical", wakes),
            _count("Warning", "Episodes that are tickets and open.", "warning", burns),
            _count("Info", "Episodes that are lines on a board and open; nobody is told.", "info", ((None, "text"),)),
            lines(
                Panel(
                    "Flagged now",
                    "Dollars an hour within episodes, at the pace of the last 5 minutes, by rule;"
                    " several rules may hold the same dollars. Of all teams.",
                    [Query("3600 * sum by (rule) (rule:detector_flagged_usd:rate5m)", "{{rule}}")],
                    USD_AN_HOUR,
                    12,
                    links=[to_incidents("rule")],
                )
            ),
            rows(
                Panel(
                    "Open, by team and rule",
                    "Follow a row to its incidents.",
                    [Query(f"sum by (tenant, team, rule, severity) ({OPEN})")],
                    COUNT,
                    12,
                    9,
                    links=[team, to_incidents("tenant", "team", "rule", "severity", table=True)],
                    none="none is known",
                ),
                ["tenant", "team", "rule", "severity"],
                {"open": COUNT},
            ),
            rows(
                Panel(
                    "Opened within the window",
                    "By the highest severity that they reached, those that have ended too.",
                    [Query(f"sum by (rule, severity) ({OPENED})")],
                    COUNT,
                    12,
                    9,
                    links=[to_incidents("rule", "severity", table=True)],
                ),
                ["rule", "severity"],
                {"episodes": COUNT},
            ),
            lines(
                Panel(
                    "Open over time",
                    "Open episodes by severity.",
                    [Query(f"sum by (severity) ({OPEN})", "{{severity}}")],
                    COUNT,
                    24,
                    7,
                )
            ),
        ],
    )


def _count(title: str, told: str, severity: str, steps: Steps) -> Made:
    expr = or_zero(f'sum({OPEN[:-1]}, severity="{severity}"}})', READ)
    link = to_page("these, on the detector's pages", f"/incidents?open=1&severity={severity}")
    return figure(Panel(title, told, [Query(expr)], COUNT, 4, steps=steps, links=[link], none="not known"))


def _pages() -> Row:
    paged, moved = (f"sum({name}{{{OF_TEAM}, {WINDOW}}})" for name in (PAGED, MOVED))
    agents = 'sum(detector_portfolio_agents_with_ai{tenant=~"$tenant", window="7d"})'
    week = or_zero(f'sum({PAGED}{{{OF_TEAM}, window="7d"}})', READ)
    many: Steps = ((None, GREEN), (5.0, AMBER), (20.0, RED))
    wrong: Steps = ((None, GREEN), (0.2, AMBER), (0.5, RED))
    burning = f"rule_le_window:detector_incidents_page_seconds:max{{{WINDOW}}}"
    return (
        "Pages",
        [
            figure(
                Panel(
                    "Pages",
                    "Episodes that became critical within the window. What a cap held back counts too.",
                    [Query(or_zero(paged, READ))],
                    COUNT,
                    4,
                    none="not known",
                )
            ),
            figure(
                Panel(
                    "A week per 1,000 agents",
                    "Pages of 7 days by agents that called a model in them. Agents are of"
                    " the tenant, whatever the team: choose all teams. Few agents make it jump.",
                    [Query(f"1000 * ({week}) / ({agents} > 0)")],
                    COUNT,
                    4,
                    steps=many,
                    decimals=1,
                    none="not known",
                )
            ),
            figure(
                Panel(
                    "Moved within the hour",
                    "Of the pages of the window, those whose episode ended within an hour since"
                    " its task moved: a sign that it was wrong. A person who closes the task after stopping it"
                    " counts too.",
                    [Query(f"({moved} or vector(0)) / ({paged} > 0)")],
                    SHARE,
                    4,
                    steps=wrong,
                    none="no pages",
                )
            ),
            bars(
                Panel(
                    "Burning before the page",
                    "By rule, from where the episode began until it was critical, half of the"
                    " pages below; in event time, of all teams. Rules wait on purpose until it is sure.",
                    [Query(f"histogram_quantile(0.5, sum by (rule, le) ({burning}))")],
                    SECONDS,
                    12,
                    none="no pages",
                ),
                ["rule"],
            ),
            bars(
                Panel(
                    "Pages by rule",
                    "Of the window.",
                    [Query(f"sum by (rule) ({PAGED}{{{OF_TEAM}, {WINDOW}}})")],
                    COUNT,
                    12,
                    7,
                    none="no pages",
                ),
                ["rule"],
            ),
            bars(
                Panel(
                    "Of these, moved within the hour",
                    "By rule: whose thresholds to look at first.",
                    [Query(f"sum by (rule) ({MOVED}{{{OF_TEAM}, {WINDOW}}})")],
                    COUNT,
                    12,
                    7,
                    none="none",
                ),
                ["rule"],
            ),
        ],
    )


def _delivered() -> Row:
    held_back = 'detector_held_back_episodes{tenant=~"$tenant"}'
    return (
        "From the call to the pager",
        [
            _quantiles(
                "Call to alert",
                "From the call that decided to the record of the alert, of the last 5 minutes.",
                "le:detector_event_to_alert_seconds:rate5m",
            ),
            _quantiles(
                "Alert to Alertmanager",
                "From the record until an Alertmanager took it, of the last 5 minutes.",
                "le:detector_notify_seconds:rate5m",
            ),
            figure(
                Panel(
                    "Not delivered",
                    "Alerts that not every Alertmanager has taken. Above 0 for minutes: one is away.",
                    [Query("max(detector_notify_pending)")],
                    COUNT,
                    4,
                    7,
                    steps=((None, GREEN), (1.0, RED)),
                )
            ),
            figure(
                Panel(
                    "Held back from the pager",
                    "Critical episodes beyond notify.pages_a_day that burn now: tickets, and in a summary page.",
                    [Query(or_zero(f"max by (tenant) ({held_back})", READ), "{{tenant}}")],
                    COUNT,
                    12,
                    steps=((None, GREEN), (1.0, AMBER)),
                    none="not known",
                )
            ),
            figure(
                Panel(
                    "Requests to stop",
                    "What the detector asked to be stopped, by how that ended, since workers began. Of all tenants.",
                    [Query("sum by (outcome) (detector_stop_requests_total)", "{{outcome}}")],
                    COUNT,
                    12,
                    none="none",
                )
            ),
        ],
    )


def _quantiles(title: str, told: str, series: str) -> Made:
    queries = [Query(f"histogram_quantile({q}, sum by (le) ({series}))", f"{q:.0%} within") for q in (0.5, 0.95)]
    return lines(Panel(title, told, queries, SECONDS, 10, 7, steps=LATE))
