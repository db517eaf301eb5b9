"""Claude Code's transcripts: one call for all lines of a message, with the tools that its blocks ask for."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.enrich.tools import result_body
from detector.errors import BadInput, Reason
from detector.model.events import Call, Usage
from detector.sources.claude_transcripts import decode
from detector.sources.reading import of_source, saved
from detector.sources.told import Told
from tests.support.otlp import NOW
from tests.support.transcripts import block, body, claude, result, use


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def asks(t: float, uuid: str, **more: Any) -> dict[str, Any]:
    return claude(t, "user", uuid, {"role": "user", "content": "go"}, **more)


def calls(*lines: dict[str, Any]) -> list[Call]:
    events = of_source(saved(Config(), "claude_transcripts"))(body([*lines]), ())
    for event in events:
        assert isinstance(event, Call), event
    return events  # type: ignore[return-value]


def test_lines_with_one_message_id_are_one_call_and_the_last_usage_counts() -> None:
    (call,) = calls(
        block(1.0, "a1", "msg-1", text("I look")),
        block(1.5, "a2", "msg-1", use("t1", "a.py")),
        block(2.0, "a3", "msg-1", use("t2", "b.py"), output=60),
    )
    assert call.usage == Usage(1004, 900, 100, None, 60, None)
    assert (call.id, call.time, call.model, call.run) == ("msg-1", NOW + 2.0, "claude-sonnet-4-5", "sess-3")
    assert (call.source, call.agent, call.task, call.parent_run) == ("claude_code", "claude-code", "PAY-7", None)
    assert [(tool.name, tool.call_id) for tool in call.tools or ()] == [("Read", "t1"), ("Read", "t2")]
    assert call.output is not None
    assert call.output.text == "I look"


def test_cache_writes_that_are_kept_for_an_hour_are_told_apart() -> None:
    line = block(1.0, "a1", "msg-1", text("x"))
    line["message"]["usage"] |= {"cache_creation": {"ephemeral_1h_input_tokens": 70}, "service_tier": "batch"}
    (call,) = calls(line)
    assert (call.usage.cache_write_tokens, call.usage.cache_write_1h_tokens) == (100, 70)
    assert call.service_tier == "batch"


def test_results_come_later_and_belong_to_the_tool_that_they_name() -> None:
    first, second = calls(
        block(1.0, "a1", "msg-1", use("t1", "a.py")),
        block(1.1, "a2", "msg-1", use("t2", "b.py")),
        result(2.0, "u1", "t2", [text("one"), text("two")]),
        result(2.1, "u2", "t1", "no such file", failed=True),
        result(2.2, "u3", "of another file", "x"),
        block(3.0, "a3", "msg-2", use("t3", "c.py")),
    )
    tools = [*(first.tools or ()), *(second.tools or ())]
    assert [result_body(tool.result, tool.error) for tool in tools] == [
        (b"no such file", True),
        (b"one\ntwo", False),
        None,
    ]


def test_a_line_that_is_copied_into_the_file_again_adds_nothing() -> None:
    lines = [block(1.0, "a1", "msg-1", use("t1", "a.py")), result(2.0, "u1", "t1", "x")]
    (call,) = calls(*lines, *lines)
    assert len(call.tools or ()) == 1


def test_a_sub_agent_is_a_run_within_its_session() -> None:
    (named,) = calls(block(1.0, "a1", "msg-1", text("x"), isSidechain=True, agentId="agent-9"))
    assert (named.run, named.parent_run, named.agent) == ("agent-9", "sess-3", "claude-code subagent")
    chain = [
        asks(1.0, "s1", isSidechain=True),
        block(2.0, "s2", "msg-1", text("x"), isSidechain=True, parent="s1"),
        asks(1.0, "r1", isSidechain=True),
        block(3.0, "r2", "msg-2", text("y"), isSidechain=True, parent="r1"),
        block(4.0, "s3", "msg-3", text("z"), isSidechain=True, parent="s2"),
        block(5.0, "a9", "msg-4", text("w")),
    ]
    assert [(call.run, call.parent_run) for call in calls(*chain)] == [
        ("s1", "sess-3"),
        ("r1", "sess-3"),
        ("s1", "sess-3"),
        ("sess-3", None),
    ]


def test_a_turn_begins_with_what_a_person_asks() -> None:
    told = calls(
        asks(0.0, "u1"),
        block(1.0, "a1", "m1", text("x")),
        result(1.5, "u2", "t", "y"),
        asks(1.6, "u3", isMeta=True),
        block(2.0, "a2", "m2", text("x")),
        asks(3.0, "u4"),
        block(4.0, "a3", "m3", text("x")),
    )
    assert [call.turn for call in told] == ["u1", "u1", "u4"]


def test_what_the_program_itself_says_and_lines_of_other_kinds_are_no_calls() -> None:
    made = block(1.0, "a1", "msg-1", text("API Error: 429"))
    made["message"]["model"] = "<synthetic>"
    others = [{"type": "summary", "summary": "x", "leafUuid": "y"}, {"type": "file-history-snapshot", "snapshot": {}}]
    assert calls(made, *others, claude(1.0, "system", "s", {"content": "x"})) == []


def test_what_cannot_be_used_is_told_with_its_line() -> None:
    broken = block(1.0, "a1", "msg-1", text("x"), output=-1)
    untimed = block(1.0, "a2", "msg-2", text("x"), timestamp="2027-01-15 08:00")
    told = decode(body([broken, untimed]) + b"{\n" + body([block(2.0, "a3", "msg-3", text("x"))]))
    assert {(bad.reason, bad.field) for bad in told if isinstance(bad, BadInput)} == {
        (Reason.OUT_OF_RANGE, "line 1, output_tokens"),
        (Reason.OUT_OF_RANGE, "line 2, timestamp"),
        (Reason.NOT_JSON, "line 3"),
    }
    assert [one.event.id for one in told if isinstance(one, Told)] == ["msg-3"]


_any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_line = st.fixed_dictionaries(
    {"type": st.sampled_from(["assistant", "user"])},
    optional=dict.fromkeys(
        ("uuid", "parentUuid", "sessionId", "agentId", "isSidechain", "timestamp", "gitBranch", "message"), _any
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_line, max_size=5))
def test_lines_of_whatever_content_never_hide_another_call(lines: list[dict[str, Any]]) -> None:
    told = decode(body([*lines, block(2.0, "its own", "a call of its own", text("x"))]))
    found = [one.event for one in told if isinstance(one, Told)]
    assert [call.id for call in found if isinstance(call, Call)][-1] == "a call of its own"
