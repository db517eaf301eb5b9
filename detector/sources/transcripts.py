"""What decoders of transcripts share: names, times, texts of results, and the fault of a line."""

from datetime import datetime
from typing import Any

import msgspec

from detector.errors import BadInput, Reason
from detector.model.events import EMPTY
from detector.sources import checked


def name(field: str, value: Any) -> str | None:
    """An id or a name; None where it is not told. Raises BadInput."""
    return checked.text({field: value}, field)


def seconds(field: str, value: Any) -> float:
    """s UTC, of RFC 3339. Raises BadInput."""
    if not isinstance(value, str):
        raise BadInput(Reason.MISSING_FIELD, field, "is required")
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.timestamp()
    except (ValueError, OverflowError):
        pass
    raise BadInput(Reason.OUT_OF_RANGE, field, "is not RFC 3339 with an offset")


def text(value: str) -> msgspec.Raw:
    """A text as the result or the arguments of a tool."""
    return msgspec.Raw(msgspec.json.encode(value))


def given(raw: msgspec.Raw) -> bool:
    """Whether a field holds something."""
    return raw is not EMPTY and bytes(raw) not in (b"", b"null")
