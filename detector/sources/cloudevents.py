"""Native events within CloudEvents 1.0: structured mode, all in the value, and binary mode, the envelope in headers."""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import TYPES
from detector.sources import native
from detector.sources.native import MAX_IN_RECORD, Decoded, refusal

_KINDS = {kind: kind for kind in TYPES} | {"status_changed": "status"}
"""Parts of a CloudEvent's type, and the types of native events that they name."""
_DEFAULTS = ("id", "time", "source")
"""What an event takes from its envelope where it does not say so itself."""
_STRUCTURED = b"application/cloudevents"
_ABSENT = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct):
    specversion: str
    type: str
    id: msgspec.Raw = _ABSENT
    time: msgspec.Raw = _ABSENT
    source: msgspec.Raw = _ABSENT
    data: msgspec.Raw = _ABSENT
    data_base64: bytes | None = None


_structured = msgspec.json.Decoder(_Envelope).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.encode


def decode(value: bytes, headers: Sequence[tuple[str, bytes]], topic: str) -> Decoded:
    """The events of one record or request: of each CloudEvent what `native.decode` makes of its data.

    headers: a Kafka record's (`ce_type`) or an HTTP request's (`ce-type`); topic: as for `native.decode`.
    A value in structured mode may be an array of CloudEvents, each judged by itself. Never raises on bad input.
    """
    told = {name.lower(): text or b"" for name, text in headers}
    structured = told.get("content-type", b"").strip().lower().startswith(_STRUCTURED)
    try:
        if not structured and (envelope := _of_headers(told, value)) is not None:
            return _event(envelope, topic)
        if value.lstrip()[:1] != b"[":
            return _event(_structured(value), topic)
        events = _many(value)
    except Exception as fault:
        return [_refused(fault)]
    if len(events) > MAX_IN_RECORD:
        return [BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_RECORD:,} events")]
    return [event for one in events for event in _one(one, topic)]


def _one(value: msgspec.Raw, topic: str) -> Decoded:
    try:
        return _event(_structured(value), topic)
    except Exception as fault:
        return [_refused(fault)]


def _of_headers(told: Mapping[str, bytes], value: bytes) -> _Envelope | None:
    """The envelope in binary mode; None where the headers tell none. HTTP escapes what is not ASCII."""
    for before, plain in (("ce_", str), ("ce-", unquote)):
        if f"{before}specversion" not in told:
            continue
        said = {
            name: plain(told[before + name].decode())
            for name in ("specversion", "type", *_DEFAULTS)
            if before + name in told
        }
        if "type" not in said:
            raise BadInput(Reason.MISSING_FIELD, f"{before}type", "is required")
        defaults = {name: msgspec.Raw(_encode(said[name])) for name in _DEFAULTS if name in said}
        return _Envelope(specversion=said["specversion"], type=said["type"], data=msgspec.Raw(value), **defaults)
    return None


def _event(envelope: _Envelope, topic: str) -> Decoded:
    if envelope.specversion != "1.0":
        raise BadInput(Reason.OUT_OF_RANGE, "specversion", "must be 1.0")
    kind = _kind(envelope.type)
    fields = _data(envelope)
    for name in _DEFAULTS:
        said = getattr(envelope, name)
        if said != _ABSENT and fields.get(name, _ABSENT) == _ABSENT:
            fields[name] = said
    return native.decode(_encode({**fields, "type": kind}), topic)


def _kind(type: str) -> str:
    named = {_KINDS[part] for part in type.split(".") if part in _KINDS}
    if len(named) != 1:
        raise BadInput(Reason.UNKNOWN_TYPE, "type", f"must have one of {', '.join(_KINDS)} between its dots")
    return named.pop()


def _data(envelope: _Envelope) -> dict[str, msgspec.Raw]:
    data = envelope.data if envelope.data_base64 is None else msgspec.Raw(envelope.data_base64)
    if data == _ABSENT:
        raise BadInput(Reason.MISSING_FIELD, "data", "is required")
    try:
        return _fields(data)
    except Exception as fault:
        said = refusal(fault)
        raise BadInput(said.reason, "data", said.detail) from None


def _refused(fault: Exception) -> BadInput:
    return fault if isinstance(fault, BadInput) else refusal(fault)
