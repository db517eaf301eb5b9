"""Codex CLI's log records: which of them are calls and tools, and what is taken off a tool's output."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from detector.enrich.tools import result_body
from detector.errors import BadInput, Reason
from detector.model.events import Call, Link, ToolCall, Usage
from detector.sources.codex import steady
from detector.sources.otlp_logs import decode
from detector.sources.told import Told, first
from tests.support.otlp import Log, logs_json, logs_protobuf

TIME = "2027-01-15T08:00:00.250Z"
T = datetime.fromisoformat(TIME).timestamp()
SAID = {"event.timestamp": TIME, "conversation.id": "conv-1", "originator": "codex_exec", "model": "gpt-5.1"}
COUNTS = {
    "input_token_count": "1200",
    "output_token_count": "70",
    "cached_token_count": 800,
    "cache_write_token_count": 100,
    "reasoning_token_count": 20,
    "tool_token_count": "1270",
}
COMPLETED = SAID | {"event.name": "codex.sse_event", "event.kind": "response.completed"}
ATTEMPT = SAID | {"event.name": "codex.api_request", "endpoint": "/responses", "attempt": 0, "duration_ms": "1500"}
TOOL = SAID | {
    "event.name": "codex.tool_result",
    "tool_name": "exec_command",
    "call_id": "call-1",
    "arguments": '{"cmd": "make test"}',
    "success": "true",
}


def output(code: int, text: str = "no rule\n", chunk: str = "a1b2c3", wall: str = "0.0000") -> str:
    head = f"Chunk ID: {chunk}\nWall time: {wall} seconds\nProcess exited with code {code}\nOriginal token count: 3\n"
    return f"{head}Output:\n{text}"


def events(*said: dict[str, Any], t: float = 0.0) -> list[Any]:
    logs = [Log(one, t, "event otel/src/events/session_telemetry.rs:1153") for one in said]
    return [d.event if isinstance(d, Told) else d for d in decode(logs_json(logs))]


def one(said: dict[str, Any]) -> Any:
    (event,) = events(said)
    return event


def test_a_call_is_the_completed_stream_with_counts_which_are_strings_in_part() -> None:
    call = one(COMPLETED | COUNTS)
    assert isinstance(call, Call)
    assert call.usage == Usage(1200, 800, 100, None, 70, 20)
    assert (call.model, call.time, call.status, call.tools_apart) == ("gpt-5.1", T, "ok", True)


def test_a_call_is_counted_once_though_its_stream_says_twice_that_it_is_completed() -> None:
    told = events(
        COMPLETED | {"duration_ms": "4"},
        COMPLETED | COUNTS,
        COMPLETED | {"event.kind": "response.output_item.done"},
        SAID | {"event.name": "codex.user_prompt", "prompt": "do it"},
        ATTEMPT | {"http.response.status_code": 200},
    )
    assert [type(event) for event in told] == [Call]


def test_what_is_not_told_is_absent() -> None:
    assert one(COMPLETED | {"input_token_count": "5"}).usage == Usage(input_tokens=5)


def test_each_failed_attempt_is_a_call_without_usage_and_with_an_id_of_its_own() -> None:
    limited = ATTEMPT | {"http.response.status_code": 429, "error.message": "http 429", "auth.request_id": "req-1"}
    calls = events(
        limited,
        limited | {"auth.request_id": "req-2"},
        limited | {"attempt": 1},
        ATTEMPT | {"http.response.status_code": 503},
        ATTEMPT | {"error.message": "connection refused"},
    )
    assert [call.status for call in calls] == ["rate_limited"] * 3 + ["error"] * 2
    assert [call.error for call in calls] == ["http 429"] * 3 + ["http 503", "connection refused"]
    assert all(call.usage == Usage() and call.duration_s == 1.5 and not call.tools_apart for call in calls)
    assert len({call.id for call in calls[:3]}) == 3


def test_a_request_for_the_list_of_models_is_no_call() -> None:
    assert events(ATTEMPT | {"endpoint": "/models", "http.response.status_code": 404}) == []


def test_a_broken_stream_is_one_failed_call() -> None:
    (call,) = events(
        ATTEMPT | {"http.response.status_code": 200},
        SAID | {"event.name": "codex.sse_event", "duration_ms": "5", "error.message": "error decoding body"},
        COMPLETED | {"error.message": "stream disconnected"},
    )
    assert (call.status, call.error, call.usage, call.tools_apart) == ("error", "stream disconnected", Usage(), False)


def test_the_same_call_has_the_same_id_and_another_has_another() -> None:
    again = one(COMPLETED | COUNTS)
    others = events(
        COMPLETED | COUNTS | {"conversation.id": "conv-2"},
        COMPLETED | COUNTS | {"event.timestamp": "2027-01-15T08:00:00.251Z"},
        COMPLETED | COUNTS | {"output_token_count": "71"},
    )
    assert again.id == one(COMPLETED | COUNTS).id
    assert len({call.id for call in [again, *others]}) == 4


def test_without_a_time_of_its_own_the_record_s_counts_and_without_any_there_is_no_event() -> None:
    untimed = {name: value for name, value in (COMPLETED | COUNTS).items() if name != "event.timestamp"}
    assert events(untimed, t=T)[0].time == pytest.approx(T)
    bad = one(untimed)
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (Reason.MISSING_FIELD, "event.timestamp")


def test_run_and_agent_are_worked_out_and_all_else_is_told_as_it_came() -> None:
    said = COMPLETED | COUNTS | {"user.email": "ann@example.com"}
    (told,) = decode(logs_protobuf([Log(said)], {"team": "payments"}))
    assert isinstance(told, Told)
    names = ("detector.run", "detector.agent", "user.email", "team")
    assert [first(told.attributes, name) for name in names] == ["conv-1", "codex_exec", "ann@example.com", "payments"]


def test_a_tool_has_its_arguments_and_its_result() -> None:
    event = one(TOOL | {"output": output(0, "ok\n")})
    assert isinstance(event, ToolCall)
    assert (event.tool.name, event.tool.call_id, event.tool.error) == ("exec_command", "call-1", None)
    assert msgspec.json.decode(event.tool.arguments) == '{"cmd": "make test"}'
    assert result_body(event.tool.result, event.tool.error) == (
        b"Process exited with code 0\nOriginal token count: 3\nOutput:\nok\n",
        False,
    )


def test_a_command_that_fails_has_failed_though_codex_calls_it_a_success() -> None:
    assert one(TOOL | {"output": output(1)}).tool.error is True
    assert one(TOOL | {"output": output(-9)}).tool.error is True
    assert one(TOOL | {"output": "rejected", "success": "false"}).tool.error is True
    assert one(TOOL | {"output": output(0)}).tool.error is None


def test_equal_failures_have_equal_results() -> None:
    first_time, again = events(TOOL | {"output": output(1)}, TOOL | {"output": output(1, chunk="ffffff", wall="1.5")})
    assert bytes(first_time.tool.result) == bytes(again.tool.result)


@pytest.mark.parametrize(
    "said",
    [
        "Chunk ID: that is what the file says\nnothing else\n",
        "notes\nWall time: 5 seconds\nProcess exited with code 1\nOutput:\n",
        "",
    ],
)
def test_what_a_tool_itself_says_stays_and_decides_nothing(said: str) -> None:
    assert steady(said) == said
    assert steady(output(0, said)).endswith(f"Output:\n{said}")
    assert one(TOOL | {"output": output(0, said)}).tool.error is None
    assert one(TOOL | {"output": said}).tool.error is None


SPAWN = TOOL | {"tool_name": "spawn_agent", "arguments": "{}"}


def test_a_sub_agent_s_conversation_is_linked_to_the_one_that_started_it() -> None:
    tool, link = events(SPAWN | {"output": '{"agent_id":"child","nickname":"Ada"}'})
    assert isinstance(tool, ToolCall)
    assert isinstance(link, Link)
    assert (link.run, link.parent_run, link.task, link.time) == ("child", SAID["conversation.id"], None, tool.time)
    assert link.source == "codex"


@pytest.mark.parametrize("said", ["", "refused: too many agents", "[]", '{"agent_id": 7}', '{"agent_id": ""}', "{"])
def test_a_sub_agent_that_was_not_started_is_linked_to_nothing(said: str) -> None:
    assert [type(e) for e in events(SPAWN | {"output": said})] == [ToolCall]


def test_nothing_waits_for_a_result_that_is_not_told() -> None:
    assert one(TOOL).tool.call_id is None


@pytest.mark.parametrize(
    ("fault", "field", "reason"),
    [
        ({"input_token_count": "100000001"}, "input_token_count", Reason.OUT_OF_RANGE),
        ({"input_token_count": -1}, "input_token_count", Reason.OUT_OF_RANGE),
        ({"cached_token_count": "many"}, "cached_token_count", Reason.WRONG_TYPE),
        ({"reasoning_token_count": True}, "reasoning_token_count", Reason.WRONG_TYPE),
        ({"model": ""}, "model", Reason.MISSING_FIELD),
        ({"conversation.id": "c" * 513}, "conversation.id", Reason.OUT_OF_RANGE),
    ],
)
def test_a_call_that_cannot_be_used_names_the_attribute(fault: dict[str, Any], field: str, reason: Reason) -> None:
    bad = one(COMPLETED | COUNTS | fault)
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (reason, field)
