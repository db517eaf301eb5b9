"""What an alert's evidence holds to be drawn: read field by field, since an older version wrote it, or none did."""

from typing import Any, TypeVar

import msgspec

from detector.model.alert import Alert

T = TypeVar("T")


class Move(msgspec.Struct):
    """A status of the task (s UTC)."""

    t: float
    strength: str


class Step(msgspec.Struct):
    """A step; action and result are fingerprints, None where there is none to compare; similarity: 0 to 1."""

    t: float = 0.0
    usd: float = 0.0
    name: str = ""
    action: str | None = None
    result: str | None = None
    same: bool = False
    failed: bool = False
    new: bool | None = None
    similarity: float | None = None


def usd_by_minute(alert: Alert) -> list[tuple[float, float]]:
    """(s UTC, USD) of minutes in which something was spent, in their order."""
    return sorted(_all(alert, "usd_by_minute", tuple[float, float]))


def steps(alert: Alert) -> list[Step]:
    """The newest steps, oldest first."""
    return _all(alert, "steps", Step)


def moves(alert: Alert) -> list[Move]:
    """The last statuses that moved its task, in their order."""
    return sorted(_all(alert, "moves", Move), key=lambda move: move.t)


def period(alert: Alert) -> int:
    """Steps of a round."""
    told = alert.evidence.get("period")
    return told if isinstance(told, int) and told > 1 else 1


def moved_s(alert: Alert) -> float | None:
    """How long its task had not moved when this was told; None: it did not, or nothing tells."""
    told = moves(alert)
    return max(0.0, alert.updated_at - told[-1].t) if told else None


def _all(alert: Alert, name: str, type: type[T]) -> list[T]:
    """The entries of a list that are as they should be."""
    told: Any = alert.evidence.get(name)
    out = []
    for entry in told if isinstance(told, list) else ():
        try:
            out.append(msgspec.convert(entry, type))
        except msgspec.ValidationError:
            continue
    return out
