"""People as pseudonyms: a keyed hash that is the same everywhere the key is the same."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Self

from detector.config import Config
from detector.patterns import Patterns
from detector.secret import reveal

_KEEP = 100_000
_MADE = re.compile("u-[0-9a-f]{12}").fullmatch


PERSON = "person"
"""Stands for all people where figures are by agent: nobody is ranked."""


def is_pseudonym(name: str | None) -> bool:
    """Whether a name has the form of a pseudonym, whoever made it."""
    return name is not None and _MADE(name) is not None


def impersonal(agent: str | None) -> str | None:
    """An agent as figures by agent name it: all that are pseudonyms are PERSON."""
    return PERSON if is_pseudonym(agent) else agent


class Pseudonyms:
    """Maps a tenant's user to `u-` and 12 hex digits, by BLAKE2b under the deployment's key.

    services: agents that are no people, as patterns in which * stands for any text.
    """

    def __init__(self, key: bytes, plain: bool = False, services: Sequence[str] = ()) -> None:
        self._key, self._plain = blake2b(key).digest(), plain
        self._kept: dict[tuple[str, str], str] = {}
        self._agents: dict[tuple[str, str], str | None] = {}
        self._services = Patterns(services)

    @classmethod
    def configured(cls, config: Config) -> Self:
        """By the key of the configuration; raises ConfigError where its file cannot be read."""
        privacy = config.privacy
        key = reveal(privacy.pseudonym_key, privacy.pseudonym_key_file, "privacy.pseudonym_key") or ""
        return cls(key.encode(), privacy.plain_users, config.identity.services)

    def of(self, tenant: str, user: str | None) -> str | None:
        """The pseudonym of a user within a tenant; None for none. What is one already, as a gateway makes it, stays."""
        if user is None or self._plain or _MADE(user):
            return user
        try:
            return self._kept[tenant, user]
        except KeyError:
            if len(self._kept) >= _KEEP:
                self._kept.clear()
            name = self._kept[tenant, user] = self.made(tenant, user)
            return name

    def made(self, tenant: str, user: str) -> str:
        """The pseudonym of a name, made anew whatever it looks like."""
        return "u-" + blake2b(f"{tenant}\0{user}".encode(), key=self._key, digest_size=6).hexdigest()

    def of_agent(self, tenant: str, agent: str | None) -> str | None:
        """What stands for an agent that may be a person: its name where it is a service, else its pseudonym."""
        if agent is None:
            return None
        try:
            return self._agents[tenant, agent]
        except KeyError:
            if len(self._agents) >= _KEEP:
                self._agents.clear()
            name = agent if self._services.match(agent) else self.of(tenant, agent)
            self._agents[tenant, agent] = name
            return name
