"""Gemini CLI's session files: each call once, in its newest form, whatever an update leaves out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.tools import result_body
from detector.errors import BadInput, Reason
from detector.model.events import Call, Usage
from detector.sources.gemini_sessions import decode
from detector.sources.reading import of_source, saved
from detector.sources.told import Told
from tests.support.otlp import NOW
from tests.support.transcripts import asks, body, gemini, gemini_tool, session


def calls(*lines: dict[str, Any], raw: bytes | None = None) -> list[Call]:
    events = of_source(saved(Config(), "gemini_sessions"))(body([*lines]) if raw is None else raw, ())
    for event in events:
        assert isinstance(event, Call), event
    return events  # type: ignore[return-value]


def test_a_message_of_the_model_is_a_call_whose_output_counts_its_thoughts() -> None:
    (call,) = calls(session(), gemini(2.0, "m1", "done", input=1500, output=58, cached=1024, thoughts=32))
    assert call.usage == Usage(1500, 1024, None, None, 90, 32)
    assert (call.id, call.time, call.model, call.run) == ("m1", NOW + 2.0, "gemini-2.5-pro", "sess-1")
    assert (call.source, call.agent, call.parent_run, call.tools_apart) == ("gemini_cli", "gemini-cli", None, False)
    assert call.output is not None
    assert call.output.text == "done"


def test_a_message_that_is_written_again_is_one_call_and_its_last_form_counts() -> None:
    tools = [gemini_tool("t1", "a.txt", "alpha"), gemini_tool("t2", "b.txt", "no such file", status="error")]
    first, second = calls(
        session(), gemini(1.0, "m1", input=10), gemini(1.0, "m1", tools=tools, input=900), gemini(2.0, "m2", input=950)
    )
    assert [first.usage.input_tokens, second.usage.input_tokens] == [900, 950]
    assert [(t.name, result_body(t.result, t.error)) for t in first.tools or ()] == [
        ("read_file", (b'{"output": "alpha"}', False)),
        ("read_file", (b'{"output": "no such file"}', True)),
    ]


def test_an_update_that_replaces_all_messages_changes_no_call_that_it_leaves_out() -> None:
    tools = [gemini_tool("t1", "a.txt", "alpha")]
    update = {"$set": {"messages": [asks(0.0, "u1", "go"), gemini(2.0, "m2", input=2000)], "lastUpdated": "x"}}
    told = calls(session(), gemini(1.0, "m1", tools=tools), gemini(2.0, "m2", tools=tools), update, {"$set": {}})
    assert [(call.id, call.usage.input_tokens) for call in told] == [("m1", 900), ("m2", 2000)]
    assert all(len(call.tools or ()) == 1 for call in told)


def test_calls_without_numbers_have_no_usage() -> None:
    bare = {key: value for key, value in gemini(1.0, "m1").items() if key != "tokens"}
    zeros = gemini(2.0, "m2", input=0, output=0, thoughts=0)
    assert [call.usage for call in calls(session(), bare, zeros)] == [Usage(), Usage()]


def test_a_sub_agent_s_file_is_a_run_of_its_own() -> None:
    (call,) = calls(session("child", kind="subagent"), gemini(1.0, "m1"))
    assert (call.run, call.agent) == ("child", "gemini-cli subagent")


def test_a_turn_begins_with_what_a_person_asks_and_not_with_what_the_program_says_in_their_name() -> None:
    response = {"id": "u9", "timestamp": "x", "type": "user", "content": [{"functionResponse": {"id": "t"}}]}
    told = calls(
        session(), asks(0.0, "u0", "<session_context>\nToday is"), gemini(0.5, "m0"), asks(1.0, "u1", "go"),
        gemini(1.5, "m1"), response, gemini(2.0, "m2"), asks(3.0, "u2", "System: Potential loop detected."),
        gemini(4.0, "m3"), asks(5.0, "u3", "and now?"), gemini(6.0, "m4"),
        {"$set": {"messages": [asks(1.0, "u1", "go")]}}, gemini(7.0, "m5"),
    )  # fmt: skip
    assert [call.turn for call in told] == [None, "u1", "u1", "u1", "u3", "u3"]


@pytest.mark.parametrize("indent", [None, 2])
def test_older_files_are_one_object(indent: int | None) -> None:
    whole = session() | {"messages": [asks(0.0, "u1", "go"), gemini(1.0, "m1"), gemini(2.0, "m2")]}
    told = calls(raw=json.dumps(whole, indent=indent).encode())
    assert [(call.id, call.run) for call in told] == [("m1", "sess-1"), ("m2", "sess-1")]


def test_what_cannot_be_used_is_told_with_its_line() -> None:
    lines = [session(), gemini(1.0, "m1", input=-1), gemini(2.0, "") | {"id": None}, gemini(3.0, "m3")]
    told = decode(body(lines) + b"{nonsense\n")
    assert {(bad.reason, bad.field) for bad in told if isinstance(bad, BadInput)} == {
        (Reason.OUT_OF_RANGE, "line 2, input"),
        (Reason.MISSING_FIELD, "line 3, id"),
        (Reason.NOT_JSON, "line 5"),
    }
    assert [one.event.id for one in told if isinstance(one, Told)] == ["m3"]


_any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_fields = st.sampled_from(["id", "type", "model", "tokens", "toolCalls", "content", "timestamp", "$set", "messages"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(_fields, _any | st.just("gemini"), max_size=6), max_size=5))
def test_lines_of_whatever_content_never_hide_another_call(lines: list[dict[str, Any]]) -> None:
    told = decode(body([session(), *lines, gemini(2.0, "a call of its own")]))
    found = [one.event for one in told if isinstance(one, Told)]
    assert [call.id for call in found if isinstance(call, Call)][-1] == "a call of its own"
