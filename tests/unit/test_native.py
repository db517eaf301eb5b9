"""Native events: JSON of every kind to typed events, or a reason and a field for each that cannot be used."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import Call, Link, Status, ToolResult
from detector.sources.counting import has_more
from detector.sources.native import decode

CALL = {"id": "c", "time": 1_790_000_000, "model": "m", "usage": {}, "run": "r"}
RESULT = {"type": "tool_result", "id": "r", "time": 1_790_000_000, "run": "r", "call_id": "x"}
STATUS = {"type": "status", "id": "s", "time": 1_790_000_000, "task": "t", "strength": "strong"}
LINK = {"type": "link", "id": "l", "time": 1_790_000_000, "run": "r", "task": "t"}


def one(event: Any, topic: str = "any") -> Any:
    (decoded,) = decode(event if isinstance(event, bytes) else json.dumps(event).encode(), topic)
    return decoded


def without(event: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in event.items() if k != name}


@pytest.mark.parametrize(("event", "kind"), [(CALL, Call), (RESULT, ToolResult), (STATUS, Status), (LINK, Link)])
def test_each_kind_is_told_by_its_type(event: dict[str, Any], kind: type) -> None:
    assert isinstance(one(event), kind)


def test_an_absent_type_is_a_call_or_on_the_topic_of_statuses_a_status() -> None:
    assert isinstance(one(CALL, "calls"), Call)
    assert isinstance(one(CALL, "any"), Call)
    assert isinstance(one(without(STATUS, "type"), "status"), Status)


@pytest.mark.parametrize(
    ("event", "topic"), [(STATUS, "calls"), (LINK, "calls"), (RESULT, "status"), (CALL | {"type": "call"}, "status")]
)
def test_a_type_belongs_to_its_topic(event: dict[str, Any], topic: str) -> None:
    bad = one(event, topic)
    assert (bad.reason, bad.field) == (Reason.UNKNOWN_TYPE, "type")


def test_all_fields_of_a_call_arrive() -> None:
    told = CALL | {
        "type": "call", "tenant": "acme", "team": "t", "user": "u", "agent": "a", "key": "k", "parent_run": "p",
        "task": "T", "task_type": "bug", "turn": "1", "interactive": True, "provider": "openai", "operation": "chat",
        "usage": {"input_tokens": 5, "cached_input_tokens": 4, "cache_write_tokens": 1, "output_tokens": 3,
                  "reasoning_tokens": 2},
        "cost_usd": 0.5, "cost_basis": "told", "duration_s": 1.5, "status": "error", "error": "e",
        "output": {"text": "x"}, "tools": [{"call_id": "1", "name": "n", "arguments": {"a": 1}, "result": "r"}],
    }  # fmt: skip
    call = one(told)
    assert {k: v for k, v in told.items() if k not in ("usage", "output", "tools", "time")}.items() <= {
        name: getattr(call, name) for name in call.__struct_fields__
    }.items()
    assert [getattr(call.usage, name) for name in told["usage"]] == [5, 4, 1, 3, 2]
    assert (call.time, call.output.text, call.tools[0].name) == (1_790_000_000.0, "x", "n")
    assert (bytes(call.tools[0].arguments), bytes(call.tools[0].result)) == (b'{"a": 1}', b'"r"')


@pytest.mark.parametrize("event", [CALL, RESULT, STATUS, LINK], ids=lambda e: e.get("type", "call"))
def test_null_means_absent_but_for_what_is_required(event: dict[str, Any]) -> None:
    fields = {f for f in type(one(event)).__struct_fields__ if f != "type"}
    required = {"id", "time"} | {"model", "usage"} & set(event) | {"call_id", "strength"} & set(event)
    required |= {"run"} if event is LINK else set()
    for name in sorted(fields):
        wire = "from" if name == "from_" else name
        decoded = one(event | {wire: None})
        assert isinstance(decoded, BadInput) == (wire in required), wire
        if wire in required:
            assert (decoded.reason, decoded.field) == (Reason.WRONG_TYPE, wire)
            missing = one(without(event, wire))
            assert (missing.reason, missing.field) == (Reason.MISSING_FIELD, wire)


def test_an_array_holds_several_events_and_each_bad_one_is_told_by_itself() -> None:
    events = [CALL, {"id": 1}, RESULT, 7, STATUS, CALL | {"usage": {"output_tokens": -1}}, LINK]
    decoded = decode(json.dumps(events).encode(), "any")
    assert [type(d) for d in decoded] == [Call, BadInput, ToolResult, BadInput, Status, BadInput, Link]
    assert [d.field for d in decoded if isinstance(d, BadInput)] == ["id", "", "usage.output_tokens"]
    assert decode(b" [ ] ", "any") == []


def test_an_array_that_is_cut_off_is_one_fault() -> None:
    (bad,) = decode(json.dumps([CALL, CALL]).encode()[:-5], "calls")
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (Reason.NOT_JSON, "")


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [
        ({"tools": [{"name": "a"}, {"name": 5}]}, Reason.WRONG_TYPE, "tools[1].name"),
        ({"tools": [{"name": "a", "error": 1.5}]}, Reason.WRONG_TYPE, "tools[0].error"),
        ({"output": {"fingerprint": "XYZ"}}, Reason.OUT_OF_RANGE, "output.fingerprint"),
        ({"usage": {"reasoning_tokens": 2**70}}, Reason.OUT_OF_RANGE, "usage.reasoning_tokens"),
        ({"duration_s": -1}, Reason.OUT_OF_RANGE, "duration_s"),
        ({"interactive": "yes"}, Reason.WRONG_TYPE, "interactive"),
        ({"cost_basis": "free"}, Reason.OUT_OF_RANGE, "cost_basis"),
        ({"run": ""}, Reason.OUT_OF_RANGE, "run"),
        ({"time": True}, Reason.WRONG_TYPE, "time"),
        ({"time": "2026-02-30T00:00:00Z"}, Reason.OUT_OF_RANGE, "time"),
    ],
)
def test_a_fault_is_told_with_its_reason_and_path(more: dict[str, Any], reason: Reason, field: str) -> None:
    bad = one(CALL | more)
    assert (bad.reason, bad.field) == (reason, field)


SECRET = "hunter2 and more"


@pytest.mark.parametrize(
    "event",
    [
        *(CALL | {name: value} for name in Call.__struct_fields__ for value in (SECRET, [SECRET], {SECRET: SECRET})),
        *(STATUS | {name: {SECRET: [SECRET]}} for name in Status.__struct_fields__),
        CALL | {"tools": [{"name": "n", SECRET: SECRET, "error": [SECRET]}]},
        {SECRET: SECRET},
        [SECRET],
    ],
)
def test_no_content_of_an_event_is_repeated_in_its_fault(event: Any) -> None:
    for bad in decode(json.dumps(event).encode(), "any"):
        if isinstance(bad, BadInput):
            assert "hunter2" not in f"{bad} {bad.field} {bad.detail} {bad.args}"


JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*CALL, *STATUS, "x"]), inner, max_size=4)
    ),
    max_leaves=8,
)
CHANGES = st.dictionaries(st.sampled_from([*Call.__struct_fields__, *Status.__struct_fields__]), JSONS, max_size=3)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([CALL, RESULT, STATUS, LINK]), CHANGES, st.sampled_from(["calls", "status", "any"]), st.data())
def test_nothing_raises_whatever_comes(event: dict[str, Any], changes: Any, topic: str, data: st.DataObject) -> None:
    raw = json.dumps(event | changes).encode()
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=4)) + raw[at + data.draw(st.integers(0, 4)) :]
    for decoded in decode(raw, topic):
        assert isinstance(decoded, Call | ToolResult | Status | Link | BadInput)
        if isinstance(decoded, BadInput):
            assert decoded.reason in Reason
            assert decoded.detail


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_of_any_kind_give_a_reason(raw: bytes) -> None:
    assert all(isinstance(d, BadInput) for d in decode(raw, "any"))


def test_a_long_array_is_refused_without_making_its_values() -> None:
    tracemalloc.start()
    try:
        (bad,) = decode(b"[" + b"0," * 500_000 + b"0]", "calls")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.detail) == (Reason.TOO_LARGE, "holds more than 65,535 events")
    assert peak < 4_000_000


@settings(max_examples=200, deadline=None)
@given(st.lists(st.recursive(st.none() | st.text(max_size=6), lambda inner: st.lists(inner, max_size=3)), max_size=9))
def test_values_of_an_array_are_counted_as_a_decoder_finds_them(values: list[Any]) -> None:
    for array in (json.dumps(values), json.dumps(values, ensure_ascii=False, indent=1)):
        for most in range(1, 11):
            assert has_more(array.encode(), most) == (len(values) > most)


def test_a_reason_does_not_grow_with_how_deep_an_event_goes() -> None:
    (bad,) = decode(b'{"type": ' + b"[" * 400 + b"1e400" + b"]" * 400 + b"}", "status")
    assert isinstance(bad, BadInput)
    assert len(bad.field) <= 200
