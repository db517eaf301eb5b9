"""Attributes of foreign records as checked values: each raises BadInput, with the attribute's name, or gives None."""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal

import msgspec
from xxhash import xxh3_128_hexdigest

from detector.errors import BadInput, Reason
from detector.model.events import EMPTY, MAX_COST_USD, MAX_NAME, MAX_TOKENS, Tool
from detector.sources.otlp import Record
from detector.sources.times import moment
from detector.sources.told import Decoded, Layer, Told

MAX_SECONDS = 1e9
_DIGITS = 40
"""Characters of a number that is told as a string; more are none."""

Reader = Callable[[Record], Told | list[Told] | None]


def each(records: Iterable[Record], readers: Mapping[str, Reader]) -> Decoded:
    """What the reader of its name makes of each record: events, nothing, or the BadInput that it raises."""
    out: Decoded = []
    for record in records:
        reader = readers.get(record.name)
        if reader is None:
            continue
        try:
            told = reader(record)
        except BadInput as bad:
            out.append(bad)
        else:
            if isinstance(told, list):
                out += told
            elif told is not None:
                out.append(told)
    return out


def tokens(layer: Layer, name: str) -> int | None:
    """A count of tokens, which may be told as a string; None where it is not told."""
    value = layer.get(name)
    if type(value) is int:
        return within(value, MAX_TOKENS, name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return within(int(value), MAX_TOKENS, name)
    number = _number(value, name)
    if not number.is_integer():
        raise BadInput(Reason.WRONG_TYPE, name, "must be a whole number")
    return within(int(number), MAX_TOKENS, name)


def within(count: int, most: int, name: str) -> int:
    """The count; raises BadInput where it is not within 0 and `most`."""
    if not 0 <= count <= most:
        raise BadInput(Reason.OUT_OF_RANGE, name, f"is not within 0 and {most:,}")
    return count


def summed(name: str, count: int | None, *apart: int | None) -> int | None:
    """A count of tokens with those that the source counts apart from it; None where it is not told."""
    return None if count is None else within(count + sum(more or 0 for more in apart), MAX_TOKENS, name)


def dollars(layer: Layer, name: str) -> float | None:
    """A cost in USD; None where it is not told."""
    return _amount(layer, name, 1.0, MAX_COST_USD)


def seconds(layer: Layer, name: str, of: float = 1e-3) -> float | None:
    """A duration in s, told in units of `of` seconds; None where it is not told."""
    return _amount(layer, name, of, MAX_SECONDS)


def _amount(layer: Layer, name: str, of: float, most: float) -> float | None:
    value = layer.get(name)
    if value is None or value == "":
        return None
    amount = _number(value, name) * of
    if not 0 <= amount <= most:
        raise BadInput(Reason.OUT_OF_RANGE, name, f"is not within 0 and {most / of:,.0f}")
    return amount


def _number(value: Any, name: str) -> float:
    number = None
    if isinstance(value, str):
        if len(value) <= _DIGITS and value.isascii() and "_" not in value:
            with suppress(ValueError):
                number = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if number is None:
        raise BadInput(Reason.WRONG_TYPE, name, "must be a number")
    if not math.isfinite(number):
        raise BadInput(Reason.OUT_OF_RANGE, name, "is no finite number")
    return number


def text(layer: Layer, name: str) -> str | None:
    """An id or a name; None where it is not told, or is empty."""
    value = layer.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadInput(Reason.WRONG_TYPE, name, "must be a string")
    if len(value) > MAX_NAME:
        raise BadInput(Reason.OUT_OF_RANGE, name, f"has more than {MAX_NAME} characters")
    return value


def required(layer: Layer, name: str) -> str:
    """An id or a name that must be told."""
    value = text(layer, name)
    if value is None:
        raise BadInput(Reason.MISSING_FIELD, name, "is required")
    return value


def flag(layer: Layer, name: str) -> bool | None:
    """True or false, which may be told as a string; None where it is not told."""
    value = layer.get(name)
    if value is None or value == "":
        return None
    if value is True or value == "true":
        return True
    if value is False or value == "false":
        return False
    raise BadInput(Reason.WRONG_TYPE, name, "must be true or false")


def words(layer: Layer, *names: str) -> str | None:
    """A text of any length, from the first of these attributes that has one."""
    for name in names:
        value = layer.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def time(record: Record) -> float:
    """s UTC: `event.timestamp` (RFC 3339), else the record's own time."""
    told = record.attributes.get("event.timestamp")
    at = moment(told) if isinstance(told, str) else None
    if at is not None:
        return at
    if not record.t:
        raise BadInput(Reason.MISSING_FIELD, "event.timestamp", "is required where the record has no time of its own")
    return record.t


def failure(code: object) -> Literal["error", "rate_limited"]:
    """The status of a call that failed, by the server's own code, which may be no number where none was answered."""
    return "rate_limited" if code in (429, "429") else "error"


def made_id(*said: str | float | None) -> str:
    """An id of what a source says of a call that it gives none: the same telling has the same id."""
    return xxh3_128_hexdigest(msgspec.json.encode(said))


def tool(name: str, call_id: str | None, arguments: str | None, result: str | None, failed: bool | str) -> Tool:
    """A tool of a ToolCall. A result that is not told will never be: then nothing may wait for it, and no id is set."""
    return Tool(
        name=name,
        call_id=call_id if result is not None or failed else None,
        arguments=EMPTY if arguments is None else msgspec.Raw(msgspec.json.encode(arguments)),
        result=EMPTY if result is None else msgspec.Raw(msgspec.json.encode(result)),
        error=failed or None,
    )
