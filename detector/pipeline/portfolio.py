"""The portfolio stage: accounts of teams, agents and tasks over partitions of rollups; alerts and baselines out."""

from collections.abc import Iterable, Mapping, Sequence

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline.owned import EngineLike
from detector.pipeline.portfolio_metrics import PortfolioMetrics
from detector.pipeline.stateful import Effect, StatefulStage
from detector.portfolio import Portfolio, PortfolioOutcome


class PortfolioStage(StatefulStage):
    """Owns partitions of detector.rollups."""

    name = "portfolio"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        topics = config.topics
        of_stage = PortfolioMetrics(metrics, self.name, topics.rollups, clock)
        super().__init__(config, of_stage, topics.rollups, topics.accounts)

    def make(self, partition: int) -> EngineLike:
        """Empty accounts."""
        return Portfolio(self._config, partition)

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        """Accounts as they were after the rollup at `offset`; raises StateError."""
        return Portfolio.restore(self._config, partition, offset, segments)

    def effects(self, outcome: PortfolioOutcome, partition: int) -> Iterable[Effect]:
        """Alert records, and baselines for watch."""
        for alert in outcome.alerts:
            yield Effect(self._config.topics.alerts, alert.id.encode(), encode_alert(alert), alert=alert)
        for key, record in outcome.baselines:
            yield Effect(self._config.topics.baselines, key, record)
