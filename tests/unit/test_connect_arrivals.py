"""What arrives is counted by who tells it, with what is missing of it."""

import time
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from detector.config import Config
from detector.connect.arrivals import Arrivals
from detector.connect.fields import FIELDS
from detector.errors import BadInput, Reason
from tests.support import bodies, told

NOW = time.time()
SOURCES = [{"topic": name, "format": name} for name in ("otlp_logs", "otlp_spans", "litellm")]
CONFIG = Config.model_validate({"sources": SOURCES, "ingest": {"refuse_past_s": 1e9, "refuse_future_s": 1e9}})
WHOLE = {
    "time": NOW, "run": "r1", "task": "PAY-1", "team": "payments", "agent": "fixer", "turn": "1",
    "model": "claude-sonnet-4-5", "usage": {"input_tokens": 1_000_000, "output_tokens": 10}, "cost_usd": 2.0,
    "tools": [{"name": "ls", "arguments": {"path": "."}, "result": "a.py"}],
}  # fmt: skip


def call(id: str = "c1", **changed: Any) -> dict[str, Any]:
    return {name: value for name, value in (WHOLE | {"id": id} | changed).items() if value is not None}


def arrived(*events: dict[str, Any], topic: str = "llm.calls", config: Config = CONFIG) -> Arrivals:
    arrivals = Arrivals(config)
    for event in events:
        arrivals.take(topic, msgspec.json.encode(event), NOW)
    return arrivals


def lacking(arrivals: Arrivals, source: str = "llm.calls") -> dict[str, int]:
    tally = arrivals.by_source[source]
    return {field: tally.lacking(field) for field in FIELDS if tally.lacking(field)}


def test_a_whole_call_lacks_nothing() -> None:
    arrivals = arrived(call())
    assert lacking(arrivals) == {}
    tally = arrivals.by_source["llm.calls"]
    assert (tally.calls, tally.tools, len(tally.runs), sum(tally.usd.values())) == (1, 1, 1, 2.0)


def test_each_field_that_is_missing_is_counted() -> None:
    for missing, event in {
        "usage": call(usage={}, cost_usd=None),
        "price": call(model="in-house-7b", cost_usd=None),
        "run": call(run=None),
        "task": call(task=None),
        "team": call(team=None),
        "agent": call(agent=None),
        "answer": call(tools=None),
        "arguments": call(tools=[{"name": "ls", "result": "a.py"}]),
        "results": call(tools=[{"name": "ls", "arguments": {"path": "."}, "call_id": "t1"}]),
        "turn": call(turn=None),
    }.items():
        assert lacking(arrived(call("c0"), event)) == {missing: 1}


def test_a_call_that_failed_need_not_tell_usage_and_is_unmetered() -> None:
    arrivals = arrived(call(status="error", error="overloaded", usage={}, cost_usd=None, tools=None))
    tally = arrivals.by_source["llm.calls"]
    assert (tally.failed, tally.unmetered, lacking(arrivals)) == (1, 1, {})


def test_a_result_that_comes_later_is_told() -> None:
    waits = call(tools=[{"name": "ls", "arguments": {}, "call_id": "t1"}])
    result = {"type": "tool_result", "id": "r", "time": NOW, "call_id": "t1", "run": "r1", "result": "a.py"}
    assert lacking(arrived(waits, result)) == {}
    assert lacking(arrived(waits, result | {"call_id": "t2"})) == {"results": 1}


def test_an_event_that_comes_again_is_counted_once() -> None:
    arrivals = arrived(call(), call(), call("c2"), call(tenant="acme"))
    assert arrivals.by_source["llm.calls"].calls == 3


def test_calls_go_by_who_tells_them_whatever_their_topic() -> None:
    arrivals = arrived(call("c1", source="codex"), call("c2", source="litellm"), call("c3"))
    codex = told.codex("codex-1", range(2), at=NOW)
    arrivals.take("otlp_logs", codex.body, NOW)
    assert {name: tally.calls for name, tally in arrivals.by_source.items()} == {
        "codex": 3,
        "litellm": 1,
        "llm.calls": 1,
    }
    assert arrivals.by_source["codex"].tools == 2 + 1


def test_a_link_gives_a_run_and_its_dollars_their_task_whenever_it_comes() -> None:
    calls = [call("c1", task=None), call("c2", task=None, run="r2", cost_usd=5.0), call("c3", run="r3")]
    link = {"type": "link", "id": "l", "time": NOW, "run": "r2", "task": "PAY-2"}
    before, after = arrived(*calls), arrived(*calls)
    after.take("task.status", msgspec.json.encode(link), NOW)
    tally = before.by_source["llm.calls"]
    assert (before.tasked_runs(tally), before.tasked_usd(tally)) == (1, 2.0)
    tally = after.by_source["llm.calls"]
    assert (after.tasked_runs(tally), after.tasked_usd(tally)) == (2, 7.0)


def test_a_link_to_the_run_above_names_no_task_and_a_claim_is_no_status() -> None:
    link = {"type": "link", "id": "l", "time": NOW, "run": "r1", "parent_run": "r0"}
    claim = {"type": "claim", "id": "k", "time": NOW, "run": "r1", "says": "loop"}
    arrivals = arrived(call(task=None), claim)
    arrivals.take("task.status", msgspec.json.encode(link), NOW)
    assert not arrivals.refused
    assert arrivals.tasked_runs(arrivals.by_source["llm.calls"]) == 0
    assert arrivals.statuses == 0


def test_what_ingest_would_refuse_is_counted_by_reason_and_field() -> None:
    config = Config.model_validate({"sources": SOURCES})
    arrivals = arrived(call(run=None, task=None), call(time=NOW - 1e9), call(usage={"input_tokens": -1}), config=config)
    arrivals.take("otlp_logs", b"hello", NOW)
    arrivals.take("llm.calls", None, NOW)
    arrivals.refuse("llm.calls", BadInput(Reason.UNREADABLE_BATCH, "", "damaged"))
    assert arrivals.refused == {
        ("llm.calls", Reason.MISSING_FIELD, "run"): 1,
        ("llm.calls", Reason.TIME_OUT_OF_RANGE, "time"): 1,
        ("llm.calls", Reason.OUT_OF_RANGE, "usage.input_tokens"): 1,
        ("otlp_logs", Reason.NOT_PROTOBUF, ""): 1,
        ("llm.calls", Reason.NOT_JSON, ""): 1,
        ("llm.calls", Reason.UNREADABLE_BATCH, ""): 1,
    }
    assert arrivals.calls == 0


def test_bodies_of_every_format_are_counted() -> None:
    for name, each in bodies.BODIES.items():
        arrivals = Arrivals(CONFIG)
        for body in each:
            arrivals.take(name, body, None)
        assert arrivals.calls > 0
        assert not arrivals.refused


@given(st.sampled_from(["llm.calls", "task.status", "otlp_logs", "otlp_spans", "litellm"]), st.binary())
def test_no_bytes_break_it(topic: str, value: bytes) -> None:
    arrivals = Arrivals(CONFIG)
    arrivals.take(topic, value, NOW)
    assert arrivals.records[topic] == 1
