"""`python -m tests.bench.floor CONFIG`: the least that any consumer in Python pays: getmany and typed decoding."""

import asyncio
import sys

from detector.config import Config
from detector.kafka import clients
from detector.sources import native
from tests.bench.children import Answers


class Floor:
    """Reads llm.calls and task.status and decodes every event into its type; does nothing with it."""

    def __init__(self, config: Config) -> None:
        self._config, self.events = config, 0

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until it is told to stop."""
        topics = self._config.topics
        consumer = clients.consumer(self._config, topics.calls, topics.status)
        await consumer.start()
        Answers(stop, lambda: {"events": self.events})
        try:
            while not stop.is_set():
                batch = await consumer.getmany(timeout_ms=100, max_records=self._config.ingest.batch_records)
                for tp, records in batch.items():
                    kind = "calls" if tp.topic == topics.calls else "status"
                    for record in records:
                        self.events += len(native.decode(record.value, kind))
                    await asyncio.sleep(0)
        finally:
            await consumer.stop()


async def main(settings: str) -> None:
    """Works until standard input ends."""
    await Floor(Config.model_validate_json(settings)).run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
