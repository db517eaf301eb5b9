"""Claude Code: its log records to calls and tools, as its documentation has them. Not verified by a run of it.

Read are `api_request`, which is a call, `api_error`, which is a call that it gave up, `tool_result`, and
`tool_decision` where it is about a file. They come as `claude_code.<name>`, or as the bare name from the scope of its
events. Its input does not count cached tokens.
"""

import msgspec

from detector.model.events import Call, Status, ToolCall, Usage
from detector.sources import checked
from detector.sources.otlp import Record
from detector.sources.told import Decoded, Layer, Told

_PREFIX = "claude_code."
_SCOPE = "com.anthropic.claude_code.events"
_EDITS = ("Edit", "MultiEdit", "NotebookEdit", "Write")


class _Parameters(msgspec.Struct):
    """Of a tool, where tool details are logged: of a commit that it made, its id."""

    git_commit_id: str | None = None


_parameters = msgspec.json.Decoder(_Parameters).decode


def mine(record: Record) -> bool:
    """Whether Claude Code says it."""
    return record.name.startswith(_PREFIX) or record.scope == _SCOPE


def take(records: list[Record]) -> Decoded:
    """Calls and tools of Claude Code's records, in their order; a BadInput for each that cannot be used."""
    return checked.each(records, _READERS)


def _requested(record: Record) -> Told:
    """A call."""
    said = record.attributes
    cost = checked.dollars(said, "cost_usd") or None  # 0 for a model that it has no price of
    return _told(
        record,
        Call(
            id=_call_id(record),
            time=checked.time(record),
            model=checked.required(said, "model"),
            usage=_usage(said),
            turn=checked.text(said, "prompt.id"),
            cost_usd=cost,
            cost_basis=None if cost is None else "told",
            duration_s=checked.seconds(said, "duration_ms"),
            tools_apart=True,
        ),
    )


def _usage(said: Layer) -> Usage:
    read, written = checked.tokens(said, "cache_read_tokens"), checked.tokens(said, "cache_creation_tokens")
    return Usage(
        input_tokens=checked.summed("input_tokens", checked.tokens(said, "input_tokens"), read, written),
        cached_input_tokens=read,
        cache_write_tokens=written,
        output_tokens=checked.tokens(said, "output_tokens"),
    )


def _failed(record: Record) -> Told:
    """A call that was given up. Its usage is told nowhere."""
    said = record.attributes
    return _told(
        record,
        Call(
            id=_call_id(record),
            time=checked.time(record),
            model=checked.required(said, "model"),
            usage=Usage(),
            turn=checked.text(said, "prompt.id"),
            duration_s=checked.seconds(said, "duration_ms"),
            status=checked.failure(said.get("status_code")),
            error=checked.words(said, "error"),
        ),
    )


def _used(record: Record) -> list[Told]:
    """A tool: its arguments where tool details are logged, its result never. A commit is a sign of work besides."""
    said, t = record.attributes, checked.time(record)
    failed: bool | str = False
    if checked.flag(said, "success") is False:
        failed = checked.words(said, "error", "error_type") or True
    call_id = checked.text(said, "tool_use_id")
    tool = checked.tool(
        checked.required(said, "tool_name"),
        call_id,
        checked.words(said, "tool_input", "tool_parameters"),
        None,
        failed,
    )
    used = ToolCall(
        id=call_id or _of_the_session(record),
        time=t,
        tool=tool,
        turn=checked.text(said, "prompt.id"),
    )
    commit = None if failed else _commit(said)
    if commit is None:
        return [_told(record, used)]
    made = checked.made_id("claude code commit", checked.text(said, "session.id"), commit)
    status = Status(id=made, time=t, strength="medium", to="committed", actor="agent")
    return [_told(record, used), _told(record, status)]


def _commit(said: Layer) -> str | None:
    told = said.get("tool_parameters")
    if not isinstance(told, str) or "git_commit_id" not in told:
        return None
    try:
        return _parameters(told).git_commit_id or None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def _decided(record: Record) -> Told | None:
    """A file may be edited."""
    said = record.attributes
    if said.get("tool_name") not in _EDITS or said.get("decision") != "accept":
        return None
    made = checked.made_id("claude code edit", checked.text(said, "tool_use_id"), _of_the_session(record))
    return _told(record, Status(id=made, time=checked.time(record), strength="weak", to="edit accepted", actor="agent"))


def _call_id(record: Record) -> str:
    return checked.text(record.attributes, "request_id") or _of_the_session(record)


def _of_the_session(record: Record) -> str:
    """An id of the record: the sequence begins anew with the program, in a session that goes on; the time does not."""
    said = record.attributes
    sequence = checked.tokens(said, "event.sequence")
    return checked.made_id("claude code", checked.text(said, "session.id"), sequence, checked.time(record))


def _told(record: Record, event: Call | Status | ToolCall) -> Told:
    about = {"detector.run": checked.text(record.attributes, "session.id")}
    return Told(event, (about, record.attributes, record.resource))


_BY_NAME: dict[str, checked.Reader] = {
    "api_request": _requested,
    "api_error": _failed,
    "tool_result": _used,
    "tool_decision": _decided,
}
_READERS = _BY_NAME | {_PREFIX + name: reader for name, reader in _BY_NAME.items()}
