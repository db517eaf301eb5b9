"""Events that commands of our own send: made, and checked as ingest will check them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TypeVar

import msgspec

from detector.config import Ingest
from detector.errors import BadInput, Reason
from detector.model.events import Link, Status
from detector.sources import native
from detector.sources.times import seconds, taken_at

E = TypeVar("E", Link, Status)

ID_BYTES = 8
"""As much of an id as watch remembers; more would tell no more events apart."""


def make(kind: type[E], limits: Ingest, now_s: float, told: Mapping[str, str | None]) -> E:
    """The event that says this, at `time` (RFC 3339), else at `now_s` (s UTC).

    Raises BadInput, with the field, for what ingest refuses. Its id, where none is told, is left to the caller.
    """
    now = datetime.fromtimestamp(round(now_s, 3), UTC).isoformat()
    fields = {"type": kind.__name__.lower(), "id": "to be made", "time": now}
    fields |= {name: _unicode(name, text) for name, text in told.items() if text is not None}
    (event,) = native.decode(msgspec.json.encode(fields), "status")
    if isinstance(event, BadInput):
        raise event
    assert isinstance(event, kind)
    t = seconds(event.time)
    taken_at(t, now_s, limits)
    # In one form, whichever it was told in: the same event has the same id.
    event.time = datetime.fromtimestamp(t, UTC)
    event.tenant = event.tenant or "default"
    return event


def made_id(kind: str, *said: object) -> str:
    """An id that is made of all that an event says: sent again as it is, it is the same event."""
    return f"{kind}-{blake2b(msgspec.json.encode(said), digest_size=ID_BYTES).hexdigest()}"


def _unicode(name: str, text: str) -> str:
    """The text; raises BadInput where it is an argument of this process that is not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInput(Reason.NOT_UTF8, name, "is not UTF-8") from None
    return text
