"""What a client is answered: as OTLP says for its paths, plain JSON for all others."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsPartialSuccess, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from detector.errors import BadInput

JSON, PROTOBUF = "application/json", "application/x-protobuf"
METRICS_PATH = "/v1/metrics"
OTLP: Mapping[str, tuple[type[Message], str]] = {
    "/v1/logs": (ExportLogsServiceResponse, "rejectedLogRecords"),
    "/v1/traces": (ExportTraceServiceResponse, "rejectedSpans"),
    METRICS_PATH: (ExportMetricsServiceResponse, "rejectedDataPoints"),
}
RETRY_AFTER_S = 1
TOLD = 20
"""Faults that an answer lists; further ones are counted."""
_INVALID = 3
"""google.rpc.Code.INVALID_ARGUMENT."""


class Answer(NamedTuple):
    """An answer over HTTP."""

    status: int
    body: bytes
    type: str = JSON
    headers: Mapping[str, str] = {}


def taken(path: str, kind: str, accepted: int, refused: Sequence[BadInput]) -> Answer:
    """Kafka has what was accepted. Where nothing of it was of use: 400, which no client sends again."""
    if refused and not accepted:
        return wrong(path, kind, 400, sentence(refused), refused)
    if path not in OTLP:
        told: dict[str, Any] = {"accepted": accepted}
        if refused:
            told |= {"refused": len(refused), "faults": faults(refused)}
        return Answer(200, msgspec.json.encode(told))
    make, rejected = OTLP[path]
    if kind != PROTOBUF:
        said = {"partialSuccess": {rejected: str(len(refused)), "errorMessage": sentence(refused)}} if refused else {}
        return Answer(200, msgspec.json.encode(said))
    response: Any = make()
    if refused:
        partial = response.partial_success
        setattr(partial, _snake(rejected), len(refused))
        partial.error_message = sentence(refused)
    return Answer(200, response.SerializeToString(), PROTOBUF)


def wrong(path: str, kind: str, status: int, why: str, refused: Sequence[BadInput] = ()) -> Answer:
    """An error; a client may try again where it is 429 or 503, after the time that is told."""
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    if path in OTLP and kind == PROTOBUF:
        # OTLP answers with google.rpc.Status: a code and a message, in the same places as these two.
        said = ExportLogsPartialSuccess(rejected_log_records=_INVALID if status == 400 else 0, error_message=why)
        return Answer(status, said.SerializeToString(), PROTOBUF, headers)
    told: dict[str, Any] = {"message": why}
    if path in OTLP:
        told["code"] = _INVALID if status == 400 else 0
    if refused:
        told |= {"refused": len(refused), "faults": faults(refused)}
    return Answer(status, msgspec.json.encode(told), JSON, headers)


def faults(refused: Sequence[BadInput]) -> list[dict[str, str]]:
    """The first of them, by field."""
    return [{"reason": str(bad.reason), "field": bad.field, "detail": bad.detail} for bad in refused[:TOLD]]


def sentence(refused: Sequence[BadInput]) -> str:
    """The first of them in words, and how many there are."""
    first = refused[0]
    more = f"; and {len(refused) - 1:,} more" if len(refused) > 1 else ""
    return f"{first.field or 'event'} {first.detail} ({first.reason}){more}"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
