"""Whether something listens at an endpoint."""

import asyncio
from urllib.parse import urlsplit

KNOCK_S = 3.0
PORTS = {"http": 80, "https": 443}


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
