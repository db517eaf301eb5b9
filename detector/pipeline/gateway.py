"""The gateway stage: events over HTTP in, records of the source topics out."""

import asyncio
import logging

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.enrich import packing
from detector.gateway.server import Server
from detector.gateway.writer import GIVE_UP_S, SETTLE_S, Writer
from detector.kafka.admin import partitions_of
from detector.kafka.outbox import Outbox
from detector.metrics import Metrics
from detector.reasons import SILENT_S, Unready

log = logging.getLogger(__name__)


class GatewayStage:
    """Answers a request when Kafka has what was in it; keeps nothing else."""

    name = "gateway"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        self._config = config
        self._outbox = Outbox(config)
        self._writer = Writer(self._outbox)
        self._server = Server(config, metrics, clock, self._writer)
        self._started = False
        self._writing: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where it listens, http://127.0.0.1:4318."""
        return self._server.address

    async def start(self) -> None:
        """Connects, then listens; raises DeploymentError with a fix."""
        for topic in (self._config.topics.calls, self._config.topics.status):
            await partitions_of(self._config, topic)
        if not self._config.gateway.texts:
            await asyncio.to_thread(packing.warm)  # else the first request waits for it, and all others with it
        await self._outbox.start()
        await self._server.start()
        self._started = True
        log.info("the gateway takes events", extra={"address": self.address})

    async def run(self) -> None:
        """Writes until stop(); raises where Kafka fails for good."""
        writing = self._writing = asyncio.create_task(self._writer.run())
        try:
            await asyncio.wait([writing])
        finally:
            writing.cancel()
        if not writing.cancelled():
            writing.result()

    async def stop(self) -> None:
        """Takes no more, finishes what is in hand and closes; idempotent."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        giving_up = loop.call_later(GIVE_UP_S, self._writer.give_up)
        await self._server.stop()
        giving_up.cancel()
        self._writer.close()
        if self._writing is not None:
            await asyncio.wait([self._writing], timeout=max(0.0, end - loop.time()))
            self._writing.cancel()
        await self._outbox.stop()

    def health(self) -> list[str]:
        """Reasons why it is not ready."""
        if not self._started:
            return [Unready.NOT_CONNECTED]
        if self._outbox.waiting_s > SILENT_S:
            return [Unready.UNACKNOWLEDGED.format(waited=self._outbox.waiting_s)]
        return []
