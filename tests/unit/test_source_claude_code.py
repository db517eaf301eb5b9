"""Claude Code's log records, as documented: calls and tools, and an input that does not count cached tokens."""

from typing import Any

import pytest

from detector.errors import BadInput, Reason
from detector.model.events import Call, Status, ToolCall, Usage
from detector.sources.otlp_logs import decode
from detector.sources.told import Told, first
from tests.support.otlp import Log, logs_protobuf

SAID = {"session.id": "sess-1", "event.sequence": 4, "prompt.id": "p-1", "model": "claude-sonnet-4-5"}
REQUEST = SAID | {
    "event.name": "api_request",
    "request_id": "req_1",
    "input_tokens": "50",
    "output_tokens": "30",
    "cache_read_tokens": "1000",
    "cache_creation_tokens": "200",
    "cost_usd": "0.0125",
    "duration_ms": "2000",
}
ERROR = SAID | {"event.name": "api_error", "status_code": "429", "error": "slow down", "attempt": "11"}
TOOL = SAID | {"event.name": "tool_result", "tool_name": "Bash", "tool_use_id": "toolu_1", "success": "true"}
SCOPE = "com.anthropic.claude_code.events"


def told(said: dict[str, Any], scope: str = SCOPE) -> list[Any]:
    return list(decode(logs_protobuf([Log(said, scope=scope)])))


def one(said: dict[str, Any]) -> Any:
    (decoded,) = told(said)
    return decoded.event if isinstance(decoded, Told) else decoded


def test_input_includes_what_was_read_from_and_written_to_the_cache() -> None:
    call = one(REQUEST)
    assert isinstance(call, Call)
    assert call.usage == Usage(1250, 1000, 200, None, 30, None)
    assert (call.id, call.turn, call.duration_s, call.tools_apart) == ("req_1", "p-1", 2.0, True)


def test_the_cost_is_what_it_tells_and_absent_where_it_has_no_price() -> None:
    call, unpriced = one(REQUEST), one(REQUEST | {"cost_usd": 0.0})
    assert (call.cost_usd, call.cost_basis) == (0.0125, "told")
    assert (unpriced.cost_usd, unpriced.cost_basis) == (None, None)


def test_a_record_is_known_by_its_full_name_or_by_the_scope_of_its_bare_one() -> None:
    assert len(told(REQUEST | {"event.name": "claude_code.api_request"}, "any")) == 1
    assert len(told(REQUEST)) == 1
    assert told(REQUEST, "of another client") == []


def test_a_call_without_a_request_id_is_known_by_its_place_in_the_session() -> None:
    nameless = REQUEST | {"request_id": None}
    assert one(nameless).id == one(nameless).id
    assert one(nameless).id != one(nameless | {"event.sequence": 5}).id
    assert one(nameless).id != one(nameless | {"session.id": "sess-2"}).id


def test_a_call_that_was_given_up_has_failed_without_usage() -> None:
    call = one(ERROR)
    assert (call.status, call.error, call.usage, call.tools_apart) == ("rate_limited", "slow down", Usage(), False)
    assert one(ERROR | {"status_code": "undefined"}).status == "error"


def test_a_tool_has_arguments_where_they_are_logged_and_its_failure() -> None:
    event = one(TOOL | {"tool_parameters": '{"bash_command": "ls"}'})
    assert isinstance(event, ToolCall)
    assert (event.id, event.tool.name, event.tool.error) == ("toolu_1", "Bash", None)
    assert bytes(event.tool.arguments) == rb'"{\"bash_command\": \"ls\"}"'
    failed = one(TOOL | {"success": "false", "error_type": "ShellError"}).tool
    assert (failed.call_id, failed.error) == ("toolu_1", "ShellError")


def test_nothing_waits_for_a_result_that_is_never_told() -> None:
    assert one(TOOL).tool.call_id is None


def test_the_run_is_the_session() -> None:
    (decoded,) = told(REQUEST)
    assert first(decoded.attributes, "detector.run") == "sess-1"


@pytest.mark.parametrize(
    ("fault", "field", "reason"),
    [
        ({"cache_read_tokens": 100_000_000}, "input_tokens", Reason.OUT_OF_RANGE),
        ({"cost_usd": 1e6}, "cost_usd", Reason.OUT_OF_RANGE),
        ({"cost_usd": "nan"}, "cost_usd", Reason.OUT_OF_RANGE),
        ({"model": None}, "model", Reason.MISSING_FIELD),
        ({"request_id": "r" * 513}, "request_id", Reason.OUT_OF_RANGE),
    ],
)
def test_a_call_that_cannot_be_used_names_the_attribute(fault: dict[str, Any], field: str, reason: Reason) -> None:
    bad = one(REQUEST | fault)
    assert isinstance(bad, BadInput)
    assert (bad.reason, bad.field) == (reason, field)


def decision(**said: Any) -> list[Any]:
    edit = {"event.name": "tool_decision", "tool_name": "Edit", "decision": "accept", "source": "config"}
    return told(SAID | edit | said)


@pytest.mark.parametrize("tool", ["Edit", "MultiEdit", "NotebookEdit", "Write"])
def test_an_edit_that_is_accepted_is_a_weak_sign_of_its_run(tool: str) -> None:
    ((status, attributes),) = decision(tool_name=tool)
    assert isinstance(status, Status)
    assert (status.strength, status.actor, status.to, status.source) == (
        "weak",
        "agent",
        "edit accepted",
        "claude_code",
    )
    assert first(attributes, "detector.run") == "sess-1"


def test_other_decisions_are_none() -> None:
    assert decision(decision="reject") == decision(tool_name="Bash") == decision(tool_name=["Edit"]) == []


def test_two_edits_are_two_and_one_told_twice_is_one() -> None:
    (one,), (same,), (other,) = decision(), decision(), decision(**{"event.sequence": 5})
    assert one.event.id == same.event.id != other.event.id


def test_a_commit_is_a_medium_sign_beside_its_tool() -> None:
    used, committed = told(TOOL | {"tool_parameters": '{"bash_command": "git", "git_commit_id": "c0ffee"}'})
    assert isinstance(used.event, ToolCall)
    status = committed.event
    assert isinstance(status, Status)
    assert (status.strength, status.actor, status.to) == ("medium", "agent", "committed")
    assert first(committed.attributes, "detector.run") == "sess-1"


@pytest.mark.parametrize(
    "said",
    [
        {"tool_parameters": '{"bash_command": "git commit"}'},
        {"tool_parameters": '{"git_commit_id": ""}'},
        {"tool_parameters": '{"git_commit_id": 5}'},
        {"tool_parameters": '["git_commit_id"'},
        {"tool_parameters": "git_commit_id" + "[" * 100_000},
        {"tool_parameters": '{"git_commit_id": "c0ffee"}', "success": "false"},
    ],
)
def test_where_no_commit_is_told_there_is_the_tool_alone(said: dict[str, Any]) -> None:
    (used,) = told(TOOL | said)
    assert isinstance(used.event, ToolCall)
