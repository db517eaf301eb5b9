"""Faust's Kafka driver where it has to behave otherwise: what it fetches when, how it seeks, sends and stops."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

from detector.kafka import clients

log = logging.getLogger("faust.transport")
"""What these classes tell is the library's news, not ours."""

FETCH_WAIT_MS = 100
"""Faust's 1,500 let a fetch of idle changelog partitions hold up the busy ones for as long."""

FETCH_S = 0.2
"""How long records are waited for before it is looked whether other partitions are wanted."""

BACKPRESSURE_S = 0.02
"""How often is looked whether the buffer has room again; Faust sleeps a second, which halves the speed."""


class _Thread(WorkerThread):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.daemon = True  # a consumer that waits for a broker must not keep the process from ending


class _ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    logger = log
    Worker = _Thread

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer.__class__ = clients.Consumer  # Faust names the class itself; ours can be stopped in an outage
        return consumer


class _Consumer(driver.Consumer):  # type: ignore[misc]
    logger = log

    def _new_consumer_thread(self) -> Any:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """Topics are made at deployment; Faust's own refusal logs a warning for each."""

    async def perform_seek(self) -> None:
        """To the committed offsets, and to the beginning where nothing is committed yet.

        Those Faust leaves where they stand, which may be after records that nobody has processed.
        """
        await super().perform_seek()
        fresh = [tp for tp in self.assignment() if not (self._committed_offset[tp] or self._is_changelog_tp(tp))]
        if fresh:
            await self._thread.seek_to_beginning(*driver.ensure_aiokafka_TPset(fresh))

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
        """Fetches; but from the source only once a handover is complete.

        Faust fetches it earlier, at both ends of a recovery. What comes then is cleared away with the streams'
        queues, while the positions have moved on: those records would be passed over.
        """
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        for _ in range(int(timeout / BACKPRESSURE_S)):
            owned = self.app.owned
            wanted = frozenset(tp for tp in self._active_partitions if owned or self._is_changelog_tp(tp))
            # Asked for no partition at all, aiokafka would give records of every one.
            if wanted:
                return await self._fetch(wanted, owned)
            if self.should_stop or not self.flow_active:
                break
            await asyncio.sleep(BACKPRESSURE_S)
        return {}, frozenset()

    async def _fetch(self, wanted: frozenset[TP], owned: int | None) -> Any:
        records = await self._getmany(wanted, FETCH_S)
        if owned and self.app.owned != owned:
            # Handed over between the asking and the answer: the positions may have been set before these.
            with contextlib.suppress(IllegalStateError):  # handed over again: that one's end will seek
                await self.perform_seek()
            return {}, frozenset()
        return records, wanted


class _Producer(driver.Producer):  # type: ignore[misc]
    logger = log

    def _settings_extra(self) -> Mapping[str, Any]:
        # As all our producers: what is retried after an outage keeps its order and comes once.
        return {"acks": "all", "enable_idempotence": True}

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """As the consumer's."""


class Transport(driver.Transport):  # type: ignore[misc]
    """Faust's Kafka transport with the consumer and the producer above."""

    Consumer = _Consumer
    Producer = _Producer
