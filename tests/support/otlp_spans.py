"""OTLP bodies of spans, made as instrumentations make them: as protobuf, and the same as JSON."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp import NOW, fill, nanoseconds, pairs


class Span(NamedTuple):
    """A span: its attributes, scope, ids (whole numbers), times (s UTC), and what it threw."""

    attributes: dict[str, Any]
    scope: str = "scope"
    name: str = "span"
    span: int = 1
    parent: int = 0
    trace: int = 1
    t: float = NOW
    lasts_s: float = 2.0
    failed: bool = False
    thrown: dict[str, Any] | None = None


def trace_of(span: Span) -> str:
    """Its trace's id, as a record has it."""
    return f"{span.trace:032x}"


def id_of(span: Span) -> str:
    """The id of a call that has none of its own."""
    return f"{trace_of(span)}:{span.span:016x}"


def spans_protobuf(spans: Sequence[Span], resource: dict[str, Any] | None = None) -> bytes:
    """One resource, each span in a scope of its own."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    fill(of_resource.resource.attributes, resource or {})
    for span in spans:
        of_scope = of_resource.scope_spans.add()
        of_scope.scope.name = span.scope
        made = of_scope.spans.add(
            name=span.name,
            trace_id=span.trace.to_bytes(16, "big"),
            span_id=span.span.to_bytes(8, "big"),
            parent_span_id=span.parent.to_bytes(8, "big") if span.parent else b"",
            start_time_unix_nano=nanoseconds(span.t - span.lasts_s),
            end_time_unix_nano=nanoseconds(span.t),
        )
        made.status.code = 2 if span.failed else 0
        fill(made.attributes, span.attributes)
        if span.thrown is not None:
            fill(made.events.add(name="exception").attributes, span.thrown)
    return bytes(request.SerializeToString())


def spans_json(spans: Sequence[Span], resource: dict[str, Any] | None = None) -> bytes:
    """The same as JSON, 64-bit numbers as strings."""
    scopes = []
    for span in spans:
        thrown = [] if span.thrown is None else [{"name": "exception", "attributes": pairs(span.thrown)}]
        made = {
            "name": span.name,
            "traceId": trace_of(span),
            "spanId": f"{span.span:016x}",
            "parentSpanId": f"{span.parent:016x}" if span.parent else "",
            "startTimeUnixNano": str(nanoseconds(span.t - span.lasts_s)),
            "endTimeUnixNano": str(nanoseconds(span.t)),
            "attributes": pairs(span.attributes),
            "events": thrown,
            "status": {"code": 2} if span.failed else {},
        }
        scopes.append({"scope": {"name": span.scope}, "spans": [made]})
    told = {"resourceSpans": [{"resource": {"attributes": pairs(resource or {})}, "scopeSpans": scopes}]}
    return json.dumps(told).encode()
