"""What an alert's evidence holds to be drawn: read field by field, since an older version wrote it, or none did."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from detector.model.alert import Alert, bounded

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
    return sorted(told for told in _all(alert, "usd_by_minute", tuple[float, float]) if told[0] == bounded(told[0]))


def steps(alert: Alert) -> list[Step]:
    """The newest steps, oldest first."""
    return _all(alert, "steps", Step)


def is_step(entry: Any) -> bool:
    """Whether an entry of `steps` is one."""
    return isinstance(entry, dict) and bool(_those([entry], Step))


def moves(alert: Alert) -> list[Move]:
    """The last statuses that moved its task, in their order."""
    told = (move for move in _all(alert, "moves", Move) if move.t == bounded(move.t))
    return sorted(told, key=lambda move: move.t)


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
    return _those(told if isinstance(told, list) else (), type)


def _those(entries: Iterable[Any], type: type[T]) -> list[T]:
    out = []
    for entry in entries:
        try:
            out.append(msgspec.convert(entry, type))
        except msgspec.ValidationError:
            continue
    return out
