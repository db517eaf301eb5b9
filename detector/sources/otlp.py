"""OTLP bodies, as protobuf or as JSON: log records and spans with plain attributes, whoever sent them."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from detector.errors import BadInput, Reason
from detector.sources import otlp_json as wire
from detector.sources.native import MAX_IN_RECORD, refusal
from detector.sources.otlp_json import MAX_DEPTH, Attributes

_NS = 1e-9
_FAILED = 2


class Note(NamedTuple):
    """An event within a span, as of an exception."""

    name: str
    attributes: Attributes


class Record(NamedTuple):
    """A log record, or a span where `span_ends`.

    name: of the span, or the log's event name; t: s UTC, of a span its end, 0 where nothing is told; begin: of a span;
    ids in lower-case hex, "" where there are none; failed: the span's status is an error, with that message.
    """

    resource: Attributes
    scope: str
    name: str
    attributes: Attributes
    t: float
    begin: float = 0.0
    trace: str = ""
    span: str = ""
    parent: str = ""
    failed: bool = False
    message: str = ""
    notes: tuple[Note, ...] = ()


def logs(body: bytes) -> list[Record]:
    """The log records of an ExportLogsServiceRequest. Raises BadInput."""
    return _of_json(body, _logs_json) if is_json(body) else _some(_logs_protobuf(body))


def spans(body: bytes) -> list[Record]:
    """The spans of an ExportTraceServiceRequest. Raises BadInput."""
    return _of_json(body, _spans_json) if is_json(body) else _some(_spans_protobuf(body))


def _some(records: Iterator[Record]) -> list[Record]:
    """All of them: an empty one takes two bytes of a body and a thousand times that here. Raises BadInput."""
    some = list(islice(records, MAX_IN_RECORD + 1))
    if len(some) > MAX_IN_RECORD:
        raise BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_RECORD:,} records")
    return some


def is_json(body: bytes) -> bool:
    """A message of these kinds begins with the number of its only field, which is a line feed."""
    return body[:1] in (b"{", b" ", b"\t", b"\r") or (body[:1] == b"\n" and body.lstrip()[:1] == b"{")


# As JSON


def _of_json(body: bytes, read: Callable[[bytes], Iterator[Record]]) -> list[Record]:
    try:
        return _some(read(body))
    except BadInput:
        raise
    except Exception as error:
        raise refusal(error) from None


def _logs_json(body: bytes) -> Iterator[Record]:
    for of_resource in wire.decode_logs(body).resource_logs or ():
        resource = _resource(of_resource.resource)
        for of_scope in of_resource.scope_logs or ():
            scope = _scope(of_scope.scope)
            for r in of_scope.log_records or ():
                attributes = wire.attributes(r.attributes)
                t = (wire.whole(r.time_unix_nano) or wire.whole(r.observed_time_unix_nano)) * _NS
                name = attributes.get("event.name") or r.event_name
                yield Record(resource, scope, _text(name), attributes, t, 0.0, _text(r.trace_id), _text(r.span_id))


def _spans_json(body: bytes) -> Iterator[Record]:
    for of_resource in wire.decode_spans(body).resource_spans or ():
        resource = _resource(of_resource.resource)
        for of_scope in of_resource.scope_spans or ():
            scope = _scope(of_scope.scope)
            for s in of_scope.spans or ():
                notes = tuple(Note(_text(e.name), wire.attributes(e.attributes)) for e in s.events or ())
                failed = s.status is not None and s.status.failed
                message = _text(s.status.message) if s.status is not None else ""
                yield Record(
                    resource, scope, _text(s.name), wire.attributes(s.attributes),
                    wire.whole(s.end_time_unix_nano) * _NS, wire.whole(s.start_time_unix_nano) * _NS,
                    _text(s.trace_id), _text(s.span_id), _text(s.parent_span_id), failed, message, notes,
                )  # fmt: skip


def _resource(told: wire.Resource | None) -> Attributes:
    return {} if told is None else wire.attributes(told.attributes)


def _scope(told: wire.Scope | None) -> str:
    return "" if told is None else _text(told.name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# As protobuf


def _parsed(message: Any, body: bytes) -> Any:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadInput(Reason.NOT_PROTOBUF, "", "is neither JSON nor the protobuf message that belongs here") from error
    return message


def _logs_protobuf(body: bytes) -> Iterator[Record]:
    for of_resource in _parsed(ExportLogsServiceRequest(), body).resource_logs:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            scope = of_scope.scope.name
            for r in of_scope.log_records:
                attributes = _attributes(r.attributes)
                t = (r.time_unix_nano or r.observed_time_unix_nano) * _NS
                name = attributes.get("event.name") or r.event_name
                yield Record(resource, scope, _text(name), attributes, t, 0.0, r.trace_id.hex(), r.span_id.hex())


def _spans_protobuf(body: bytes) -> Iterator[Record]:
    for of_resource in _parsed(ExportTraceServiceRequest(), body).resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            scope = of_scope.scope.name
            for s in of_scope.spans:
                notes = tuple(Note(e.name, _attributes(e.attributes)) for e in s.events)
                failed = s.status.code == _FAILED
                yield Record(
                    resource, scope, s.name, _attributes(s.attributes),
                    s.end_time_unix_nano * _NS, s.start_time_unix_nano * _NS,
                    s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), failed, s.status.message, notes,
                )  # fmt: skip


def _attributes(pairs: Iterable[Any]) -> Attributes:
    # Most are texts, and to ask for the text costs less than to ask for the kind.
    return {p.key: (v := p.value).string_value or _other(v) for p in pairs}


def _other(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return _SCALARS[kind](value) if kind else None


def _list(value: Any, depth: int = 0) -> list[Any] | None:
    return [_value(v, depth + 1) for v in value.array_value.values] if depth < MAX_DEPTH else None


def _map(value: Any, depth: int = 0) -> Attributes | None:
    return {p.key: _value(p.value, depth + 1) for p in value.kvlist_value.values} if depth < MAX_DEPTH else None


_SCALARS: dict[str, Any] = {
    "string_value": lambda v: v.string_value,
    "int_value": lambda v: v.int_value,
    "double_value": lambda v: v.double_value,
    "bool_value": lambda v: v.bool_value,
    "bytes_value": lambda v: v.bytes_value,
    "string_value_strindex": lambda v: None,  # into a table that only profiles have
    "array_value": _list,
    "kvlist_value": _map,
}


def _value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    return _SCALARS[kind](value, depth) if kind in ("array_value", "kvlist_value") else _SCALARS[kind](value)
