"""The policy: a TOML file of [[grant]] entries, each of which lets whoever shows a token or a header see something."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from detector.config import faults, keys
from detector.config.load import read_toml
from detector.config.settings import Name, Section

EVERY = "*"
"""As a tenant: every one."""
_SHA256 = re.compile("[0-9a-f]{64}")
_HEADER = re.compile("[A-Za-z0-9-]{1,64}")
_PSEUDONYM = re.compile("u-[0-9a-f]{12}")

Shown = Annotated[Name, Field(max_length=512)]


class Grant(Section):
    """Who shows this sees that; by token_sha256, token_file or header."""

    name: Shown | None = Field(None, description="what it is called in the trail; absent: its place in the file")
    token_sha256: SecretStr | None = Field(
        None, description="SHA-256 of a token in hex: printf %s TOKEN | sha256sum; the token is never written here"
    )
    token_file: Path | None = Field(None, description="file that holds the token, for those that are mounted")
    header: Name | None = Field(None, description="header that a trusted proxy sets to who asks, as X-Forwarded-User")
    value: Shown | None = Field(None, description="what the header has to say; * stands for any text")
    scope: Literal["self", "team", "tenant"] = Field(
        description="self: one's own pseudonyms; team: its sums, and people where five contribute; tenant: teams alone"
    )
    tenant: Shown = Field("default", description=f"whose data; {EVERY!r}: of every tenant, where the scope is tenant")
    team: Shown | None = Field(None, description="the team of the scope team")
    pseudonyms: list[str] = Field(
        [], description="of the scope self, with a token; with a header they are made of what it says"
    )
    who: bool = Field(False, description="true: may ask `detector who`; with a token and the scope tenant only")

    @field_validator("token_sha256")
    @classmethod
    def _is_a_digest(cls, digest: SecretStr | None) -> SecretStr | None:
        if digest is not None and _SHA256.fullmatch(digest.get_secret_value()) is None:
            raise ValueError("must be the SHA-256 of the token, 64 hex digits in lower case, not the token")
        return digest

    @field_validator("header")
    @classmethod
    def _is_a_header(cls, header: str | None) -> str | None:
        if header is not None and (_HEADER.fullmatch(header) is None or header.lower() == "authorization"):
            raise ValueError("must be the name of a header of letters, digits and hyphens, other than Authorization")
        return header

    @field_validator("pseudonyms")
    @classmethod
    def _are_pseudonyms(cls, pseudonyms: list[str]) -> list[str]:
        if not all(map(_PSEUDONYM.fullmatch, pseudonyms)):  # a name among them must not be shown
            raise ValueError("each must be u- and 12 hex digits")
        return pseudonyms

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if sum(way is not None for way in (self.token_sha256, self.token_file, self.header)) != 1:
            raise ValueError("needs one of token_sha256, token_file and header")
        if (self.header is None) != (self.value is None):
            raise ValueError("header and value belong together; value = '*' takes whatever the header says")
        if (self.scope == "team") != (self.team is not None):
            raise ValueError("team names the team of the scope team, and only there")
        if bool(self.pseudonyms) != (self.scope == "self" and self.header is None):
            raise ValueError("pseudonyms says whose the scope self is, and only there, and only with a token")
        if self.tenant == EVERY and self.scope != "tenant":
            raise ValueError("tenant = '*' is for the scope tenant")
        if self.who and (self.scope != "tenant" or self.header is not None):
            raise ValueError("who is for the scope tenant with a token: `detector who` has no header")
        return self


class PolicyFile(Section):
    """Who may see what."""

    default: Literal["tenant", "nothing"] = Field(
        "tenant", description="what whoever shows nothing sees: teams without people of every tenant, or nothing"
    )
    trusted_proxies: list[str] = Field(
        [], description="addresses or networks whose headers are believed, as 127.0.0.1; empty: no header counts"
    )
    grant: list[Grant] = Field([], description="who sees more, or less; of those that fit the first counts")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: list[str]) -> list[str]:
        for network in networks:
            try:
                ip_network(network)
            except ValueError:
                raise ValueError("each must be an address or a network, as 127.0.0.1 or 10.1.0.0/16") from None
        return networks

    @model_validator(mode="after")
    def _headers_have_a_proxy(self) -> Self:
        if not self.trusted_proxies and any(grant.header is not None for grant in self.grant):
            raise ValueError("a grant by header needs trusted_proxies: anybody can write a header")
        digests = [grant.token_sha256.get_secret_value() for grant in self.grant if grant.token_sha256 is not None]
        if len(set(digests)) < len(digests):
            raise ValueError("two grants have the same token_sha256; the second would never count")
        return self


def read_policy_file(file: Path) -> PolicyFile:
    """What the file says; raises ConfigError with every fault: file, key and fix."""
    values = read_toml(file, "policy.file")

    def where(at: keys.Path) -> str:
        return str(file)

    try:
        return PolicyFile.model_validate(values)
    except ValidationError as error:
        raise faults.told(faults.of_validation(error, where, PolicyFile), "policy") from None
