"""Sums that the engine leaves for the metrics; the stage takes them after each batch."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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


class Taken(NamedTuple):
    """What was summed up since the last time."""

    usage: dict[Labels, UsageSums]
    flagged_usd: dict[str, float]
    late: int
    duplicates: int
    orphans: int


_SUMMED = ("input", "cached", "written", "out", "reasoning", "cost_usd")


class Totals:
    """Sums since the last `take`."""

    def __init__(self) -> None:
        self._usage: dict[Labels, npt.NDArray[np.float64]] = {}
        self.flagged_usd: dict[str, float] = {}
        self.late = self.duplicates = self.orphans = 0

    def add(self, rows: npt.NDArray[Any], idents: list[Ident]) -> None:
        """Adds the calls among `rows` (of ROW), whose `ident` points into `idents`."""
        rows = rows[rows["kind"] == pk.CALL]
        if not len(rows):
            return
        codes: dict[Labels, int] = {}
        code_of = np.array([codes.setdefault((i.tenant, i.team, i.agent, i.model), len(codes)) for i in idents])
        code = code_of[rows["ident"]]
        n = len(codes)
        sums = np.empty((n, 9))
        sums[:, 0] = np.bincount(code, minlength=n)
        for k, name in enumerate(_SUMMED, 1):
            sums[:, k] = np.bincount(code, rows[name], minlength=n)
        flags = rows["flags"]
        sums[:, 7] = np.bincount(code, (flags & pk.UNPRICED) != 0, minlength=n)
        sums[:, 8] = np.bincount(code, (flags & pk.UNMETERED) != 0, minlength=n)
        for labels, row in zip(codes, sums, strict=True):
            if row[0]:
                held = self._usage.get(labels)
                self._usage[labels] = row if held is None else held + row

    def take(self) -> Taken:
        """The sums, which then start anew."""
        usage = {labels: _sums(row) for labels, row in self._usage.items()}
        out = Taken(usage, self.flagged_usd, self.late, self.duplicates, self.orphans)
        self._usage, self.flagged_usd = {}, {}
        self.late = self.duplicates = self.orphans = 0
        return out


def _sums(row: npt.NDArray[np.float64]) -> UsageSums:
    calls, i, c, w, o, r, usd, unpriced, unmetered = row.tolist()
    return UsageSums(int(calls), int(i), int(c), int(w), int(o), int(r), usd, int(unpriced), int(unmetered))
