"""A call that is told again while it waits to be judged: what the first telling lacks is filled in.

Which of two tellings comes first makes no difference to what is counted.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.model import packed as pk
from detector.model.packed import MAX_WAITS, Columns
from detector.state.pool import Pool

_COUNTS = ("input", "cached", "written", "out", "reasoning")
_SAID_OF_EITHER = pk.INTERACTIVE | pk.ERROR | pk.RATE_LIMITED | pk.COMPACTION | pk.STEPLESS | pk.APART
_OF_STEP = pk.SEVERAL | pk.NAMES_ONLY | pk.SAYS_SOMETHING | pk.DEGENERATE | pk.LITTLE | pk.OF_RESULTS
_STEP = ("action", "result", "output", "said", "missing")


class Merged(NamedTuple):
    """A row that fills one that waits, and whether what was done is the new one's word."""

    new: int
    old: int
    step: bool


def fill(pool: Pool, columns: Columns, again: npt.NDArray[np.intp]) -> list[Merged]:
    """Fills the waiting rows whose ids those rows of `columns` have that are at `again`."""
    merged = []
    rows = columns.rows
    waiting = pool.waiting_of(rows["id"][again])
    for i in again.tolist():
        r = waiting.get(int(rows["id"][i]))
        if r is None or pool.rows["kind"][r] != pk.CALL or rows["kind"][i] != pk.CALL:
            continue
        before = pool.rows[r].copy()
        _count(pool.rows[r], rows[i])
        merged.append(Merged(i, r, _step(pool, r, columns, i)))
        if pool.rows[r] != before:
            pool.rows["kept"][r] = 0
    return merged


def _count(one: Any, more: Any) -> None:
    """Tokens: of each count the larger one. Dollars: of the telling that knows more of the tokens."""
    known, others = _worth(one), _worth(more)
    if others > known:
        one["cost_usd"] = more["cost_usd"]
        unpriced = int(more["flags"]) & pk.UNPRICED
    else:
        unpriced = int(one["flags"]) & pk.UNPRICED
    for name in _COUNTS:
        one[name] = max(one[name], more[name])
    one["duration_s"] = max(one["duration_s"], more["duration_s"])
    if one["turn"] == 0:
        one["turn"] = more["turn"]
    flags = int(one["flags"]) & ~pk.UNPRICED | unpriced | int(more["flags"]) & (_SAID_OF_EITHER | pk.TOKENS_KNOWN)
    one["flags"] = flags & ~pk.UNMETERED if flags & pk.TOKENS_KNOWN else flags


def _worth(row: Any) -> tuple[bool, int, float]:
    """How good a telling's dollars are: whether there are any, how many counts they are of, how many they are."""
    priced = row["cost_usd"] > 0.0 or row["flags"] & (pk.UNPRICED | pk.UNMETERED) == 0
    return bool(priced), sum(bool(row[name] > 0) for name in _COUNTS), float(row["cost_usd"])


def _step(pool: Pool, r: int, columns: Columns, i: int) -> bool:
    """What was done: tools before an answer, results before none; the first telling's where both say as much.

    Whether it is the new one's.
    """
    one, more = pool.rows[r], columns.rows[i]
    if _tells(more) <= _tells(one):
        return False
    for name in _STEP:
        one[name] = more[name]
    one["flags"] = int(one["flags"]) & ~_OF_STEP | int(more["flags"]) & _OF_STEP
    sketch = int(more["sketch"])
    one["sketch"] = sketch
    one["words"] = columns.words[sketch] if sketch >= 0 else 0
    one["level"] = columns.levels[sketch] if sketch >= 0 else 0
    pool.names[r] = columns.names[i]
    waits = [wait for wait in columns.waits.tolist() if wait[0] == i][:MAX_WAITS]
    one["waiting"] = len(waits)
    for n, (_, key, tool) in enumerate(waits):
        one["wait_key"][n], one["wait_tool"][n] = key, tool
    return True


def _tells(row: Any) -> int:
    """How much is known of what was done."""
    if row["action"] != 0:
        return 3 if row["missing"] == 0 else 2
    return int(row["output"] != 0 or row["sketch"] >= 0)
