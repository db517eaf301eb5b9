"""The topic of calls, for a callback that writes to Kafka itself: by the detector's own configuration."""

import asyncio

from aiokafka.errors import KafkaError

from detector.callback.posting import TIMEOUT_S, Answer, Outcome
from detector.config import load_config
from detector.errors import DeploymentError
from detector.kafka.outbox import Out, Outbox


class Topic:
    """Raises ConfigError where [kafka] or its variables are wrong."""

    def __init__(self) -> None:
        self._config = load_config()
        self._outbox = Outbox(self._config)
        self._loop = asyncio.new_event_loop()

    def send(self, body: bytes) -> Answer:
        """Tries once: taken when all replicas have it. After a try that took too long it may have it all the same."""
        try:
            self._loop.run_until_complete(self._deliver(Out(self._config.topics.calls, body)))
        except (TimeoutError, KafkaError, DeploymentError, OSError) as error:
            said = str(error) if isinstance(error, DeploymentError) else type(error).__name__
            return Answer(Outcome.LATER, fault=f"Kafka at {self._config.kafka.bootstrap}: {said}")
        return Answer(Outcome.TAKEN)

    async def _deliver(self, record: Out) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self._outbox.deliver([record])

    def close(self) -> None:
        """Idempotent."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._outbox.stop())
            self._loop.close()
