"""Which format a captured body has, by what is in it."""

from collections.abc import Callable
from typing import Any

import msgspec

from detector.config.sources import Format
from detector.errors import BadInput
from detector.sources import otlp


class _Shape(msgspec.Struct):
    """The fields that only one format has."""

    resourceLogs: Any = None  # noqa: N815, OTLP's names
    resourceSpans: Any = None  # noqa: N815
    litellm_call_id: Any = None
    specversion: Any = None


_shapes = msgspec.json.Decoder(_Shape | list[_Shape])


def format_of(body: bytes) -> Format | None:
    """The format of a body; what is JSON and no other is native, what is neither JSON nor OTLP is None."""
    try:
        shape = _shapes.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _of_protobuf(body)
    if isinstance(shape, list):
        shape = shape[0] if shape else _Shape()
    if shape.litellm_call_id is not None:
        return "litellm"
    if shape.resourceLogs is not None:
        return "otlp_logs"
    if shape.resourceSpans is not None:
        return "otlp_spans"
    return "cloudevents" if shape.specversion is not None else "native"


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
