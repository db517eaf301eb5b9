"""The rules for Prometheus: valid, tested, and of metrics, runbooks and pages that are there."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from detector.config import Config, Notify, Rules
from detector.config.settings import Metrics as Limits
from detector.metrics import Metrics
from tests.support.markdown import anchors
from tests.support.prometheus import promtool
from tests.support.services import program

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
BASE = Notify().runbook_base
RULES = sorted((DEPLOYED / "rules").glob("*.yml"))
TESTS = sorted((DEPLOYED / "tests").glob("*.yml"))
WATCHDOG = "DetectorWatchdog"
OF_PROMETHEUS = {
    "up": (),
    "process_start_time_seconds": (),
    "process_cpu_seconds_total": (),
    "detector_build_info": ("version",),
}
"""What every scrape brings, and what the library of metrics adds."""
EVERY_SERIES = {"job", "instance"}
NOTHING_TO_COUNT = {WATCHDOG, "DetectorDown", "DetectorWorkerDown"}
"""Alerts whose value is always the same."""


class Case(NamedTuple):
    """What a test of promtool expects of an alert at a time."""

    alert: str
    severities: frozenset[str]


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


@cache
def cases() -> list[Case]:
    return [
        Case(case["alertname"], frozenset(told["exp_labels"]["severity"] for told in case["exp_alerts"]))
        for path in TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
    ]


def metrics() -> dict[str, set[str]]:
    """The labels of each series that Prometheus gets, by its name."""
    known = dict(OF_PROMETHEUS) | Metrics(Limits()).labelled
    series = {name: EVERY_SERIES | set(labels) for name, labels in known.items()}
    for name, labels in list(series.items()):
        series |= {f"{name}_{part}": labels | {"le"} for part in ("bucket", "sum", "count")}
    return series | {rule["record"]: EVERY_SERIES for rule in rules() if "record" in rule}


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression asks for, and the labels by which it does."""
    for name, matchers in re.findall(r"\b(detector_\w+|process_\w+|up)\b(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))


def page_of(address: str) -> tuple[Path, str]:
    """The page in this repository that a link leads to, and its anchor."""
    assert address.startswith(f"{BASE}/"), address
    page, _, anchor = address.removeprefix(f"{BASE}/").partition("#")
    return RUNBOOKS / page, anchor


def ran(*arguments: str) -> str:
    """What promtool says; fails the test where it finds fault."""
    ended = subprocess.run([promtool(), *arguments], cwd=DEPLOYED, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


each_alert = pytest.mark.parametrize(
    "alert", alerts(), ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}"
)


def test_the_configuration_and_all_rules_are_valid() -> None:
    assert "is valid prometheus config file syntax" in ran("check", "config", "prometheus.yml")
    said = ran("check", "rules", *(str(path) for path in RULES))
    assert said.count("SUCCESS") == len(RULES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_quiet_as_their_tests_say(path: Path) -> None:
    assert "SUCCESS" in ran("test", "rules", str(path))


@each_alert
def test_an_alert_has_a_case_that_fires_and_one_that_stays_quiet(alert: dict[str, Any]) -> None:
    name, severity = alert["alert"], alert["labels"]["severity"]
    of_it = [case for case in cases() if case.alert == name]
    assert any(severity in case.severities for case in of_it)
    assert any(severity not in case.severities for case in of_it) == (name != WATCHDOG)


@each_alert
def test_an_alert_says_how_bad_it_is_since_when_what_and_what_to_do(alert: dict[str, Any]) -> None:
    always = alert["alert"] == WATCHDOG
    assert alert["labels"]["severity"] in ({"none"} if always else {"critical", "warning"})
    assert always or re.fullmatch(r"\d+[smh]", alert["for"])
    told = alert["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    assert len(told["summary"]) <= 120
    assert alert["alert"] in NOTHING_TO_COUNT or "$value" in told["summary"] + told["description"]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_each_threshold_stands_with_its_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for block in re.findall(r"((?: +#.*\n)* +- alert: (?:.*\n)+?) +labels:", text):
        assert "#" in block or WATCHDOG in block, block


@each_alert
def test_the_link_of_an_alert_leads_to_a_page_that_names_it(alert: dict[str, Any]) -> None:
    page, anchor = page_of(alert["annotations"]["runbook_url"])
    assert page.is_file()
    assert f"`{alert['alert']}`" in page.read_text(encoding="utf-8")
    assert not anchor or anchor in anchors(page)


def test_the_link_of_a_rules_alert_leads_to_its_page() -> None:
    assert Config().notify.runbook_base == BASE
    for rule in Rules.model_fields:
        page, _ = page_of(f"{BASE}/{rule}.md")
        assert page.is_file()


def test_expressions_ask_for_metrics_and_labels_that_are_served() -> None:
    served = metrics()
    for rule in rules():
        asked = dict[str, set[str]]()
        for name, by in selectors(rule["expr"]):
            assert name in served, f"{rule}: {name}"
            assert by <= served[name], f"{rule}: {name} has no label {by - served[name]}"
            asked[name] = served[name]
        if "record" in rule:
            continue  # it may be of what another rule records, whose labels nobody lists
        grouped = re.findall(r"\b(?:by|on|ignoring) ?\(([^)]*)\)", rule["expr"])
        used = {label for labels in grouped for label in re.findall(r"\w+", labels)}
        assert used <= set().union(*asked.values()), f"{rule}: {used}"


def test_texts_name_metrics_that_are_served() -> None:
    served = metrics()
    for path in (*RULES, DEPLOYED / "prometheus.yml"):
        # Between colons it is the middle of a recorded series' name.
        named = set(re.findall(r"(?<!:)\bdetector_\w+\b(?!:)", path.read_text(encoding="utf-8")))
        assert named <= set(served), named - set(served)


def test_all_workers_are_scraped_under_the_name_that_the_rules_ask_for() -> None:
    config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text(encoding="utf-8"))
    assert [each["job_name"] for each in config["scrape_configs"]] == ["detector"]
    jobs = {job for rule in rules() for job in re.findall(r'job="([^"]*)"', rule["expr"])}
    assert jobs == {"detector"}
    (targets,) = (each["targets"] for each in config["scrape_configs"][0]["static_configs"])
    assert targets == [f"127.0.0.1:{Config().web.port}"]


def test_the_route_of_the_watchdog_to_a_dead_mans_switch_is_one_that_alertmanager_takes(tmp_path: Path) -> None:
    page = (RUNBOOKS / "watchdog.md").read_text(encoding="utf-8")
    told = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[0])
    whole = {"route": {"receiver": "pager"} | told["route"], "receivers": [{"name": "pager"}, *told["receivers"]]}
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    amtool = program("amtool", package="prometheus-alertmanager")
    for severity, arguments, receiver in (
        ("none", [f"alertname={WATCHDOG}"], "dead-mans-switch"),
        ("critical", ["alertname=loop"], "pager"),
    ):
        route = ["config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yml'}", f"severity={severity}"]
        said = subprocess.run([amtool, *route, *arguments], capture_output=True, text=True, timeout=60)
        assert (said.returncode, said.stdout.strip()) == (0, receiver), said.stderr


def test_every_alert_stands_in_the_operations_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.split("\n### Alerts on the detector itself\n")[1].split("\n##")[0]
    told = {
        (name, severity, link)
        for names, link, severities in re.findall(
            r"^\| (`\w+`(?:, `\w+`)*) \| .+\]\(runbooks/(\w+\.md)\).* \| ([a-z, ]+) \|$", section, re.MULTILINE
        )
        for name in re.findall(r"\w+", names)
        for severity in severities.split(", ")
    }
    assert told == {
        (alert["alert"], alert["labels"]["severity"], page_of(alert["annotations"]["runbook_url"])[0].name)
        for alert in alerts()
    }
