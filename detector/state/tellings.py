"""Several sources tell of one run, compiled: which one's calls are counted, and which one's tools are its steps.

A gateway and its client share no id for a call, only the run. So it goes by time: where a source of an earlier rank
tells of a run, the calls of later ones are not counted from then on; and what a later one was counted for, before
anything came of an earlier one, that one is not counted for again.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.config import MAX_METERS
from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.state import layout as lay


@compiled
def hear(rows: Any, slots: npt.NDArray[np.int64], ranks: npt.NDArray[np.uint8], tellings: Any) -> None:
    """Notes of each run when its sources began to tell of it, when that comes.

    rows: n of ROW; slots (n): of their runs in `tellings`, -1 where it does not matter; ranks (n): of their sources,
    from 1 on.
    """
    for k in range(len(rows)):
        row = rows[k]
        if slots[k] < 0 or row.kind != pk.CALL:
            continue
        told, n = tellings[slots[k]], ranks[k] - 1
        if row.flags & (pk.TOOL | pk.UNCOUNTED) == 0 and (told.first[n] == 0.0 or row.t < told.first[n]):
            told.first[n] = row.t


@compiled
def settle(order: npt.NDArray[np.int64], rows: Any, tellings: Any, clocks_s: float) -> None:
    """Marks those of the waiting rows at `order`, in the order of time, that are not counted or are no steps.

    clocks_s: by so much the clocks of two sources may differ.
    """
    for r in order:
        row = rows[r]
        if row.rank == 0 or row.told < 0 or row.kind != pk.CALL:
            continue
        told, n = tellings[row.told], row.rank - 1
        again = row.flags & (pk.TOOL | pk.UNCOUNTED) == 0 and not _counts(told, n, row.t, clocks_s)
        if again:
            row.flags |= np.uint32(pk.UNCOUNTED)
        if row.action != 0 and row.flags & pk.ERROR == 0:
            told.tools[n] = max(told.tools[n], _how_well(row))
            again = not _tells_best(told, n)
        if again:
            row.flags |= np.uint32(pk.MUTED)


@compiled
def _how_well(row: Any) -> int:
    """How much is told of the tools of a step."""
    if row.flags & pk.NAMES_ONLY:
        return lay.TOOLS_NAMES
    return lay.TOOLS_RESULTS if row.flags & pk.SAYS_SOMETHING else lay.TOOLS_ACTIONS


@compiled
def _counts(told: Any, n: int, t: float, clocks_s: float) -> bool:
    """Whether a call at `t` of source n is counted; notes that it was."""
    for k in range(n):
        if told.first[k] != 0.0 and told.first[k] <= t + clocks_s:
            return False
    before = 0
    for k in range(n + 1, MAX_METERS):
        before += told.counted[k]
        if told.counted_t[k] >= t:
            told.told_again[n] += 1
            return False
    for k in range(n + 1, MAX_METERS):
        if told.counted_t[k] >= t - clocks_s and told.told_again[n] < before:
            told.told_again[n] += 1
            return False
    told.counted_t[n] = max(told.counted_t[n], t)
    told.counted[n] += 1
    return True


@compiled
def _tells_best(told: Any, n: int) -> bool:
    """Whether no other source tells more of tools; of two that tell as much the later: it is nearer to the agent."""
    for k in range(MAX_METERS):
        if told.tools[k] > told.tools[n] or (k > n and told.tools[k] == told.tools[n]):
            return False
    return True
