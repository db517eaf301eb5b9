"""Sends the fleet's events in the order of event time, and keeps the clock that the detector runs on."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from detector.config import Config
from detector.demo.desk import Sent
from detector.errors import DeploymentError
from detector.kafka import clients

_encode = msgspec.json.Encoder().encode

READ_S = 60.0
"""Ingest has to take what was sent within this; it needs a tenth of a second when all is well."""
ASK_AGAIN_S = 0.01


class Feed:
    """Sends events, and moves its clock on once ingest has taken them.

    So the clock is never ahead of what the detector has seen, however slow the machine is, and no event
    is late. `on_sent` is told each event; `taken` says how many ingest has taken since the start.
    """

    def __init__(
        self,
        config: Config,
        events: Iterator[Sent],
        now: float,
        on_sent: Callable[[Sent], None],
        taken: Callable[[], int],
    ) -> None:
        self.now = now
        self._config, self._events, self._on_sent, self._taken = config, events, on_sent, taken
        self._topics = {"calls": config.topics.calls, "status": config.topics.status}
        self._next: Sent | None = None
        self._sent = 0

    def clock(self) -> float:
        """The demo's present, s UTC."""
        return self.now

    async def start(self) -> None:
        """Connects."""
        self._producer = clients.producer(self._config)  # wants a running loop
        await self._producer.start()

    async def stop(self) -> None:
        """Closes."""
        await self._producer.stop()

    async def advance(self, to: float) -> None:
        """Sends the events up to `to` (s UTC), waits until ingest has taken them, and sets the clock.

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
        await asyncio.gather(*waiting)
        self._sent += len(waiting)
        try:
            async with asyncio.timeout(READ_S):
                while self._taken() < self._sent:  # noqa: ASYNC110 - ingest counts and does not tell
                    await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError:
            raise DeploymentError(f"ingest did not take the events that it was sent within {READ_S:g} s") from None
        self.now = to
