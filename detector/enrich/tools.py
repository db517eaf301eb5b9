"""What a step did and what came back: fingerprints of tool calls and their arguments, and the texts of results."""

import re
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from xxhash import xxh3_64_intdigest

from detector.errors import BadInput, Reason
from detector.model.events import Answered, Tool, ToolResult, tells

MAX_DEPTH = 200
"""Levels of nesting in arguments that are read; more say nothing and cost much."""

_text = msgspec.json.Decoder(str).decode
_any = msgspec.json.Decoder().decode
_sorted = msgspec.json.Encoder(order="sorted").encode

_OF_THE_REQUEST = frozenset(
    (
        "request_id", "requestId", "trace_id", "traceId", "span_id", "spanId", "correlation_id", "correlationId",
        "idempotency_key", "idempotencyKey", "nonce", "attempt", "attempts", "retry", "retries", "retry_count",
        "retryCount", "now", "current_time", "requested_at", "sent_at",
    )
)  # fmt: skip
"""Keys of arguments that name the request, not what is asked for: volatile. Any other id or time names a target."""
_TEMPORARY = re.compile(
    rb"(/(?:tmp|var/tmp|var/folders)/)(?:(?=tmp|pytest-)|(?=(?:[^/\"\\\s\0\d]{0,40}\d){3}))[^/\"\\\s\0]*"
)
_TIME = re.compile(
    rb"\b(20\d\d-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?|\b(1[6-9]\d{8})(?:\d{3})?\b"
)
_NOW_S = 120.0
"""A time in arguments this near to the call's own is that of the request; any other names a target."""
_ADDRESS = re.compile(rb"0x[0-9A-Fa-f]{6,16}\b")


class Answer(NamedTuple):
    """What a tool answered (its text, or what stands for it), whether as a failure, and its action's fingerprint."""

    body: bytes | Answered
    failed: bool
    tool: int


class Tooling(NamedTuple):
    """The tools of one step: what was done, what came back, and what is still to come."""

    action: int  # fingerprint of names and canonical arguments
    said: int  # fingerprint of names and of what the arguments hold, in any order or structure
    action_text: bytes  # to be sketched; empty where the producer has sketched it
    answers: tuple[Answer, ...]
    missing: tuple[tuple[str | None, int], ...]  # call id, fingerprint of name and arguments
    sketch: str | None = None  # base64, by the producer


def of_tools(tools: list[Tool], t: float) -> Tooling:
    """What all tools of a step at `t` (s UTC) did. Raises BadInput."""
    return combined(each_of(tools, t))


def each_of(tools: list[Tool], t: float) -> list[Tooling]:
    """What each tool of a step at `t` (s UTC) did. Raises BadInput."""
    try:
        return [_of_tool(tool, t) for tool in tools]
    except RecursionError as error:
        raise BadInput(Reason.TOO_DEEP, "tools", f"arguments are nested more than {MAX_DEPTH} deep") from error
    except UnicodeDecodeError as error:
        raise BadInput(Reason.NOT_UTF8, "tools", "arguments or result are not UTF-8") from error
    except msgspec.DecodeError as error:
        raise BadInput(Reason.NOT_JSON, "tools", "arguments or result cannot be read") from error


def combined(parts: list[Tooling]) -> Tooling:
    """What the tools of a step did together. They are asked for at once: their order says nothing."""
    if len(parts) == 1:
        return parts[0]
    sketch = next((p.sketch for p in parts if p.sketch is not None), None)
    return Tooling(
        action=xxh3_64_intdigest(b"".join(sorted([p.action.to_bytes(8, "little") for p in parts]))),
        said=xxh3_64_intdigest(b"".join(sorted([p.said.to_bytes(8, "little") for p in parts]))),
        action_text=b"\n".join([p.action_text for p in parts]) if all(p.action_text for p in parts) else b"",
        answers=tuple(a for p in parts for a in p.answers),
        missing=tuple(m for p in parts for m in p.missing),
        sketch=sketch,
    )


def _of_tool(tool: Tool, t: float) -> Tooling:
    text, action, said, sketch = _asked(tool, t)
    known = _answered(tool.result, tool.error, None if tool.sketched is None else tool.sketched.result)
    if known is None:
        return Tooling(action, said, text, (), ((tool.call_id, action),), sketch)
    return Tooling(action, said, text, (Answer(*known, action),), (), sketch)


def is_sketched(tool: Tool) -> bool:
    """Whether fingerprints stand for its arguments; where these are told as well, those are not looked at."""
    return tool.sketched is not None and tool.sketched.action is not None and not tells(tool.arguments)


def _asked(tool: Tool, t: float) -> tuple[bytes, int, int, str | None]:
    """The action's text, its fingerprint and that of what it says, and its sketch where the producer made it."""
    done = tool.sketched
    if done is not None and done.action is not None and is_sketched(tool):
        action = int(done.action, 16)
        return b"", action, action if done.said is None else int(done.said, 16), done.sketch
    name = tool.name.encode()
    told, holds = read_arguments(tool.arguments)
    if (b"202" in told or b"17" in told or b"18" in told) and _TIME.search(told) is not None:
        told, holds = _without_now(told, t), _without_now(holds, t)
    text = name + b" " + told
    return text, xxh3_64_intdigest(text), xxh3_64_intdigest(name + b"\0" + holds), None


def answer_of(event: ToolResult) -> tuple[bytes | Answered, bool]:
    """What came back, as its text or what stands for it, and whether it is a failure. Raises BadInput."""
    try:
        return _answered(event.result, event.error, event.sketched) or (b"", False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(Reason.NOT_JSON, "result", "cannot be read") from error


def _answered(
    result: msgspec.Raw, error: str | bool | None, sketched: Answered | None
) -> tuple[bytes | Answered, bool] | None:
    """Likewise; None where nothing is told. Where a text is told, what would stand for it is not looked at."""
    if sketched is not None and not tells(result):
        return sketched, bool(error)
    return result_body(result, error)


def result_body(result: msgspec.Raw, error: str | bool | None) -> tuple[bytes, bool] | None:
    """What came back as bytes, and whether it is a failure; None where neither is told."""
    raw = bytes(result)
    if raw == b"null":
        raw = b""
    if error is None:
        if not raw:
            return None
        return (_text(raw).encode() if raw[0] == 34 else raw), False  # 34: a quotation mark
    body = _text(raw).encode() if raw[:1] == b'"' else raw
    return (body + b"\n" + error.encode() if isinstance(error, str) else body), bool(error)


def canonical(arguments: msgspec.Raw) -> bytes:
    """Arguments as bytes that are equal where they ask for the same: keys sorted; empty and volatile parts left out.

    A string that holds JSON (as some model APIs send arguments) is read as that JSON.
    """
    return read_arguments(arguments)[0]


def read_arguments(arguments: msgspec.Raw) -> tuple[bytes, bytes]:
    """Canonical arguments (see `canonical`), and the values that they hold, sorted, with a zero byte between them."""
    raw = bytes(arguments)
    if not raw or raw == b"null":
        return b"", b""
    value = _read(raw)
    if isinstance(value, str):
        raw = value.encode()
        if value.lstrip()[:1] not in ("{", "["):
            raw = _steady(raw)
            return raw, raw
        try:
            value = _read(raw)
        except msgspec.DecodeError:
            return raw, raw
    if isinstance(value, dict) and not _OF_THE_REQUEST.isdisjoint(value):
        value = {k: v for k, v in value.items() if k not in _OF_THE_REQUEST}
    told = _sorted(value)
    if b"null" in told or b'""' in told or b"[]" in told or b"{}" in told:
        told = _sorted(_without_empty(value))
    leaves: list[str] = []
    _gather(value, leaves)
    leaves.sort()
    holds = "\0".join(leaves).encode()
    return (_steady(told), _steady(holds)) if _may_vary(told) else (told, holds)


def _without_now(told: bytes, t: float) -> bytes:
    """A text without the times that are about `t` (s UTC); one that names no zone is UTC."""

    def steady(found: re.Match[bytes]) -> bytes:
        day, clock, zone, seconds = (None if part is None else part.decode() for part in found.groups())
        if seconds is not None:
            then = float(seconds)
        else:
            try:
                then = datetime.fromisoformat(f"{day}T{clock}{zone or 'Z'}").timestamp()
            except ValueError:
                return found[0]
        return b"now" if abs(then - t) <= _NOW_S else found[0]

    return _TIME.sub(steady, told)


def _may_vary(told: bytes) -> bool:
    """Whether a text may hold temporary paths or addresses of memory."""
    return b"/tmp/" in told or b"0x" in told or b"/var/folders/" in told


def _steady(told: bytes) -> bytes:
    """A text without them."""
    return _ADDRESS.sub(b"0x", _TEMPORARY.sub(rb"\1", told))


def _gather(value: Any, leaves: list[str]) -> None:
    """Adds what is held at the ends of JSON, but for what is empty. By kind, the commonest first: this is hot."""
    kind = type(value)
    if kind is str:
        if value:
            leaves.append(value)
    elif kind is dict or kind is list:
        for inner in value.values() if kind is dict else value:
            of = type(inner)
            if of is str:
                if inner:
                    leaves.append(inner)
            elif of is dict or of is list:
                _gather(inner, leaves)
            elif inner is not None:
                leaves.append(str(inner))
    elif value is not None:
        leaves.append(str(value))


def _read(raw: bytes) -> Any:
    """JSON as objects; raises RecursionError where it nests deeper than MAX_DEPTH, on every interpreter alike."""
    value = _any(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _check_depth(value, MAX_DEPTH)
    return value


def _check_depth(value: Any, left: int) -> None:
    if left < 0:
        raise RecursionError
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not None and v != "" and v != [] and v != {}}
    if isinstance(value, list):
        return [_without_empty(v) for v in value]
    return value
