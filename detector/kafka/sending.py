"""Sends one record for a command: acknowledged within a bounded time, or an error that says what to do."""

import asyncio

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.admin import partitions_of
from detector.kafka.outbox import Out, Outbox


async def send(config: Config, record: Out, timeout_s: float) -> None:
    """Returns when all replicas have acknowledged it; raises DeploymentError, after `timeout_s` at the latest.

    After a timeout it may have arrived all the same. To close a connection to brokers that do not answer takes
    up to 2 s more.
    """
    outbox = Outbox(config)
    try:
        async with asyncio.timeout(timeout_s):
            # A producer makes a topic that is missing, where brokers let it, or waits for it.
            await partitions_of(config, record.topic)
            await outbox.start()
            await outbox.deliver([record])
    except TimeoutError as error:
        raise DeploymentError(
            f"Kafka at {config.kafka.bootstrap} did not acknowledge within {timeout_s:g} s; "
            "try again with a longer --timeout, or see what is wrong with: detector doctor"
        ) from error
    finally:
        await outbox.stop()
