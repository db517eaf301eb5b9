"""What portfolio shows beside what every stage with state does: how many accounts there are, and its boards."""

import time
from collections.abc import Generator
from typing import Any

from detector.boards.reckon import reckon
from detector.boards.sums import Figures
from detector.clock import Clock
from detector.metrics import Metrics
from detector.pipeline.owned import Owned
from detector.pipeline.stateful_metrics import StatefulMetrics

KINDS = ("task", "agent", "team")
BOARDS_S = 60.0
"""Boards of a partition are reckoned at most this often."""
BOARDS_SHARE = 0.02
"""And take at most this share of a core, however much a partition holds."""


class PortfolioMetrics(StatefulMetrics):
    """Translates the counts of accounts, and the books of each partition into boards.

    These are reckoned a step each time that metrics are shown, of one partition after the other, so that no step keeps
    the stage from its work for long.
    """

    def __init__(self, metrics: Metrics, stage: str, topic: str, clock: Clock, now: Clock = time.monotonic) -> None:
        super().__init__(metrics, stage, topic, clock)
        self._now = now
        self._due: dict[int, float] = {}  # by partition
        self._told: dict[int, int] = {}  # the offset that is on the boards
        self._work: Generator[None, None, Figures] | None = None
        self._of, self._offset, self._cost_s = -1, -1, 0.0

    def processed(self, owned: Owned) -> None:
        """Takes over what came too late for its minute."""
        engine: Any = owned.engine
        self._metrics.late_rollups.inc(engine.take_late())

    def shown(self, owned: Owned) -> None:
        """How many accounts are in memory; and a step on the boards."""
        engine: Any = owned.engine
        for kind, n in engine.accounts.items():
            self._metrics.accounts.labels(kind, str(owned.partition)).set(n)
        if self._work is None and self._is_due(owned.partition, engine):
            self._work, self._of, self._offset, self._cost_s = _boards(engine), owned.partition, engine.offset, 0.0
        if self._work is not None and self._of == owned.partition:
            self._step(self._work)

    def _is_due(self, partition: int, engine: Any) -> bool:
        new = engine.offset != self._told.get(partition, -1) and engine.books.common.newest_t > 0.0
        return new and self._now() >= self._due.get(partition, 0.0)

    def _step(self, work: Generator[None, None, Figures]) -> None:
        began_s = self._now()
        try:
            next(work)
        except StopIteration as done:
            self._metrics.boards.show(self._of, done.value)
            self._work = None
        self._cost_s += self._now() - began_s
        if self._work is None:
            self._told[self._of] = self._offset
            self._due[self._of] = self._now() + max(BOARDS_S, self._cost_s / BOARDS_SHARE)

    def hidden(self, partition: int) -> None:
        """They are in another worker's memory."""
        for kind in KINDS:
            self._metrics.accounts.remove(kind, str(partition))
        self._metrics.boards.hide(partition)
        self._due.pop(partition, None)
        self._told.pop(partition, None)
        if self._of == partition:
            self._work = None


def _boards(engine: Any) -> Generator[None, None, Figures]:
    budgets = engine.budgets.states()  # first, as what was spent is read at the beginning too
    figures: Figures = yield from reckon(engine.books)
    figures.budgets, figures.hours = budgets, engine.hours
    return figures
