"""The Grafana boards: current, without faults, and what they read is served."""

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
from detector.boards.open_tasks import AGES_S, COSTS_USD
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
    assert [url.partition("?")[0] for url in urls] == [
        *(f"/d/{other}" for other in TITLES if other != uid), "${detector_url}/incidents",
    ]  # fmt: skip
    deeper = [link["url"] for p in panels(uid) for link in p["fieldConfig"]["defaults"].get("links") or []]
    for url in deeper:
        assert url.startswith(
            ("${detector_url}/incidents", "${detector_url}/tasks?", *(f"/d/{other}?" for other in TITLES))
        ), url


@each_board
def test_links_carry_to_a_board_what_it_offers_and_nothing_else(uid: str) -> None:
    for link in BOARDS[uid]["links"][:-1]:
        assert (link["includeVars"], link["keepTime"]) == (False, True)
        other = BOARDS[link["url"].removeprefix("/d/").partition("?")[0]]["templating"]["list"]
        here = {v["name"]: v for v in BOARDS[uid]["templating"]["list"]}
        for name in re.findall(r"\$\{(\w+):queryparam\}", link["url"]):
            there = next(v for v in other if v["name"] == name)
            assert there["multi"] or not here[name]["multi"], (link["url"], "All is no value of one")
            if name == "window":
                assert set(here[name]["query"].split(",")) <= set(there["query"].split(","))


def test_of_one_team_is_asked_as_it_is_called_whatever_signs_are_in_its_name() -> None:
    asked = [target["expr"] for panel in panels("detector-team") for target in panel["targets"]]
    assert not [expr for expr in asked if re.search(r'=~"\$(tenant|team)"', expr)]
    assert any('team="$team"' in expr for expr in asked)


def test_marks_are_read_by_every_release_of_grafana_and_miss_no_short_page() -> None:
    for board in BOARDS.values():
        [mark] = board["annotations"]["list"]
        assert mark["target"] == {"expr": mark["expr"], "refId": "Anno", "interval": mark["step"]}
        assert "max_over_time(" in mark["expr"]
        assert "[$__rate_interval]" in mark["expr"]


def test_that_nothing_is_open_is_said_where_all_alerts_were_read_and_nowhere_else() -> None:
    figures = {p["title"]: p["targets"][0]["expr"] for p in panels("detector-incidents") if p["type"] == "stat"}
    for title in ("Critical", "Warning", "Info", "Pages", "A week per 1,000 agents", "Held back from the pager"):
        assert 'or on() 0 * max(detector_stage_ready{stage="notify"} == 1)' in figures[title]


def test_records_that_several_workers_have_to_read_wait_once() -> None:
    [expr] = [p["targets"][0]["expr"] for p in panels("detector-health") if p["title"] == "Not yet read"]
    assert expr == "sum by (stage) (max by (stage, topic, partition) (detector_lag_records))"


def test_a_share_of_nothing_is_not_said_to_be_none() -> None:
    for uid in ("detector-fleet", "detector-team"):
        shares = [p for p in panels(uid) if p["fieldConfig"]["defaults"]["unit"] == "percentunit"]
        assert {p["fieldConfig"]["defaults"].get("noValue") for p in shares} == {None, "no budgets are configured"}


def test_bars_of_histograms_are_called_by_what_they_count() -> None:
    panels_of = {p["title"]: p for p in panels("detector-team")}
    for title, bounds in (("Open tasks by age", AGES_S), ("Open tasks by cost", COSTS_USD)):
        called = [override["matcher"]["options"] for override in panels_of[title]["fieldConfig"]["overrides"]]
        assert called == [f"{bound:.10g}" for bound in bounds[:-1]] + ["+Inf"]


def test_nobody_is_put_into_an_order_by_a_figure_when_a_pointer_rests_on_a_graph() -> None:
    tooltips = [p["options"]["tooltip"]["sort"] for uid in BOARDS for p in panels(uid) if p["type"] == "timeseries"]
    assert set(tooltips) == {"none"}


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
                        assert re.search(rf'{label}=~?"\${label}"', expr), (panel["title"], expr)


def test_money_over_days_comes_from_portfolio_alone() -> None:
    for expr in queries():
        for name in series(expr):
            if "usd" in name and not name.startswith(("detector_portfolio_", "kind:")):
                assert name.endswith(":rate5m"), expr
