"""A model's server as LiteLLM calls it: OpenAI's chat and Anthropic's messages, whole and as streams, on loopback."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web


class Usage(NamedTuple):
    """Tokens of one call: input with cached and written ones, output with reasoning."""

    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0


class Asked(NamedTuple):
    """A tool that the model asks for."""

    id: str
    name: str
    arguments: dict[str, Any]


class Reply(NamedTuple):
    """What the server answers next: a status other than 200 is an error."""

    text: str = "done"
    tools: tuple[Asked, ...] = ()
    status: int = 200


class Upstream:
    """Answers each request by `next`, and keeps the usage of those that it has answered well."""

    def __init__(self) -> None:
        self.url = ""
        self.next = Reply()
        self.told: list[Usage] = []
        self.failed = 0

    def _usage(self, anthropic: bool) -> Usage:
        n = len(self.told)
        # Neither tells what the other does: OpenAI's form no cache writes, Anthropic's no reasoning.
        apart = {"written": 128} if anthropic else {"reasoning": 32 + n}
        self.told.append(Usage(input=1500 + 211 * n, cached=1024 + 19 * n, output=90 + 3 * n)._replace(**apart))
        return self.told[-1]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        asked, reply = await request.json(), self.next
        if reply.status != 200:
            return self._fail(reply.status)
        u = self._usage(anthropic=False)
        usage = {
            "prompt_tokens": u.input, "completion_tokens": u.output, "total_tokens": u.input + u.output,
            "prompt_tokens_details": {"cached_tokens": u.cached},
            "completion_tokens_details": {"reasoning_tokens": u.reasoning},
        }  # fmt: skip
        head = {"id": f"chatcmpl-{len(self.told)}", "created": 1, "model": asked["model"]}
        if asked.get("stream"):
            include = (asked.get("stream_options") or {}).get("include_usage")
            return await _stream(request, _chat_chunks(head, reply, usage if include else None), named=False)
        message: dict[str, Any] = {"role": "assistant", "content": None if reply.tools else reply.text}
        if reply.tools:
            message["tool_calls"] = _tool_calls(reply)
        reason = "tool_calls" if reply.tools else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return web.json_response(head | {"object": "chat.completion", "choices": [choice], "usage": usage})

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/messages."""
        asked, reply = await request.json(), self.next
        if reply.status != 200:
            return self._fail(reply.status)
        u = self._usage(anthropic=True)
        usage = {
            "input_tokens": u.input - u.cached - u.written, "cache_read_input_tokens": u.cached,
            "cache_creation_input_tokens": u.written, "output_tokens": u.output,
        }  # fmt: skip
        content: list[dict[str, Any]] = [
            {"type": "tool_use", "id": t.id, "name": t.name, "input": t.arguments} for t in reply.tools
        ] or [{"type": "text", "text": reply.text}]
        message = {
            "id": f"msg_{len(self.told)}", "type": "message", "role": "assistant", "model": asked["model"],
            "content": content, "stop_reason": "tool_use" if reply.tools else "end_turn", "stop_sequence": None,
            "usage": usage,
        }  # fmt: skip
        if asked.get("stream"):
            return await _stream(request, _message_events(message), named=True)
        return web.json_response(message)

    def _fail(self, status: int) -> web.Response:
        self.failed += 1
        kind = "rate_limit_error" if status == 429 else "api_error"
        error = {"type": kind, "message": "no", "code": kind}
        return web.json_response({"type": "error", "error": error}, status=status)


def _tool_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"index": n, "id": t.id, "type": "function", "function": {"name": t.name, "arguments": json.dumps(t.arguments)}}
        for n, t in enumerate(reply.tools)
    ]


def _chat_chunks(head: dict[str, Any], reply: Reply, usage: dict[str, Any] | None) -> Iterator[dict[str, Any] | str]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return head | {"object": "chat.completion.chunk", "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if reply.tools:
        yield chunk({"tool_calls": _tool_calls(reply)})
    else:
        for word in reply.text.split(" "):
            yield chunk({"content": f"{word} "})
    yield chunk({}, "tool_calls" if reply.tools else "stop")
    if usage is not None:
        yield head | {"object": "chat.completion.chunk", "choices": [], "usage": usage}
    yield "[DONE]"


def _message_events(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    yield {"type": "message_start", "message": message | {"content": [], "usage": usage | {"output_tokens": 1}}}
    for n, block in enumerate(message["content"]):
        if block["type"] == "text":
            start, delta = block | {"text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            start = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield {"type": "content_block_start", "index": n, "content_block": start}
        yield {"type": "content_block_delta", "index": n, "delta": delta}
        yield {"type": "content_block_stop", "index": n}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


async def _stream(request: web.Request, events: Iterator[Any], *, named: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        data = event if isinstance(event, str) else json.dumps(event)
        await response.write(f"{name}data: {data}\n\n".encode())
    await response.write_eof()
    return response


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """A server that listens until the end of the block."""
    server = Upstream()
    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/v1/chat/completions", server.chat), web.post("/v1/messages", server.messages)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
