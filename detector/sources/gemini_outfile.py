"""What Gemini CLI writes to its telemetry `outfile`: log records, spans and metrics, as objects one after another.

They have the form that the program's own library keeps them in. The log records are what it sends by OTLP otherwise.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from detector.errors import BadInput, Reason
from detector.sources import gemini
from detector.sources.native import refusal
from detector.sources.otlp import Record
from detector.sources.told import Decoded, by

_END = b"\n}"
"""Objects are indented: a brace at the beginning of a line ends one."""
_NS = 1e-9


class _Resource(msgspec.Struct):
    _rawAttributes: Any = None  # noqa: N815, the library's names


class _Object(msgspec.Struct):
    hrTime: Any = None  # noqa: N815
    attributes: Any = None
    resource: _Resource | None = None


_object = msgspec.json.Decoder(_Object).decode


def decode(body: bytes) -> Decoded:
    """The calls and tools of a file; a BadInput for each object that cannot be read."""
    out: Decoded = []
    records: list[Record] = []
    for number, raw in enumerate(objects(body), 1):
        try:
            record = _record(raw)
            told = []
            if record is not None and gemini.mine(record):
                records.append(record)
                told = gemini.take([record])
        except Exception as error:
            told = [refusal(error)]
        out += [_at(number, one) if isinstance(one, BadInput) else one for one in told]
    return by("gemini_cli", out + gemini.cut_off(records))


def objects(body: bytes) -> Iterator[bytes]:
    """The objects of a file, and in the end what may be left of one that is not written to its end."""
    begin = 0
    while (end := body.find(_END, begin)) >= 0:
        yield body[begin : end + len(_END)]
        begin = end + len(_END)
    if rest := body[begin:].strip():
        yield rest


def finished(body: bytes) -> tuple[bytes, bool]:
    """The body without a last object that is not written to its end, and whether nothing had to be left out."""
    end = body.rfind(_END) + len(_END) if _END in body else 0
    return (body, True) if not body[end:].strip() else (body[:end], False)


def _record(raw: bytes) -> Record | None:
    """A log record; None for spans and metrics."""
    told = _object(raw)
    if not isinstance(told.hrTime, list) or not isinstance(told.attributes, dict):
        return None
    pairs = told.resource._rawAttributes if told.resource is not None else None
    resource = {
        pair[0]: pair[1]
        for pair in (pairs if isinstance(pairs, list) else ())
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
    }
    name = told.attributes.get("event.name")
    return Record(resource, "", name if isinstance(name, str) else "", told.attributes, _time(told.hrTime))


def _time(parts: list[Any]) -> float:
    """s UTC, of seconds and nanoseconds; 0 where they are none."""
    if len(parts) != 2 or not all(type(part) is int and 0 <= part < 1 << 40 for part in parts):
        return 0.0
    return float(parts[0] + parts[1] * _NS)


def _at(number: int, bad: BadInput) -> BadInput:
    return BadInput(Reason(bad.reason), f"object {number}" + (f", {bad.field}" if bad.field else ""), bad.detail)
