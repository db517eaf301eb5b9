"""Writes what requests bring: all that waits goes in one delivery, and each request learns when Kafka has its own."""

import asyncio
from collections.abc import Sequence

from detector.kafka.outbox import Out, Outbox

SETTLE_S = 5.0
"""From a stop on a delivery in hand has this long to be acknowledged."""
GIVE_UP_S = 2.5
"""Whoever waits for it longer than this is told so: answers have to be out before the server closes."""


class Writer:
    """Takes records at once and without a bound: whoever brings them sees to that (see Room)."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: list[tuple[Sequence[Out], asyncio.Future[None]]] = []
        self._come = asyncio.Event()
        self._writing: list[tuple[Sequence[Out], asyncio.Future[None]]] = []
        self._closing = self._given_up = False

    def put(self, records: Sequence[Out]) -> asyncio.Future[None]:
        """Queues the records; the future is done when Kafka has all of them, and fails where it never will."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_seen)
        if self._given_up:
            future.set_exception(TimeoutError())
            return future
        self._waiting.append((records, future))
        self._come.set()
        return future

    async def run(self) -> None:
        """Works until close(), and what is in hand then is written; raises DeploymentError where Kafka refuses."""
        while not (self._closing and not self._waiting):
            await self._come.wait()
            self._come.clear()
            waiting, self._waiting = self._waiting, []
            if waiting:
                self._writing = waiting
                await self._write(waiting)
                self._writing = []

    async def _write(self, waiting: list[tuple[Sequence[Out], asyncio.Future[None]]]) -> None:
        try:
            await self._outbox.deliver([record for records, _ in waiting for record in records])
        except BaseException as error:
            for _, future in (*waiting, *self._waiting):
                if not future.done():
                    future.set_exception(error if isinstance(error, Exception) else ConnectionAbortedError())
            raise
        for _, future in waiting:
            if not future.done():
                future.set_result(None)

    def give_up(self) -> None:
        """Futures that are not done fail now, though what was put is written still; nothing more is taken."""
        self._given_up = True
        for _, future in (*self._writing, *self._waiting):
            if not future.done():
                future.set_exception(TimeoutError())

    def close(self) -> None:
        """Nothing more comes."""
        self._closing = True
        self._come.set()


def _seen(future: asyncio.Future[None]) -> None:
    """Whoever waited may be gone: its failure is no news then."""
    if not future.cancelled():
        future.exception()
