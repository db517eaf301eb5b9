"""Knocks at a broker's address and says in words what stands in the way, and what to change."""

import asyncio
import socket
import ssl
from typing import NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from detector.config import Config, Kafka
from detector.errors import DeploymentError
from detector.kafka.clients import addresses, connection

KNOCK_S = 5.0  # a broker in reach answers in milliseconds; across an ocean in one second
CLOSE_S = 1.0  # TLS says goodbye; whoever does not answer is left


class Knock(NamedTuple):
    """What came of it: `detail` and `fix` are "" where the broker answered.

    `named` are the addresses that the cluster tells clients to use.
    """

    address: str
    detail: str = ""
    fix: str = ""
    named: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the broker answered."""
        return not self.detail


async def knock(kafka: Kafka, address: str) -> Knock:
    """Connects to one address with the login and TLS of the configuration, and asks a question.

    Raises ConfigError only.
    """
    host, _, port = address.rpartition(":")
    # Sockets take an IPv6 address without the brackets that tell it from the port.
    settings = connection(kafka) | {"request_timeout_ms": int(KNOCK_S * 1000)}
    del settings["bootstrap_servers"]
    try:
        async with asyncio.timeout(KNOCK_S):
            link = await create_conn(host.strip("[]"), int(port), **settings)
        try:
            # A listener that wants a login answers what comes before, and hangs up at this.
            async with asyncio.timeout(KNOCK_S):
                cluster = await link.send(MetadataRequest([]))
        finally:
            await asyncio.wait([link.close()], timeout=CLOSE_S)
    except (OSError, KafkaError) as error:
        return Knock(address, *_explained(kafka, error))
    return Knock(address, named=tuple(f"{broker[1]}:{broker[2]}" for broker in cluster.brokers))


async def knock_all(kafka: Kafka) -> list[Knock]:
    """Knocks at every address of kafka.bootstrap at once."""
    return list(await asyncio.gather(*(knock(kafka, address) for address in addresses(kafka))))


async def require(config: Config) -> None:
    """Raises DeploymentError, with the reason and the fix, where no broker of kafka.bootstrap answers."""
    knocks = await knock_all(config.kafka)
    if not any(each.ok for each in knocks):
        told = "; ".join(f"{each.address}: {each.detail}" for each in knocks)
        raise DeploymentError(f"no broker answers ({told}); {knocks[0].fix}")


def _explained(kafka: Kafka, error: BaseException) -> tuple[str, str]:
    """Detail and fix of what a connection failed with."""
    protocol = kafka.security_protocol
    told = str(error) or type(error).__name__
    match error:
        case socket.gaierror():
            return "the host name is unknown here", "correct kafka.bootstrap, or this machine's name service"
        case ssl.SSLCertVerificationError():
            return (
                f"its certificate is not trusted ({error.verify_message})",
                "set kafka.ssl_cafile to the CA that signed it, and use the host name it was signed for",
            )
        case ConnectionRefusedError():
            return "nothing listens there", "start the broker, or correct kafka.bootstrap"
        case TimeoutError() | RequestTimedOutError():
            return f"no answer within {KNOCK_S:g} s", "check firewalls, host and port; " + _listener(protocol)
        case UnsupportedSaslMechanismError():
            return (
                f"it does not take {kafka.sasl_mechanism}",
                "set kafka.sasl_mechanism to one of the broker's sasl.enabled.mechanisms",
            )
        case SaslAuthenticationFailed():
            return (
                f"the login of {kafka.sasl_username} was refused",
                "check kafka.sasl_username, the password and kafka.sasl_mechanism",
            )
        case IllegalSaslStateError():
            return "the listener takes no login", _listener(protocol)
        case ssl.SSLError() | ConnectionError() | KafkaConnectionError():
            return "it hangs up on the first question", _listener(protocol)
        case _:
            return told, "check kafka.bootstrap and the broker's log"


def _listener(protocol: str) -> str:
    more = " and that it knows the CA of kafka.ssl_certfile, if it asks for one" if protocol == "SSL" else ""
    return f"check that the listener at this port is one for kafka.security_protocol ({protocol}){more}"
