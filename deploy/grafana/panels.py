"""Panels: a title, what it says and what it does not, queries, a unit and thresholds, in few kinds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
USD, USD_AN_HOUR, SHARE, COUNT, SECONDS, BYTES = (
    "currencyUSD", "suffix:USD/h", "percentunit", "short", "s", "bytes"
)  # fmt: skip
TOKENS, TOKENS_A_CALL, PER_SECOND, BYTES_A_SECOND, TIMES = (
    "suffix:tokens", "suffix:tokens/call", "suffix:/s", "Bps", "suffix:×"
)  # fmt: skip
MOST_BARS = 1000
"""Of a panel; Grafana's own limit is 25."""
GREEN, AMBER, RED, NEUTRAL = "green", "orange", "red", "text"

Steps = Sequence[tuple[float | None, str]]
PLAIN: Steps = ((None, NEUTRAL),)
"""There is no value that is good or bad by itself."""


class Query(NamedTuple):
    """A PromQL expression and what its series are called."""

    expr: str
    legend: str = ""


class Panel(NamedTuple):
    """What a panel shows. `told`: what the figure means and how it misleads; `width`: of 24."""

    title: str
    told: str
    queries: Sequence[Query]
    unit: str
    width: int = 6
    height: int = 5
    steps: Steps = PLAIN
    links: Sequence[model.DashboardLink] = ()
    decimals: float | None = None
    none: str | None = None
    """What stands where there is nothing."""


class Made(Builder[model.Panel]):
    """A panel that is built already."""

    def __init__(self, panel: model.Panel) -> None:
        self._panel = panel

    def build(self) -> model.Panel:
        """Itself."""
        return self._panel


def figure(panel: Panel) -> Made:
    """The newest value of each query, large."""
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    kind = stat.Panel().reduce_options(newest).graph_mode(options.BigValueGraphMode.NONE)
    return _made(kind.color_mode(options.BigValueColorMode.VALUE), panel, instant=True)


def bars(panel: Panel, labels: Sequence[str] = ()) -> Made:
    """The newest value of each set of `labels`, which one query gives, as a bar; they are its name, by which bars come.

    Without labels there is a bar for each query, in their order. Many bars are scrolled.
    """
    kind = bargauge.Panel().display_mode(options.BarGaugeDisplayMode.BASIC)
    kind = kind.sizing(options.BarGaugeSizing.MANUAL).min_viz_height(24).max_viz_height(48)
    kind = kind.orientation(options.VizOrientation.HORIZONTAL).value_mode(options.BarGaugeValueMode.TEXT)
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    if not labels:
        return _made(kind.reduce_options(newest), panel, instant=True)
    every = newest.values(True).limit(MOST_BARS)
    return _by_name(_made(kind.reduce_options(every), panel, instant=True, form=PromQueryFormat.TABLE), labels)


def histogram(panel: Panel, called: Mapping[str, str]) -> Made:
    """How many fall between two bounds, from series by `le`; `called`: the bars by the value of `le`."""
    kind = bargauge.Panel().display_mode(options.BarGaugeDisplayMode.BASIC)
    kind = kind.orientation(options.VizOrientation.VERTICAL).value_mode(options.BarGaugeValueMode.TEXT)
    for le, name in called.items():
        kind = kind.override_by_name(le, [model.DynamicConfigValue("displayName", name)])
    return _made(
        kind.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])),
        panel,
        instant=True,
        form=PromQueryFormat.HEATMAP,
    )


def lines(panel: Panel) -> Made:
    """Values over time."""
    kind = timeseries.Panel().line_width(1).fill_opacity(8).show_points(options.VisibilityMode.NEVER)
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).show_legend(True)
    kind = kind.legend(legend.placement(options.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.NONE)
    kind = kind.tooltip(tooltip)
    return _made(kind, panel, instant=False)


def rows(panel: Panel, columns: Sequence[str], units: Mapping[str, str]) -> Made:
    """A table with a row for each set of labels (`columns`), and a value of each query; `units`: by their names."""
    kind = table.Panel().filterable(True)
    for name, unit in units.items():
        kind = kind.override_by_name(name, [model.DynamicConfigValue("unit", unit)])
    return _by_name(_made(kind, panel, instant=True, form=PromQueryFormat.TABLE), columns, [*units])


def _by_name(made: Made, columns: Sequence[str], names: Sequence[str] = ()) -> Made:
    """Has the answers of all queries as rows, one for each set of `columns`, sorted by these from the first on.

    `names`: of the values of each query, if any. A bar whose value has a name is called by that, and not by its row.

    Prometheus answers in the order in which it came to know the series, that of the dearest first among others.
    """
    called = {f"Value #{_ref(n)}" if len(names) > 1 else "Value": name for n, name in enumerate(names)}
    order = {name: n for n, name in enumerate([*columns, *called])}
    built = made.build()
    built.transformations = [
        model.DataTransformerConfig(id_val="merge", options={}),
        model.DataTransformerConfig(
            id_val="organize",
            options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": called},
        ),
        *(
            model.DataTransformerConfig(
                id_val="sortBy", options={"fields": {}, "sort": [{"field": column, "desc": False}]}
            )
            for column in reversed(columns)  # a sort keeps the order of equals
        ),
    ]
    return made


def _made(
    kind: Builder[model.Panel],
    panel: Panel,
    *,
    instant: bool,
    form: PromQueryFormat = PromQueryFormat.TIME_SERIES,
) -> Made:
    built = kind.build()
    built.title, built.description, built.datasource = panel.title, panel.told, SOURCE
    built.grid_pos = model.GridPos(h=panel.height, w=panel.width)
    built.targets = [_target(n, query, instant, form).build() for n, query in enumerate(panel.queries)]
    if built.field_config is None:
        built.field_config = model.FieldConfigSource()
    field = built.field_config.defaults
    field.unit, field.decimals, field.no_value = panel.unit, panel.decimals, panel.none
    steps = [model.Threshold(value, colour) for value, colour in panel.steps]
    field.thresholds = model.ThresholdsConfig(model.ThresholdsMode.ABSOLUTE, steps)
    field.color = _color(built.type_val, panel.steps is PLAIN)
    field.links = list(panel.links) or None
    return Made(built)


def _color(kind: str, plain: bool) -> model.FieldColor:
    """Lines are told apart by their names. Elsewhere Grafana 11.6 fails by such a palette where there is no data."""
    if plain and kind == "timeseries":
        return model.FieldColor(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
    if plain and kind == "bargauge":
        return model.FieldColor(model.FieldColorModeId.FIXED, "blue")
    return model.FieldColor(model.FieldColorModeId.THRESHOLDS)


def _target(n: int, query: Query, instant: bool, form: PromQueryFormat) -> Dataquery:
    target = Dataquery().ref_id(_ref(n)).expr(query.expr).datasource(SOURCE).format(form)
    target = target.legend_format(query.legend or "__auto")
    return target.instant() if instant else target.range()


def _ref(n: int) -> str:
    return chr(ord("A") + n)
