"""The schemas, their examples and the structs that decode events say the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from detector.config import Config
from detector.errors import BadInput, Reason
from detector.model.events import Call, Claim, Link, Status, ToolCall, ToolResult
from detector.pipeline.intake import DeadLetter, Intake, SourceRecord
from detector.sources import native
from tests.contract import walking as w

TOPICS = ["llm.calls", "task.status", "detector.alerts", "detector.dead-letters", "detector.links", "detector.stops"]
EVENTS: list[tuple[str, str, type[msgspec.Struct]]] = [
    ("llm.calls", "call", Call),
    ("llm.calls", "tool_call", ToolCall),
    ("llm.calls", "tool_result", ToolResult),
    ("llm.calls", "claim", Claim),
    ("task.status", "status", Status),
    ("task.status", "link", Link),
]
KIND = {"llm.calls": "calls", "task.status": "status"}
each_event = pytest.mark.parametrize(("topic", "kind", "struct"), EVENTS, ids=[kind for _, kind, _ in EVENTS])


def refused(topic: str, *events: Any) -> list[DeadLetter]:
    """What ingest makes dead letters of, each event a record of its own."""
    intake = Intake(Config(), partitions=1)
    records = [SourceRecord(n, msgspec.json.encode(event), None) for n, event in enumerate(events)]
    intake.take(0, KIND[topic], records)  # type: ignore[arg-type]
    return intake.flush({}).dead_letters


@pytest.mark.parametrize("topic", TOPICS)
def test_a_schema_is_valid_and_its_references_resolve(topic: str) -> None:
    whole = w.schema(topic)
    Draft202012Validator.check_schema(whole)
    assert whole["$id"] == f"urn:detector:{topic}:1"

    def follow(part: Any) -> None:
        if isinstance(part, dict):
            assert isinstance(w.resolve(part, whole), dict) if "$ref" in part else True
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            follow(inner)

    follow(whole)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_example_is_valid(topic: str) -> None:
    for example in w.examples(topic):
        w.validator(topic).validate(example)


@pytest.mark.parametrize("topic", KIND)
def test_ingest_takes_every_example(topic: str) -> None:
    assert refused(topic, *w.examples(topic)) == []


@each_event
def test_the_examples_show_every_field(topic: str, kind: str, struct: type[msgspec.Struct]) -> None:
    decoded = [event for told in w.examples(topic) for event in (told if isinstance(told, list) else [told])]
    default = KIND[topic].removesuffix("s") if topic == "llm.calls" else "status"
    shown = {field for event in decoded if event.get("type", default) == kind for field in event}
    assert {f.encode_name for f in msgspec.structs.fields(struct)} <= shown


@each_event
def test_a_schema_and_its_struct_have_the_same_fields_bounds_and_values(
    topic: str, kind: str, struct: type[msgspec.Struct]
) -> None:
    ours = dict(w.fields(w.schema(topic)["$defs"][kind], w.schema(topic)))
    theirs = dict(w.struct_fields(w.struct(struct)))
    # What a struct cannot say: the base64 of a sketch is checked when it is opened (see below).
    assert _without_sketch(ours.pop("output", None)) == _without_sketch(theirs.pop("output", None))
    assert ours == theirs


@each_event
def test_a_schema_and_its_struct_require_the_same_fields(topic: str, kind: str, struct: type[msgspec.Struct]) -> None:
    required = {f.encode_name for f in w.struct(struct).fields if f.required}
    # Without its type an event would be taken for the topic's usual one.
    assert set(w.schema(topic)["$defs"][kind]["required"]) - {"type"} == required
    assert ("type" in w.schema(topic)["$defs"][kind]["required"]) == (kind not in ("call", "status"))


def _without_sketch(form: Any) -> Any:
    if form is None:
        return None
    (fields, required) = next(option[1:] for option in form if option[0] == "object")
    assert "sketch" in dict(fields)
    return len(form), {name: told for name, told in fields if name != "sketch"}, required


@each_event
@given(data=st.data())
@w.calmly
def test_what_a_struct_takes_the_schema_allows(
    topic: str, kind: str, struct: type[msgspec.Struct], data: st.DataObject
) -> None:
    event = data.draw(w.of_struct(msgspec.inspect.type_info(struct))) | {"type": kind}
    _sketch_of(event)
    assert isinstance(native.decode(msgspec.json.encode(event), KIND[topic])[0], struct)
    assume(_of_something(event, kind))
    w.validator(topic).validate(event)
    w.validator(topic).validate([event, event])


def _of_something(event: dict[str, Any], kind: str) -> bool:
    """Whether it names one of the two that it has to."""
    one, other = ("parent_run", "task") if kind == "link" else ("run", "task")
    return event.get(one) is not None or event.get(other) is not None


def _sketch_of(event: dict[str, Any]) -> None:
    output = event.get("output")
    if isinstance(output, dict) and output.get("sketch") is not None:
        output["sketch"] = "AQ" + "A" * 172 + "=="


@each_event
@given(data=st.data())
@w.calmly
def test_what_a_schema_allows_ingest_takes(
    topic: str, kind: str, struct: type[msgspec.Struct], data: st.DataObject
) -> None:
    whole = w.schema(topic)
    event = data.draw(w.of_schema(whole["$defs"][kind], whole))
    assume(_of_something(event, kind))
    w.validator(topic).validate(event)
    assert refused(topic, event) == []
    assert refused(topic, [event, event]) == []


ODD = """[null, true, false, 0, -1, 100000000, 100000001, 0.5, -0.5, 1.5, 1e300, "", "x", "call", "ok",
 "strong", "completed", "human", "told", "0123456789abcdef", "2026-11-20T09:00:00", "2026-11-20", [],
 [null], [{}], {}, {"text": 1}, {"input_tokens": -1}, {"name": 1}, [[]]]"""
long_values = ["x" * 512, "x" * 513, "é" * 512, "AQ" + "A" * 172 + "==", "AR" + "A" * 172 + "=="]
odd_values: st.SearchStrategy[Any] = st.sampled_from([*json.loads(ODD), *long_values])


@each_event
@given(data=st.data())
@w.calmly
def test_schema_and_ingest_refuse_the_same(
    topic: str, kind: str, struct: type[msgspec.Struct], data: st.DataObject
) -> None:
    whole = w.schema(topic)
    event = {
        "id": "i",
        "time": 1_795_165_200,
        "run": "r",
        "task": "t",
        "model": "m",
        "usage": {},
        "call_id": "c",
    }
    event |= {"strength": "weak", "tools": [{"name": "n"}], "output": {}, "type": kind}
    where = data.draw(st.sampled_from([event, event["usage"], event["output"], event["tools"][0]]))  # type: ignore[index]
    name = {id(event): kind, id(event["usage"]): "usage", id(event["output"]): "output"}.get(id(where), "tool")
    assume(name == kind or kind == "call")
    field = data.draw(st.sampled_from(sorted({*whole["$defs"][name]["properties"]} - {"type"})))
    if data.draw(st.booleans()):
        where[field] = data.draw(odd_values)
        numbers = isinstance(where[field], int | float) and not isinstance(where[field], bool)
        assume(field != "time" or not numbers)  # which times are absurd is configuration
    else:
        where.pop(field, None)
    allowed = w.validator(topic).is_valid(event)
    assert allowed == (refused(topic, event) == [])


@pytest.mark.parametrize("topic", KIND)
@pytest.mark.parametrize("type_", ["call", "tool_call", "tool_result", "claim", "status", "link", "other", 1, None])
def test_a_type_of_another_topic_is_neither_allowed_nor_taken(topic: str, type_: Any) -> None:
    event = {
        "id": "i",
        "time": 1_795_165_200,
        "run": "r",
        "task": "t",
        "model": "m",
        "usage": {},
        "call_id": "c",
        "tool": {"name": "n"},
    }
    event |= {"strength": "weak", "says": "loop", "type": type_}
    own = type_ in {kind for of, kind, _ in EVENTS if of == topic}
    assert w.validator(topic).is_valid(event) == own
    assert (refused(topic, event) == []) == own


def test_token_counts_with_a_fraction_point_are_the_one_thing_that_a_schema_cannot_refuse() -> None:
    event = {"id": "i", "time": 1_795_165_200, "run": "r", "model": "m", "usage": {"input_tokens": 12.0}}
    assert w.validator("llm.calls").is_valid(event)
    assert [dead.reason for dead in refused("llm.calls", event)] == [Reason.WRONG_TYPE]


def test_dead_letters_name_every_reason_that_ingest_knows() -> None:
    assert w.schema("detector.dead-letters")["properties"]["reason"]["enum"] == [r.value for r in Reason]


def test_ingest_writes_links_as_their_schema_says() -> None:
    intake = Intake(Config(), partitions=1)
    link = next(e for e in w.examples("task.status") if isinstance(e, dict) and e.get("type") == "link")
    intake.take(0, "status", [SourceRecord(0, msgspec.json.encode(link), None)])
    ((key, value),) = intake.flush({}).links
    w.validator("detector.links").validate(json.loads(value))
    assert len(key) == 16
    int(key, 16)


def test_a_bad_input_says_where_and_never_what() -> None:
    secret = {"id": "i", "time": 1, "model": "m", "usage": {"input_tokens": "a secret"}, "run": "r"}
    (bad,) = native.decode(msgspec.json.encode(secret), "calls")
    assert isinstance(bad, BadInput)
    assert bad.field == "usage.input_tokens"
    assert "secret" not in bad.detail
