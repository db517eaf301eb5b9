"""Bodies of very many records: refused whole, before anything is made of each."""

from collections.abc import Callable

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from detector.errors import BadInput, Reason
from detector.sources import litellm, otlp_logs, otlp_spans
from detector.sources.native import MAX_IN_RECORD
from detector.sources.reading import Decode


def logs_json(n: int) -> bytes:
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b",".join([b"{}"] * n) + b"]}]}]}"


def spans_json(n: int) -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b",".join([b"{}"] * n) + b"]}]}]}"


def logs_protobuf(n: int) -> bytes:
    body = ExportLogsServiceRequest()
    body.resource_logs.add().scope_logs.add().log_records.extend([LogRecord()] * n)
    return body.SerializeToString()


def spans_protobuf(n: int) -> bytes:
    body = ExportTraceServiceRequest()
    body.resource_spans.add().scope_spans.add().spans.extend([Span()] * n)
    return body.SerializeToString()


@pytest.mark.parametrize(
    ("decode", "make"),
    [
        (otlp_logs.decode, logs_json),
        (otlp_logs.decode, logs_protobuf),
        (otlp_spans.decode, spans_json),
        (otlp_spans.decode, spans_protobuf),
    ],
)
def test_a_body_of_otlp_has_no_more_records_than_a_record_may_have_events(
    decode: Decode, make: Callable[[int], bytes]
) -> None:
    assert decode(make(MAX_IN_RECORD)) == []
    (bad,) = decode(make(MAX_IN_RECORD + 1))
    assert isinstance(bad, BadInput)
    assert bad.reason == Reason.TOO_LARGE


def test_payloads_that_are_no_objects_are_counted_before_they_are_judged() -> None:
    (bad,) = litellm.decode(b"[" + b",".join([b"1"] * (MAX_IN_RECORD + 1)) + b"]")
    assert isinstance(bad, BadInput)
    assert bad.reason == Reason.TOO_LARGE
