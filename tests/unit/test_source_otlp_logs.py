"""OTLP log bodies: each client's records to its decoder, whatever they hold, protobuf and JSON alike."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import Call, ToolCall
from detector.sources.otlp_logs import decode
from detector.sources.told import Told
from tests.support.otlp import Log, logs_json, logs_protobuf

CODEX = {
    "event.name": "codex.sse_event", "event.kind": "response.completed", "event.timestamp": "2027-01-15T08:00:00Z",
    "conversation.id": "c", "model": "gpt-5.1", "input_token_count": "10", "output_token_count": "2",
    "cached_token_count": 4, "cache_write_token_count": 1, "reasoning_token_count": 1,
}  # fmt: skip
CODEX_FAILED = {
    "event.name": "codex.api_request", "event.timestamp": "2027-01-15T08:00:00Z", "conversation.id": "c",
    "model": "gpt-5.1", "http.response.status_code": 500, "error.message": "no", "attempt": 0, "duration_ms": "3",
    "auth.request_id": "r",
}  # fmt: skip
CODEX_TOOL = {
    "event.name": "codex.tool_result", "event.timestamp": "2027-01-15T08:00:00Z", "conversation.id": "c",
    "tool_name": "exec", "call_id": "k", "arguments": "{}", "output": "x", "success": "true",
}  # fmt: skip
GEMINI = {
    "event.name": "gemini_cli.api_response", "session.id": "s", "prompt_id": "s", "model": "gemini-2.5-pro",
    "input_token_count": 10, "output_token_count": 2, "thoughts_token_count": 1, "cached_content_token_count": 4,
    "duration_ms": 5, "interactive": True, "response_text": "[]",
}  # fmt: skip
GEMINI_FAILED = {
    "event.name": "gemini_cli.api_error", "session.id": "s", "prompt_id": "a#1", "model": "gemini-2.5-pro",
    "status_code": 429, "error": "no", "duration_ms": 5, "interactive": True,
}  # fmt: skip
GEMINI_TOOL = {
    "event.name": "gemini_cli.tool_call", "session.id": "s", "prompt_id": "a#1", "function_name": "f",
    "function_args": "{}", "success": False, "error": "e", "error_type": "t",
}  # fmt: skip
CLAUDE = {
    "event.name": "claude_code.api_request", "session.id": "s", "event.sequence": 1, "model": "claude-sonnet-4-5",
    "input_tokens": 1, "output_tokens": 2, "cache_read_tokens": 3, "cache_creation_tokens": 4, "cost_usd": 0.1,
    "duration_ms": 5, "request_id": "r", "prompt.id": "p",
}  # fmt: skip
CLAUDE_FAILED = {
    "event.name": "claude_code.api_error", "session.id": "s", "event.sequence": 2, "model": "claude-sonnet-4-5",
    "error": "no", "status_code": 429, "duration_ms": 5, "request_id": "q", "prompt.id": "p",
}  # fmt: skip
CLAUDE_TOOL = {
    "event.name": "claude_code.tool_result", "session.id": "s", "event.sequence": 3, "tool_name": "Bash",
    "tool_use_id": "u", "tool_input": "{}", "success": "false", "error": "e", "error_type": "t", "prompt.id": "p",
}  # fmt: skip
CALLS = [CODEX, CODEX_FAILED, GEMINI, GEMINI_FAILED, CLAUDE, CLAUDE_FAILED]
TOOLS = [CODEX_TOOL, GEMINI_TOOL, CLAUDE_TOOL]
OTHERS: list[dict[str, Any]] = [
    {},
    {"event.name": "codex.user_prompt", "prompt": "do it"},
    {"event.name": "gemini_cli.config"},
    {"event.name": "claude_code.user_prompt"},
    {"event.name": "gen_ai.client.inference.operation.details", "gen_ai.usage.input_tokens": 10},
    {"event.name": "app.started"},
    {"event.name": 5},
]

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["9" * 5000, "x" * 600, "1_000", "\u0661\u0662", "2027-13-45T99:00Z", "0001-01-01T00:00:00+14:00"]),
    st.binary(max_size=5),
    st.lists(st.integers(-5, 5), max_size=2),
)


def events(body: bytes) -> list[Any]:
    return [json.loads(as_json(d.event)) if isinstance(d, Told) else str(d) for d in decode(body)]


def as_json(event: Any) -> bytes:
    """Where what is absent is null."""
    if isinstance(event, ToolCall):
        event.tool.arguments = event.tool.arguments or msgspec.Raw(b"null")
        event.tool.result = event.tool.result or msgspec.Raw(b"null")
    return msgspec.json.encode(event)


def test_every_client_s_calls_and_tools_are_told_and_nothing_else() -> None:
    told = decode(logs_protobuf([Log(said) for said in [*OTHERS, *CALLS, *OTHERS, *TOOLS]]))
    kinds = [type(d.event) for d in told if isinstance(d, Told)]
    assert len(kinds) == len(told)
    assert (kinds.count(Call), kinds.count(ToolCall)) == (len(CALLS), len(TOOLS))


def test_protobuf_and_json_tell_the_same() -> None:
    logs, resource = [Log(said) for said in [*CALLS, *TOOLS]], {"team": "payments"}
    assert events(logs_protobuf(logs, resource)) == events(logs_json(logs, resource))
    assert {json.dumps(d.attributes[2]) for d in decode(logs_json(logs, resource)) if isinstance(d, Told)} == {
        '{"team": "payments"}'
    }


def test_no_two_events_have_the_same_id() -> None:
    ids = [event["id"] for event in events(logs_json([Log(said) for said in [*CALLS, *TOOLS]]))]
    assert len(set(ids)) == len(CALLS) + len(TOOLS)


def test_a_body_that_is_none_has_one_reason() -> None:
    for body, reason in ((b"\x0a\xff", Reason.NOT_PROTOBUF), (b"{", Reason.NOT_JSON)):
        (bad,) = decode(body)
        assert isinstance(bad, BadInput)
        assert bad.reason == reason


def test_a_bad_record_costs_no_other() -> None:
    told = decode(logs_json([Log(CODEX), Log(CODEX | {"model": ""}), Log(CODEX_TOOL)]))
    assert [isinstance(d, BadInput) for d in told] == [False, True, False]


def test_a_reason_repeats_nothing_of_what_was_said() -> None:
    for said in CALLS:
        for name in said.keys() - {"event.name", "event.kind"}:
            for d in decode(logs_json([Log(said | {name: "secret" * 100})])):
                assert not isinstance(d, BadInput) or "secret" not in str(d)


@pytest.mark.parametrize("said", [*CALLS, *TOOLS], ids=lambda said: said["event.name"])
@given(data=st.data())
def test_whatever_the_values_are_each_record_gives_an_event_within_bounds_or_a_reason(
    said: dict[str, Any], data: st.DataObject
) -> None:
    decides = {"event.name", "event.kind", "http.response.status_code", "error.message", "input_token_count"}
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(said.keys() - decides)), values, max_size=4))
    (decoded,) = decode(logs_protobuf([Log(said | changed)]))
    if isinstance(decoded, BadInput):
        assert decoded.field in changed
    else:
        again = msgspec.json.decode(as_json(decoded.event), type=type(decoded.event))  # checks all bounds
        assert again == decoded.event


@given(attributes=st.lists(st.tuples(st.sampled_from(sorted({n for said in [*CALLS, *TOOLS] for n in said})), values)))
def test_arbitrary_attributes_never_raise(attributes: list[tuple[str, Any]]) -> None:
    for said in [*CALLS, *TOOLS]:
        body = logs_protobuf([Log(dict(attributes) | {"event.name": said["event.name"]}, 0.0)])
        assert all(isinstance(d, Told | BadInput) for d in decode(body))
