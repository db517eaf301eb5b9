"""Codex CLI: its log records to calls and tools, as version 0.169 sends them.

Of the `codex.*` records three are read. `codex.sse_event` is one for each event of a stream, and says
`response.completed` twice a call: the one with the counts is the call. `codex.api_request` is one for each attempt,
and is a call where it failed. `codex.tool_result` is a tool, its arguments and its result in full; that of
`spawn_agent` names the conversation that it started.
"""

import re

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import Call, Id, Link, ToolCall, Usage
from detector.sources import checked
from detector.sources.otlp import Record
from detector.sources.told import Decoded, Layer, Told

_STREAMS = ("/responses", "/chat/completions")
"""Endpoints that call a model; an attempt that names none of them, but another, is no call."""
_FAILED = 400
_SPAWN = "spawn_agent"
_HEADS = ("Chunk ID: ", "Wall time: ", "Process ", "Exit code: ")
_OUTPUT = "\nOutput:\n"
_VOLATILE = re.compile(r"^(?:Chunk ID|Wall time): .*\n?", re.MULTILINE)
_EXIT = re.compile(r"^(?:Process exited with code|Exit code:) (?!0$)-?\d+$", re.MULTILINE)


def mine(record: Record) -> bool:
    """Whether Codex says it."""
    return record.name.startswith("codex.")


def take(records: list[Record]) -> Decoded:
    """Calls, tools and links of Codex's records, in their order; a BadInput for each that cannot be used."""
    return [event for told in checked.each(records, _READERS) for event in (told, _started(told)) if event is not None]


def _streamed(record: Record) -> Told | None:
    """A call: its stream is over, or broke. What else a stream says is nothing."""
    said = record.attributes
    if said.get("event.kind") != "response.completed":
        return None
    error = checked.words(said, "error.message")
    if "input_token_count" not in said and error is None:
        return None
    run, t = checked.text(said, "conversation.id"), checked.time(record)
    usage = Usage(
        input_tokens=checked.tokens(said, "input_token_count"),
        cached_input_tokens=checked.tokens(said, "cached_token_count"),
        cache_write_tokens=checked.tokens(said, "cache_write_token_count"),
        output_tokens=checked.tokens(said, "output_token_count"),
        reasoning_tokens=checked.tokens(said, "reasoning_token_count"),
    )
    return _told(
        record,
        Call(
            id=checked.made_id("codex", run, t, usage.input_tokens, usage.output_tokens, usage.cached_input_tokens),
            time=t,
            model=_model(said),
            usage=usage,
            status="ok" if error is None else "error",
            error=error,
            tools_apart=error is None,
        ),
    )


def _attempted(record: Record) -> Told | None:
    """A call that failed before its stream began. Its usage is told nowhere."""
    said = record.attributes
    code = checked.tokens(said, "http.response.status_code")
    error = checked.words(said, "error.message")
    if (code is None or code < _FAILED) and error is None:
        return None
    endpoint = checked.text(said, "endpoint")
    if endpoint is not None and not any(stream in endpoint for stream in _STREAMS):
        return None
    run, t = checked.text(said, "conversation.id"), checked.time(record)
    attempt, request = checked.tokens(said, "attempt"), checked.text(said, "auth.request_id")
    return _told(
        record,
        Call(
            id=checked.made_id("codex attempt", run, t, attempt, request),
            time=t,
            model=_model(said),
            usage=Usage(),
            duration_s=checked.seconds(said, "duration_ms"),
            status=checked.failure(code),
            error=error or f"http {code}",
        ),
    )


def _used(record: Record) -> Told:
    """A tool."""
    said = record.attributes
    run, t = checked.text(said, "conversation.id"), checked.time(record)
    call_id, output = checked.text(said, "call_id"), checked.words(said, "output")
    # A command that exits with 1 is a success to Codex.
    failed = checked.flag(said, "success") is False or (output is not None and exited(output))
    result = None if output is None else steady(output)
    tool = checked.tool(checked.required(said, "tool_name"), call_id, checked.words(said, "arguments"), result, failed)
    return _told(record, ToolCall(id=checked.made_id("codex tool", run, t, call_id), time=t, tool=tool))


class _Spawned(msgspec.Struct):
    agent_id: Id


_spawned = msgspec.json.Decoder(_Spawned).decode


def _started(told: Told | BadInput) -> Told | None:
    """The link from a sub-agent's conversation to the one that started it, which the tool's result names."""
    if isinstance(told, BadInput) or not isinstance(told.event, ToolCall) or told.event.tool.name != _SPAWN:
        return None
    run = told.attributes[0]["detector.run"]
    try:
        child = _spawned(msgspec.json.decode(told.event.tool.result, type=str)).agent_id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if run is None or child == run:
        return None
    link = Link(id=checked.made_id("codex spawn", run, child), time=told.event.time, run=child, parent_run=run)
    link.source = "codex"
    return Told(link, told.attributes)


def steady(output: str) -> str:
    """A tool's output without what is another each time: the lines `Chunk ID: …` and `Wall time: …` of its head."""
    head = _head(output)
    return _VOLATILE.sub("", head) + output[len(head) :]


def exited(output: str) -> bool:
    """Whether a tool's output says that its command ended with another code than 0."""
    return _EXIT.search(_head(output)) is not None


def _head(output: str) -> str:
    """What Codex puts before a command's own output, where it does."""
    return output[: output.find(_OUTPUT) + 1] if output.startswith(_HEADS) else ""


def _model(said: Layer) -> str:
    model = checked.text(said, "model") or checked.text(said, "slug")
    if model is None:
        raise BadInput(Reason.MISSING_FIELD, "model", "is required")
    return model


def _told(record: Record, event: Call | ToolCall) -> Told:
    """A sub-agent has a conversation of its own. Only tools name an agent, so the program is the agent of all."""
    said = record.attributes
    about = {
        "detector.run": checked.text(said, "conversation.id"),
        "detector.agent": checked.text(said, "originator"),
    }
    return Told(event, (about, said, record.resource))


_READERS: dict[str, checked.Reader] = {
    "codex.sse_event": _streamed,
    "codex.api_request": _attempted,
    "codex.tool_result": _used,
}
