"""Sends the fleet's events in the order of event time, and keeps the clock that the detector runs on."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from aiokafka import TopicPartition

from detector.config import Config
from detector.demo.desk import Sent
from detector.errors import DeploymentError
from detector.kafka import clients

_encode = msgspec.json.Encoder().encode

READ_S = 60.0
"""Ingest has to have read what was sent within this; it takes a tenth of a second when all is well."""
ASK_AGAIN_S = 0.02


class Feed:
    """Sends events, and moves its clock on once ingest has read them.

    So the clock is never ahead of what the detector has seen, however slow the machine is, and no event
    is late. `on_sent` is told each event.
    """

    def __init__(
        self, config: Config, events: Iterator[Sent], now: float, on_sent: Callable[[Sent], None]
    ) -> None:
        self.now = now
        self._config, self._events, self._on_sent = config, events, on_sent
        self._topics = {"calls": config.topics.calls, "status": config.topics.status}
        self._group = clients.group_id(config, "ingest")
        self._next: Sent | None = None
        self._ends: dict[TopicPartition, int] = {}

    def clock(self) -> float:
        """The demo's present, s UTC."""
        return self.now

    async def start(self) -> None:
        """Connects."""
        self._producer = clients.producer(self._config, linger_ms=5)
        self._admin = clients.admin(self._config)
        await self._producer.start()
        await self._admin.start()

    async def stop(self) -> None:
        """Closes."""
        await self._producer.stop()
        await self._admin.close()

    async def advance(self, to: float) -> None:
        """Sends the events up to `to` (s UTC), waits until ingest has read them, and sets the clock.

        Raises DeploymentError where ingest stands still.
        """
        waiting: list[asyncio.Future[Any]] = []
        while (sent := self._next or next(self._events)).time <= to:
            self._next = None
            self._on_sent(sent)
            waiting.append(
                await self._producer.send(
                    self._topics[sent.topic],
                    _encode(sent.event),
                    sent.key.encode(),
                    timestamp_ms=int(sent.time * 1000),
                )
            )
        self._next = sent
        for told in await asyncio.gather(*waiting):
            at = TopicPartition(told.topic, told.partition)
            self._ends[at] = max(self._ends.get(at, 0), told.offset + 1)
        await self._until_read()
        self.now = to

    async def _until_read(self) -> None:
        try:
            async with asyncio.timeout(READ_S):
                while await self._unread():  # noqa: ASYNC110 - the broker tells it only when asked
                    await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError:
            raise DeploymentError(
                f"ingest has not read the events that it was sent within {READ_S:g} s"
            ) from None

    async def _unread(self) -> bool:
        if not self._ends:
            return False
        read = await self._admin.list_consumer_group_offsets(self._group, partitions=list(self._ends))
        for at, end in list(self._ends.items()):
            if at in read and read[at].offset >= end:
                del self._ends[at]
        return bool(self._ends)
