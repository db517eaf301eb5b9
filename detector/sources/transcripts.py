"""What decoders of transcripts share: names, times, texts of results, and the fault of a line."""

from typing import Any

import msgspec

from detector.errors import BadInput, Reason
from detector.sources import checked
from detector.sources.times import moment


def name(field: str, value: Any) -> str | None:
    """An id or a name; None where it is not told. Raises BadInput."""
    return checked.text({field: value}, field)


def seconds(field: str, value: Any) -> float:
    """s UTC, of RFC 3339. Raises BadInput."""
    if not isinstance(value, str):
        raise BadInput(Reason.MISSING_FIELD, field, "is required")
    at = moment(value)
    if at is None:
        raise BadInput(Reason.OUT_OF_RANGE, field, "is not RFC 3339 with an offset")
    return at


def text(value: str) -> msgspec.Raw:
    """A text as the result or the arguments of a tool."""
    return msgspec.Raw(msgspec.json.encode(value))
