"""Transcripts as coding agents leave them on disk, made line by line."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.support.otlp import NOW

Said = dict[str, Any]


def at(t: float) -> str:
    """NOW and `t` s, as agents write times."""
    return datetime.fromtimestamp(NOW + t, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body(lines: list[Said]) -> bytes:
    """One JSON value a line."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


# Codex


def rollout_line(t: float, type: str, **payload: Any) -> Said:
    """A line of a rollout file; `type` with a space: the line's and its payload's."""
    outer, _, inner = type.partition(" ")
    return {"timestamp": at(t), "type": outer, "payload": ({"type": inner} if inner else {}) | payload}


def meta(thread: str = "thread-1", t: float = 0.0, **more: Any) -> Said:
    """The first line."""
    told = {"id": thread, "session_id": "thread-1", "cwd": "/home/jane/shop", "originator": "codex_exec"}
    return rollout_line(t, "session_meta", **(told | more))


def turn(t: float = 0.0, model: str = "gpt-5.1", turn_id: str | None = "turn-1") -> Said:
    """What the calls after it are made with."""
    return rollout_line(t, "turn_context", model=model, turn_id=turn_id, cwd="/home/jane/shop")


def counts(input: int, output: int, cached: int = 0, written: int = 0, reasoning: int = 0) -> dict[str, int]:
    """Tokens as Codex writes them."""
    return {
        "input_tokens": input, "cached_input_tokens": cached, "cache_write_input_tokens": written,
        "output_tokens": output, "reasoning_output_tokens": reasoning, "total_tokens": input + output,
    }  # fmt: skip


def record(t: float, id: str, usage: dict[str, int], thread: str = "thread-1", turn_id: str = "turn-1") -> Said:
    """A call."""
    told = {"thread_id": thread, "turn_id": turn_id, "response_id": id, "usage": usage, "turn_token_usage": usage}
    return rollout_line(t, "token_usage_record", **told)


def count(t: float, last: dict[str, int] | None, total: dict[str, int] | None) -> Said:
    """A call as older versions write it, once or several times."""
    info = None if last is None and total is None else {"last_token_usage": last, "total_token_usage": total}
    return rollout_line(t, "event_msg token_count", info=info)


def asked(t: float, id: str, command: str) -> Said:
    """The model asks for a command."""
    arguments = json.dumps({"cmd": command})
    return rollout_line(t, "response_item function_call", name="exec_command", arguments=arguments, call_id=id)


def answered(t: float, id: str, text: str, code: int = 0, chunk: str = "a1b2c3") -> Said:
    """What the command answered, as Codex passes it on."""
    head = f"Chunk ID: {chunk}\nWall time: {t % 1:.4f} seconds\nProcess exited with code {code}\n"
    output = f"{head}Original token count: 3\nOutput:\n{text}"
    return rollout_line(t, "response_item function_call_output", call_id=id, output=output)


def said(t: float, text: str) -> Said:
    """The model says something."""
    parts = [{"type": "output_text", "text": text}]
    return rollout_line(t, "response_item message", role="assistant", content=parts)


def steps(n: int, thread: str = "thread-1", begin: float = 0.0, every: float = 20.0, **more: Any) -> list[Said]:
    """A thread that runs into the same failure `n` times."""
    lines = [meta(thread, begin, **more), turn(begin)]
    for i in range(n):
        t = begin + (i + 1) * every
        lines += [
            asked(t - 1, f"call-{i}", "make test"),
            record(t, f"resp-{i}", counts(40_000, 300, cached=30_000), thread),
            answered(t + 1, f"call-{i}", "no rule to make target\n", code=2, chunk=f"{i:06x}"),
        ]
    return lines


# Gemini CLI


def session(id: str = "sess-1", t: float = 0.0, kind: str = "main") -> Said:
    """The first line."""
    return {"sessionId": id, "projectHash": "p1", "startTime": at(t), "lastUpdated": at(t), "kind": kind}


def asks(t: float, id: str, text: str) -> Said:
    """A message of a person, or of Gemini CLI in their name."""
    return {"id": id, "timestamp": at(t), "type": "user", "content": [{"text": text}]}


def gemini(t: float, id: str, text: str = "", tools: list[Said] | None = None, **tokens: int) -> Said:
    """A message of the model's."""
    numbers = {"input": 900, "output": 40, "cached": 300, "thoughts": 25, "tool": 0, "total": 965} | tokens
    told = {"id": id, "timestamp": at(t), "type": "gemini", "content": text, "thoughts": [], "tokens": numbers}
    return told | {"model": "gemini-2.5-pro"} | ({"toolCalls": tools} if tools is not None else {})


def gemini_tool(id: str, path: str, output: str, status: str = "success") -> Said:
    """A tool and what it answered."""
    response = {"functionResponse": {"id": id, "name": "read_file", "response": {"output": output}}}
    return {"id": id, "name": "read_file", "args": {"file_path": path}, "result": [response], "status": status}


# Claude Code


def claude(t: float, type: str, uuid: str, message: Said, parent: str | None = None, **more: Any) -> Said:
    """A line."""
    return {
        "parentUuid": parent, "isSidechain": False, "userType": "external", "cwd": "/home/jane/shop",
        "sessionId": "sess-3", "version": "2.1.0", "gitBranch": "PAY-7-retries", "type": type, "uuid": uuid,
        "timestamp": at(t), "message": message,
    } | more  # fmt: skip


def block(t: float, uuid: str, id: str, content: Said, output: int = 1, **more: Any) -> Said:
    """A block of an answer of the model's."""
    usage = {"input_tokens": 4, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 900}
    message = {"id": id, "role": "assistant", "model": "claude-sonnet-4-5", "content": [content]}
    return claude(t, "assistant", uuid, message | {"usage": usage | {"output_tokens": output}}, **more)


def use(id: str, path: str) -> Said:
    """A block that asks for a tool."""
    return {"type": "tool_use", "id": id, "name": "Read", "input": {"file_path": path}}


def result(t: float, uuid: str, id: str, content: Any, failed: bool = False, **more: Any) -> Said:
    """What a tool answered."""
    told = {"type": "tool_result", "tool_use_id": id, "content": content, "is_error": failed}
    return claude(t, "user", uuid, {"role": "user", "content": [told]}, **more)


# Gemini CLI's outfile


def outfile(logs: list[Said], resource: dict[str, Any] | None = None) -> bytes:
    """Log records by their attributes, among a span and metrics, as its telemetry writes them to a file."""
    told = {"_rawAttributes": [[k, v] for k, v in ({"service.name": "gemini-cli"} | (resource or {})).items()]}
    span = {
        "_spanContext": {"traceId": "t" * 32},
        "attributes": {"gen_ai.operation.name": "llm_call"},
        "resource": told,
    }
    records = [
        {"hrTime": [int(NOW) + n, 5], "resource": told, "attributes": attributes, "_body": "said"}
        for n, attributes in enumerate(logs)
    ]
    objects = [span, *records, {"resource": told, "scopeMetrics": []}]
    return b"".join(json.dumps(one, indent=2).encode() + b"\n" for one in objects)
