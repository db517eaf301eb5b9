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
MOST_BEHIND_S = 12 * 3600.0
"""Of event time. The embedded broker keeps 5 MB a partition, in which rollups of some two days are."""


class Feed:
    """Sends events, and moves its clock on once ingest has taken them.

    So the clock is never ahead of what the detector has seen, however slow the machine is, and no event
    is late. `on_sent` is told each event; `taken` says how many ingest has taken since the start, `behind` how far
    (seconds of event time) what is judged lies behind the clock: what is sent waits for it, lest the broker forgets.
    """

    def __init__(
        self,
        config: Config,
        events: Iterator[Sent],
        now: float,
        on_sent: Callable[[Sent], None],
        taken: Callable[[], int],
        behind: Callable[[], float],
    ) -> None:
        self.now = now
        self._config, self._events, self._on_sent = config, events, on_sent
        self._taken, self._behind = taken, behind
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

        Raises DeploymentError where the detector stands still.
        """
        await self._until(lambda: self._behind() <= MOST_BEHIND_S, "the stages did not follow what they were sent")
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
        await self._until(lambda: self._taken() >= self._sent, "ingest did not take the events that it was sent")
        self.now = to

    async def _until(self, holds: Callable[[], bool], else_: str) -> None:
        try:
            async with asyncio.timeout(READ_S):
                while not holds():  # noqa: ASYNC110 - stages count and do not tell
                    await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError:
            raise DeploymentError(f"{else_} within {READ_S:g} s") from None
