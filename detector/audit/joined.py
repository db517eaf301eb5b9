"""Several sources of an audit as one: the books of all partitions."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.source import Floats, Source
from detector.audit.window import Window
from detector.ledger.outcomes import Outcomes


class Joined:
    """Sources that have no tenant in common; their codes go on from one to the next."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources, self.outcomes = sources, Outcomes()
        self.whos = [who for source in sources for who in source.whos]
        self.subjects = [subject for source in sources for subject in source.subjects]
        self._who_from = [0, *accumulate(len(source.whos) for source in sources)]
        self._subject_from = [0, *accumulate(len(source.subjects) for source in sources)]
        for source in sources:
            self.outcomes.records.update(source.outcomes.records)
            self.outcomes.reverted |= source.outcomes.reverted
            self.outcomes.any_status = self.outcomes.any_status or source.outcomes.any_status

    def sums(self) -> Iterator[npt.NDArray[Any]]:
        """See Source."""
        for n, source in enumerate(self._sources):
            for rows in source.sums():
                yield self._moved(n, rows)

    def _moved(self, n: int, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        rows["who"] += self._who_from[n]
        rows["subject"] += self._subject_from[n]
        return rows

    def runs(self, window: Window) -> npt.NDArray[Any]:
        """See Source."""
        told, first = [], 0
        for n, source in enumerate(self._sources):
            rows = self._moved(n, source.runs(window))
            rows["run"] += first
            first = max(first, 1 + int(rows["run"].max(initial=-1)))
            told.append(rows)
        return np.concatenate(told)

    def spent_by(self, t: Floats) -> Floats:
        """See Source."""
        begins = self._subject_from
        found = (source.spent_by(t[begins[n] : begins[n + 1]]) for n, source in enumerate(self._sources))
        return np.concatenate([np.zeros(0), *found])

    def direct_usd(self, last_t: Floats, window: Window, asked: npt.NDArray[np.bool_]) -> float:
        """See Source."""
        whos, subjects = self._who_from, self._subject_from
        return sum(
            source.direct_usd(last_t[subjects[n] : subjects[n + 1]], window, asked[whos[n] : whos[n + 1]])
            for n, source in enumerate(self._sources)
        )
