"""The headers of a signed request, by the scheme of Standard Webhooks: id, time and body are under one HMAC-SHA256."""

import base64
import hmac

from detector.config import Stop as Settings
from detector.errors import ConfigError
from detector.secret import reveal
from detector.webhooks.signatures import key_of

PREFIX = "whsec_"
"""Of a secret that is base64, as generators of such secrets write them; any other is taken as the text that it is."""
_KEY = "stop.secret"


def signing_key(settings: Settings) -> bytes:
    """The bytes to sign with; raises ConfigError. A file is read each time, so that a secret can be exchanged."""
    secret = reveal(settings.secret, settings.secret_file, _KEY)
    if not secret:
        raise ConfigError(f"{_KEY} is not set; set stop.secret_file")
    if not secret.startswith(PREFIX):
        return secret.encode(errors="surrogateescape")
    if (key := key_of(secret, PREFIX)) is None:
        raise ConfigError(f"{_KEY}: what follows {PREFIX} is no base64; set it anew")
    return key


def signed(key: bytes, id: str, now: float, body: bytes) -> dict[str, str]:
    """The three headers of a request that is sent at `now` (s UTC); `id` is the same at each attempt."""
    at = str(int(now))
    signature = hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
