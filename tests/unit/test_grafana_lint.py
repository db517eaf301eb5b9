"""The lint of boards finds what it should, and nothing else."""

import copy
import json
from typing import Any

import pytest

from deploy.grafana.every import texts
from deploy.grafana.lint import faults, faults_of_query

BOARDS: dict[str, Any] = {board["uid"]: board for board in map(json.loads, texts().values())}


def broken(**of_panel: Any) -> Any:
    """A board whose first panel has these fields; None: it has not."""
    board = copy.deepcopy(BOARDS["detector-fleet"])
    panel = next(p for p in board["panels"] if p["type"] != "row")
    panel |= {name: value for name, value in of_panel.items() if value is not None}
    for name in (name for name, value in of_panel.items() if value is None):
        del panel[name]
    return board


def of_kind(kind: str) -> Any:
    """A board, and its first panel of that kind."""
    board = copy.deepcopy(BOARDS["detector-fleet"])
    return board, next(p for p in board["panels"] if p["type"] == kind)


def linking(url: str, kind: str = "stat") -> Any:
    board, panel = of_kind(kind)
    panel["fieldConfig"]["defaults"]["links"] = [{"url": url}]
    return board


def rows_with(**of_panel: Any) -> Any:
    board, panel = of_kind("table")
    panel |= of_panel
    return board


def nothing(**defaults: Any) -> Any:
    """A board with a figure that is so where there is none."""
    board, panel = of_kind("stat")
    panel["fieldConfig"]["defaults"] |= defaults
    return board


SPENT_MOST = [{"id": "sortBy", "options": {"fields": {}, "sort": [{"field": "spend", "desc": True}]}}]


def asking(expr: str) -> Any:
    board = copy.deepcopy(BOARDS["detector-fleet"])
    next(p for p in board["panels"] if p["type"] != "row")["targets"][0]["expr"] = expr
    return board


@pytest.mark.parametrize(
    ("board", "fault"),
    [
        (broken(description=None), "no description"),
        (broken(title=None), "no title"),
        (broken(fieldConfig={"defaults": {"thresholds": {"steps": [{}]}}}), "no unit"),
        (broken(fieldConfig={"defaults": {"unit": "short"}}), "no thresholds"),
        (broken(targets=[]), "no query"),
        (broken(datasource={"type": "prometheus", "uid": "abc"}), "its data source is not the variable"),
        (broken(targets=[{"expr": "up", "datasource": {"uid": "abc"}}]), "its data source is not the variable"),
        (broken(gridPos={"h": 5, "w": 25, "x": 0, "y": 1}), "beyond the grid"),
        (broken(gridPos={"h": 5, "w": 9, "x": 0, "y": 1}), "one over the other"),
        (broken(id=1), "panels without a number of their own"),
        (broken(options={"sortBy": [{"displayName": "spend", "desc": True}]}), "it ranks"),
        (asking("topk(5, sum by (team) (detector_portfolio_spend_usd))"), "it ranks"),
        (asking("sort_desc(detector_portfolio_spend_usd)"), "it ranks"),
        (asking("sum by (user) (detector_portfolio_calls)"), "it tells people apart, by user"),
        (asking("sum by (key) (detector_portfolio_calls)"), "it tells people apart, by key"),
        (asking("sum(increase(detector_cost_usd_total[1d]))"), "dollars of counters over 1d"),
        (asking("3600 * sum(rate(detector_cost_usd_total[1h30m]))"), "dollars of counters over 1h30m"),
        (asking("sum(increase(detector_cost_usd_total[$__range]))"), "dollars of counters over $__range"),
        (asking("sum(increase(detector_flagged_usd_total[2h:5m]))"), "dollars of counters over 2h"),
        (linking("${other_url}/incidents"), "a link asks for other_url, which is no variable"),
        (linking("/d/x?var-team=${__field.labels.team}"), "a link asks for team, which its series do not have"),
        (asking('sum(detector_calls_total{team="$group"})'), "it asks for group, which is no variable"),
        (asking('sum(detector_calls_total{team="$team"})'), "it asks for team by =, which fits one value"),
        (asking('sum(detector_calls_total{window=~"$window"})'), "it asks for window by =~, which fits several"),
        (rows_with(transformations=[]), "its rows come in any order"),
        (rows_with(transformations=SPENT_MOST), "it ranks"),
        (linking("/d/x?var-team=${__field.labels.team}", "table"), "a link asks a row for labels"),
        (nothing(noValue="0"), "it shows 0 where nothing is known"),
        (nothing(color={"mode": "palette-classic-by-name"}), "its colours need names"),
    ],
)
def test_the_lint_finds(board: Any, fault: str) -> None:
    assert any(fault in found for found in faults(board)), faults(board)


def test_the_lint_finds_a_board_without_a_variable_for_the_data_source() -> None:
    board = copy.deepcopy(BOARDS["detector-health"])
    board["templating"]["list"] = [v for v in board["templating"]["list"] if v["type"] != "datasource"]
    assert "no variable for the data source" in faults(board)


def test_the_lint_looks_at_variables_and_annotations_too() -> None:
    board = copy.deepcopy(BOARDS["detector-fleet"])
    query = next(v for v in board["templating"]["list"] if v["type"] == "query")
    query["query"] = {"query": 'label_values(x{team="$group"}, tenant)'}
    board["annotations"]["list"][0] |= {"expr": "topk(1, up)", "datasource": {"uid": "-- Grafana --"}}
    found = faults(board)
    for fault in ("variable tenant: it asks for group", "pages that are open: it ranks", "its data source"):
        assert any(fault in each for each in found), found


@pytest.mark.parametrize(
    "expr",
    [
        "3600 * sum(rate(detector_cost_usd_total[5m]))",
        "sum(increase(detector_cost_usd_total[1h]))",
        "sum(increase(detector_calls_total[1d]))",
        'sum by (le) (detector_portfolio_open_tasks_by_cost{rule="topk user [1d]"})',
    ],
)
def test_the_lint_leaves_alone(expr: str) -> None:
    assert faults_of_query(expr) == []
