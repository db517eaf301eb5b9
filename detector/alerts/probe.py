"""Asks one Alertmanager whether it is ready, what it is and what time it has; for detector doctor."""

import time
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import aiohttp
import msgspec

from detector.alerts.endpoint import read_body, request_headers, split_address
from detector.clock import Clock
from detector.config import Notify
from detector.decoding import decoded

DATE_RESOLUTION_S = 1.0  # of the Date header


class Probe(NamedTuple):
    """`trouble` and `fix` are "" where it is ready; `ahead_s` is how far its clock is ahead of ours at least,
    negative where it is behind, None where it does not tell."""

    name: str
    version: str = ""
    trouble: str = ""
    fix: str = ""
    ahead_s: float | None = None


class _Version(msgspec.Struct):
    version: str = "?"


class _Status(msgspec.Struct):
    version: _Version = msgspec.field(name="versionInfo", default_factory=_Version)


_status = msgspec.json.Decoder(_Status)


def read_version(body: bytes) -> str:
    """The version in what GET /api/v2/status answered; raises msgspec.DecodeError."""
    return decoded(_status, body).version.version


async def probe(settings: Notify, base: str, clock: Clock = time.time) -> Probe:
    """What is to be said of the Alertmanager at `base`; raises ConfigError where address or token are wrong."""
    url, basic = split_address(base)
    name = str(url).rstrip("/")
    headers = request_headers(settings, basic)
    timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            async with session.get(url / "-/ready", allow_redirects=False) as ready:
                if ready.status != 200:
                    return Probe(name, trouble=f"not ready: it answered {ready.status}", fix=_fix(ready.status))
            asked_s = clock()
            async with session.get(url / "api/v2/status", allow_redirects=False) as status:
                ahead_s = _ahead_s(status.headers.get("Date"), asked_s, clock())
                if status.status != 200:
                    trouble = f"its API v2 answered {status.status}"
                    return Probe(name, trouble=trouble, fix=_fix(status.status), ahead_s=ahead_s)
                version = read_version(await read_body(status))
    except TimeoutError:
        return Probe(name, trouble=f"no answer within {settings.timeout_s:g} s", fix="check firewalls and proxies")
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        fix = "start it, or correct notify.alertmanagers"
        return Probe(name, trouble=str(error) or type(error).__name__, fix=fix)
    except msgspec.DecodeError:
        return Probe(name, trouble="it does not answer as API v2", fix="correct notify.alertmanagers")
    return Probe(name, version, ahead_s=ahead_s)


def _fix(status: int) -> str:
    if status in (401, 403):
        return "check notify.bearer_token, or the user and password in the address"
    if status == 404:
        return "correct notify.alertmanagers: the address is what comes before /api/v2"
    return "see its log"


def _ahead_s(date: str | None, asked_s: float, answered_s: float) -> float | None:
    """How far the clock that wrote `date` is ahead at least, given when it was asked and had answered."""
    try:
        told_s = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
    if told_s > answered_s:
        return told_s - answered_s
    return min(0.0, told_s + DATE_RESOLUTION_S - asked_s)
