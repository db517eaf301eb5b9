"""Gemini CLI: its log records to calls and tools, as version 0.61 sends them.

Of the `gemini_cli.*` records four are read: `api_response`, which is a call (the same call is told twice more, under
`gen_ai.*` and as a span), `api_error`, which is one for each failed attempt, `tool_call`, and `file_operation` where a
file is written. `loop_detected`, which has no prefix, is its own word that it loops. An `api_request` without answer or
error is a call too: the client has cut the answer off, as its own loop detection does.
"""

from typing import Any, NamedTuple

import msgspec

from detector.model.events import MAX_CLAIMED, Call, Claim, Output, Status, ToolCall, Usage
from detector.sources import checked
from detector.sources.otlp import Record
from detector.sources.told import Decoded, Layer, Told

_LOOP = "loop_detected"
_ASKED = "gemini_cli.api_request"
_ENDED = ("gemini_cli.api_response", "gemini_cli.api_error")
_OF_ANSWERS = frozenset((_ASKED, *_ENDED, _LOOP))


def mine(record: Record) -> bool:
    """Whether Gemini CLI says it."""
    return record.name.startswith("gemini_cli.") or (
        record.name == _LOOP and record.resource.get("service.name") == "gemini-cli"
    )


def take(records: list[Record]) -> Decoded:
    """Calls, tools and claims of Gemini CLI's records, in their order; a BadInput for each that cannot be used."""
    return [*checked.each(records, _READERS), *cut_off(records)]


def cut_off(records: list[Record]) -> Decoded:
    """Calls whose answer the client has cut off. Their usage is told nowhere."""
    return checked.each(_given_up(records), {_ASKED: lambda record: _call(record, "gemini cut off", tools_apart=True)})


def _given_up(records: list[Record]) -> list[Record]:
    """What was asked for and neither answered nor failed before the client went on.

    So far as one body holds both, what was asked for and what came next; each comes at the time of the latter.
    """
    waiting: dict[tuple[str, str, str], Record] = {}
    out: list[Record] = []

    def give_up(place: tuple[str, str, str], t: float) -> None:
        asked = waiting.pop(place, None)
        if asked is not None:
            said = {**asked.attributes, "event.timestamp": None}
            out.append(asked._replace(t=t, attributes=said) if t else asked)

    for record in records:
        if record.name not in _OF_ANSWERS:
            continue
        said = record.attributes
        place = (str(said.get("session.id")), str(said.get("prompt_id")), str(said.get("role")))
        if record.name == _ASKED:
            give_up(place, record.t)
            waiting[place] = record
        elif record.name in _ENDED:
            waiting.pop(place, None)
        elif record.name == _LOOP:
            for other in [one for one in waiting if one[0] == place[0]]:
                give_up(other, record.t)
    return out


class _Work(NamedTuple):
    """Whose work it is. A sub-agent is a run of its own, within that of its session."""

    run: str | None
    parent: str | None
    turn: str | None
    agent: str

    def told(self, record: Record, event: Call | Claim | Status | ToolCall) -> Told:
        about = {"detector.run": self.run, "detector.parent_run": self.parent, "detector.agent": self.agent}
        return Told(event, (about, record.attributes, record.resource))


def _work(said: Layer) -> _Work:
    """By `prompt_id`: `<agent_id>#<turn>` of a sub-agent; else a prompt, which may begin with the session's id."""
    session, prompt = checked.text(said, "session.id"), checked.text(said, "prompt_id")
    agent, mark, _ = (prompt or "").partition("#")
    if mark and agent and agent != session:
        return _Work(agent, session, None, "subagent")
    return _Work(session, None, prompt, "main")


def _answered(record: Record) -> Told:
    said, usage = record.attributes, _usage(record.attributes)
    counts = usage.input_tokens, usage.output_tokens
    return _call(record, "gemini", counts, usage=usage, output=_output(said), tools_apart=True)


def _call(record: Record, what: str, counts: tuple[int | None, ...] = (), **more: Any) -> Told:
    """A call; its id is made of `what`, `counts`, and when and where it was."""
    said, t, work = record.attributes, checked.time(record), _work(record.attributes)
    told: dict[str, Any] = {
        "id": checked.made_id(what, work.run, _prompt(said), t, *counts),
        "time": t,
        "model": checked.required(said, "model"),
        "usage": Usage(),
        "turn": work.turn,
        "interactive": checked.flag(said, "interactive") is True,
        "operation": "generate_content",
        "duration_s": checked.seconds(said, "duration_ms"),
    }
    return work.told(record, Call(**(told | more)))


def _usage(said: Layer) -> Usage:
    """Gemini CLI counts thoughts apart from its output. What it was told no usage of it tells with zeros."""
    read, written = checked.tokens(said, "input_token_count"), checked.tokens(said, "output_token_count")
    thought = checked.tokens(said, "thoughts_token_count")
    if not (read or written or thought):
        return Usage()
    return Usage(
        input_tokens=read,
        cached_input_tokens=checked.tokens(said, "cached_content_token_count"),
        output_tokens=checked.summed("output_token_count", written, thought),
        reasoning_tokens=thought,
    )


def _failed(record: Record) -> Told:
    """An attempt that failed. Its usage is told nowhere."""
    said = record.attributes
    error = checked.words(said, "error.message", "error", "error.type")
    return _call(record, "gemini error", status=checked.failure(said.get("status_code")), error=error)


def _used(record: Record) -> Told:
    """A tool: its arguments where prompts are logged, its result never."""
    said, t, work = record.attributes, checked.time(record), _work(record.attributes)
    name = checked.required(said, "function_name")
    failed: bool | str = False
    if checked.flag(said, "success") is False:
        failed = checked.words(said, "error", "error_type") or True
    arguments = checked.words(said, "function_args")
    return work.told(
        record,
        ToolCall(
            id=checked.made_id("gemini tool", work.run, _prompt(said), t, name, arguments),
            time=t,
            tool=checked.tool(name, None, arguments, None, failed),
            turn=work.turn,
            interactive=checked.flag(said, "interactive") is True,
        ),
    )


def _operated(record: Record) -> Told | None:
    """A file is written. It names no prompt, so a sub-agent's is its session's."""
    said, t, work = record.attributes, checked.time(record), _work(record.attributes)
    if said.get("operation") not in ("create", "update"):
        return None
    made = checked.made_id("gemini edit", work.run, t, checked.text(said, "tool_name"), checked.text(said, "extension"))
    return work.told(record, Status(id=made, time=t, strength="weak", to="file edited", actor="agent"))


def _looped(record: Record) -> Told:
    """Its own loop detection has stopped it, which it says of its session."""
    said, t, work = record.attributes, checked.time(record), _work(record.attributes)
    kind, count = checked.text(said, "loop_type"), checked.tokens(said, "count")
    if count is not None:
        checked.within(count, MAX_CLAIMED, "count")
    id = checked.made_id("gemini loop", work.run, t, kind, count)
    return work.told(record, Claim(id=id, time=t, says="loop", kind=kind, count=count))


def _prompt(said: Layer) -> str | None:
    return checked.text(said, "prompt_id")


# The answer: what the server sent, chunk by chunk


class _Part(msgspec.Struct):
    text: str | None = None
    thought: bool | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct):
    content: _Content | None = None


class _Chunk(msgspec.Struct):
    candidates: list[_Candidate] | None = None


_chunks = msgspec.json.Decoder(list[_Chunk]).decode


def _output(said: Layer) -> Output | None:
    """What the model said, without its thoughts; None where that is not told."""
    raw = checked.words(said, "response_text")
    if raw is None:
        return None
    try:
        chunks = _chunks(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    candidates = [c for chunk in chunks for c in chunk.candidates or () if c.content is not None]
    parts = [p for c in candidates if c.content is not None for p in c.content.parts or ()]
    text = "".join(p.text for p in parts if p.text and not p.thought)
    return Output(text=text) if text else None


_READERS: dict[str, checked.Reader] = {
    "gemini_cli.api_response": _answered,
    "gemini_cli.api_error": _failed,
    "gemini_cli.tool_call": _used,
    "gemini_cli.file_operation": _operated,
    _LOOP: _looped,
}
