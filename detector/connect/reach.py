"""Where clients send to, and whether something listens there."""

import asyncio
import socket
from urllib.parse import urlsplit

from detector.config import Config

KNOCK_S = 3.0
PORTS = {"http": 80, "https": 443}
OTLP_PORT = 4318
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104, read and not bound


def endpoint_of(config: Config) -> str:
    """Of the gateway, as the configuration has it; where it listens on all addresses, by the name of this machine."""
    host, port = config.gateway.host, config.gateway.port or OTLP_PORT
    if host in EVERYWHERE:
        host = socket.gethostname()
    scheme = "https" if config.gateway.certfile else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


async def listens(endpoint: str) -> bool | None:
    """Whether a connection is taken there; None where the address cannot be read."""
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    if host is None or port is None:
        return None
    try:
        async with asyncio.timeout(KNOCK_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
