"""What every kind of span of a model call shares: its id, its time, how it failed, and whose it is."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import EMPTY, MAX_NAME, Call, Output, Tool, ToolCall, Usage
from detector.sources import checked
from detector.sources.otlp import Record
from detector.sources.told import Layer, Told

LimitedOr = Literal["ok", "error", "rate_limited"]
_LIMITED = ("ratelimit", "toomanyrequests", "resourceexhausted", "throttling")
_PYDANTIC_AI_LIMITED = "status_code: 429"


def own_id(record: Record) -> str:
    """Of a span that names no call: its trace and its own id. Raises BadInput where it has none."""
    if not record.span:
        raise BadInput(Reason.MISSING_FIELD, "spanId", "is required where a span names no call")
    if len(record.trace) + len(record.span) >= MAX_NAME:
        raise BadInput(Reason.OUT_OF_RANGE, "spanId", f"has more than {MAX_NAME} characters")
    return f"{record.trace}:{record.span}"


def ended(record: Record) -> float:
    """s UTC. Raises BadInput where no end is told."""
    if not record.t:
        raise BadInput(Reason.MISSING_FIELD, "endTimeUnixNano", "is required")
    return record.t


def lasted(record: Record) -> float | None:
    """s; None where no begin is told, or one after the end."""
    duration = record.t - record.begin
    return duration if record.begin and 0 <= duration <= checked.MAX_SECONDS else None


class Outcome(NamedTuple):
    """How a call ended, and the kind of its error, which holds no text of prompts or answers."""

    status: LimitedOr
    error: str | None


_OK = Outcome("ok", None)


def outcome(record: Record) -> Outcome:
    """By status, `error.type`, HTTP status and exceptions."""
    said = record.attributes
    kind = checked.words(said, "error.type")
    if not record.failed and kind is None:
        return _OK
    thrown = exception(record)
    code = said.get("http.response.status_code", said.get("error.code"))
    kinds = [k for k in (kind, checked.words(thrown, "exception.type")) if k]
    limited = code in (429, "429") or any(_limited(k) for k in kinds)
    limited = limited or (checked.words(thrown, "exception.message") or "").startswith(_PYDANTIC_AI_LIMITED)
    return Outcome("rate_limited" if limited else "error", kinds[0][:MAX_NAME] if kinds else None)


def _limited(kind: str) -> bool:
    plain = kind.lower().replace("_", "")
    return plain == "429" or any(word in plain for word in _LIMITED)


def exception(record: Record) -> Layer:
    """What a span's last exception says; nothing where there is none."""
    return next((n.attributes for n in reversed(record.notes) if n.name == "exception"), {})


def tokens(said: Layer, names: Iterable[str]) -> int | None:
    """A count under the first of these names that tells one. Raises BadInput."""
    for name in names:
        count = checked.tokens(said, name)
        if count is not None:
            return count
    return None


def named(said: Layer, names: Iterable[str]) -> str | None:
    """A name under the first of these names that tells one. Raises BadInput."""
    for name in names:
        value = checked.text(said, name)
        if value is not None:
            return value
    return None


def metered(usage: Usage) -> Usage:
    """No call reads nothing: where it tells no input, its zeros say that nobody knows."""
    if usage.input_tokens:
        return usage
    return Usage(**{name: getattr(usage, name) or None for name in usage.__struct_fields__})


def asked(name: Any, call_id: Any, arguments: Any) -> Tool | None:
    """A tool that an answer asks for; None where it has no usable name."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        return None
    usable = isinstance(call_id, str) and 0 < len(call_id) <= MAX_NAME
    text = as_text(arguments)
    return Tool(
        name=name,
        call_id=call_id if usable else None,
        arguments=EMPTY if text is None else msgspec.Raw(msgspec.json.encode(text)),
    )


def as_text(value: Any) -> str | None:
    """Arguments and results are compared as text, however they were sent; None where there are none."""
    if value is None or isinstance(value, str):
        return value or None
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, ValueError, RecursionError):
        return None


def call(
    record: Record,
    id: str,
    model: str,
    usage: Usage,
    *,
    operation: str | None,
    provider: str | None,
    cost_usd: float | None,
    answer: tuple[str, list[Tool]],
    tools_apart: bool,
    service_tier: str | None = None,
) -> Call:
    """The call of a span; `answer`: its text and the tools it asks for, which spans of their own may tell instead."""
    status, error = outcome(record)
    text, tools = answer
    return Call(
        id=id,
        time=ended(record),
        model=model,
        usage=usage,
        provider=provider,
        service_tier=service_tier,
        operation=operation,
        cost_usd=cost_usd,
        cost_basis=None if cost_usd is None else "told",
        duration_s=lasted(record),
        status=status,
        error=error,
        output=Output(text=text) if text else None,
        tools=tools if tools and not tools_apart else None,
        tools_apart=tools_apart,
    )


def used(record: Record, name: str, call_id: str | None, arguments: str | None, result: str | None) -> ToolCall:
    """The tool of a span. What it threw stands for its result where it failed."""
    failed: bool | str = False
    if record.failed:
        failed = checked.words(exception(record), "exception.message", "exception.type") or True
    return ToolCall(id=own_id(record), time=ended(record), tool=checked.tool(name, call_id, arguments, result, failed))


def told(record: Record, event: Call | ToolCall, about: dict[str, Any] | None = None) -> Told:
    """With the trace as the last resort of a run, and what else a decoder has worked out."""
    derived = about or {}
    if record.trace:
        derived["detector.trace"] = record.trace
    return Told(event, (derived, record.attributes, record.resource))
