"""The Grafana boards: current, without faults, and what they read is served; the lint finds what it should."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.__main__ import main
from deploy.grafana.every import boards, texts
from deploy.grafana.frame import TITLES
from deploy.grafana.lint import faults, faults_of_query
from detector.config import Metrics as Limits
from detector.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
COMMITTED = DEPLOY / "grafana" / "boards"
RULES = DEPLOY / "prometheus" / "rules" / "boards.yml"
BOARDS: dict[str, Any] = {board["uid"]: board for board in map(json.loads, texts().values())}
each_board = pytest.mark.parametrize("uid", TITLES)


def recorded() -> dict[str, list[str]]:
    """The expressions of the rules for boards, by the series that they record."""
    told: dict[str, list[str]] = {}
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            told.setdefault(rule["record"], []).append(rule["expr"])
    return told


def panels(uid: str) -> list[Any]:
    return [panel for panel in BOARDS[uid]["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Every query of every board: of panels, variables and annotations."""
    found = []
    for uid, board in BOARDS.items():
        found += [target["expr"] for panel in panels(uid) for target in panel["targets"]]
        found += [mark["expr"] for mark in board["annotations"]["list"]]
        found += [v["query"]["query"] for v in board["templating"]["list"] if v["type"] == "query"]
    return found


def series(expr: str) -> set[str]:
    """The detector's series that an expression reads, ours and recorded ones."""
    return set(re.findall(r"(?:[a-z_]+:)?detector_\w+(?::\w+)?", re.sub(r'"[^"]*"', "", expr)))


def served() -> set[str]:
    names = set(Metrics(Limits()).labelled) | {"detector_behind_seconds", "detector_build_info"}
    return names | {name + suffix for name in names for suffix in ("_bucket", "_sum", "_count")}


def test_the_boards_are_those_that_others_link_to() -> None:
    assert [board.uid for board in boards()] == [
        "detector-fleet", "detector-team", "detector-incidents", "detector-health",
    ]  # fmt: skip


def test_what_is_committed_is_what_the_code_gives() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in COMMITTED.glob("*.json")}
    assert committed == texts(), "run: python -m deploy.grafana"


def test_the_command_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["deploy.grafana", "--out", str(tmp_path / "new")])
    main()
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()} == texts()


def test_boards_can_be_made_for_another_address_of_the_detector() -> None:
    for text in texts("https://detector.example/").values():
        constant = next(v for v in json.loads(text)["templating"]["list"] if v["name"] == "detector_url")
        assert (constant["type"], constant["query"]) == ("constant", "https://detector.example")


def test_what_is_provisioned_is_a_source_and_a_folder_of_these_boards() -> None:
    provisioned = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioned / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "$PROMETHEUS_URL", True)
    [provider] = yaml.safe_load((provisioned / "dashboards" / "detector.yaml").read_text())["providers"]
    assert (provider["type"], provider["folderUid"]) == ("file", "detector")
    assert Path(provider["options"]["path"]).name == COMMITTED.name


@each_board
def test_a_board_has_no_fault(uid: str) -> None:
    assert faults(BOARDS[uid]) == []


def test_the_fleet_and_the_team_tell_first_what_the_money_bought() -> None:
    for uid in ("detector-fleet", "detector-team"):
        rows = [panel["title"] for panel in BOARDS[uid]["panels"] if panel["type"] == "row"]
        assert rows[0] == "What the money bought"
        assert [panel["title"] for panel in panels(uid)[:3]] == [
            "Tasks completed with AI", "Cost of a completed task", "Trend of that cost",
        ]  # fmt: skip


def test_everything_that_boards_read_is_served_or_recorded() -> None:
    read = set().union(*map(series, queries()))
    known = served() | set(recorded())
    assert read <= known, read - known


def test_everything_that_is_recorded_for_boards_is_read_and_reads_what_is_served() -> None:
    read = set().union(*map(series, queries()))
    assert set(recorded()) <= read, set(recorded()) - read
    for exprs in recorded().values():
        assert set().union(*map(series, exprs)) <= served()


def test_rules_for_boards_rank_nobody_and_sum_no_dollars_over_days() -> None:
    assert [fault for exprs in recorded().values() for expr in exprs for fault in faults_of_query(expr)] == []


@each_board
def test_boards_link_to_each_other_and_to_incidents(uid: str) -> None:
    urls = [link["url"] for link in BOARDS[uid]["links"]]
    assert urls == [f"/d/{other}" for other in TITLES if other != uid] + ["${detector_url}/incidents"]
    deeper = [link["url"] for p in panels(uid) for link in p["fieldConfig"]["defaults"].get("links") or []]
    for url in deeper:
        assert url.startswith(
            ("${detector_url}/incidents", "${detector_url}/tasks?", *(f"/d/{other}?" for other in TITLES))
        ), url


def test_names_in_links_stay_one_value_whatever_they_hold() -> None:
    for uid in BOARDS:
        for panel in panels(uid):
            for link in panel["fieldConfig"]["defaults"].get("links") or []:
                for name in re.findall(r"=\$\{([^}]+)\}", link["url"]):
                    assert name.endswith(":percentencode"), link["url"]


def test_incidents_are_asked_for_as_their_page_understands() -> None:
    known = {"open", "tenant", "team", "rule", "severity"}
    for uid in BOARDS:
        for panel in panels(uid):
            for link in panel["fieldConfig"]["defaults"].get("links") or []:
                if "/incidents" in link["url"]:
                    assert set(re.findall(r"[?&](\w+)=", link["url"])) <= known


def test_the_histograms_of_open_tasks_lead_to_their_list() -> None:
    panels_of = {p["title"]: p for p in panels("detector-team")}
    for title in ("Open tasks by age", "Open tasks by cost"):
        [link] = panels_of[title]["fieldConfig"]["defaults"]["links"]
        assert link["url"].startswith("${detector_url}/tasks?")
        assert set(re.findall(r"[?&](\w+)=", link["url"])) == {"tenant", "team"}


@each_board
def test_readers_may_narrow_a_board_to_what_is_theirs(uid: str) -> None:
    wanted = {"detector-fleet": ["tenant", "team", "agent", "model"], "detector-incidents": ["tenant", "team"]}
    wanted["detector-team"], wanted["detector-health"] = wanted["detector-fleet"], []
    offered = [v["name"] for v in BOARDS[uid]["templating"]["list"] if v["type"] == "query"]
    assert offered == wanted[uid]


def test_a_panel_that_shows_a_label_of_a_variable_is_narrowed_by_it() -> None:
    for uid in ("detector-fleet", "detector-team"):
        for panel in panels(uid):
            for expr in (target["expr"] for target in panel["targets"]):
                for label in ("team", "agent", "model"):
                    if re.search(rf"by \([^)]*\b{label}\b", expr) and "type_cost" not in expr:
                        assert f'{label}=~"${label}"' in expr, (panel["title"], expr)


def test_money_over_days_comes_from_portfolio_alone() -> None:
    for expr in queries():
        for name in series(expr):
            if "usd" in name and not name.startswith(("detector_portfolio_", "kind:")):
                assert name.endswith(":rate5m"), expr


def broken(**of_panel: Any) -> Any:
    """A board whose first panel has these fields; None: it has not."""
    board = copy.deepcopy(BOARDS["detector-fleet"])
    panel = next(p for p in board["panels"] if p["type"] != "row")
    panel |= {name: value for name, value in of_panel.items() if value is not None}
    for name in (name for name, value in of_panel.items() if value is None):
        del panel[name]
    return board


def linking(url: str) -> Any:
    board = copy.deepcopy(BOARDS["detector-fleet"])
    next(p for p in board["panels"] if p["type"] != "row")["fieldConfig"]["defaults"]["links"] = [{"url": url}]
    return board


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
