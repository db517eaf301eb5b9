"""One request to stop over HTTP: signed, without redirects, its secret in no error."""

import aiohttp

from detector import __version__
from detector.clock import Clock
from detector.config import Stop as Settings
from detector.errors import ConfigError
from detector.stopping.record import Stop, request_of
from detector.stopping.signing import signed, signing_key


class UnansweredError(Exception):
    """Nobody answered; the text says why, and holds neither path nor secret."""


async def ask(session: aiohttp.ClientSession, settings: Settings, stop: Stop, clock: Clock) -> int:
    """Posts the request, and returns the HTTP status; raises UnansweredError."""
    body = request_of(stop)
    try:
        headers = {"Content-Type": "application/json", "User-Agent": f"detector/{__version__}"}
        headers |= signed(signing_key(settings), stop.id, clock(), body)
        async with session.post(
            settings.url or "",
            data=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
            allow_redirects=False,  # what is signed for one address is not for another
        ) as response:
            return response.status
    except TimeoutError:
        raise UnansweredError(f"no answer within {settings.timeout_s:g} s") from None
    except ConfigError as error:
        raise UnansweredError(str(error)) from None
    except (aiohttp.ClientError, OSError, UnicodeError) as error:  # the last: a name that no DNS can have
        raise UnansweredError(type(error).__name__) from None
