"""The watch stage: the engine over partitions of packed observations; alerts and rollups out."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.engine import ALONE, Engine, Outcome, Spread, warm
from detector.kafka.admin import partitions_of
from detector.kafka.whole import WholeTopic
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline.owned import EngineLike
from detector.pipeline.stateful import Effect, StatefulStage
from detector.pipeline.watch_metrics import WatchMetrics
from detector.state.whole import Whole

log = logging.getLogger(__name__)

BASELINES_POLL_S = 0.25


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
        self._engine, self._spread, self._whole = engine, ALONE, Whole()
        self._baselines = WholeTopic(config, topics.baselines)
        self._following: asyncio.Task[None] | None = None

    async def prepare(self, partitions: int) -> None:
        """Compiles, learns how many partitions there are, and what is usual of every team."""
        topics = self._config.topics
        self._spread = Spread(partitions, await partitions_of(self._config, topics.rollups))
        await self._baselines.start()
        await asyncio.to_thread(warm)
        while not self._baselines.caught_up:
            await self._learn()
        self._following = asyncio.create_task(self._follow())

    def check(self) -> None:
        """Raises what ended the reading of baselines."""
        if self._following is not None and self._following.done():
            self._following.result()

    async def stop(self) -> None:
        """As every stage with state; then baselines are read no more."""
        try:
            await super().stop()
        finally:
            if self._following is not None:
                self._following.cancel()
                await asyncio.gather(self._following, return_exceptions=True)
            await self._baselines.stop()

    async def _follow(self) -> None:
        while True:
            await self._learn()

    async def _learn(self) -> None:
        for record in await self._baselines.read(BASELINES_POLL_S):
            try:
                if record.value is not None:
                    self._whole.learn(record.value)
            except (msgspec.MsgspecError, ValueError) as error:
                log.error("skipped a record of %s that is no baseline: %s", record.topic, error)
        await asyncio.sleep(0)  # a fetch does not yield while it has records in hand

    def make(self, partition: int) -> EngineLike:
        """An engine with an empty state."""
        made: EngineLike = self._engine(self._config, partition, spread=self._spread, whole=self._whole)
        return made

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        """An engine as it was after the packed record at `offset`; raises StateError."""
        told = {"spread": self._spread, "whole": self._whole}
        made: EngineLike = self._engine.restore(self._config, partition, offset, segments, **told)
        return made

    def effects(self, outcome: Outcome, partition: int) -> Iterable[Effect]:
        """Alert records, and rollups for portfolio."""
        topics = self._config.topics
        for alert in outcome.alerts:
            yield Effect(topics.alerts, alert.id.encode(), encode_alert(alert), alert=alert)
        for to, rollup in outcome.rollups:
            yield Effect(topics.rollups, b"%d" % partition, rollup, to)
