"""Kafka clients made from the configuration: TLS, SASL and the defaults that losing nothing asks for."""

import asyncio
import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from detector.config import Config, Kafka
from detector.errors import ConfigError
from detector.kafka import unpacking
from detector.kafka.plan import max_message_bytes
from detector.secret import reveal
from detector.tls import load_pair

unpacking.bound()

CHECK_CRCS = False
"""The broker has checked them, and damage on the way is TCP's to see: a third of what reading 100 kB costs."""
HEARTBEATS_PER_SESSION = 10
MAX_HEARTBEAT_MS = 3000  # a rebalance is noticed at the next heartbeat: keep it short under long sessions


class Consumer(AIOKafkaConsumer):  # type: ignore[misc]
    """aiokafka's consumer, which takes little at once, and can also be stopped while the brokers are away."""

    async def getmany(self, *partitions: Any, **how: Any) -> dict[Any, list[Any]]:
        """The next records by partition, as many as unpacking.little_at_once allows."""
        with unpacking.little_at_once():
            got: dict[Any, list[Any]] = await super().getmany(*partitions, **how)
        return got

    async def stop(self) -> None:
        """Leaves the group and closes; idempotent.

        A fetch that waits to be retried hands its cancellation on to whoever stops the consumer (aiokafka
        0.14), who would then look cancelled and leave sockets open.
        """
        try:
            await super().stop()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            fetches = list(self._fetcher._pending_tasks)
            for fetch in fetches:
                fetch.cancel()
            await asyncio.gather(*fetches, return_exceptions=True)
            await self._client.close()


def group_id(config: Config, stage: str) -> str:
    """The consumer group of a stage: `detector-ingest`; for watch also the id of its Faust app."""
    return f"{config.kafka.group}-{stage}"


def consumer(config: Config, *topics: str, group: str | None = None, **over: Any) -> Consumer:
    """A consumer of `topics`, not started; `group` is the whole name (see group_id), None for no group.

    It begins at the earliest record and commits only when it is told to. `over` goes to AIOKafkaConsumer.
    """
    session_ms = int(config.kafka.session_timeout_s * 1000)
    defaults: dict[str, Any] = {
        "group_id": group,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": min(MAX_HEARTBEAT_MS, session_ms // HEARTBEATS_PER_SESSION),
    }
    return Consumer(*topics, **{**connection(config.kafka), **defaults, **over})


def producer(config: Config, **over: Any) -> AIOKafkaProducer:
    """A producer, not started: acknowledged by all replicas, idempotent, records as large as ingest takes.

    Idempotence keeps the order and suppresses repeats when a send is retried after an outage.
    """
    defaults: dict[str, Any] = {
        "acks": "all",
        "enable_idempotence": True,
        "max_request_size": max_message_bytes(config),
    }
    return AIOKafkaProducer(**{**connection(config.kafka), **defaults, **over})


def admin(config: Config, **over: Any) -> AIOKafkaAdminClient:
    """An admin client, not started; after a start that fails it still has to be closed."""
    return AIOKafkaAdminClient(**{**connection(config.kafka), **over})


def faust_settings(config: Config) -> dict[str, Any]:
    """The settings of a faust.App for where the brokers are and who asks: `broker`, `broker_credentials`."""
    import faust  # here, since only watch needs it and it takes most of a second

    kafka = config.kafka
    settings: dict[str, Any] = {"broker": [f"kafka://{address}" for address in addresses(kafka)]}
    context = tls(kafka)
    if kafka.security_protocol.startswith("SASL"):
        username, password = login(kafka)
        settings["broker_credentials"] = faust.SASLCredentials(
            username=username, password=password, mechanism=kafka.sasl_mechanism, ssl_context=context
        )
    elif context is not None:
        settings["broker_credentials"] = faust.SSLCredentials(context)
    return settings


def connection(kafka: Kafka) -> dict[str, Any]:
    """The arguments that every aiokafka client shares; raises ConfigError."""
    settings: dict[str, Any] = {
        "bootstrap_servers": addresses(kafka),
        "security_protocol": kafka.security_protocol,
        "ssl_context": tls(kafka),
    }
    if kafka.security_protocol.startswith("SASL"):
        username, password = login(kafka)
        settings |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": username,
            "sasl_plain_password": password,
        }
    return settings


def addresses(kafka: Kafka) -> list[str]:
    """The broker addresses, host:port each; raises ConfigError."""
    found = [address.strip() for address in kafka.bootstrap.split(",") if address.strip()]
    for address in found:
        host, colon, port = address.rpartition(":")
        if not (host and colon and port.isascii() and port.isdigit() and 0 < int(port) <= 65535):
            raise ConfigError(f"kafka.bootstrap: {address!r} is not host:port, as in broker-1.example:9092")
    if not found:
        raise ConfigError("kafka.bootstrap is empty; set it to host:port of a broker, comma separated")
    return found


def login(kafka: Kafka) -> tuple[str, str]:
    """Username and password for SASL; raises ConfigError where one is missing."""
    if not kafka.sasl_username:
        raise ConfigError(
            f"kafka.sasl_username is not set, and {kafka.security_protocol} needs it; set DETECTOR_KAFKA__SASL_USERNAME"
        )
    password = reveal(kafka.sasl_password, kafka.sasl_password_file, "kafka.sasl_password")
    if not password:
        raise ConfigError(
            f"kafka.sasl_password is not set, and {kafka.security_protocol} needs it; "
            "set DETECTOR_KAFKA__SASL_PASSWORD or kafka.sasl_password_file"
        )
    return kafka.sasl_username, password


def tls(kafka: Kafka) -> ssl.SSLContext | None:
    """A context that verifies the brokers' names, None where no TLS is asked for; raises ConfigError."""
    if not kafka.security_protocol.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"kafka.ssl_cafile: {kafka.ssl_cafile} is no readable PEM bundle ({error})") from error
    if kafka.ssl_certfile is not None:
        load_pair(context, "kafka.ssl_", kafka.ssl_certfile, kafka.ssl_keyfile)
    elif kafka.ssl_keyfile is not None:
        raise ConfigError("kafka.ssl_keyfile is set without kafka.ssl_certfile; set both or neither")
    return context
