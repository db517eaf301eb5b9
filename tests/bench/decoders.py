"""What a record of each foreign format costs: its body read, decoded, and whose it is found out."""

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from detector.config.sources import Format, Source
from detector.sources.reading import of_source
from tests.support.bodies import RESOURCE
from tests.support.otlp import Log, logs_json, logs_protobuf
from tests.support.otlp_spans import Span, spans_json, spans_protobuf

CALLS = 50
"""Of one body."""
_TEXT = "The test fails because the fixture is read twice; it is read once now. " * 12

_AROUND = {
    "event.timestamp": "2026-11-22T10:53:41.911Z", "app.version": "0.1", "auth_mode": "ApiKey", "terminal.type": "x",
    "originator": "codex_exec", "conversation.id": "01a202e3-ed68-7611-80f8-9bd206935927", "model": "gpt-5.1",
    "slug": "gpt-5.1", "user.account_id": "acct-1", "user.email": "a@example.com",
}  # fmt: skip


def codex_records(calls: int) -> list[Log]:
    """As they come of so many calls: of each 18 records about its stream, the request, the counts, and a tool."""
    return _codex() * calls


def _codex() -> list[Log]:
    stream = [Log(_AROUND | {"event.name": "codex.sse_event", "event.kind": "response.output_text.delta"})] * 18
    counts = {"input_token_count": "1500", "output_token_count": "90", "cached_token_count": 1024}
    done = {"event.name": "codex.sse_event", "event.kind": "response.completed", "reasoning_token_count": 32}
    tool = {"event.name": "codex.tool_result", "tool_name": "exec_command", "success": "true", "call_id": "call-1"}
    said = f"Chunk ID: 4f11ac\nWall time: 0.1 seconds\nProcess exited with code 1\nOutput:\n{_TEXT}"
    return [
        *stream,
        Log(_AROUND | {"event.name": "codex.api_request", "duration_ms": "164", "http.response.status_code": 200}),
        Log(_AROUND | done | counts),
        Log(_AROUND | tool | {"arguments": json.dumps({"cmd": "make test"}), "output": said}),
    ]


_GEMINI = {"session.id": "sess-1", "prompt_id": "sess-1#1", "installation.id": "i-1", "interactive": False}
_ANSWER = {"event.name": "gemini_cli.api_response", "model": "gemini-2.5-pro", "duration_ms": 232, "role": "main"}
_GEMINI_COUNTS = {"input_token_count": 1500, "output_token_count": 58, "thoughts_token_count": 32}
_CLAUDE = {"session.id": "sess-2", "user.account_uuid": "u-1", "organization.id": "o-1", "prompt.id": "p-1"}
_REQUEST = {"event.name": "claude_code.api_request", "model": "claude-sonnet-4-5", "cost_usd": 0.01}
_CLAUDE_COUNTS = {"input_tokens": 10, "output_tokens": 30, "cache_read_tokens": 900, "cache_creation_tokens": 100}
_TALK = [{"role": "assistant", "parts": [{"type": "text", "content": _TEXT}], "finish_reason": "stop"}]
_GENAI = {
    "gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-5-mini", "gen_ai.provider.name": "openai",
    "gen_ai.conversation.id": "conv-1", "gen_ai.usage.input_tokens": 1500, "gen_ai.usage.output_tokens": 90,
    "gen_ai.usage.cache_read.input_tokens": 1024, "gen_ai.output.messages": json.dumps(_TALK),
    "gen_ai.agent.name": "fixer", "operation.cost": 0.01,
}  # fmt: skip
_OPENINFERENCE = {
    "openinference.span.kind": "LLM", "llm.model_name": "gpt-5-mini", "llm.token_count.prompt": 1500,
    "llm.token_count.completion": 90, "output.value": json.dumps({"id": "chatcmpl-1", "text": _TEXT}),
    "session.id": "conv-1", "metadata": json.dumps({"task": "PAY-2"}),
}  # fmt: skip


def _payload(n: int) -> dict[str, Any]:
    talk = [{"role": "user", "content": _TEXT}, {"role": "tool", "tool_call_id": f"t{n}", "content": _TEXT}] * 4
    return {
        "id": f"chatcmpl-{n}", "litellm_call_id": f"l-{n}", "trace_id": "trace-1", "call_type": "acompletion",
        "model": "openai/gpt-5-mini", "custom_llm_provider": "openai", "status": "success", "response_cost": 0.01,
        "startTime": 1_790_000_050.0, "endTime": 1_790_000_060.0, "prompt_tokens": 1500, "completion_tokens": 90,
        "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 1024}}, "user_api_key_hash": "h"},
        "request_tags": ["team:payments", "task:PAY-1"], "messages": talk,
        "response": {"choices": [{"message": {"role": "assistant", "content": _TEXT}}]},
        "model_map_information": {"model_map_value": {f"key_{k}": k for k in range(200)}},
    }  # fmt: skip


class Load(NamedTuple):
    """A body of one client, how many records it has, and what merely reads such a body: the floor."""

    format: Format
    body: bytes
    records: int
    floor: Callable[[bytes], object]


class Cost(NamedTuple):
    """CPU µs a record: of decoder and look-up, and of reading the body alone; and of the body, bytes a record."""

    us: float
    floor_us: float
    record_bytes: float


def loads() -> dict[str, Load]:
    """By client."""
    codex = codex_records(CALLS)
    gemini = [Log(_GEMINI | _ANSWER | _GEMINI_COUNTS | {"n": n}) for n in range(CALLS)]
    claude = [Log(_CLAUDE | _REQUEST | _CLAUDE_COUNTS | {"request_id": f"req-{n}"}) for n in range(CALLS)]
    genai = [Span(_GENAI | {"gen_ai.response.id": f"r-{n}"}, span=n + 1) for n in range(CALLS)]
    inference = [Span(_OPENINFERENCE, span=n + 1) for n in range(CALLS)]
    payloads = json.dumps([_payload(n) for n in range(CALLS)]).encode()
    return {
        "codex, protobuf": Load("otlp_logs", logs_protobuf(codex, RESOURCE), len(codex), _logs),
        "codex, JSON": Load("otlp_logs", logs_json(codex, RESOURCE), len(codex), msgspec.json.decode),
        "gemini, protobuf": Load("otlp_logs", logs_protobuf(gemini, RESOURCE), CALLS, _logs),
        "claude code, protobuf": Load("otlp_logs", logs_protobuf(claude, RESOURCE), CALLS, _logs),
        "genai spans, protobuf": Load("otlp_spans", spans_protobuf(genai, RESOURCE), CALLS, _spans),
        "genai spans, JSON": Load("otlp_spans", spans_json(genai, RESOURCE), CALLS, msgspec.json.decode),
        "openinference, protobuf": Load("otlp_spans", spans_protobuf(inference, RESOURCE), CALLS, _spans),
        "litellm": Load("litellm", payloads, CALLS, msgspec.json.decode),
    }


def _logs(body: bytes) -> object:
    return ExportLogsServiceRequest.FromString(body)


def _spans(body: bytes) -> object:
    return ExportTraceServiceRequest.FromString(body)


def measure_decoders(rounds: int) -> dict[str, Cost]:
    """By client; medians of so many rounds, decoder and floor in turn."""
    found = {}
    for name, load in loads().items():
        read = of_source(Source(topic="t", format=load.format))
        refused = [event for event in read(load.body, ()) if isinstance(event, Exception)]
        if refused:
            raise refused[0]
        costs: list[tuple[float, float]] = []
        for _ in range(rounds):
            began = time.process_time_ns()
            read(load.body, ())
            between = time.process_time_ns()
            load.floor(load.body)
            costs.append((between - began, time.process_time_ns() - between))
        us, floor = (median(cost) / load.records / 1e3 for cost in zip(*costs, strict=True))
        found[name] = Cost(us, floor, len(load.body) / load.records)
    return found
