"""What watch shows beside what every stage with state does: what was spent, and how many runs there are."""

from typing import Any

from detector.pipeline.owned import Owned
from detector.pipeline.stateful_metrics import StatefulMetrics


class WatchMetrics(StatefulMetrics):
    """Translates the totals of engines."""

    def processed(self, owned: Owned) -> None:
        """Takes over what the engine has summed up."""
        engine: Any = owned.engine
        totals = engine.totals.take()
        self._metrics.add_usage(totals.usage)
        for rule, dollars in totals.flagged_usd.items():
            self._metrics.flagged_usd.labels(rule).inc(dollars)
        self._metrics.late.inc(totals.late)
        self._metrics.duplicates.inc(totals.duplicates)
        self._metrics.seen_evicted.inc(totals.evicted)

    def shown(self, owned: Owned) -> None:
        """How many runs are in memory."""
        self._metrics.live_runs.labels(str(owned.partition)).set(owned.engine.live_runs)

    def hidden(self, partition: int) -> None:
        """They are in another worker's memory."""
        self._metrics.live_runs.remove(str(partition))
