"""The body of a request: read, to a bound and within a time, and unpacked."""

import asyncio

from aiohttp import ClientError, web

from detector.config import Gateway
from detector.gateway.room import Held
from detector.gateway.unpacking import ENCODINGS, TooLarge, unpacked

SMALL_BYTES = 4096
"""What is larger is unpacked in a thread: it may become a thousand times that."""


class Refused(Exception):  # noqa: N818, the field's word for it
    """A request that is answered with an error, which a client learns."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


async def read(request: web.Request, held: Held, settings: Gateway) -> bytes:
    """The body, unpacked. Raises Refused, Full."""
    encoding, most = request.headers.get("Content-Encoding", "").strip().lower(), settings.max_body_bytes
    if encoding and encoding not in ENCODINGS:
        raise Refused(415, f"the content encoding must be one of {', '.join(ENCODINGS)}")
    too_large = Refused(413, f"the body has more than {most:,} bytes; see gateway.max_body_bytes, or send less at once")
    if (request.content_length or 0) > most:
        raise too_large
    packed = bytearray()
    try:
        async with asyncio.timeout(settings.read_s):
            async for part in request.content.iter_any():
                if len(packed) + len(part) > most:
                    raise too_large
                held.grow(len(part))
                packed += part
    except TimeoutError:
        raise Refused(408, "the body did not come in time; see gateway.read_s") from None
    except (ClientError, ConnectionError, web.PayloadAccessError):
        raise Refused(400, "the body is cut off") from None
    try:
        told = bytes(packed)
        aside = encoding and len(told) > SMALL_BYTES
        body = await asyncio.to_thread(unpacked, told, encoding, most) if aside else unpacked(told, encoding, most)
    except TooLarge:
        raise too_large from None
    except ValueError as error:
        raise Refused(400, f"the body {error}") from None
    held.grow(max(0, len(body) - len(packed)))
    return body
