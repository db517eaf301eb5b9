"""Who may send: bearer tokens, each of a tenant."""

import re
from hashlib import sha256

from detector.errors import ConfigError

_FEWEST = 16
"""Characters of a token; fewer can be guessed."""


class Tokens:
    """`told`: lines or comma separated parts of a tenant and its token; a tenant may have several, for rotation.

    Raises ConfigError. Only digests are kept, and looked up by: how long that takes says nothing of a token.
    """

    def __init__(self, told: str | None) -> None:
        self._tenants: dict[bytes, str] = {}
        for number, part in enumerate(re.split(r"[,\n]", told or ""), 1):
            words = part.split()
            if not words or words[0].startswith("#"):
                continue
            if len(words) != 2:
                raise ConfigError(f"gateway.tokens: part {number} is not TENANT TOKEN")
            tenant, token = words
            if len(token) < _FEWEST:
                raise ConfigError(f"gateway.tokens: the token of part {number} is too short; use {_FEWEST} characters")
            self._tenants[_digest(token)] = tenant

    def __bool__(self) -> bool:
        return bool(self._tenants)

    def tenant(self, authorization: str | None) -> str | None:
        """The tenant of an Authorization header; None where it names none."""
        scheme, _, token = (authorization or "").partition(" ")
        return self._tenants.get(_digest(token.strip())) if scheme.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()
