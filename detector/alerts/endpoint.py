"""One Alertmanager over HTTP: what it is told, what it shows as firing, and since when it is out of reach."""

import base64
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import aiohttp
import msgspec
from prometheus_client import Counter
from yarl import URL

from detector import __version__
from detector.alerts.alertmanager import EPISODE, Labels, Posted
from detector.clock import Clock
from detector.config import Notify
from detector.decoding import decoded
from detector.errors import ConfigError, DeploymentError
from detector.reasons import Unready
from detector.secret import reveal

log = logging.getLogger(__name__)

SHOWN_CHARS = 200  # of what it answered, in an error
MAX_ANSWER_BYTES = 64 << 20
"""Ten thousand alerts with all their labels and annotations are some 30 MB."""

_CONTENT_REFUSED = (400, 422)
_TOO_LARGE = 413


class UnreachableError(DeploymentError):
    """Nobody knows whether the request was taken; it is to be tried again."""


class RefusedError(DeploymentError):
    """Alertmanager finds fault with an alert of this request, and would again."""


class Outcome(StrEnum):
    """How a request ended; the label of its metric."""

    OK = "ok"
    REFUSED = "refused"
    STATUS = "status"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"


class _Shown(msgspec.Struct):
    labels: Labels


_shown = msgspec.json.Decoder(list[_Shown])


def read_shown(body: bytes) -> dict[str, list[Labels]]:
    """Label sets by the label of their episode, of what GET /api/v2/alerts answered; raises msgspec.DecodeError."""
    found: dict[str, list[Labels]] = {}
    for alert in decoded(_shown, body):
        found.setdefault(alert.labels.get(EPISODE, ""), []).append(alert.labels)
    return found


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    """What was answered, unpacked; raises aiohttp.ClientError where it is longer than any answer is."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise aiohttp.ClientPayloadError(f"it answered more than {MAX_ANSWER_BYTES:,} bytes")
    return bytes(body)


class Endpoint:
    """API v2 of one Alertmanager at `base`; raises ConfigError where address or token are of no use."""

    def __init__(
        self, base: str, settings: Notify, session: aiohttp.ClientSession, requests: Counter, clock: Clock
    ) -> None:
        self._settings, self._session, self._clock = settings, session, clock
        url, self._basic = split_address(base)
        self.name = str(url).rstrip("/")
        self._url = url / "api/v2/alerts"
        self._outcomes = {outcome: requests.labels(self.name, outcome.value) for outcome in Outcome}
        self._down_since: float | None = None
        self._error = ""
        if self._basic and (settings.bearer_token or settings.bearer_token_file):
            raise ConfigError(
                f"notify.alertmanagers: {self.name} has a password in its address, and notify.bearer_token "
                "is set; remove one of them"
            )
        self._headers()

    @property
    def trouble(self) -> str | None:
        """A sentence where it is out of reach, else None."""
        if self._down_since is None:
            return None
        since = datetime.fromtimestamp(self._down_since, UTC).isoformat(timespec="seconds")
        return Unready.ALERTMANAGER.format(name=self.name, since=since, error=self._error)

    async def post(self, alerts: Sequence[Posted]) -> None:
        """Tells of `alerts`; raises UnreachableError or RefusedError."""
        status, body, is_json = await self._request("POST", msgspec.json.encode(alerts))
        if 200 <= status < 300:
            return self._up()
        # A gateway that refuses everything does so in HTML; Alertmanager itself in JSON.
        if status == _TOO_LARGE or (status in _CONTENT_REFUSED and is_json):
            self._up(Outcome.REFUSED)
            raise RefusedError(f"{self.name} answered {status}: {self._told(body)}")
        raise self._down(Outcome.STATUS, f"it answered {status}")

    async def firing(self) -> dict[str, list[Labels]]:
        """The label sets that it shows as firing, by the label of their episode; raises UnreachableError.

        Where reading is not allowed nothing is shown: what was replaced during an absence ends by itself.
        """
        status, body, _ = await self._request("GET", None, {"filter": f'{EPISODE}=~".+"'})
        if status == 200:
            try:
                found = read_shown(body)
            except msgspec.DecodeError as error:
                raise self._down(Outcome.STATUS, "what it shows is not that of API v2") from error
            self._up()
            return found
        if 400 <= status < 500:
            log.warning("alertmanager %s does not show its alerts: it answered %d", self.name, status)
            self._outcomes[Outcome.REFUSED].inc()
            return {}
        raise self._down(Outcome.STATUS, f"it answered {status}")

    async def _request(
        self, method: str, body: bytes | None, query: dict[str, str] | None = None
    ) -> tuple[int, bytes, bool]:
        try:
            async with self._session.request(
                method,
                self._url,
                params=query,
                data=body,
                headers=self._headers(),
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
                allow_redirects=False,  # a redirected POST would become a GET, and the token go elsewhere
            ) as response:
                return response.status, await read_body(response), response.content_type == "application/json"
        except TimeoutError as error:
            raise self._down(Outcome.TIMEOUT, f"no answer within {self._settings.timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, UnicodeError, ConfigError) as error:  # Unicode: a name no DNS can have
            raise self._down(Outcome.UNREACHABLE, str(error) or type(error).__name__) from error

    def _headers(self) -> dict[str, str]:
        return request_headers(self._settings, self._basic)

    def _told(self, body: bytes) -> str:
        """The beginning of an answer, without the login: a proxy may repeat what it was sent."""
        text, login = body.decode("utf-8", "replace"), self._headers().get("Authorization", "").partition(" ")[2]
        return (text.replace(login, "…") if login else text)[:SHOWN_CHARS].strip()

    def _up(self, outcome: Outcome = Outcome.OK) -> None:
        self._outcomes[outcome].inc()
        if self._down_since is not None:
            log.info("alertmanager %s is reached again", self.name)
            self._down_since = None

    def _down(self, outcome: Outcome, error: str) -> UnreachableError:
        self._outcomes[outcome].inc()
        self._error = error
        if self._down_since is None:
            self._down_since = self._clock()
            log.warning("alertmanager %s is out of reach: %s", self.name, error)
        return UnreachableError(f"{self.name}: {error}")


def request_headers(settings: Notify, basic: str | None) -> dict[str, str]:
    """The headers of a request; a token in a file is read each time, since such tokens are renewed."""
    headers = {"Content-Type": "application/json", "User-Agent": f"detector/{__version__}"}
    token = reveal(settings.bearer_token, settings.bearer_token_file, "notify.bearer_token")
    if token is not None and not (token.isascii() and token.isprintable()):
        raise ConfigError("notify.bearer_token has characters that a header cannot carry; set it anew")
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    elif basic is not None:
        headers["Authorization"] = f"Basic {basic}"
    return headers


def split_address(base: str) -> tuple[URL, str | None]:
    """The address without its credentials, and those as HTTP's basic scheme has them."""
    try:
        url = URL(base)
    except ValueError:
        url = URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            "notify.alertmanagers: an entry is no address like http://alertmanager.example:9093 "
            "(scheme, host and port; not printed, since it may hold a password)"
        )
    bare = url.with_user(None).with_query(None).with_fragment(None)
    if url.user is None:
        return bare, None
    return bare, base64.b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
