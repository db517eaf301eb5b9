"""A client's own word that it loops: told as its word, and never a page."""

import pytest

from detector.config import Config
from detector.model.alert import SEVERITIES
from detector.sources.otlp_logs import decode
from detector.sources.told import Told
from tests.support.judged import T0, Event, call, judge, last, status
from tests.support.otlp import Log, logs_json, logs_protobuf

SAID = {"event.name": "loop_detected", "session.id": "s-1", "loop_type": "chanting", "count": 2, "prompt_id": ""}


def claim(t: float, **fields: object) -> Event:
    base = {"type": "claim", "id": f"claim-{t}", "time": T0 + t, "says": "loop", "run": "run", "agent": "main"}
    return base | {"kind": "chanting", "count": 2, "source": "gemini_cli"} | fields


@pytest.mark.parametrize("form", [logs_json, logs_protobuf])
def test_gemini_s_word_is_a_claim_of_its_session(form) -> None:
    (told,) = decode(form([Log(SAID, T0)], {"service.name": "gemini-cli"}))
    assert isinstance(told, Told)
    event = told.event
    assert (event.type, event.says, event.kind, event.count) == ("claim", "loop", "chanting", 2)
    assert (event.source, event.time) == ("gemini_cli", T0)
    assert told.attributes[0]["detector.run"] == "s-1"


def test_the_same_word_of_another_program_is_nothing() -> None:
    assert decode(logs_json([Log(SAID, T0)], {"service.name": "other"})) == []


def test_it_is_an_episode_that_says_whose_word_it_is() -> None:
    (alert,) = last(judge([call(0.0, agent="main"), claim(5.0)]))
    assert (alert.rule, alert.severity, alert.class_, alert.run, alert.agent) == (
        "loop", "info", "claimed", "run", "main",
    )  # fmt: skip
    assert alert.summary.startswith("gemini_cli says itself that main loops in run run (chanting, count 2)")
    assert (alert.evidence["claimed_by"], alert.evidence["calls"]) == ("gemini_cli", ["claim-5.0"])


def test_however_often_it_says_so_it_stays_one_episode_for_a_board() -> None:
    events = [call(0.0, cost_usd=500.0), *(claim(10.0 * n, count=n) for n in range(1, 60))]
    (alert,) = last(judge(events), "loop")
    assert (alert.severity, alert.evidence["rounds"]) == (SEVERITIES[0], 59)


def test_it_resolves_by_quiet_or_when_the_task_moves() -> None:
    (quiet,) = last(judge([claim(0.0), call(4000.0)]), "loop")
    assert (quiet.state, quiet.resolved_at, quiet.evidence["resolved_by"]) == ("resolved", T0 + 900.0, "quiet")
    (moved,) = last(judge([claim(0.0, task="T"), status(60.0, "T")]), "loop")
    assert (moved.resolved_at, moved.evidence["resolved_by"]) == (T0 + 60.0, "the task moved")


def test_what_is_found_of_the_run_is_an_episode_of_its_own() -> None:
    tools = [{"name": "ls", "arguments": {}, "result": "nothing"}]
    events = [call(20.0 * n, agent="main", tools=tools) for n in range(6)]
    found = last(judge([*events, claim(101.0)]), "loop")
    assert sorted(a.class_ or "" for a in found) == ["claimed", "repeat"]
    assert [a.cost_usd for a in found if a.class_ == "repeat"] == [6.0]


def test_where_the_rule_is_off_nothing_is_told() -> None:
    assert judge([claim(0.0)], Config(rules={"loop": {"enabled": False}})) == []
