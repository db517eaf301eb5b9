"""What portfolio shows beside what every stage with state does: how many accounts there are."""

from typing import Any

from detector.pipeline.owned import Owned
from detector.pipeline.stateful_metrics import StatefulMetrics

KINDS = ("task", "agent", "team")


class PortfolioMetrics(StatefulMetrics):
    """Translates the counts of accounts."""

    def processed(self, owned: Owned) -> None:
        """Takes over what came too late for its minute."""
        engine: Any = owned.engine
        self._metrics.late_rollups.inc(engine.take_late())

    def shown(self, owned: Owned) -> None:
        """How many accounts are in memory."""
        engine: Any = owned.engine
        for kind, n in engine.accounts.items():
            self._metrics.accounts.labels(kind, str(owned.partition)).set(n)

    def hidden(self, partition: int) -> None:
        """They are in another worker's memory."""
        for kind in KINDS:
            self._metrics.accounts.remove(kind, str(partition))
