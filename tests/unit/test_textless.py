"""What the callback tells without text is observed as if the texts had been told; and no text is in it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.callback.picking import Picker
from detector.callback.values import values
from detector.config import Config, Source
from detector.enrich.textless import without_text
from detector.errors import BadInput, Reason
from detector.model.events import Call, Status, ToolCall, ToolResult
from detector.pipeline.intake import Intake, SourceRecord
from detector.sources import litellm, native
from detector.sources.reading import of_source
from detector.sources.told import Told
from detector.sources.usual_attributes import LITELLM
from detector.sources.whose import Whose
from tests.fuzz import corpus
from tests.support import bodies
from tests.support import payloads as made
from tests.support.otlp import NOW

MARK = "sesame-4711"
CONFIG = Config(sources=[Source(topic="litellm", format="litellm")])
PICK = Picker(LITELLM).pick
WHOSE = Whose(LITELLM, {"tenant": "default"})


def told(payloads: list[dict[str, Any]]) -> bytes:
    """What the child sends of these calls."""
    events = []
    for payload in payloads:
        for each in litellm.decode(PICK(payload)):
            assert isinstance(each, Told), each
            events.append(WHOSE.fill(each))
    return b"[" + b",".join(values(events)) + b"]"


def observed(feed: str, value: bytes) -> list[tuple[int, bytes]]:
    intake = Intake(CONFIG, 4)
    intake.take(0, feed, [SourceRecord(0, value, NOW)])
    flushed = intake.flush({0: NOW})
    assert flushed.dead_letters == []
    return flushed.packed


def same(*payloads: dict[str, Any]) -> None:
    """Ingest makes the same of the events without text as of LiteLLM's own payloads."""
    value = told(list(payloads))
    with_text = observed("litellm", msgspec.json.encode(payloads))
    assert with_text
    assert observed("any", value) == with_text


def events_of_all_formats() -> list[Any]:
    found: list[Any] = []
    for format, sent in bodies.BODIES.items():
        for body in sent:
            found += of_source(Source.model_validate({"topic": "t", "format": format}))(body, ())
    for event in corpus.events():
        found += native.decode(json.dumps(event).encode(), "any")
    return [event for event in found if not isinstance(event, BadInput)]


def test_events_of_every_kind_are_observed_as_their_texts_would_be() -> None:
    kinds = set()
    for event in events_of_all_formats():
        (fields,) = without_text([event])
        value = msgspec.json.encode(fields)
        assert bodies.MARK.encode() not in value
        if packed(native.encode(event)) is not None:
            assert packed(value) == packed(native.encode(event)), event
            kinds.add(type(event))
    assert {Call, ToolCall, ToolResult, Status} <= kinds


def packed(value: bytes) -> list[tuple[int, bytes]] | None:
    """What ingest makes of an event; None where it refuses it."""
    intake = Intake(Config(), 4)
    intake.take(0, "any", [SourceRecord(0, value, None)])
    flushed = intake.flush({0: 0.0})
    return None if flushed.dead_letters else flushed.packed


VOLATILE = f"""Error: connection refused (attempt 3)
at 2026-11-29T04:12:03.123Z, request id=7f3a91c2e4, took 812 ms
/tmp/tmpab12cd34/{MARK}.log pid 4711 exit code 1"""
RESULTS = ["", "ok", "still running", "429 Too Many Requests: rate limit", "404 not found", VOLATILE, VOLATILE * 300]


@pytest.mark.parametrize("text", RESULTS, ids=range(len(RESULTS)))
def test_a_result_is_observed_as_its_text_would_be(text: str) -> None:
    same(made.payload(messages=[made.asks(("t0", "run", {"cmd": MARK})), made.answers("t0", text)]))


@pytest.mark.parametrize("content", [None, {"a": [1, {"b": MARK}]}, [{"type": "text", "text": VOLATILE}], [], 5, True])
def test_a_result_that_is_no_text_is_observed_likewise(content: Any) -> None:
    same(made.payload(messages=[made.answers("t0", content)]))


@pytest.mark.parametrize("is_error", [True, False])
def test_a_tool_that_failed_is_told_as_failed(is_error: bool) -> None:
    block = {"type": "tool_result", "tool_use_id": "t0", "content": VOLATILE, "is_error": is_error}
    same(made.payload(messages=[{"role": "user", "content": [{"type": "text", "text": MARK}, block]}]))


ARGUMENTS = [
    {},
    "",
    "null",
    {"path": f"/tmp/tmpx1y2z3/{MARK}", "empty": None, "request_id": "r-1"},
    {"since": "2026-10-30T00:00:00Z", "deep": [[{"q": [1, 2.5, "x"]}]]},
    json.dumps({"b": 1, "a": 2}),
    "not json",
    '{"cut": "off',
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=range(len(ARGUMENTS)))
def test_an_action_is_observed_as_its_arguments_would_be(arguments: Any) -> None:
    same(made.payload(response=made.answered(made.asks(("t0", "run", arguments)))))


def test_tools_of_one_step_are_one_action() -> None:
    several = [("t0", "run", {"cmd": MARK}), ("t1", "ls", ""), (None, "read", {"path": "a" * 3000})]
    message = made.asks(*several, content=MARK)  # type: ignore[arg-type]
    same(made.payload(response=made.answered(message)))
    same(made.payload(response=made.answered(made.asks(*reversed(several)))))  # type: ignore[arg-type]
    same(made.payload(response=made.answered(made.asks(("t0", "ls", ""), ("t1", "pwd", "")))))


OUTPUTS = ["", "ok", "x" * 24, "x" * 25, f"I read {MARK} at 10:15 and 3 tests fail.", "the same phrase again. " * 60]


@pytest.mark.parametrize("text", [*OUTPUTS, "Größe 寸法 🙂 " * 30_000], ids=range(len(OUTPUTS) + 1))
def test_an_answer_is_observed_as_its_text_would_be(text: str) -> None:
    same(made.payload(response=made.answered({"role": "assistant", "content": text})))


def test_failures_are_told_by_their_class_alone() -> None:
    same(made.failure(0), made.failure(1, "500", "InternalServerError"), made.payload(2))


def test_a_session_is_observed_as_its_texts_would_be() -> None:
    rounds = [
        ("run", {"cmd": "make test"}, VOLATILE.replace("812", str(n)).replace("03.", f"{n:02d}.")) for n in range(9)
    ]
    same(*made.conversation(rounds))


words = st.text(st.sampled_from("abc 019\n\t:/-.,\"'{}[]é\x1b\0")) | st.text() | st.sampled_from([*RESULTS, *OUTPUTS])


@given(words, words, words, st.booleans())
@settings(deadline=None, max_examples=150)
def test_any_texts_are_observed_alike(asked: str, result: str, output: str, is_error: bool) -> None:
    block = {"type": "tool_result", "tool_use_id": "t0", "content": result, "is_error": is_error}
    call = made.asks(("t0", "run", {"cmd": asked}), ("t1", "say", asked.strip()))
    same(
        made.payload(0, response=made.answered(call)),
        made.payload(
            1,
            messages=[call, {"role": "user", "content": [block]}, made.answers("t1", output)],
            response=made.answered({"role": "assistant", "content": output}),
        ),
    )


def test_arguments_that_ingest_would_refuse_do_not_cost_the_call() -> None:
    deep = "[" * 300 + "]" * 300
    (event,) = json.loads(told([made.payload(response=made.answered(made.asks(("t0", "run", deep))))]))
    assert event["tools"] == [{"name": "run", "call_id": "t0"}]
    assert observed("any", json.dumps(event).encode())


def test_no_text_is_told() -> None:
    call = made.asks(("t0", "run", {MARK: MARK}), content=MARK)
    value = told(
        [
            made.payload(0, messages=[{"role": "user", "content": MARK}], response=made.answered(call)),
            made.payload(1, messages=[call, made.answers("t0", MARK)]),
            made.payload(2, response=made.answered({"role": "assistant", "content": MARK, "reasoning_content": MARK})),
            made.failure(3) | {"error_str": MARK},
        ]
    )
    assert MARK.encode() not in value
    ids = [event["id"] for event in json.loads(value)]
    assert ids == ["chatcmpl-0", "trace-1/t0/result", "chatcmpl-1", "chatcmpl-2", "lc-3/failure"]


def test_of_a_long_conversation_only_what_is_new_is_handed_over() -> None:
    long = [{"role": "user", "content": MARK}, made.asks(("t0", "run", MARK)), made.answers("t0", MARK * 40_000)]
    new = [made.asks(("t1", "run", "x"), ("t2", "run", "y")), made.answers("t1", "one"), made.answers("t2", "two")]
    picked = PICK(made.payload(messages=[*long, *new, {"role": "user", "content": MARK}]))
    assert MARK.encode() not in picked
    assert json.loads(picked)["messages"] == new[1:]
    assert len(picked) < 2000


def test_what_lists_of_attributes_ask_for_is_handed_over() -> None:
    lists = {**LITELLM, "task": ["metadata.spend_logs_metadata.ticket", "model_parameters.user"]}
    payload = made.payload(model_parameters={"user": "u"})
    payload["metadata"]["spend_logs_metadata"] = {"ticket": "PAY-9"}
    picked = json.loads(Picker(lists).pick(payload))
    assert picked["metadata"]["spend_logs_metadata"] == {"ticket": "PAY-9"}
    assert picked["model_parameters"] == {"user": "u"}


class Response:
    """As LiteLLM's own objects are."""

    def model_dump(self) -> dict[str, Any]:
        return {"cached_tokens": 7}


def test_objects_are_told_as_dicts_and_what_cannot_be_read_costs_the_text_alone() -> None:
    payload = made.payload(messages=[made.answers("t0", "half \ud800 of a pair")])
    payload["metadata"]["usage_object"]["prompt_tokens_details"] = Response()
    payload["metadata"]["requester_metadata"] = {"task": object()}
    picked = json.loads(PICK(payload))
    assert picked["metadata"]["usage_object"]["prompt_tokens_details"] == {"cached_tokens": 7}
    assert "messages" not in picked
    (event,) = json.loads(told([payload]))
    assert event["usage"]["input_tokens"] == 900


SKETCHED = {"fingerprint": "0" * 15 + "1", "figures": "0" * 15 + "2", "says": ["failed"]}
TOOLS = [
    {"name": "run", "arguments": {"cmd": MARK}, "result": MARK, "sketched": {"result": SKETCHED}},
    {"name": "run", "arguments": {"cmd": MARK}, "error": True, "sketched": {"result": SKETCHED}},
    {"name": "run", "result": MARK, "sketched": {"action": "0" * 16, "sketch": "AQ" + "A" * 172 + "=="}},
    {"name": "run", "arguments": {"cmd": MARK}, "sketched": {"action": "0" * 16, "sketch": "AQ" + "A" * 172 + "=="}},
    {"name": "run", "sketched": {"action": "0" * 15 + "3", "result": SKETCHED}},
]
HEAD = {"id": "e1", "time": NOW, "run": "r1"}


@pytest.mark.parametrize("tools", [[tool] for tool in TOOLS] + [TOOLS[:2], TOOLS[1:3], TOOLS], ids=range(8))
def test_what_a_producer_tells_with_and_without_text_stands_for_what_ingest_would_take(tools: list[Any]) -> None:
    call = HEAD | {"type": "call", "model": "m", "usage": {}, "tools": tools}
    result = HEAD | {"type": "tool_result", "call_id": "t0", "result": MARK, "sketched": SKETCHED}
    for event in (call, result, result | {"result": None}):
        value = json.dumps(event).encode()
        (fields,) = without_text(native.decode(value, "any"))  # type: ignore[arg-type]
        assert MARK not in (told := msgspec.json.encode(fields)).decode()
        assert packed(told) == packed(value) is not None


def test_a_result_that_cannot_be_read_is_named_as_ingest_names_it() -> None:
    (bad,) = without_text([ToolResult(id="e1", time=NOW, call_id="t0", run="r1", result=msgspec.Raw(b'"\xff"'))])
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (Reason.NOT_JSON, "result")
