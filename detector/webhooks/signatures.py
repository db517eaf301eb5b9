"""Signatures by HMAC-SHA256, compared in constant time."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence

from detector.webhooks.refusing import stale, unsigned, wrong

Headers = Mapping[str, str]
"""Of a request, by names in lower case."""
MAX_SIGNATURES = 8
"""In one header: two while a secret is exchanged."""
MAX_DIGITS = 12
"""Of a time in whole seconds."""


def hexadecimal(secrets: Sequence[str], body: bytes, given: str | None, header: str, prefix: str = "") -> None:
    """Raises Refused unless `given`, the value of a header, is the signature of the body by one of the secrets."""
    if not given:
        raise unsigned(header)
    if not same(given, [prefix + hmac.digest(_bytes(s), body, "sha256").hex() for s in secrets]):
        raise wrong()


def standard(keys: Sequence[bytes], headers: Headers, body: bytes, now_s: float, tolerance_s: float) -> None:
    """The same by the scheme of Standard Webhooks: id, time and body are signed; the header may hold several."""
    given, id, told = (headers.get(f"webhook-{name}", "") for name in ("signature", "id", "timestamp"))
    if not given:
        raise unsigned("webhook-signature")
    signed = f"{id}.{told}.".encode(errors="surrogatepass") + body
    right = ["v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    if not any(same(one, right) for one in given.split(" ")[:MAX_SIGNATURES]):
        raise wrong()
    if not (told.isascii() and told.isdigit() and len(told) <= MAX_DIGITS):
        raise stale("webhook-timestamp is no time")
    fresh(float(told), now_s, tolerance_s)


def fresh(t: float, now_s: float, tolerance_s: float) -> None:
    """Raises Refused where a signed time (s UTC) is further from now than `tolerance_s`."""
    if not abs(now_s - t) <= tolerance_s:
        raise stale(f"it was sent more than {tolerance_s:g} s from now")


def same(given: str, right: Sequence[str]) -> bool:
    """Whether it is one of those that are right; how long that takes tells nothing of them."""
    as_bytes = given.encode(errors="surrogatepass")
    return any(hmac.compare_digest(as_bytes, _bytes(one)) for one in right)


def _bytes(secret: str) -> bytes:
    """A secret as it was given, be it by a variable that is not UTF-8."""
    return secret.encode(errors="surrogateescape")


def key_of(secret: str, prefix: str) -> bytes | None:
    """The bytes that a secret stands for after its prefix, in base64; None where it is none such."""
    if not secret.startswith(prefix):
        return None
    try:
        return base64.b64decode(secret.removeprefix(prefix), validate=True) or None
    except (binascii.Error, ValueError):
        return None
