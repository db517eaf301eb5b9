"""The portfolio stage: reads the rollups and keeps up with them; nothing is made of them yet."""

import asyncio

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.kafka.admin import partitions_of
from detector.kafka.group import GroupReader
from detector.metrics import Metrics

FETCH_S = 1.0
FETCH_RECORDS = 1000


class PortfolioStage:
    """A member of its group that commits what it has read."""

    name = "portfolio"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        self._config, self._metrics = config, metrics
        self._reader = GroupReader(config, [config.topics.rollups], self.name, clock)
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def start(self) -> None:
        """Connects; raises DeploymentError with a fix."""
        await partitions_of(self._config, self._config.topics.rollups)
        await self._reader.start()

    async def run(self) -> None:
        """Reads until stop(); raises where Kafka fails for good."""
        self._ended.clear()
        try:
            while not self._closing.is_set():
                epoch = self._reader.epoch
                batch = await self._reader.fetch(FETCH_S, FETCH_RECORDS)
                self._reader.done({source: records[-1].offset + 1 for source, records in batch.items()}, epoch)
                await self._reader.commit()
                for source, lag in self._reader.lag.items():
                    topic, partition = self._reader.name(source)
                    self._metrics.lag_records.labels(self.name, topic, str(partition)).set(lag)
                await asyncio.sleep(0)  # a fetch does not yield while it has records in hand
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Commits and leaves the group; idempotent."""
        self._closing.set()
        await self._ended.wait()
        await self._reader.stop()

    def health(self) -> list[str]:
        """Reasons why it is not ready."""
        return [] if self._reader.assignments else ["no partition assigned yet"]
