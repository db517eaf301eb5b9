"""Delivers records: all of them, in order, however long the brokers are away."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.clients import producer

log = logging.getLogger(__name__)

MAX_BATCH_BYTES = 524_288
"""Of one partition in one request; below the 1 MiB that brokers take unless told otherwise."""

RETRY_S = 1.0
CLOSE_S = 2.0
CANCEL_S = 0.1
PERMANENT = (
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
"""What no retry heals; someone has to change the deployment."""


class Out(NamedTuple):
    """A record to send; without a partition its key decides."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Outbox:
    """One delivery after the other: the next begins when the one before is acknowledged.

    So nothing can overtake a record that failed. A retry after an error that the producer does not survive
    may repeat records, which whoever reads them has to bear.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._producer: AIOKafkaProducer | None = None
        self._since_s: float | None = None

    async def start(self) -> None:
        """Connects; raises DeploymentError with a fix."""
        try:
            await self._connected()
        except KafkaError as error:
            raise DeploymentError(
                f"cannot write to Kafka at {self._config.kafka.bootstrap} ({error}); "
                "check kafka.bootstrap and the brokers"
            ) from error

    @property
    def waiting_s(self) -> float:
        """How long the delivery in hand has not been acknowledged."""
        return 0.0 if self._since_s is None else time.monotonic() - self._since_s

    async def deliver(self, records: Sequence[Out]) -> None:
        """Returns when all are acknowledged; raises DeploymentError where they never will be."""
        self._since_s = time.monotonic()
        try:
            while records:
                records = await self._attempt(records)
        finally:
            self._since_s = None

    async def _attempt(self, records: Sequence[Out]) -> Sequence[Out]:
        """Sends and waits; what has to be sent again, which is all from the first on that failed."""
        sent: list[asyncio.Future[object]] = []
        results: list[object] = []
        try:
            through = await self._connected()
            for r in records:
                headers = list(r.headers) or None
                sent.append(await through.send(r.topic, r.value, r.key, r.partition, headers=headers))
        except KafkaError as error:
            results = [error]  # of the record after those that were sent
        results = [*await asyncio.gather(*sent, return_exceptions=True), *results]
        at = next((i for i, result in enumerate(results) if isinstance(result, BaseException)), None)
        if at is None:
            return []
        failure = results[at]
        assert isinstance(failure, BaseException)
        if isinstance(failure, PERMANENT):
            raise DeploymentError(_refused(records[at], failure)) from failure
        if not isinstance(failure, KafkaError):
            raise failure
        log.warning("Kafka did not take all records, they are sent again: %s", repr(failure))
        # The sequence numbers of a producer that gave a batch up do not fit any more.
        await self._close()
        await asyncio.sleep(RETRY_S)
        return records[at:]

    async def stop(self) -> None:
        """Closes; what is not acknowledged may or may not arrive. Idempotent."""
        await self._close()

    async def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            made = producer(self._config, max_batch_size=MAX_BATCH_BYTES)
            try:
                await made.start()
            except BaseException:
                await made.stop()
                raise
            self._producer = made
        return self._producer

    async def _close(self) -> None:
        held, self._producer = self._producer, None
        if held is None:
            return
        try:
            async with asyncio.timeout(CLOSE_S):
                await held.stop()  # it waits for what was sent, which never ends while the brokers are away
        except TimeoutError:
            await _ended(held._sender._sender_task)
            await held.client.close()


async def _ended(sending: asyncio.Task[None]) -> None:
    """Cancels it until it ends: the first time it still waits for what brokers owe it, which may be silent."""
    while not sending.done():
        sending.cancel()
        await asyncio.wait([sending], timeout=CANCEL_S)


def _refused(record: Out, error: BaseException) -> str:
    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
        size = len(record.value or b"")
        return f"{record.topic} refuses {size} bytes; raise its max.message.bytes with: detector topics"
    return f"{record.topic} takes no records ({error!r}); check that it exists and who may write to it"
