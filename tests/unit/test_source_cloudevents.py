"""Native events in CloudEvents: either mode gives what the native form gives, the envelope what it lacks."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import Call, Link, Status, ToolResult
from detector.sources import native
from detector.sources.cloudevents import decode

STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
CALL = {"id": "c", "time": 1_790_000_000.0, "model": "m", "usage": {"input_tokens": 3}, "run": "r"}
RESULT = {"id": "x", "time": 1_790_000_000.0, "run": "r", "call_id": "t"}
STATUS = {"id": "s", "time": 1_790_000_000.0, "task": "t", "strength": "strong"}
LINK = {"id": "l", "time": 1_790_000_000.0, "run": "r", "task": "t"}
TIME = "2026-09-21T14:13:20Z"


def envelope(data: Any, type: str = "call", **fields: Any) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "e", "source": "/ci", "type": type, "time": TIME, "data": data} | fields


def structured(event: Any, topic: str = "any", headers: Sequence[tuple[str, bytes]] = STRUCTURED) -> Any:
    return decode(json.dumps(event).encode(), headers, topic)


def binary(data: Any, type: str = "call", before: str = "ce_", **fields: str) -> Any:
    said = {"specversion": "1.0", "id": "e", "source": "/ci", "type": type, "time": TIME} | fields
    headers = [(before + name, text.encode()) for name, text in said.items()]
    return decode(json.dumps(data).encode(), [("content-type", b"application/json"), *headers], "any")


@pytest.mark.parametrize(
    ("type", "data", "kind"),
    [("call", CALL, Call), ("tool_result", RESULT, ToolResult), ("status", STATUS, Status), ("link", LINK, Link)],
)
def test_either_mode_gives_what_the_native_form_gives(type: str, data: dict[str, Any], kind: type) -> None:
    (plain,) = native.decode(json.dumps({"type": type, "source": "/ci"} | data).encode(), "any")
    assert isinstance(plain, kind)
    assert structured(envelope(data, type)) == binary(data, type) == binary(data, type, before="ce-") == [plain]
    assert structured(envelope(data, type), headers=()) == [plain]


@pytest.mark.parametrize(
    ("named", "data", "kind"),
    [
        ("dev.detector.call.v1", CALL, Call),
        ("com.acme.link", LINK, Link),
        ("task.status_changed", STATUS, Status),
        ("status.status_changed", STATUS, Status),
    ],
)
def test_the_type_may_stand_between_dots(named: str, data: dict[str, Any], kind: type) -> None:
    assert [isinstance(e, kind) for e in structured(envelope(data, named))] == [True]


@pytest.mark.parametrize("type", ["", "calls", "Call", "dev.detector.call.link", "task.statuses"])
def test_a_type_that_names_no_event_or_two_is_refused(type: str) -> None:
    for (bad,) in (structured(envelope(CALL, type)), binary(CALL, type)):
        assert (bad.reason, bad.field) == (Reason.UNKNOWN_TYPE, "type")


def test_id_time_and_source_come_from_the_envelope_where_the_event_has_none() -> None:
    bare = {"task": "t", "strength": "weak", "id": None}
    for (event,) in (structured(envelope(bare, "status")), binary(bare, "status")):
        assert (event.id, event.time.timestamp(), event.source) == ("e", 1_790_000_000.0, "/ci")
    (event,) = structured(envelope(STATUS | {"source": "own"}, "status"))
    assert (event.id, event.time, event.source) == ("s", 1_790_000_000.0, "own")


def test_the_type_of_the_envelope_counts() -> None:
    assert isinstance(structured(envelope(CALL | {"type": "link"}))[0], Call)


def test_what_neither_says_is_missing() -> None:
    event = envelope({"run": "r", "task": "t"}, "link")
    del event["time"]
    (bad,) = structured(event)
    assert (bad.reason, bad.field) == (Reason.MISSING_FIELD, "time")


def test_a_type_belongs_to_its_topic() -> None:
    (bad,) = structured(envelope(CALL), topic="status")
    assert (bad.reason, bad.field) == (Reason.UNKNOWN_TYPE, "type")


def test_data_may_be_in_base_64() -> None:
    event = envelope(None, data_base64=base64.b64encode(json.dumps(CALL).encode()).decode())
    assert structured(event) == structured(envelope(CALL))


def test_headers_of_http_are_unescaped_and_those_of_kafka_are_not() -> None:
    bare = {"run": "r", "task": "t"}
    assert [binary(bare, "link", before, id="a%20%C3%BC")[0].id for before in ("ce-", "ce_")] == ["a ü", "a%20%C3%BC"]


def test_each_event_of_an_array_is_judged_by_itself() -> None:
    good, bad, other = structured([envelope(CALL), {"specversion": "1.0"}, envelope(LINK, "link")])
    assert (type(good), type(other)) == (Call, Link)
    assert (bad.reason, bad.field) == (Reason.MISSING_FIELD, "type")
    (bad,) = decode(b"[" + b"1," * 70_000 + b"1]", STRUCTURED, "any")
    assert isinstance(bad, BadInput)
    assert bad.reason == Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (CALL, Reason.MISSING_FIELD, "specversion"),
        (envelope(CALL, specversion="0.3"), Reason.OUT_OF_RANGE, "specversion"),
        (envelope(None), Reason.MISSING_FIELD, "data"),
        (envelope([CALL]), Reason.WRONG_TYPE, "data"),
        (envelope("text"), Reason.WRONG_TYPE, "data"),
        (envelope(CALL) | {"type": 3}, Reason.WRONG_TYPE, "type"),
        (envelope(None, data_base64="e30="), Reason.MISSING_FIELD, "model"),
        (envelope(None, data_base64="****"), Reason.WRONG_TYPE, "data_base64"),
        (envelope(None, data_base64="bm8="), Reason.NOT_JSON, "data"),
        (envelope(CALL | {"usage": {"input_tokens": -1}}), Reason.OUT_OF_RANGE, "usage.input_tokens"),
        (3, Reason.WRONG_TYPE, ""),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_field(event: Any, reason: Reason, field: str) -> None:
    (bad,) = structured(event)
    assert (bad.reason, bad.field) == (reason, field)


def test_a_header_that_is_missing_or_unreadable_is_named_by_its_reason() -> None:
    version = ("ce_specversion", b"1.0")
    (missing,) = decode(b"{}", [version], "any")
    assert isinstance(missing, BadInput)
    assert (missing.reason, missing.field) == (Reason.MISSING_FIELD, "ce_type")
    (unreadable,) = decode(b"{}", [version, ("ce_type", b"\xff")], "any")
    assert isinstance(unreadable, BadInput)
    assert unreadable.reason == Reason.NOT_UTF8


def test_a_header_without_a_value_is_as_if_empty() -> None:
    empty: Any = None
    assert decode(json.dumps(envelope(CALL)).encode(), [("content-type", empty)], "any") == structured(envelope(CALL))


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=40) | st.just(json.dumps(envelope(CALL)).encode()),
    st.lists(
        st.tuples(
            st.sampled_from(
                ["content-type", "ce_specversion", "ce_type", "ce_id", "ce_time", "ce-specversion", "ce-type"]
            ),
            st.binary(max_size=8) | st.sampled_from([b"1.0", b"call", b"application/cloudevents+json"]),
        ),
        max_size=6,
    ),
    st.sampled_from(["calls", "status", "any"]),
)
def test_nothing_raises(value: bytes, headers: list[tuple[str, bytes]], topic: str) -> None:
    assert decode(value, headers, topic) or value.strip() == b"[]"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_damaged_event_never_raises(at: int, byte: int) -> None:
    body = bytearray(json.dumps(envelope(CALL)).encode())
    body[at % len(body)] = byte
    assert len(decode(bytes(body), STRUCTURED, "any")) == 1
