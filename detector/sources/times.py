"""Times of events: as seconds, and which of them are taken."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from detector.errors import BadInput, Reason

if TYPE_CHECKING:  # what runs beside a proxy has no pydantic
    from detector.config import Ingest

YEAR_2000_S, YEAR_2100_S = 946_684_800.0, 4_102_444_800.0


def seconds(time: float | datetime) -> float:
    """A wire time as seconds UTC."""
    return time if isinstance(time, float) else time.timestamp()


def moment(text: str) -> float | None:
    """s UTC, of RFC 3339 with an offset; None where it is not that."""
    try:
        at = datetime.fromisoformat(text)
        return None if at.tzinfo is None else at.timestamp()
    except (ValueError, OverflowError):
        return None


def taken_at(t: float, broker_s: float | None, limits: Ingest) -> float:
    """The time that an event of `t` is taken at: `t`, or its broker's timestamp where its clock is ahead (all s UTC).

    Without a broker only the year is looked at. Raises BadInput where the time is absurd.
    """
    if not YEAR_2000_S <= t < YEAR_2100_S:
        raise BadInput(Reason.TIME_OUT_OF_RANGE, "time", "is not within the years 2000 to 2100")
    if broker_s is None:
        return t
    ahead = t - broker_s
    if ahead > limits.refuse_future_s:
        raise BadInput(Reason.TIME_OUT_OF_RANGE, "time", "lies too far in the future: see ingest.refuse_future_s")
    if ahead < -limits.refuse_past_s:
        raise BadInput(Reason.TIME_OUT_OF_RANGE, "time", "lies too far in the past: see ingest.refuse_past_s")
    return broker_s if ahead > limits.max_future_s else t
