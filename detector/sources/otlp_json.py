"""OTLP bodies as JSON: the same shapes as the generated classes of the protobuf form, for detector.sources.otlp."""

from typing import Any

import msgspec

Attributes = dict[str, Any]

MAX_DEPTH = 20
"""Lists and maps within an attribute; what lies deeper is left out."""
_WHOLE = 1 << 64


class AnyValue(msgspec.Struct, rename="camel"):
    """One of these is set; none of them: no value."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: "Values | None" = None
    kvlist_value: "Pairs | None" = None
    bytes_value: str | None = None


class Values(msgspec.Struct):
    """A list."""

    values: list[AnyValue | None] | None = None


class KeyValue(msgspec.Struct):
    """An attribute."""

    key: str = ""
    value: AnyValue | None = None


class Pairs(msgspec.Struct):
    """A map."""

    values: list[KeyValue] | None = None


class Resource(msgspec.Struct):
    """What sends."""

    attributes: list[KeyValue] | None = None


class Scope(msgspec.Struct):
    """The library that tells."""

    name: str | None = None


class LogRecord(msgspec.Struct, rename="camel"):
    """A log record."""

    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    event_name: str | None = None
    attributes: list[KeyValue] | None = None
    trace_id: str | None = None
    span_id: str | None = None


class ScopeLogs(msgspec.Struct, rename="camel"):
    """Log records of one scope."""

    scope: Scope | None = None
    log_records: list[LogRecord] | None = None


class ResourceLogs(msgspec.Struct, rename="camel"):
    """Log records of one resource."""

    resource: Resource | None = None
    scope_logs: list[ScopeLogs] | None = None


class Logs(msgspec.Struct, rename="camel"):
    """An ExportLogsServiceRequest."""

    resource_logs: list[ResourceLogs] | None = None


class Status(msgspec.Struct):
    """Of a span."""

    code: int | str | None = None
    message: str | None = None

    @property
    def failed(self) -> bool:
        """Whether it is an error."""
        return self.code in (2, "2", "STATUS_CODE_ERROR")


class SpanEvent(msgspec.Struct):
    """An event within a span."""

    name: str | None = None
    attributes: list[KeyValue] | None = None


class Span(msgspec.Struct, rename="camel"):
    """A span."""

    name: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[KeyValue] | None = None
    events: list[SpanEvent] | None = None
    status: Status | None = None


class ScopeSpans(msgspec.Struct):
    """Spans of one scope."""

    scope: Scope | None = None
    spans: list[Span] | None = None


class ResourceSpans(msgspec.Struct, rename="camel"):
    """Spans of one resource."""

    resource: Resource | None = None
    scope_spans: list[ScopeSpans] | None = None


class Spans(msgspec.Struct, rename="camel"):
    """An ExportTraceServiceRequest."""

    resource_spans: list[ResourceSpans] | None = None


decode_logs = msgspec.json.Decoder(Logs).decode
decode_spans = msgspec.json.Decoder(Spans).decode


def whole(number: int | str | None) -> int:
    """A 64-bit number, which JSON has as a string; 0 where it is none."""
    if isinstance(number, str):
        number = int(number) if number.isascii() and number.isdigit() and len(number) <= 20 else 0
    return number if number is not None and 0 <= number < _WHOLE else 0


def attributes(pairs: list[KeyValue] | None) -> Attributes:
    """As a dictionary of plain values."""
    return {} if pairs is None else {p.key: value_of(p.value) for p in pairs}


def value_of(v: AnyValue | None, depth: int = 0) -> Any:
    """A plain value; what lies deeper than MAX_DEPTH is left out."""
    if v is None or depth > MAX_DEPTH:
        return None
    if v.string_value is not None:
        return v.string_value
    if v.int_value is not None:
        return _signed(v.int_value)
    if v.bool_value is not None:
        return v.bool_value
    if v.double_value is not None:
        return v.double_value if isinstance(v.double_value, float) else None
    if v.array_value is not None:
        return [value_of(one, depth + 1) for one in v.array_value.values or ()]
    if v.kvlist_value is not None:
        return {p.key: value_of(p.value, depth + 1) for p in v.kvlist_value.values or ()}
    return v.bytes_value


def _signed(number: int | str) -> int | None:
    if isinstance(number, int):
        return number
    digits = number.removeprefix("-")
    return int(number) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None
