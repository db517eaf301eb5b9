"""Gemini CLI's log records: which of them are calls and tools, whose they are, and how it counts."""

import json
from typing import Any

import msgspec
import pytest

from detector.errors import BadInput, Reason
from detector.model.events import Call, Status, ToolCall, Usage
from detector.sources.otlp_logs import decode
from detector.sources.told import Told, first
from tests.support.otlp import NOW, Log, logs_json

SAID = {"session.id": "sess-1", "prompt_id": "sess-1", "interactive": False, "model": "gemini-2.5-pro"}
ANSWER = SAID | {
    "event.name": "gemini_cli.api_response",
    "duration_ms": 250,
    "input_token_count": 900,
    "output_token_count": 40,
    "cached_content_token_count": 300,
    "thoughts_token_count": 25,
    "tool_token_count": 0,
    "total_token_count": 965,
    "status_code": 200,
    "role": "main",
}
ERROR = SAID | {"event.name": "gemini_cli.api_error", "status_code": 429, "error.message": "slow down"}
TOOL = SAID | {"event.name": "gemini_cli.tool_call", "function_name": "read_file", "success": True}


def told(*said: dict[str, Any], t: float = NOW) -> list[Any]:
    return list(decode(logs_json([Log(one, t) for one in said])))


def one(said: dict[str, Any], t: float = NOW) -> Any:
    (decoded,) = told(said, t=t)
    return decoded.event if isinstance(decoded, Told) else decoded


def whose(said: dict[str, Any]) -> tuple[Any, ...]:
    (decoded,) = told(said)
    names = ("detector.run", "detector.parent_run", "detector.agent")
    return (*(first(decoded.attributes, name) for name in names), decoded.event.turn)


def test_output_includes_thoughts() -> None:
    call = one(ANSWER)
    assert isinstance(call, Call)
    assert call.usage == Usage(900, 300, None, None, 65, 25)
    assert (call.time, call.duration_s, call.status, call.interactive) == (pytest.approx(NOW), 0.25, "ok", False)
    assert call.tools_apart


REQUEST = SAID | {"event.name": "gemini_cli.api_request", "role": "main"}
LOOPED = {"event.name": "loop_detected", "session.id": "sess-1", "loop_type": "consecutive_identical_tool_calls"}


def unmetered(*said: dict[str, Any]) -> int:
    body = logs_json([Log(one, NOW + n) for n, one in enumerate(said)], {"service.name": "gemini-cli"})
    events = [d.event for d in decode(body) if isinstance(d, Told)]
    return sum(isinstance(event, Call) and event.usage == Usage() and event.status == "ok" for event in events)


@pytest.mark.parametrize(
    ("said", "cut"),
    [
        ((REQUEST, ANSWER, REQUEST, ANSWER), 0),
        ((REQUEST, REQUEST, ANSWER), 1),
        ((REQUEST, LOOPED, REQUEST, LOOPED), 2),
        ((REQUEST, ERROR | {"role": "main"}, REQUEST, ANSWER), 0),
        ((REQUEST, REQUEST | {"prompt_id": "agent-7#0"}, ANSWER), 0),
        ((REQUEST, REQUEST | {"role": "utility"}, ANSWER), 0),
        ((REQUEST, LOOPED | {"session.id": "another"}), 0),
        ((REQUEST,), 0),
        ((ANSWER, LOOPED), 0),
    ],
)
def test_a_call_that_the_client_cuts_off_is_unmetered(said: tuple[dict[str, Any], ...], cut: int) -> None:
    assert unmetered(*said) == cut


def test_a_call_that_is_cut_off_ends_when_the_client_goes_on() -> None:
    body = logs_json([Log(REQUEST, NOW), Log(REQUEST, NOW + 5)])
    (cut,) = [d.event for d in decode(body) if isinstance(d, Told)]
    assert cut.time == pytest.approx(NOW + 5)
    assert cut.tools_apart


def test_a_call_is_counted_once_though_it_is_told_under_other_names_too() -> None:
    again = {"event.name": "gen_ai.client.inference.operation.details", "gen_ai.usage.input_tokens": 900}
    request = {"event.name": "gemini_cli.api_request"}
    assert [type(d.event) for d in told(SAID | request, SAID | again, ANSWER, SAID | again)] == [Call]


def test_a_call_without_usage_is_told_with_zeros_and_is_unmetered() -> None:
    none = {"input_token_count": 0, "output_token_count": 0, "thoughts_token_count": 0}
    assert one(ANSWER | none | {"cached_content_token_count": 0}).usage == Usage()
    assert one(ANSWER | dict.fromkeys(none)).usage == Usage()


def test_each_failed_attempt_is_a_call_without_usage_and_with_an_id_of_its_own() -> None:
    limited, later, broken = one(ERROR), one(ERROR, NOW + 0.5), one(ERROR | {"status_code": "undefined"})
    assert [call.status for call in (limited, later, broken)] == ["rate_limited", "rate_limited", "error"]
    assert limited.id != later.id
    assert (limited.usage, limited.error, limited.tools_apart) == (Usage(), "slow down", False)


def test_a_sub_agent_is_a_run_of_its_own_within_its_session() -> None:
    assert whose(ANSWER) == ("sess-1", None, "main", "sess-1")
    assert whose(ANSWER | {"prompt_id": "agent-7#3"}) == ("agent-7", "sess-1", "subagent", None)
    assert whose(TOOL | {"prompt_id": "agent-7#3"}) == ("agent-7", "sess-1", "subagent", None)


def test_each_prompt_of_a_session_is_a_turn_of_it() -> None:
    assert whose(ANSWER | {"prompt_id": "sess-1########2"}) == ("sess-1", None, "main", "sess-1########2")


def test_calls_of_two_sub_agents_in_the_same_moment_are_two() -> None:
    assert one(ANSWER | {"prompt_id": "a#0"}).id != one(ANSWER | {"prompt_id": "b#0"}).id
    assert one(ANSWER).id == one(ANSWER).id


def test_a_tool_has_arguments_where_they_are_logged_and_its_failure() -> None:
    event = one(TOOL | {"function_args": '{"file_path": "a.txt"}'})
    assert isinstance(event, ToolCall)
    assert (event.tool.name, event.tool.call_id, event.tool.error) == ("read_file", None, None)
    assert msgspec.json.decode(event.tool.arguments) == '{"file_path": "a.txt"}'
    assert bytes(event.tool.result) == b""
    refused = one(TOOL | {"success": False, "error_type": "invalid_tool_params"}).tool
    assert (bytes(refused.arguments), refused.error) == (b"", "invalid_tool_params")
    assert one(TOOL | {"success": False}).tool.error is True


def test_the_answer_is_what_the_model_said_without_its_thoughts() -> None:
    chunks = [
        {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "All "}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "done."}, {"functionCall": {"name": "f"}}]}}]},
        {"usageMetadata": {}},
    ]
    assert one(ANSWER | {"response_text": json.dumps(chunks)}).output.text == "All done."
    assert one(ANSWER | {"response_text": json.dumps(chunks)[:40]}).output is None
    assert one(ANSWER | {"response_text": "[" * 100_000}).output is None
    assert one(ANSWER | {"response_text": json.dumps(chunks[2:])}).output is None


@pytest.mark.parametrize(
    ("fault", "field", "reason"),
    [
        ({"thoughts_token_count": 100_000_000}, "output_token_count", Reason.OUT_OF_RANGE),
        ({"cached_content_token_count": 0.5}, "cached_content_token_count", Reason.WRONG_TYPE),
        ({"duration_ms": -1}, "duration_ms", Reason.OUT_OF_RANGE),
        ({"interactive": "perhaps"}, "interactive", Reason.WRONG_TYPE),
        ({"model": None}, "model", Reason.MISSING_FIELD),
    ],
)
def test_a_call_that_cannot_be_used_names_the_attribute(fault: dict[str, Any], field: str, reason: Reason) -> None:
    bad = one(ANSWER | fault)
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (reason, field)


EDIT = {"event.name": "gemini_cli.file_operation", "session.id": "sess-1", "tool_name": "write_file", "lines": 4}


@pytest.mark.parametrize("operation", ["create", "update"])
def test_a_file_that_is_written_is_a_weak_sign_of_its_session(operation: str) -> None:
    ((status, attributes),) = told(EDIT | {"operation": operation})
    assert isinstance(status, Status)
    assert (status.strength, status.actor, status.to, status.source) == ("weak", "agent", "file edited", "gemini_cli")
    assert first(attributes, "detector.run") == "sess-1"


@pytest.mark.parametrize("operation", ["read", None, ["create"]])
def test_one_that_is_read_is_none(operation: object) -> None:
    assert told(EDIT | {"operation": operation}) == []
