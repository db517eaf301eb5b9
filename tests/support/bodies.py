"""Bodies of every foreign format, as their clients send them: each with a call, most with a tool."""

import json
from typing import Any

from tests.support import transcripts as made
from tests.support.otlp import Log, logs_json, logs_protobuf
from tests.support.otlp_spans import Span, spans_json, spans_protobuf

MARK = "sesame-4711"
"""In texts: no reason and no log may repeat it."""

RESOURCE = {"service.name": "a-client", "team": "payments", "task": "PAY-1"}
_CODEX = {"conversation.id": "conv-1", "originator": "codex_exec", "model": "gpt-5.1"}
_GEMINI = {"session.id": "sess-1", "prompt_id": "sess-1", "model": "gemini-2.5-pro"}
_CLAUDE = {"session.id": "sess-2", "model": "claude-sonnet-4-5", "event.sequence": 4}
LOGS = [
    Log(
        _CODEX
        | {"event.name": "codex.sse_event", "event.kind": "response.completed"}
        | {"input_token_count": "1200", "output_token_count": "70", "cached_token_count": 800}
    ),
    Log(
        _CODEX
        | {"event.name": "codex.tool_result", "tool_name": "exec_command", "call_id": "c1", "success": "true"}
        | {"arguments": json.dumps({"cmd": MARK}), "output": f"Chunk ID: a1\nWall time: 0.1 seconds\nOutput:\n{MARK}"}
    ),
    Log(
        _GEMINI
        | {"event.name": "gemini_cli.api_response", "input_token_count": 900, "output_token_count": 40}
        | {"cached_content_token_count": 300, "thoughts_token_count": 25, "duration_ms": 250, "response_text": MARK}
    ),
    Log(_GEMINI | {"event.name": "gemini_cli.tool_call", "function_name": "read_file", "success": False}),
    Log(
        _CLAUDE
        | {"event.name": "claude_code.api_request", "input_tokens": 10, "output_tokens": 30, "cost_usd": 0.01}
        | {"cache_read_tokens": 900, "cache_creation_tokens": 100, "request_id": "req-1", "duration_ms": 900}
    ),
    Log(_CLAUDE | {"event.name": "claude_code.tool_decision", "tool_name": "Edit", "decision": "accept"}),
    Log(
        _CLAUDE
        | {"event.name": "claude_code.tool_result", "tool_name": "Bash", "tool_use_id": "t9", "success": True}
        | {"tool_parameters": json.dumps({"bash_command": MARK, "git_commit_id": "c0ffee"})}
    ),
    Log(_GEMINI | {"event.name": "gemini_cli.file_operation", "tool_name": "write_file", "operation": "create"}),
    Log({"event.name": "codex.startup_phase", "note": MARK}),
]

_TALK = [{"role": "assistant", "parts": [{"type": "text", "content": MARK}], "finish_reason": "stop"}]
SPANS = [
    Span(
        {"gen_ai.operation.name": "chat", "gen_ai.response.id": "resp-1", "gen_ai.response.model": "gpt-5-mini"}
        | {"gen_ai.provider.name": "openai", "gen_ai.conversation.id": "conv-1", "gen_ai.usage.input_tokens": 1500}
        | {"gen_ai.usage.output_tokens": 90, "gen_ai.usage.cache_read.input_tokens": 1024}
        | {"operation.cost": 0.01, "gen_ai.output.messages": json.dumps(_TALK)},
        scope="pydantic-ai",
        span=2,
        parent=1,
    ),
    Span(
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "ls", "gen_ai.tool.call.id": "t1"}
        | {"gen_ai.conversation.id": "conv-1", "gen_ai.tool.call.result": MARK}
        | {"gen_ai.tool.call.arguments": json.dumps({"path": MARK})},
        scope="pydantic-ai",
        span=3,
        parent=1,
    ),
    Span({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 1500}, scope="pydantic-ai"),
    Span(
        {"openinference.span.kind": "LLM", "llm.model_name": "gpt-5-mini", "llm.token_count.prompt": 900}
        | {"llm.token_count.completion": 40, "output.value": MARK, "metadata": json.dumps({"task": "PAY-2"})},
        span=4,
        trace=2,
    ),
    Span(
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", "error.type": "RateLimitError"},
        span=5,
        failed=True,
    ),
]


def _litellm(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": MARK, "tool_calls": [
        {"id": "t1", "type": "function", "function": {"name": "ls", "arguments": json.dumps({"path": MARK})}}
    ]}  # fmt: skip
    return {
        "id": "chatcmpl-1", "litellm_call_id": "l-1", "trace_id": "trace-1", "call_type": "acompletion",
        "model": "openai/gpt-5-mini", "custom_llm_provider": "openai", "status": "success", "response_cost": 0.01,
        "startTime": 1_790_000_050.0, "endTime": 1_790_000_060.0, "response_time": 10.0,
        "prompt_tokens": 1500, "completion_tokens": 90, "total_tokens": 1590,
        "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 1024}}, "requester_metadata": {}},
        "request_tags": ["team:payments", "task:PAY-1", "User-Agent: x"],
        "messages": [{"role": "user", "content": MARK}, {"role": "tool", "tool_call_id": "t0", "content": MARK}],
        "response": {"choices": [{"message": message}]},
    } | more  # fmt: skip


_ROLLOUT = [
    made.meta(),
    made.turn(),
    made.asked(1.0, "c1", MARK),
    made.record(2.0, "r1", made.counts(1200, 70, cached=800)),
    made.answered(3.0, "c1", MARK),
    made.said(4.0, MARK),
    made.record(5.0, "r2", made.counts(1300, 60)),
]
_GEMINI_SESSION = [
    made.session(),
    made.asks(0.0, "u1", MARK),
    made.gemini(1.0, "m1"),
    made.gemini(1.0, "m1", tools=[made.gemini_tool("t1", MARK, MARK)]),
    {"$set": {"messages": [made.gemini(1.0, "m1"), made.gemini(2.0, "m2", MARK)], "lastUpdated": "later"}},
]
_CLAUDE_CODE = [
    {"type": "summary", "summary": MARK, "leafUuid": "x"},
    made.claude(0.0, "user", "u1", {"role": "user", "content": MARK}),
    made.block(1.0, "a1", "msg-1", {"type": "text", "text": MARK}),
    made.block(1.5, "a2", "msg-1", made.use("t1", MARK), output=60),
    made.result(2.0, "u2", "t1", [{"type": "text", "text": MARK}]),
]


PAIRS: dict[str, list[tuple[bytes, bytes]]] = {
    "otlp_logs": [(logs_protobuf(LOGS, RESOURCE), logs_json(LOGS, RESOURCE))],
    "otlp_spans": [(spans_protobuf(SPANS, RESOURCE), spans_json(SPANS, RESOURCE))],
}
"""The same body as protobuf and as JSON."""
BODIES: dict[str, list[bytes]] = {
    "otlp_logs": [*PAIRS["otlp_logs"][0]],
    "otlp_spans": [*PAIRS["otlp_spans"][0]],
    "litellm": [
        json.dumps(_litellm()).encode(),
        json.dumps([_litellm(id="chatcmpl-2"), _litellm(id="l-1", status="failure", response_cost=0.0)]).encode(),
    ],
}
"""By format."""
FILES: dict[str, list[bytes]] = {
    "rollout": [made.body(_ROLLOUT)],
    "gemini_sessions": [made.body(_GEMINI_SESSION)],
    "gemini_outfile": [made.outfile([log.attributes for log in LOGS if "session.id" in log.attributes])],
    "claude_transcripts": [made.body(_CLAUDE_CODE)],
}
"""Transcripts, which no topic holds, by format."""
ALL = BODIES | FILES
