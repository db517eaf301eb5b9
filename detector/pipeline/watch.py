"""The watch stage: the engine over partitions of packed observations; alerts and rollups out."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.engine import ALONE, Engine, Outcome, Spread, warm
from detector.kafka.admin import partitions_of
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline.owned import EngineLike
from detector.pipeline.stateful import Effect, StatefulStage
from detector.pipeline.watch_metrics import WatchMetrics


class WatchStage(StatefulStage):
    """Owns partitions of detector.observations. `engine` stands in for the real one in tests."""

    name = "watch"

    def __init__(
        self, config: Config, metrics: Metrics, clock: Clock = system_clock, engine: type[Any] = Engine
    ) -> None:
        topics = config.topics
        super().__init__(
            config, WatchMetrics(metrics, self.name, topics.observations, clock), topics.observations, topics.state
        )
        self._engine, self._spread = engine, ALONE

    async def prepare(self, partitions: int) -> None:
        """Compiles, and learns how many partitions there are."""
        self._spread = Spread(partitions, await partitions_of(self._config, self._config.topics.rollups))
        await asyncio.to_thread(warm)

    def make(self, partition: int) -> EngineLike:
        """An engine with an empty state."""
        made: EngineLike = self._engine(self._config, partition, spread=self._spread)
        return made

    def restore(self, partition: int, offset: int, segments: Mapping[int, bytes]) -> EngineLike:
        """An engine as it was after the packed record at `offset`; raises StateError."""
        made: EngineLike = self._engine.restore(self._config, partition, offset, segments, spread=self._spread)
        return made

    def effects(self, outcome: Outcome, partition: int) -> Iterable[Effect]:
        """Alert records, and rollups for portfolio."""
        topics = self._config.topics
        for alert in outcome.alerts:
            yield Effect(topics.alerts, alert.id.encode(), encode_alert(alert), alert=alert)
        for to, rollup in outcome.rollups:
            yield Effect(topics.rollups, b"%d" % partition, rollup, to)
