"""Rings of equal spans of time (minutes, hours) in the rows of a table: brought up to date, and summed."""

from typing import Any

import numpy as np
import numpy.typing as npt

Slots = npt.NDArray[np.int64]


def spans(now: int, size: int) -> npt.NDArray[np.int64]:
    """For each place of a ring of `size` the span that it stands for, where `now` is the newest."""
    return now - (now - np.arange(size)) % size


def freshen(rows: Any, slots: Slots, newest: str, rings: tuple[str, ...], now: int) -> None:
    """Brings rings of the rows at `slots` (each once) to span `now`: what has passed since their newest is zeroed."""
    behind = slots[rows[newest][slots] < now]
    if not len(behind):
        return
    stands = spans(now, rows[rings[0]].shape[1])
    passed = stands[None, :] > rows[newest][behind][:, None]
    for ring in rings:
        held = rows[ring][behind]
        held[passed] = 0
        rows[ring][behind] = held
    rows[newest][behind] = now


def since(rings: npt.NDArray[Any], now: int, first: int) -> npt.NDArray[np.float64]:
    """Sums (n) of rings (n × size, `now` their newest span) from span `first` on."""
    wanted = spans(now, rings.shape[1]) >= first
    total: npt.NDArray[np.float64] = rings[:, wanted].sum(axis=1, dtype=np.float64)
    return total
