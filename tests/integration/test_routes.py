"""Who is told of what, by the Alertmanager configuration that is shipped: amtool checks it and routes by it."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.paged import DEPLOYED, routes
from tests.support.services import program

CONFIG = DEPLOYED / "alertmanager.yml"


def amtool(*arguments: str) -> str:
    path = program("amtool", package="prometheus-alertmanager")
    ran = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def config() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return told


def test_alertmanager_finds_no_fault_with_the_configuration_and_the_templates() -> None:
    told = amtool("check-config", str(CONFIG))
    assert "1 templates\n  SUCCESS" in told
    assert "8 receivers" in told


LOOP, SPIKE = {"alertname": "loop", "rule": "loop"}, {"alertname": "spend_spike", "rule": "spend_spike"}
HELD_BACK = {"alertname": "pages_held_back", "rule": "pages_held_back", "level": "tenant"}


@pytest.mark.parametrize(
    ("severity", "tenant", "team", "more", "receiver"),
    [
        # anybody's
        ("critical", "acme", "payments", LOOP, "pager"),
        ("critical", "acme", "payments", SPIKE | {"level": "team"}, "pager"),
        ("critical", "acme", None, SPIKE | {"level": "agent"}, "pager"),
        ("critical", "acme", None, HELD_BACK, "pager"),
        ("critical", None, None, {"alertname": "DetectorDown"}, "pager"),
        ("warning", "acme", "payments", LOOP, "ticket"),
        ("warning", "acme", "payments", SPIKE, "ticket"),
        ("warning", "acme", None, {"rule": "no_deliverable"}, "ticket"),
        ("warning", None, None, {"alertname": "DetectorBehind"}, "ticket"),
        ("info", "acme", "payments", LOOP, "nobody"),
        ("info", "acme", None, SPIKE, "nobody"),
        ("none", None, None, {"alertname": "DetectorWatchdog"}, "dead-mans-switch"),
        ("none", "acme", "payments", LOOP, "nobody"),
        ("grave", "acme", "payments", LOOP, "ticket"),
        # the tenant with a desk of its own
        ("critical", "example", "payments", LOOP, "example-pager"),
        ("critical", "example", "payments", SPIKE, "example-pager"),
        ("critical", "example", None, HELD_BACK, "example-pager"),
        ("warning", "example", "payments", LOOP, "example-ticket"),
        ("warning", "example", None, SPIKE, "example-ticket"),
        ("info", "example", "payments", LOOP, "nobody"),
        # its team with one of its own; a team of the same name elsewhere is another one
        ("critical", "example", "search", LOOP, "search-pager"),
        ("critical", "example", "search", SPIKE | {"level": "team"}, "search-pager"),
        ("warning", "example", "search", LOOP, "search-ticket"),
        ("info", "example", "search", LOOP, "nobody"),
        ("critical", "acme", "search", LOOP, "pager"),
        ("warning", "acme", "search", LOOP, "ticket"),
    ],
)
def test_severity_tenant_and_team_decide_who_is_told(
    severity: str, tenant: str | None, team: str | None, more: dict[str, str], receiver: str
) -> None:
    labels = {"severity": severity, "tenant": tenant, "team": team, **more}
    given = [f"{name}={value}" for name, value in labels.items() if value is not None]
    told = amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *given)
    assert told.split() == [receiver]


def test_no_secret_stands_in_the_configuration_and_every_receiver_is_told_of_the_end() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    secrets = re.findall(
        r"^[^#\n]*\b(?:routing_key|service_key|api_url|password|credentials|auth_password):", text, re.M
    )
    assert secrets == []
    ways = [
        each for receiver in config()["receivers"] for key, told in receiver.items() if key != "name" for each in told
    ]
    assert ways
    assert all(each["send_resolved"] for each in ways)


def test_every_receiver_is_routed_to_and_nobody_tells_nobody() -> None:
    told = config()
    routed = {told["route"]["receiver"], *(r["receiver"] for r in routes(told["route"]) if "receiver" in r)}
    assert routed == {receiver["name"] for receiver in told["receivers"]}
    silent = [receiver["name"] for receiver in told["receivers"] if len(receiver) == 1]
    assert silent == ["nobody", "dead-mans-switch"]


def test_what_an_inhibition_needs_to_be_equal_is_there_on_both_sides() -> None:
    for rule in config()["inhibit_rules"]:
        label = next(name for name in rule["equal"] if name != "tenant")
        assert f'{label}=~".+"' in rule["source_matchers"]
        assert f'{label}=~".+"' in rule["target_matchers"]
        assert rule["equal"][0] == "tenant"
