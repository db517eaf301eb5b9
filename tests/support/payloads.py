"""Payloads as LiteLLM's proxy gives them to its callbacks: conversations with tools, as large as they get."""

import json
from collections.abc import Iterable
from typing import Any

from tests.support.otlp import NOW

SESSION = "0b8f2c1e-6a57-4bb5-9d3e-1f1f7c0a9b11"

Message = dict[str, Any]


def payload(n: int = 0, **fields: Any) -> dict[str, Any]:
    """The n-th call of a session, answered well."""
    usage = {
        "prompt_tokens": 900 + n,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 16},
    }
    return {
        "id": f"chatcmpl-{n}",
        "litellm_call_id": f"lc-{n}",
        "trace_id": f"trace-{n}",
        "call_type": "acompletion",
        "status": "success",
        "model": "openai/gpt-5-mini",
        "custom_llm_provider": "openai",
        "startTime": NOW + 10.0 * n - 2.0,
        "endTime": NOW + 10.0 * n,
        "response_time": 2.0,
        "prompt_tokens": 900 + n,
        "completion_tokens": 40,
        "response_cost": 0.0125,
        "request_tags": ["task:PAY-1", "User-Agent: claude-cli"],
        "metadata": {
            "usage_object": usage,
            "user_api_key_team_alias": "payments",
            "user_api_key_user_id": "u-jane",
            "requester_custom_headers": {"x-claude-code-session-id": SESSION},
        },
        "messages": [{"role": "user", "content": "do it"}],
        "response": {"choices": [{"message": {"role": "assistant", "content": "done"}}]},
        "model_parameters": {"tools": [{"name": "ls", "description": "lists files " * 40}]},
        "model_map_information": {"model_map_key": "gpt-5-mini", "model_map_value": {"max_tokens": 1}},
    } | fields


def failure(n: int, code: str = "429", kind: str = "RateLimitError") -> dict[str, Any]:
    """The n-th call of a session, which failed."""
    said = {"error_code": code, "error_class": kind, "error_message": "do it"}
    return payload(n, id=f"lc-{n}", status="failure", response={}, response_cost=0.0, error_information=said)


def asks(*tools: tuple[str, str, Any], content: str | None = None) -> Message:
    """The model's answer that asks for tools: call id, name, arguments (JSON, or a text as it stands)."""
    calls = [
        {
            "id": id,
            "type": "function",
            "function": {"name": name, "arguments": told if isinstance(told, str) else json.dumps(told)},
        }
        for id, name, told in tools
    ]
    return {"role": "assistant", "content": content, "tool_calls": calls}


def answers(id: str, text: Any) -> Message:
    """What a tool answered."""
    return {"role": "tool", "tool_call_id": id, "content": text}


def answered(message: Message) -> dict[str, Any]:
    """The response whose message this is."""
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


def conversation(rounds: Iterable[tuple[str, Any, str]], first: str = "do it") -> list[dict[str, Any]]:
    """The payloads of a session: each round asks for a tool (its name and arguments) and gets this result."""
    said: list[Message] = [{"role": "user", "content": first}]
    payloads = []
    for n, (name, arguments, result) in enumerate(rounds):
        message = asks((f"t{n}", name, arguments))
        payloads.append(payload(n, messages=list(said), response=answered(message)))
        said += [message, answers(f"t{n}", result)]
    return payloads
