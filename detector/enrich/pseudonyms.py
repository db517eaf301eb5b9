"""People as pseudonyms: a keyed hash that is the same everywhere the key is the same."""

from hashlib import blake2b

_KEEP = 100_000


class Pseudonyms:
    """Maps a tenant's user to `u-` and 12 hex digits, by BLAKE2b under the deployment's key."""

    def __init__(self, key: bytes, plain: bool = False) -> None:
        self._key, self._plain = blake2b(key).digest(), plain
        self._kept: dict[tuple[str, str], str] = {}

    def of(self, tenant: str, user: str | None) -> str | None:
        """The pseudonym of a user within a tenant; None for none."""
        if user is None or self._plain:
            return user
        try:
            return self._kept[tenant, user]
        except KeyError:
            if len(self._kept) >= _KEEP:
                self._kept.clear()
            name = "u-" + blake2b(f"{tenant}\0{user}".encode(), key=self._key, digest_size=6).hexdigest()
            self._kept[tenant, user] = name
            return name
