"""Native events: JSON bytes of a record to typed events, or a reason for each that cannot be used."""

import re
from typing import Any

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import EMPTY, Call, Claim, Event, Link, Status, ToolCall, ToolResult

Decoded = list[Event | BadInput]

MAX_PATH = 200
"""Characters of the path that a reason names: it goes as deep as the event."""
MAX_IN_RECORD = 65_535
"""Events of one record: an event is known by its record's offset and 16 bits more."""

_calls = msgspec.json.Decoder(Call)
_statuses = msgspec.json.Decoder(Status)
_by_type: dict[str, msgspec.json.Decoder[Any]] = {
    "call": _calls,
    "tool_call": msgspec.json.Decoder(ToolCall),
    "tool_result": msgspec.json.Decoder(ToolResult),
    "claim": msgspec.json.Decoder(Claim),
    "status": _statuses,
    "link": msgspec.json.Decoder(Link),
}
_TYPES = {
    "calls": ("call", "tool_call", "tool_result", "claim"),
    "status": ("status", "link"),
    "any": tuple(_by_type),
}


class _Typed(msgspec.Struct):
    type: Any = None


_typed = msgspec.json.Decoder(_Typed)
_encode = msgspec.json.Encoder().encode
_array = msgspec.json.Decoder(list[msgspec.Raw])
_PLACE = re.compile(r" - at `\$\.?(.*?)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_BOUNDS = re.compile(r"[<>]=? ?\d|length|out of range|matching regex")


def decode(value: bytes, topic: str) -> Decoded:
    """The events of one record. `topic`: "calls", "status", or "any" for files that mix them.

    An array holds several events, each judged by itself, up to MAX_IN_RECORD. Never raises on bad input.
    """
    try:
        if topic == "status":
            return [_statuses.decode(value)]
        return [_calls.decode(value)]
    except msgspec.ValidationError:
        pass
    except Exception as e:
        return [refusal(e)]
    if value.lstrip()[:1] == b"[":
        from detector.sources.counting import has_more  # compiled: a command that sends one event has no need of it

        if has_more(value, MAX_IN_RECORD):
            return [BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_RECORD:,} events")]
        try:
            return [_one(bytes(raw), topic) for raw in _array.decode(value)]
        except Exception as e:
            return [refusal(e)]
    return [_one(value, topic)]


def _one(value: bytes, topic: str) -> Event | BadInput:
    try:
        kind = _typed.decode(value).type
        if kind is None:
            kind = "status" if topic == "status" else "call"
        if not isinstance(kind, str):
            return BadInput(Reason.WRONG_TYPE, "type", "must be a string")
        if kind not in _TYPES[topic]:
            return BadInput(Reason.UNKNOWN_TYPE, "type", f"must be one of {', '.join(_TYPES[topic])} here")
        event: Event = _by_type[kind].decode(value)
        return event
    except Exception as e:
        return refusal(e)


def encode(event: Event) -> bytes:
    """The event as producers write it, without what it does not say. Raises BadInput where a text is no Unicode."""
    told = zip(event.__struct_encode_fields__, msgspec.structs.astuple(event), strict=True)
    try:
        return _encode({name: value for name, value in told if value is not None and value is not EMPTY})
    except UnicodeEncodeError:
        raise BadInput(Reason.NOT_UTF8, "", "half of a surrogate pair is missing") from None


def refusal(e: Exception) -> BadInput:
    """The reason behind a decoder's error; its detail never repeats the event's content."""
    if isinstance(e, msgspec.ValidationError):
        return _invalid(str(e))
    if isinstance(e, RecursionError):
        return BadInput(Reason.TOO_DEEP, "", "nested too deeply")
    if isinstance(e, UnicodeDecodeError):
        return BadInput(Reason.NOT_UTF8, "", "is not UTF-8")
    if isinstance(e, msgspec.DecodeError):
        if "surrogate" in str(e):
            return BadInput(Reason.NOT_UTF8, "", "half of a surrogate pair is missing")
        return BadInput(Reason.NOT_JSON, "", "is not JSON")
    raise e


def _invalid(message: str) -> BadInput:
    place = _PLACE.search(message)
    path, what = (place[1][:MAX_PATH], message[: place.start()]) if place else ("", message)
    missing = _MISSING.search(what)
    if missing:
        return BadInput(Reason.MISSING_FIELD, f"{path}.{missing[1]}".lstrip("."), "is required")
    if what.startswith("Invalid enum value"):
        return BadInput(Reason.OUT_OF_RANGE, path, "is none of the allowed values")
    if what.startswith("Invalid RFC3339"):
        return BadInput(Reason.OUT_OF_RANGE, path, "is neither seconds nor RFC 3339 with an offset")
    reason = Reason.OUT_OF_RANGE if _BOUNDS.search(what) else Reason.WRONG_TYPE
    return BadInput(reason, path, what[:1].lower() + what[1:])
