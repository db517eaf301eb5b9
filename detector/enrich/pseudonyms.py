"""People as pseudonyms: a keyed hash that is the same everywhere the key is the same."""

import re
from hashlib import blake2b
from typing import Self

from detector.config import Privacy
from detector.secret import reveal

_KEEP = 100_000
_MADE = re.compile("u-[0-9a-f]{12}").fullmatch


class Pseudonyms:
    """Maps a tenant's user to `u-` and 12 hex digits, by BLAKE2b under the deployment's key."""

    def __init__(self, key: bytes, plain: bool = False) -> None:
        self._key, self._plain = blake2b(key).digest(), plain
        self._kept: dict[tuple[str, str], str] = {}

    @classmethod
    def configured(cls, privacy: Privacy) -> Self:
        """By the key of the configuration; raises ConfigError where its file cannot be read."""
        key = reveal(privacy.pseudonym_key, privacy.pseudonym_key_file, "privacy.pseudonym_key") or ""
        return cls(key.encode(), privacy.plain_users)

    def of(self, tenant: str, user: str | None) -> str | None:
        """The pseudonym of a user within a tenant; None for none. What is one already, as a gateway makes it, stays."""
        if user is None or self._plain or _MADE(user):
            return user
        try:
            return self._kept[tenant, user]
        except KeyError:
            if len(self._kept) >= _KEEP:
                self._kept.clear()
            name = "u-" + blake2b(f"{tenant}\0{user}".encode(), key=self._key, digest_size=6).hexdigest()
            self._kept[tenant, user] = name
            return name
