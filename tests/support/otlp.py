"""OTLP bodies of log records, made as clients make them: as protobuf, and the same as JSON."""

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

NOW = 1_800_000_000.0
"""s UTC, of a record that says nothing else."""


class Log(NamedTuple):
    """A log record: its attributes, s UTC (0: it tells no time), its event name and its scope."""

    attributes: dict[str, Any]
    t: float = NOW
    event_name: str = ""
    scope: str = "scope"


def logs_protobuf(logs: Sequence[Log], resource: dict[str, Any] | None = None) -> bytes:
    """One resource, each record in a scope of its own."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    fill(of_resource.resource.attributes, resource or {})
    for log in logs:
        of_scope = of_resource.scope_logs.add()
        of_scope.scope.name = log.scope
        record = of_scope.log_records.add(time_unix_nano=nanoseconds(log.t), event_name=log.event_name)
        fill(record.attributes, log.attributes)
    return bytes(request.SerializeToString())


def logs_json(logs: Sequence[Log], resource: dict[str, Any] | None = None) -> bytes:
    """The same as JSON, 64-bit numbers as strings."""
    scopes = [
        {
            "scope": {"name": log.scope},
            "logRecords": [
                {
                    "timeUnixNano": str(nanoseconds(log.t)),
                    "body": None,
                    "eventName": log.event_name,
                    "attributes": pairs(log.attributes),
                    "traceId": "",
                }
            ],
        }
        for log in logs
    ]
    told = {"resourceLogs": [{"resource": {"attributes": pairs(resource or {})}, "scopeLogs": scopes}]}
    return json.dumps(told).encode()


def nanoseconds(t: float) -> int:
    """Of s UTC."""
    return round(t * 1e6) * 1000


def fill(repeated: Any, attributes: dict[str, Any]) -> None:
    """Adds attributes to a field of a protobuf message."""
    for key, value in attributes.items():
        repeated.add(key=key, value=_any(value))


def _any(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            made = AnyValue()
            made.array_value.values.extend(_any(v) for v in value)
            return made
        case dict():
            made = AnyValue()
            fill(made.kvlist_value.values, value)
            return made
    raise TypeError(type(value))


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as JSON has them."""
    return [{"key": key, "value": _json(value)} for key, value in attributes.items()]


def _json(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [_json(v) for v in value]}}
        case dict():
            return {"kvlistValue": {"values": pairs(value)}}
    raise TypeError(type(value))
