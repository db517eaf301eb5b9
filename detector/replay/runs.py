"""How many runs have called a model."""

from collections.abc import Iterable

import numpy as np

from detector.enrich.identity import hash64
from detector.model.packed import CALL, TOOL, Columns, Ident
from detector.state.seen import Seen

MOST_RUNS = 1_000_000
"""Runs that are counted once; beyond that the oldest may count again. 40 B each."""
_EVER_S = 1e12


class Runs:
    """Counts runs, each once."""

    def __init__(self) -> None:
        self._seen = Seen(MOST_RUNS, _EVER_S)
        self.count = 0

    def add(self, idents: Iterable[Ident]) -> None:
        """Those of whoever has called."""
        ids = [hash64(ident.tenant, ident.run) for ident in idents if ident.run is not None]
        self.count += int(self._seen.add(np.array(ids, np.uint64), 0.0).sum())

    def take(self, columns: Columns) -> None:
        """Those of the calls among observations."""
        rows = columns.rows
        calls = rows["ident"][(rows["kind"] == CALL) & (rows["flags"] & TOOL == 0)]
        self.add(columns.idents[n] for n in np.unique(calls).tolist())
