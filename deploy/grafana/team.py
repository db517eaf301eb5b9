"""The board of one team: the same as of the fleet, with what is true of it now."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana import flagged, money
from deploy.grafana.asking import LINKS, OF_TEAM, TEAM, gauge, within
from deploy.grafana.frame import Row, to_page
from deploy.grafana.frame import board as framed
from deploy.grafana.panels import (
    AMBER,
    COUNT,
    GREEN,
    RED,
    TIMES,
    TOKENS_A_CALL,
    USD,
    Panel,
    Query,
    Steps,
    bars,
    figure,
    histogram,
    lines,
    rows,
)

TOLD = """One team: what its money bought, what burns now beside what is usual, open incidents, tasks under way. For \
the team itself; nobody in it is shown."""
_OF = "tenant=${tenant:percentencode}&team=${team:percentencode}"
_RULE = "rule=${__data.fields.rule:percentencode}"
TASKS = to_page("open tasks, the dearest first, on the detector's pages", f"/tasks?{_OF}")
AGES = {"3600": "1 h", "14400": "4 h", "86400": "1 d", "259200": "3 d", "604800": "7 d", "1209600": "14 d",
        "2592000": "30 d", "+Inf": "older"}  # fmt: skip
COSTS = {"0.1": "$0.10", "0.5": "$0.50", "1": "$1", "5": "$5", "20": "$20", "100": "$100", "500": "$500",
         "+Inf": "dearer"}  # fmt: skip
"""What bars of histograms are called, by their upper bounds."""
INPUT, CALLS = "tenant_team:detector_input_tokens:rate5m", "tenant_team:detector_calls:rate5m"


def board(detector_url: str) -> Dashboard:
    """Of the team that the reader chooses."""
    rows = [money.bought(), _now(), _under_way(), money.spent(), flagged.flagged()]
    return framed("detector-team", TOLD, rows, detector_url, one_team=True)


def _now() -> Row:
    hour, usual = (f"sum({gauge(name)})" for name in ("hour_usd", "usual_hour_usd"))
    dear: Steps = ((None, GREEN), (2.0, AMBER), (4.0, RED))
    incidents = f"tenant_team_rule_severity:detector_incidents_open:max{{{OF_TEAM}}}"
    return (
        "Now",
        [
            figure(
                Panel(
                    "The last hour",
                    "Dollars of the last 60 minutes beside a usual hour: the mean of the last 7 days,"
                    " or of this time of the day where days are known and it is more.",
                    [Query(hour, "last 60 minutes"), Query(usual, "usual")],
                    USD,
                    8,
                    decimals=2,
                )
            ),
            figure(
                Panel(
                    "Times its usual hour",
                    "From 4 on, and above a floor, the rule spend_spike looks closer. A quiet team doubles easily.",
                    [Query(f"{hour} / ({usual} > 0)")],
                    TIMES,
                    4,
                    steps=dear,
                    decimals=1,
                    none="not known yet",
                )
            ),
            rows(
                Panel(
                    "Open incidents",
                    "Episodes of this team that are open. Those of several levels may hold the same dollars.",
                    [Query(f"sum by (rule, severity) ({incidents})")],
                    COUNT,
                    12,
                    links=[
                        to_page("incidents of this rule, on the detector's pages", f"/incidents?{_OF}&open=1&{_RULE}")
                    ],
                    none="none is known",
                ),
                ["rule", "severity"],
                {"open": COUNT},
            ),
            lines(
                Panel(
                    "The hour, over time",
                    "Dollars of the 60 minutes before each point, and of a usual hour then.",
                    [Query(hour, "last 60 minutes"), Query(usual, "usual")],
                    USD,
                    24,
                    7,
                )
            ),
        ],
    )


def _under_way() -> Row:
    tasks = "Tasks with a metered call and a sign of life in 30 days that were neither completed nor given up."
    of_input = 'kind=~"cached_input|uncached_input"'
    windows = [
        Query(f"sum({gauge('tokens', within(w), of_input)}) / (sum({gauge('calls', within(w))}) > 0)", w)
        for w in ("24h", "7d", "30d")
    ]
    pace = f"sum by (tenant, team) ({INPUT}{{{OF_TEAM}}}) / (sum by (tenant, team) ({CALLS}{{{OF_TEAM}}}) > 0)"
    return (
        "Under way",
        [
            histogram(
                Panel(
                    "Open tasks by age",
                    tasks
                    + " Age: since the first call; a bar counts those that are older than the one before it says.",
                    [Query(f"sum by (le) ({gauge('open_tasks_by_age')})", "{{le}}")],
                    COUNT,
                    8,
                    8,
                    links=[TASKS],
                    none="none is known",
                ),
                AGES,
            ),
            histogram(
                Panel(
                    "Open tasks by cost",
                    tasks + " Cost: billed in all; a bar counts those that are dearer than the one before it"
                    " says. A dear one that shipped nothing is worth a question, no verdict.",
                    [Query(f"sum by (le) ({gauge('open_tasks_by_cost')})", "{{le}}")],
                    COUNT,
                    8,
                    8,
                    links=[TASKS],
                    none="none is known",
                ),
                COSTS,
            ),
            bars(
                Panel(
                    "Input of a call",
                    "Mean tokens that a call sends, cached ones too, by window: where the shorter"
                    " windows are above the longer ones, contexts grow. Other work has other contexts.",
                    windows,
                    TOKENS_A_CALL,
                    8,
                    8,
                    decimals=0,
                )
            ),
            lines(
                Panel(
                    "Input of a call, over time",
                    "The same at the pace of the last 5 minutes.",
                    [Query(pace, TEAM)],
                    TOKENS_A_CALL,
                    24,
                    7,
                    links=LINKS,
                )
            ),
        ],
    )
