"""Where the child sends events: the gateway, or Kafka. Each try is bounded; whoever calls decides on the next."""

import http.client
import ssl
from enum import Enum
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from detector.callback import settings as told
from detector.callback.settings import Settings
from detector.errors import ConfigError

TIMEOUT_S = 10.0
_REFUSED = (400, 413, 415, 422)
_LONGEST_WAIT_S = 60.0
_MOST_READ = 1 << 20


class _Said(msgspec.Struct):
    refused: int = 0


_answer = msgspec.json.Decoder(_Said).decode


class Outcome(Enum):
    """What became of one try."""

    TAKEN = "taken"
    REFUSED = "refused"  # these events will never be taken
    LATER = "later"


class Answer(NamedTuple):
    """An outcome; how long to wait before the next try (s; 0: as one likes); what is wrong, in a few words.

    refused: events among those that were taken that were not.
    """

    outcome: Outcome
    wait_s: float = 0.0
    fault: str = ""
    refused: int = 0


class Sink(Protocol):
    """Takes events, as a JSON array."""

    def send(self, body: bytes) -> Answer:
        """Tries once, for TIMEOUT_S at most."""

    def close(self) -> None:
        """Idempotent."""


class Gateway:
    """The gateway's `POST /v1/events`, over one connection that is kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        parts = urlsplit(settings.endpoint)
        self._path = f"{parts.path}/v1/events"
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, parts.port, timeout=TIMEOUT_S, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)

    def send(self, body: bytes) -> Answer:
        """Tries once."""
        headers = {"Content-Type": "application/json"}
        try:
            token = told.token(self._settings)
            if token is not None:
                headers["Authorization"] = f"Bearer {token}"
            kept = self._connection.sock is not None
            try:
                return self._send(body, headers)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if not kept:
                    raise
                return self._send(body, headers)  # a connection that is kept may have ended since
        except (OSError, http.client.HTTPException, ConfigError, ValueError) as error:
            self.close()
            said = str(error) if isinstance(error, ConfigError) else type(error).__name__
            return Answer(Outcome.LATER, fault=f"{self._settings.endpoint}: {said}")

    def _send(self, body: bytes, headers: dict[str, str]) -> Answer:
        self._connection.request("POST", self._path, body, headers)
        response = self._connection.getresponse()
        said = response.read(_MOST_READ)
        if response.length:
            self.close()
        if 200 <= response.status < 300:
            return Answer(Outcome.TAKEN, refused=_refused(said))
        fault = f"{self._settings.endpoint} answers {response.status}"
        if response.status in _REFUSED:
            return Answer(Outcome.REFUSED, fault=fault)
        return Answer(Outcome.LATER, _seconds(response.getheader("Retry-After")), fault)

    def close(self) -> None:
        """Idempotent."""
        self._connection.close()


def _refused(said: bytes) -> int:
    try:
        return max(0, _answer(said).refused)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0  # some proxy's page


def _seconds(text: str | None) -> float:
    """Of a Retry-After, which may also be a date."""
    return min(float(text), _LONGEST_WAIT_S) if text is not None and text.isascii() and text.isdigit() else 0.0


def sink(settings: Settings) -> Sink:
    """The one that the settings name; raises ConfigError, ImportError where Kafka's client is not installed."""
    if settings.endpoint != told.KAFKA:
        return Gateway(settings)
    from detector.callback.to_kafka import Topic

    return Topic()
