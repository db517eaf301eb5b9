"""Bodies of many calls with known totals, as Codex, Gemini CLI and instrumentations send them."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

from detector.model.events import Usage
from tests.support.otlp import NOW, Log, logs_json, logs_protobuf
from tests.support.otlp_spans import Span, spans_json, spans_protobuf

RESOURCE = {"service.name": "a-client", "team": "payments", "task": "PAY-1"}


class Sent(NamedTuple):
    """A request of a signal ("logs", "traces"), and what it tells: calls, tools, tokens by their fields of usage."""

    signal: str
    body: bytes
    told: Counter[str]


def _usage(n: int) -> Usage:
    """Of the nth call; no two are equal."""
    return Usage(
        input_tokens=1500 + 13 * n,
        cached_input_tokens=900 + 7 * n,
        cache_write_tokens=100 + n,
        output_tokens=200 + 3 * n,
        reasoning_tokens=20 + n,
    )


def _sums(calls: range, tools: int, *untold: str) -> Counter[str]:
    sums = Counter(calls=len(calls), tools=tools)
    for n in calls:
        usage = _usage(n)
        sums.update({name: getattr(usage, name) or 0 for name in usage.__struct_fields__ if name not in untold})
    return sums


def codex(run: str, calls: range, output: str = "", at: float = NOW, json_form: bool = False) -> Sent:
    """Calls with a tool after each, whose result is `output`; beside them what Codex tells of its streams."""
    logs = []
    for n in calls:
        usage, said = _usage(n), {"conversation.id": run, "originator": "codex_exec", "model": "gpt-5.1"}
        counts = {
            "input_token_count": str(usage.input_tokens),
            "output_token_count": str(usage.output_tokens),
            "cached_token_count": usage.cached_input_tokens,
            "cache_write_token_count": usage.cache_write_tokens,
            "reasoning_token_count": usage.reasoning_tokens,
        }
        stream = said | {"event.name": "codex.sse_event", "event.kind": "response.completed"}
        tool = {"event.name": "codex.tool_result", "tool_name": "exec_command", "call_id": f"{run}-{n}"}
        logs += [
            Log(said | {"event.name": "codex.sse_event", "event.kind": "response.output_text.delta"}, at + n),
            Log(stream | {"duration_ms": "12"}, at + n),
            Log(stream | counts, at + n),
            Log(said | tool | {"arguments": json.dumps({"cmd": f"make {n}"}), "output": output or "ok"}, at + n),
        ]
    body = logs_json(logs, RESOURCE) if json_form else logs_protobuf(logs, RESOURCE)
    return Sent("logs", body, _sums(calls, len(calls)))


def gemini(run: str, calls: range, at: float = NOW) -> Sent:
    """Calls as Gemini CLI sends them over HTTP, which is JSON; its output leaves thoughts out."""
    logs = []
    for n in calls:
        usage = _usage(n)
        assert usage.output_tokens is not None
        assert usage.reasoning_tokens is not None
        said = {"session.id": run, "prompt_id": f"{run}########{n}", "model": "gemini-2.5-pro"}
        counts = {
            "input_token_count": usage.input_tokens,
            "output_token_count": usage.output_tokens - usage.reasoning_tokens,
            "cached_content_token_count": usage.cached_input_tokens,
            "thoughts_token_count": usage.reasoning_tokens,
        }
        logs.append(Log(said | {"event.name": "gemini_cli.api_response"} | counts, at + n))
        logs.append(Log(said | {"event.name": "gen_ai.client.inference.operation.details"}, at + n))
    return Sent("logs", logs_json(logs, RESOURCE), _sums(calls, 0, "cache_write_tokens"))


def spans(run: str, calls: range, at: float = NOW, json_form: bool = False) -> Sent:
    """Calls by the GenAI conventions, and the span of their agent, which tells their sum again."""
    made = []
    for n in calls:
        usage = _usage(n)
        made.append(
            Span(
                {"gen_ai.operation.name": "chat", "gen_ai.response.id": f"{run}-{n}", "gen_ai.provider.name": "openai"}
                | {"gen_ai.response.model": "gpt-5-mini", "gen_ai.conversation.id": run}
                | {"gen_ai.usage.input_tokens": usage.input_tokens, "gen_ai.usage.output_tokens": usage.output_tokens}
                | {"gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens}
                | {"gen_ai.usage.cache_write.input_tokens": usage.cache_write_tokens}
                | {"gen_ai.usage.reasoning_tokens": usage.reasoning_tokens},
                span=n + 2,
                parent=1,
                t=at + n,
            )
        )
    whole = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 1_000_000}
    made.append(Span(whole, t=at + calls.stop))
    body = spans_json(made, RESOURCE) if json_form else spans_protobuf(made, RESOURCE)
    return Sent("traces", body, _sums(calls, 0))
