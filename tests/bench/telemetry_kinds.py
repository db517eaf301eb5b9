"""What a captured body is, by what is in it."""

from typing import Any, Literal

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Kind = Literal["litellm", "logs", "spans"]


class _Shape(msgspec.Struct):
    """The fields that only one kind has."""

    resourceLogs: Any = None  # noqa: N815, OTLP's names
    resourceSpans: Any = None  # noqa: N815
    litellm_call_id: Any = None


_shapes = msgspec.json.Decoder(_Shape | list[_Shape])


def kind_of(body: bytes) -> Kind | None:
    """The kind of a body, None where it is of no kind that tells calls."""
    try:
        shape = _shapes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _of_protobuf(body)
    if isinstance(shape, list):
        return "litellm" if shape and shape[0].litellm_call_id is not None else None
    if shape.litellm_call_id is not None:
        return "litellm"
    if shape.resourceLogs is not None:
        return "logs"
    return "spans" if shape.resourceSpans is not None else None


def _of_protobuf(body: bytes) -> Kind | None:
    """All requests begin alike; but where a log has its time a span has an id, and a metric its name."""
    if any(r.time_unix_nano or r.observed_time_unix_nano for r in _logs(body)):
        return "logs"
    return "spans" if any(len(s.trace_id) == 16 and s.start_time_unix_nano for s in _spans(body)) else None


def _logs(body: bytes) -> list[Any]:
    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        return []
    return [r for of in request.resource_logs for scope in of.scope_logs for r in scope.log_records]


def _spans(body: bytes) -> list[Any]:
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        return []
    return [s for of in request.resource_spans for scope in of.scope_spans for s in scope.spans]
