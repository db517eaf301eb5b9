"""What an audit is made of, whether it comes from calls or from the books of portfolio."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detector.audit.window import Window
from detector.ledger.names import Subject, Who
from detector.ledger.outcomes import Outcomes

SUM = np.dtype(
    [
        ("t", "f8"),  # s UTC; of an hour or a day its beginning
        ("metered_t", "f8"),  # of the first call that tells tokens, infinite where none does
        ("subject", "i8"),  # codes
        ("who", "i8"),
        ("calls", "i8"),
        ("unpriced", "i8"),
        ("unmetered", "i8"),
        ("usd", "f8"),  # billed
        ("notional_usd", "f8"),
        ("flagged_usd", "f8"),  # of what is billed
    ]
)
"""What one subject spent through one payer at a time: a call, or more of them."""

RUNS = np.dtype([("run", "i8"), ("subject", "i8"), ("who", "i8"), ("runs", "i8")])
"""Runs with calls in a window: rows of one `run` are of the same runs, `runs` says how many these are."""

Floats = npt.NDArray[np.float64]


class Source(Protocol):
    """Who spent on what; all that the figures are made of."""

    @property
    def whos(self) -> Sequence[Who]:
        """Payers, by code."""

    @property
    def subjects(self) -> Sequence[Subject]:
        """Tasks, and runs that none claims, by code."""

    @property
    def outcomes(self) -> Outcomes:
        """What became of them."""

    def sums(self) -> Iterator[npt.NDArray[Any]]:
        """All of it: rows of SUM."""

    def runs(self, window: Window) -> npt.NDArray[Any]:
        """Runs with calls in the window: rows of RUNS."""

    def spent_by(self, t: Floats) -> Floats:
        """Billed dollars of each subject, of all times, up to `t` (by subject, s UTC; -inf: none); NaN: not known."""

    def direct_usd(self, last_t: Floats, window: Window, asked: npt.NDArray[np.bool_]) -> float:
        """Billed dollars of the window up to `last_t` (by subject, -inf: none of it), of whom is `asked` (by who)."""
