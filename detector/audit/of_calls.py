"""An audit's source where every call is known: figures are exact to the call."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.calls import Calls
from detector.audit.flagged import Episodes
from detector.audit.source import RUNS, SUM, Floats
from detector.audit.window import Window
from detector.ledger.names import Subject
from detector.ledger.outcomes import Outcomes
from detector.model import packed as pk


class CallsSource:
    """Calls with the subjects that links give them to (`subjects`: of each code), outcomes, and episodes."""

    def __init__(self, calls: Calls, subjects: Sequence[Subject], outcomes: Outcomes, episodes: Episodes) -> None:
        self._calls, self.outcomes, self.whos = calls, outcomes, calls.whos.names
        # Runs that links give to one task are one subject.
        self.subjects = list(dict.fromkeys(subjects))
        number = {subject: n for n, subject in enumerate(self.subjects)}
        self._subject_of = np.array([number[s] for s in subjects], np.int64)
        self._spans = episodes.spans(calls, subjects)

    def sums(self) -> Iterator[npt.NDArray[Any]]:
        """See Source."""
        for rows in self._calls.chunks():
            out, usd = np.zeros(len(rows), SUM), rows["usd"]
            notional, unmetered = rows["flags"] & pk.NOTIONAL != 0, rows["flags"] & pk.UNMETERED != 0
            out["t"], out["who"], out["calls"] = rows["t"], rows["who"], 1
            out["subject"] = self._subject_of[rows["subject"]]
            out["metered_t"] = np.where(unmetered, np.inf, rows["t"])
            out["unpriced"], out["unmetered"] = rows["flags"] & pk.UNPRICED != 0, unmetered
            out["usd"], out["notional_usd"] = np.where(notional, 0.0, usd), np.where(notional, usd, 0.0)
            out["flagged_usd"] = np.where(self._spans.mask(rows), out["usd"], 0.0)
            yield out

    def runs(self, window: Window) -> npt.NDArray[Any]:
        """See Source."""
        found: set[tuple[int, int, int]] = set()
        for rows in self._calls.chunks():
            rows = rows[window.holds(rows["t"]) & (rows["run"] >= 0)]
            subject = self._subject_of[rows["subject"]]
            found.update(zip(rows["run"].tolist(), subject.tolist(), rows["who"].tolist(), strict=True))
        return np.array([(*told, 1) for told in sorted(found)], RUNS)

    def spent_by(self, t: Floats) -> Floats:
        """See Source."""
        total = np.zeros(len(self.subjects))
        for rows in self._calls.chunks():
            subject = self._subject_of[rows["subject"]]
            mine = (rows["t"] <= t[subject]) & (rows["flags"] & pk.NOTIONAL == 0)
            np.add.at(total, subject[mine], rows["usd"][mine])
        return total

    def direct_usd(self, last_t: Floats, window: Window, asked: npt.NDArray[np.bool_]) -> float:
        """See Source."""
        total = 0.0
        for rows in self._calls.chunks():
            mine = window.holds(rows["t"]) & asked[rows["who"]] & (rows["flags"] & pk.NOTIONAL == 0)
            mine &= rows["t"] <= last_t[self._subject_of[rows["subject"]]]
            total += float(rows["usd"][mine].sum())
        return total
