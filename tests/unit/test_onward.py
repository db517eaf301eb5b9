"""What a woken person is told beside the figures: who, since when, when it moved, where to go on."""

import shlex
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from detector.alerts.alertmanager import annotations_of, ended, firing, notice_of
from detector.alerts.onward import NAME_CHARS, Onward, onward_of
from detector.config import load_config
from detector.errors import ConfigError
from tests.unit.alert_records import OPENED_S, alert

EVERYWHERE = Onward(
    "https://pages.example/", "https://boards.example", "https://alerts.example/am", "stop {agent} --run {run}"
)
HOUR_S = 3600.0


def told(**fields: Any) -> dict[str, str]:
    return annotations_of(alert(**fields), EVERYWHERE)


def test_who_it_is_names_agent_team_tenant_task_run_and_the_pseudonym() -> None:
    found = told(task="PAY-1", user="u-bca97d83f2de")
    assert found["who"] == "agent indexer, team search, tenant acme, task PAY-1, run run-7, person u-bca97d83f2de"
    assert found["user"] == "u-bca97d83f2de"


def test_a_key_and_a_model_are_who_it_is_where_the_alert_is_about_them() -> None:
    assert told(level="key", key="k-1", agent=None, run=None)["who"] == "key k-1, team search, tenant acme"
    assert told(level="model", model="m-1", agent=None, run=None)["who"] == "model m-1, team search, tenant acme"
    assert "k-1" not in told(key="k-1", model="m-1")["who"]


def test_since_when_is_when_it_began_and_not_when_it_was_found() -> None:
    assert told(evidence={"since": OPENED_S - HOUR_S})["since"] == "2025-10-09 07:53 UTC"
    assert told()["since"] == "2025-10-09 08:53 UTC"


@pytest.mark.parametrize("since", ["soon", True, None, float("inf"), -5, 10**30, [1]])
def test_a_since_that_is_no_time_is_passed_over(since: object) -> None:
    assert told(evidence={"since": since, "moves": [{"t": since}, since]})["since"] == "2025-10-09 08:53 UTC"


def test_when_the_task_moved_is_the_newest_of_its_statuses() -> None:
    moves = [{"t": OPENED_S - 2 * HOUR_S, "strength": "strong"}, {"t": OPENED_S - HOUR_S, "strength": "medium"}]
    assert told(evidence={"moves": moves}, since_status_change_s=7200.0)["moved"] == "2025-10-09 07:53 UTC"


def test_a_task_without_a_status_has_not_moved_and_one_that_nothing_tells_of_is_not_known() -> None:
    for still in (7200.0, None):  # a spike tells no time of a task of which no status ever came
        assert told(evidence={"moves": []}, since_status_change_s=still)["moved"] == "not since it began"
    spend: dict[str, Any] = {"evidence": {"moves": []}, "spend_only": True}
    assert told(task="T-1", **spend)["moved"] == "not known: nothing tells what becomes of the work"
    assert told(**spend)["moved"] == "not known: no task claims it"


def test_a_rule_that_looks_at_outcomes_and_not_at_moves_says_nothing_of_them() -> None:
    assert "moved" not in told(rule="no_deliverable", level="task", task="T-1", run=None, spend_only=False)


@pytest.mark.parametrize("level", ["agent", "key", "team", "model"])
def test_what_has_many_tasks_or_none_is_not_said_to_have_moved_or_not(level: str) -> None:
    assert "moved" not in told(level=level, run=None, evidence={"moves": []}, since_status_change_s=7200.0)


def test_an_end_says_why_and_what_ended_because_its_task_moved_has_moved_then() -> None:
    moves = [{"t": OPENED_S - HOUR_S, "strength": "strong"}]
    over = {"state": "resolved", "resolved_at": OPENED_S + HOUR_S, "since_status_change_s": HOUR_S}
    moved = told(**over, evidence={"moves": moves, "resolved_by": "the task moved"})
    assert (moved["resolved_by"], moved["moved"]) == ("the task moved", "2025-10-09 09:53 UTC")
    quiet = told(**over, evidence={"moves": moves, "resolved_by": "quiet"})
    assert (quiet["resolved_by"], quiet["moved"]) == ("quiet", "2025-10-09 07:53 UTC")
    assert "resolved_by" not in told(evidence={"resolved_by": "quiet"})
    assert "resolved_by" not in told(**over, evidence={"resolved_by": 1})


def test_a_rule_that_tells_no_moves_tells_how_long_ago_it_was() -> None:
    assert told(since_status_change_s=HOUR_S)["moved"] == "2025-10-09 07:53 UTC"
    assert "moved" not in told(since_status_change_s=HOUR_S, state="resolved", resolved_at=OPENED_S + HOUR_S)


def test_links_lead_to_the_incident_its_teams_board_and_a_silence_of_this_episode() -> None:
    found = told()
    assert found["incident_url"] == "https://pages.example/incidents/e1"
    assert found["board_url"] == "https://boards.example/d/detector-team?var-tenant=acme&var-team=search"
    silence = urlsplit(found["silence_url"])
    assert (silence.netloc, silence.path) == ("alerts.example", "/am/")
    assert unquote(silence.fragment) == '/silences/new?filter={episode="e1"}'


def test_a_silence_outlives_an_escalation() -> None:
    for name in ("silence_url", "silence_page_url"):
        assert told(severity="warning")[name] == told(severity="critical", version=2)[name]


def test_another_silence_is_of_all_that_are_one_page() -> None:
    def silence(**fields: Any) -> str:
        return unquote(urlsplit(told(**fields)["silence_page_url"]).fragment).partition("filter=")[2]

    assert silence() == '{alertname="loop",tenant="acme",team="search",group="acme/search/indexer"}'
    assert silence(id="e2", run="run-8", task="T-2") == silence()
    assert silence(team=None) == '{alertname="loop",tenant="acme",group="acme/search/indexer"}'


def test_an_alert_of_no_team_leads_to_the_board_of_the_fleet() -> None:
    board = urlsplit(told(team=None)["board_url"])
    assert (board.path, parse_qs(board.query)) == ("/d/detector-fleet", {"var-tenant": ["acme"]})


def test_nothing_is_told_of_what_is_not_configured() -> None:
    links = {"incident_url", "board_url", "silence_url", "silence_page_url", "stop_command"}
    assert links.isdisjoint(annotations_of(alert()))
    assert links <= set(told())


def test_the_command_names_whom_to_stop_and_is_left_out_where_that_is_not_known() -> None:
    assert told(agent="my agent")["stop_command"] == "stop 'my agent' --run run-7"
    assert "stop_command" not in told(run=None)


HOSTILE = [
    "<script>alert(1)</script>",
    "a\"b'c`d",
    "a\nb\r\nc",
    "abc\u202edef",
    "x" * 10_000,
    "$(id)",
    "\x1b[2J",
    "a b",
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_hostile_names_are_bounded_on_one_line_and_no_command(name: str) -> None:
    found = told(agent=name, team=name, user=name, task=name, summary=f"{name} repeats", evidence={name: name})
    assert all(value.isprintable() for value in found.values())
    assert len(found["who"]) < 6 * (NAME_CHARS + 10)
    assert sum(map(len, found.values())) < 16_000
    if "stop_command" in found:
        assert shlex.split(found["stop_command"]) == ["stop", name, "--run", "run-7"]


def test_an_alert_that_became_another_severity_is_not_told_as_over() -> None:
    before, after = notice_of(alert(severity="warning"), OPENED_S), notice_of(alert(version=2), OPENED_S)
    assert ended(after, before.labels, OPENED_S).annotations["became"] == "critical"
    assert "became" not in firing(after, OPENED_S, 60).annotations
    over = notice_of(alert(state="resolved", resolved_at=OPENED_S, version=3), OPENED_S)
    assert "became" not in ended(over, over.labels, OPENED_S).annotations


def test_links_follow_the_configuration_and_silences_lead_to_the_first_alertmanager() -> None:
    config = load_config(notify={"alertmanagers": ["http://a:9093", "http://b:9093"]})
    assert onward_of(config) == Onward(None, None, "http://a:9093", None)
    config = load_config(
        notify={"silence_url": "https://alerts.example", "stop_command": "stop {key}"},
        web={"public_url": "https://pages.example", "grafana_url": "https://boards.example"},
    )
    assert onward_of(config) == Onward(
        "https://pages.example", "https://boards.example", "https://alerts.example", "stop {key}"
    )


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        ("stop_command", "stop '{key}'", "must not quote {key}"),
        ("silence_url", "https://me:secret@alerts.example", "must not hold credentials"),
        ("silence_url", "alerts.example", "needs http:// or https://"),
    ],
)
def test_a_setting_that_would_be_of_no_use_is_refused(key: str, value: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        load_config(notify={key: value})
