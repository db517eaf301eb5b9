"""Reads open tasks when somebody asks for them: what portfolio has kept, in a thread, one reading at a time."""

import asyncio
import logging
from contextlib import suppress
from typing import Protocol

import msgspec

from detector.audit.topics import read_books
from detector.clock import Clock
from detector.config import Config
from detector.errors import DeploymentError, DetectorError, StateError
from detector.incidents.tasks import OpenTasks, open_tasks

log = logging.getLogger(__name__)

KEPT_S = 60.0
"""What was read is shown for so long, and for _TIMES as long as reading it took, so that reading stays a tenth."""
_TIMES = 10
WAIT_S = 15.0
"""A request waits for a reading so long; it gets an older one then, if there is one."""


class TaskSource(Protocol):
    """Where pages get open tasks."""

    async def newest(self) -> OpenTasks:
        """All there are, uncut by any scope. Raises DetectorError where they cannot be read."""


class TaskReader:
    """A TaskSource over the topics. Only the rows of a list stay in memory; the books they come from do not."""

    def __init__(self, config: Config, clock: Clock, wait_s: float = WAIT_S) -> None:
        self._config, self._clock, self._wait_s = config, clock, wait_s
        self._kept: OpenTasks | None = None
        self._fresh_until = 0.0
        self._reading: asyncio.Task[OpenTasks] | None = None
        self._there: tuple[asyncio.AbstractEventLoop, asyncio.Task[OpenTasks]] | None = None
        self._stopped = False

    async def newest(self) -> OpenTasks:
        """All there are: read now, or within a minute. Raises DetectorError where they cannot be read."""
        if self._kept is not None and asyncio.get_running_loop().time() < self._fresh_until:
            return self._kept
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_tell_failure)
        try:
            async with asyncio.timeout(self._wait_s):
                return await asyncio.shield(self._reading)
        except TimeoutError:
            if self._kept is None:
                raise DeploymentError("they are still being read; load the page again in a moment") from None
            return self._kept

    async def stop(self) -> None:
        """Ends a reading that is under way; may be called again."""
        self._stopped = True
        if self._there is not None:
            loop, task = self._there
            with suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(task.cancel)
        if self._reading is not None:
            await asyncio.wait([self._reading])

    async def _read(self) -> OpenTasks:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._kept = await asyncio.to_thread(lambda: asyncio.run(self._read_there()))
        self._fresh_until = loop.time() + max(KEPT_S, _TIMES * (loop.time() - began))
        return self._kept

    async def _read_there(self) -> OpenTasks:
        """The reading, in the loop of its thread: building books takes seconds, which stages must not wait for."""
        task = asyncio.current_task()
        assert task is not None
        self._there = asyncio.get_running_loop(), task
        if self._stopped:
            raise asyncio.CancelledError
        read_s = self._clock()
        try:
            return open_tasks(await read_books(self._config), read_s)
        except (msgspec.MsgspecError, ValueError) as error:
            raise StateError(f"a record of {self._config.topics.rollups} cannot be read: {error}") from error


def _tell_failure(reading: asyncio.Task[OpenTasks]) -> None:
    if not reading.cancelled() and (error := reading.exception()) is not None:
        unexpected = None if isinstance(error, DetectorError) else error
        log.warning("open tasks cannot be read: %s", error, exc_info=unexpected)
