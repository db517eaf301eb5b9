"""Events as records of Kafka: what belongs together in one, and none too large."""

from collections.abc import Iterable, Sequence

import msgspec

from detector.config import Config
from detector.enrich.textless import without_text
from detector.errors import BadInput, Reason
from detector.kafka.outbox import Out
from detector.model.events import Event, Link, Status
from detector.sources.linking import link_key
from detector.sources.native import MAX_IN_RECORD, encode
from detector.sources.pushing import status_key

RECORD_BYTES = 262_144
"""Calls go in arrays of about so many bytes: fewer records are less work for Kafka and for ingest."""


def records(config: Config, events: Sequence[Event]) -> tuple[list[Out], list[BadInput]]:
    """Records for the topics of calls and statuses, and a refusal for each event that is too large for one.

    Statuses and links go one by one, with the key that keeps their order.
    """
    out: list[Out] = []
    refused: list[BadInput] = []
    calls: list[bytes] = []
    for event, value in zip(events, _values(config, events), strict=True):
        if isinstance(value, BadInput):
            refused.append(value)
        elif len(value) > config.gateway.max_event_bytes:
            detail = f"has {len(value):,} bytes; see gateway.max_event_bytes"
            refused.append(BadInput(Reason.TOO_LARGE, "", detail))
        elif isinstance(event, Link):
            out.append(Out(config.topics.status, value, link_key(event)))
        elif isinstance(event, Status):
            out.append(Out(config.topics.status, value, status_key(event)))
        else:
            calls.append(value)
    out += [Out(config.topics.calls, value) for value in _arrays(calls)]
    return out, refused


def _values(config: Config, events: Sequence[Event]) -> Iterable[bytes | BadInput]:
    if not config.gateway.texts:
        for fields in without_text(events):
            yield fields if isinstance(fields, BadInput) else msgspec.json.encode(fields)
        return
    for event in events:
        try:
            yield encode(event)
        except BadInput as bad:
            yield bad


def _arrays(values: Iterable[bytes]) -> Iterable[bytes]:
    some: list[bytes] = []
    size = 0
    for value in values:
        if some and (size + len(value) > RECORD_BYTES or len(some) >= MAX_IN_RECORD):
            yield _array(some)
            some, size = [], 0
        some.append(value)
        size += len(value) + 1
    if some:
        yield _array(some)


def _array(values: list[bytes]) -> bytes:
    return b"[" + b",".join(values) + b"]"


def refusals(config: Config, path: str, body: bytes, refused: Sequence[BadInput]) -> list[Out]:
    """Dead letters of a body: one for each kind of fault, the first with the body."""
    out: list[Out] = []
    for bad in {(bad.reason, bad.field): bad for bad in refused}.values():
        told = (("reason", str(bad.reason)), ("field", bad.field), ("detail", bad.detail), ("topic", f"gateway{path}"))
        with_body = not out and config.ingest.dead_letter_bytes and len(body) <= config.ingest.max_record_bytes
        headers = [(name, text.encode()) for name, text in told]
        out.append(Out(config.topics.dead_letters, body if with_body else b"", headers=headers))
    return out
