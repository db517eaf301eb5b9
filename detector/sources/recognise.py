"""Which format a captured body or a saved file has, by what is in it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from detector.config.sources import Format, Transcript
from detector.errors import BadInput
from detector.model.events import EMPTY, TYPES
from detector.sources import gemini_outfile, otlp
from detector.sources.json_lines import lines
from detector.sources.times import moment

Kind = Format | Transcript

_ABSURD = 1 << 53
"""A time of as many seconds is none."""
_LOOKED_AT = 64
"""Lines of a file, the first of which may be of kinds that tell nothing."""
_OF_ROLLOUTS = ("session_meta", "turn_context", "event_msg", "response_item", "token_usage_record")
_OF_TRANSCRIPTS = ("user", "assistant", "system", "attachment", "progress")


class Shape(msgspec.Struct):
    """The fields that only one format has."""

    resourceLogs: msgspec.Raw = EMPTY  # noqa: N815, OTLP's names
    resourceSpans: msgspec.Raw = EMPTY  # noqa: N815
    litellm_call_id: msgspec.Raw = EMPTY
    specversion: msgspec.Raw = EMPTY
    sessionId: Any = None  # noqa: N815
    projectHash: msgspec.Raw = EMPTY  # noqa: N815
    agentId: Any = None  # noqa: N815
    isSidechain: Any = None  # noqa: N815
    uuid: msgspec.Raw = EMPTY
    hrTime: msgspec.Raw = EMPTY  # noqa: N815
    _spanContext: msgspec.Raw = EMPTY  # noqa: N815
    payload: msgspec.Raw = EMPTY
    type: Any = None
    id: msgspec.Raw = EMPTY
    time: Any = None
    timestamp: Any = None
    startTime: Any = None  # noqa: N815


class _Thread(msgspec.Struct):
    id: Any = None


class Opening(NamedTuple):
    """What a line says of its file: the format, when it begins (s UTC) and which run it is, None where it says none."""

    format: Kind
    t: float | None = None
    run: str | None = None


_shapes = msgspec.json.Decoder(Shape | list[Shape])
_thread = msgspec.json.Decoder(_Thread).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def format_of(body: bytes) -> Kind | None:
    """The format of a body or a file; what is JSON and no other is native, what is none is None."""
    try:
        told = _opening(_shapes.decode(body))
    except _UNREADABLE:
        return saved_format(body)
    return "native" if told is None else told.format


def saved_format(body: bytes) -> Kind | None:
    """The format of a whole file; None where it is none."""
    told = opening(body) or next((t for _, line in _head(body) if (t := opening(line)) is not None), None)
    if told is not None:
        return told.format
    first = opening(next(gemini_outfile.objects(body), b""))
    return first.format if first is not None and first.format == "gemini_outfile" else _of_protobuf(body)


def _head(body: bytes) -> list[tuple[int, bytes]]:
    return [line for _, line in zip(range(_LOOKED_AT), lines(body), strict=False)]


def opening(value: bytes) -> Opening | None:
    """What a JSON value, or an array of them, says of the file that it begins; None where it is no format's."""
    try:
        return _opening(_shapes.decode(value))
    except _UNREADABLE:
        return None


def _opening(told: Shape | list[Shape]) -> Opening | None:
    shapes = told if isinstance(told, list) else [told]
    return next((o for o in map(_opening_of, shapes) if o is not None), None)


def _opening_of(s: Shape) -> Opening | None:
    if s.litellm_call_id is not EMPTY:
        return Opening("litellm")
    if s.resourceLogs is not EMPTY:
        return Opening("otlp_logs")
    if s.resourceSpans is not EMPTY:
        return Opening("otlp_spans")
    if s.specversion is not EMPTY:
        return Opening("cloudevents")
    if s.payload is not EMPTY and s.type in _OF_ROLLOUTS:
        return Opening("rollout", _seconds(s.timestamp), _session(s.payload) if s.type == "session_meta" else None)
    if s.sessionId is not None and s.projectHash is not EMPTY:
        return Opening("gemini_sessions", _seconds(s.startTime), _text(s.sessionId))
    if s.sessionId is not None and s.uuid is not EMPTY and s.type in _OF_TRANSCRIPTS:
        run = s.agentId if s.isSidechain is True and s.agentId else s.sessionId
        return Opening("claude_transcripts", _seconds(s.timestamp), _text(run))
    if s.hrTime is not EMPTY or s._spanContext is not EMPTY:
        return Opening("gemini_outfile")
    if s.id is not EMPTY and s.time is not None and (s.type is None or s.type in TYPES):
        return Opening("native", _seconds(s.time))
    return None


def _session(payload: msgspec.Raw) -> str | None:
    try:
        return _text(_thread(payload).id)
    except _UNREADABLE:
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(value: Any) -> float | None:
    if isinstance(value, str):
        return moment(value)
    return float(value) if isinstance(value, float) or (isinstance(value, int) and abs(value) < _ABSURD) else None


def _of_protobuf(body: bytes) -> Format | None:
    """All requests begin alike; but where a log has its time a span has an id, and a metric its name."""
    if any(record.t for record in _read(otlp.logs, body)):
        return "otlp_logs"
    if any(len(span.trace) == 32 and span.begin for span in _read(otlp.spans, body)):
        return "otlp_spans"
    return None


def _read(read: Callable[[bytes], list[otlp.Record]], body: bytes) -> list[otlp.Record]:
    try:
        return read(body)
    except BadInput:
        return []
