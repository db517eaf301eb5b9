"""Sums that the engine leaves for the metrics; the stage takes them after each batch."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.enrich.compiled import compiled
from detector.model import packed as pk
from detector.model.packed import Ident

Labels = tuple[str, str | None, str | None, str | None]
"""tenant, team, agent, model"""


class UsageSums(NamedTuple):
    """What the calls of one label tuple used."""

    calls: int
    input_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: float
    unpriced_calls: int
    unmetered_calls: int
    unclaimed_usd: float  # of cost_usd, what no task claims


NO_USE = UsageSums(0, 0, 0, 0, 0, 0, 0.0, 0, 0, 0.0)


def added(a: UsageSums, b: UsageSums) -> UsageSums:
    """What both used."""
    return UsageSums._make(x + y for x, y in zip(a, b, strict=True))


class Taken(NamedTuple):
    """What was summed up since the last time."""

    usage: dict[Labels, UsageSums]
    flagged_usd: dict[str, float]
    late: int
    duplicates: int
    evicted: int
    orphans: int


_SUMS = 10


@compiled
def _sum_rows(
    rows: Any, code_of: npt.NDArray[np.int64], claimed: npt.NDArray[np.bool_], sums: npt.NDArray[np.float64]
) -> None:
    """Adds each call of `rows` to the sums (codes × 10, in the order of UsageSums) of its identity's code.

    Not what another telling counts for.
    """
    for row in rows:
        if row.kind != pk.CALL or row.flags & (pk.TOOL | pk.UNCOUNTED):
            continue
        s = sums[code_of[row.ident]]
        s[0] += 1
        s[1] += row.input
        s[2] += row.cached
        s[3] += row.written
        s[4] += row.out
        s[5] += row.reasoning
        s[6] += row.cost_usd
        s[7] += (row.flags & pk.UNPRICED) != 0
        s[8] += (row.flags & pk.UNMETERED) != 0
        if not claimed[row.ident]:
            s[9] += row.cost_usd


class Totals:
    """Sums since the last `take`."""

    def __init__(self) -> None:
        self._codes: dict[Labels, int] = {}
        self._sums = np.zeros((16, _SUMS))
        self.flagged_usd: dict[str, float] = {}
        self.late = self.duplicates = self.evicted = self.orphans = 0

    def add(self, rows: npt.NDArray[Any], idents: list[Ident]) -> None:
        """Adds the calls among `rows` (of ROW), whose `ident` points into `idents`."""
        codes = self._codes
        labels = ((i.tenant, i.team, i.agent, i.model) for i in idents)
        code_of = np.array([codes.setdefault(told, len(codes)) for told in labels], np.int64)
        while len(codes) > len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
        _sum_rows(rows, code_of, np.array([i.task is not None for i in idents], np.bool_), self._sums)

    def take(self) -> Taken:
        """The sums, which then start anew."""
        sums = zip(self._codes, self._sums.tolist(), strict=False)
        usage = {labels: _told(s) for labels, s in sums if s[0]}
        out = Taken(usage, self.flagged_usd, self.late, self.duplicates, self.evicted, self.orphans)
        self._codes, self._sums, self.flagged_usd = {}, np.zeros_like(self._sums), {}
        self.late = self.duplicates = self.evicted = self.orphans = 0
        return out


def _told(sums: list[float]) -> UsageSums:
    calls, i, c, w, o, r, usd, unpriced, unmetered, unclaimed_usd = sums
    tokens = (int(i), int(c), int(w), int(o), int(r))
    return UsageSums(int(calls), *tokens, usd, int(unpriced), int(unmetered), unclaimed_usd)
