"""Sends one event to a gateway over HTTP: taken within a bounded time, or an error that says what to do."""

import http.client
import json
import ssl
from urllib.parse import urlsplit

from detector.errors import DeploymentError
from detector.loopback import require_private

PATH = "/v1/events"
MAX_ANSWER = 65_536
_TOLD = 200


def post(gateway: str, token: str | None, value: bytes, timeout_s: float) -> None:
    """Returns when the gateway has answered that Kafka has the event; raises DeploymentError otherwise.

    gateway: its address, `https://host[:port][/path]`. The connection and the answer have `timeout_s` seconds each.
    No proxy is used and no redirection followed: the token goes to that address only. Raises ConfigError where it would
    go over a network in the clear.
    """
    parts = urlsplit(gateway)
    host = parts.hostname or ""
    if token is not None:
        require_private(gateway, "push.gateway", "push.token")
    connection = (
        http.client.HTTPSConnection(host, parts.port or 443, timeout=timeout_s, context=ssl.create_default_context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port or 80, timeout=timeout_s)
    )
    headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    try:
        connection.request("POST", parts.path.rstrip("/") + PATH, value, headers)
        answer = connection.getresponse()
        said = answer.read(MAX_ANSWER)
    except (OSError, http.client.HTTPException, ValueError) as error:
        # From None: an error of a header would repeat the token.
        raise DeploymentError(
            f"the gateway at {gateway} does not answer ({type(error).__name__}); see push.gateway"
        ) from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise DeploymentError(f"the gateway at {gateway} answers {answer.status}{_reason(answer.status, said)}")


def _reason(status: int, said: bytes) -> str:
    """What the answer says of it, as one line."""
    if status in (401, 403):
        return "; see push.token"
    try:
        message = json.loads(said)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return f": {message[:_TOLD]}" if isinstance(message, str) and message[:_TOLD].isprintable() else ""
