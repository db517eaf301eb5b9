"""What boards have in common: variables, links between them and to the detector's pages, marks of incidents."""

from collections.abc import Sequence, Set

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import Dataquery

from deploy.grafana.panels import SOURCE, Made

TITLES = {
    "detector-fleet": "Agents: fleet",
    "detector-team": "Agents: team",
    "detector-incidents": "Agents: incidents",
    "detector-health": "Detector: health",
}
"""By the uid of a board."""
_TAKES = {
    "detector-fleet": ("tenant", "team", "agent", "model", "window"),
    "detector-team": ("window",),  # "All" of another board is no team
    "detector-incidents": ("tenant", "team"),  # which has no month
    "detector-health": (),
}
"""The variables of other boards that a board is opened with."""
WINDOWS = ("24h", "7d", "30d", "month")
LABELS = ("tenant", "team", "agent", "model")
_KNOWN = "detector_portfolio_agent_spend_usd"
"""The gauge whose labels variables offer."""

Row = tuple[str, Sequence[Made]]


def board(
    uid: str,
    told: str,
    rows: Sequence[Row],
    detector_url: str,
    *,
    labels: Sequence[str] = LABELS,
    windows: Sequence[str] = WINDOWS,
    one_team: bool = False,
    since: str = "now-24h",
) -> model.Dashboard:
    """A board of these rows; `labels`: what a reader may narrow it to; `one_team`: of one team at a time."""
    made = dashboard.Dashboard(TITLES[uid]).uid(uid).description(told).tags(["detector"]).readonly()
    made = made.timezone("utc").time(since, "now").refresh("1m").tooltip(model.DashboardCursorSync.CROSSHAIR)
    made = made.with_variable(dashboard.DatasourceVariable("datasource").label("data source").type("prometheus"))
    for n, label in enumerate(labels):
        made = made.with_variable(_variable(label, labels[:n], one=one_team and label in LABELS[:2]))
    if windows:
        offered = [model.VariableOption(window == "30d", window, window) for window in windows]
        known = dashboard.CustomVariable("window").values(",".join(windows)).options(offered)
        chosen = next((each for each in offered if each.selected), offered[0])
        made = made.with_variable(known.current(chosen).label("window of figures"))
    made = made.with_variable(dashboard.ConstantVariable("detector_url").value(detector_url))
    made = made.links(_links(uid, {*labels, "window"} if windows else {*labels}))
    made = made.annotation(_marks("tenant" in labels))
    for title, panels in rows:
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(panel)
    return _exact(_numbered(made.build()), LABELS[:2] if one_team else ())


def to_board(uid: str, title: str, *labels: str, table: bool = False) -> model.DashboardLink:
    """A link from a series (or a row of a table) to another board, narrowed to its labels, over the same time."""
    narrowed = "".join(f"&var-{label}={_value(label, table)}" for label in labels)
    return _link(title, f"/d/{uid}?${{datasource:queryparam}}&${{__url_time_range}}{narrowed}")


def to_incidents(*labels: str, table: bool = False) -> model.DashboardLink:
    """A link from a series (or a row of a table) to the detector's list of incidents, narrowed to its labels."""
    narrowed = "&".join(f"{label}={_value(label, table)}" for label in labels)
    return _link("incidents of it, on the detector's pages", f"${{detector_url}}/incidents?{narrowed}".rstrip("?"))


def _value(label: str, table: bool) -> str:
    """A label as links name it; whatever it holds, it stays one value of a query."""
    return f"${{{'__data.fields' if table else '__field.labels'}.{label}:percentencode}}"


def to_page(title: str, path: str) -> model.DashboardLink:
    """A link to a page of the detector."""
    return _link(title, "${detector_url}" + path)


def _link(title: str, url: str) -> model.DashboardLink:
    return dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(url).target_blank(True).build()


def _variable(label: str, narrower: Sequence[str], one: bool) -> dashboard.QueryVariable:
    """Offers the values of a label that go with those chosen before it."""
    among = ", ".join(f'{name}=~"$' + name + '"' for name in narrower)
    query = f"label_values({_KNOWN}{{{among}}}, {label})"
    asked: dict[str, object] = {"qryType": 1, "query": query, "refId": f"variable-{label}"}
    made = dashboard.QueryVariable(label).label(label).datasource(SOURCE).query(asked)
    made = made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    if one:
        return made.multi(False).include_all(False)
    every = model.VariableOption(True, ["All"], ["$__all"])
    return made.multi(True).include_all(True).all_value(".*").current(every)


def _links(uid: str, variables: Set[str]) -> list[Builder[model.DashboardLink]]:
    made: list[Builder[model.DashboardLink]] = []
    for other, title in TITLES.items():
        if other != uid:
            chosen = ["datasource", *(name for name in _TAKES[other] if name in variables)]
            url = f"/d/{other}?" + "&".join(f"${{{name}:queryparam}}" for name in chosen)
            made.append(dashboard.DashboardLink(title).type(model.DashboardLinkType.LINK).url(url).keep_time(True))
    pages = dashboard.DashboardLink("incidents, on the detector's pages").type(model.DashboardLinkType.LINK)
    made.append(pages.url("${detector_url}/incidents").target_blank(True))
    return made


class _Annotation(model.AnnotationQuery):
    """One of Prometheus, with what it is called; the SDK's own has no place for these."""

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return super().to_json() | {
            "target": {"expr": self.expr, "refId": "Anno", "interval": "60s"},  # read from 11.6.2 on
            "titleFormat": "{{rule}}",
            "textFormat": "{{team}} of {{tenant}}: a page is open",
            "tagKeys": "tenant,team,rule",
            "step": "60s",
        }


def _marks(with_labels: bool) -> "_Marks":
    of = 'tenant=~"$tenant", team=~"$team", ' if with_labels else ""
    series = f'tenant_team_rule_severity:detector_incidents_open:max{{{of}severity="critical"}}'
    # However wide a step is, a page that was open within it is seen.
    expr = f"sum by (tenant, team, rule) (max_over_time({series}[$__rate_interval])) > 0"
    return _Marks(_Annotation("pages that are open", SOURCE, True, False, "red", expr=expr))


class _Marks(dashboard.AnnotationQuery):
    """An annotation that is built already."""

    def __init__(self, made: model.AnnotationQuery) -> None:
        self._internal = made


def _numbered(board: model.Dashboard) -> model.Dashboard:
    """Panels have numbers by their places: links to a panel stay, and the same code gives the same bytes."""
    for n, panel in enumerate(board.panels or [], 1):
        if isinstance(panel, model.Panel | model.RowPanel):
            panel.id_val = n
    return board


def _exact(board: model.Dashboard, labels: Sequence[str]) -> model.Dashboard:
    """Asks for these labels by =, as Grafana does not escape a variable of one value for regular expressions."""

    def exact(expr: str) -> str:
        for label in labels:
            expr = expr.replace(f'{label}=~"${label}"', f'{label}="${label}"')
        return expr

    for panel in board.panels or []:
        for target in (panel.targets or []) if isinstance(panel, model.Panel) else []:
            if isinstance(target, Dataquery):
                target.expr = exact(target.expr)
    for variable in board.templating.list_val or []:
        if isinstance(variable.query, dict):
            variable.query["query"] = exact(str(variable.query["query"]))
    for mark in board.annotations.list_val or []:
        mark.expr = exact(str(mark.expr))
    return board
