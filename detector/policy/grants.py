"""Which scope whoever asks has: by a token, or by a header that a trusted proxy set."""

import hmac
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, Self

from detector.config import Config
from detector.config.policy_file import EVERY, Grant, PolicyFile, read_policy_file
from detector.enrich.pseudonyms import Pseudonyms, is_pseudonym
from detector.errors import ConfigError
from detector.model.events import MAX_NAME
from detector.patterns import Patterns
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope
from detector.secret import reveal

MAX_TOKEN = 4096
"""Characters; a longer one is none."""
FEWEST_CHARS = 16
"""Of a token in a file; shorter ones can be guessed."""


class Credentials(NamedTuple):
    """What a request shows: a bearer token, its headers as they came, and the address that it came from."""

    token: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    peer: str | None = None

    @classmethod
    def of(cls, headers: Iterable[tuple[str, str]], peer: str | None) -> Self:
        """Of a request of HTTP: the token is that of its one Authorization header."""
        headers = list(headers)
        scheme, _, token = (_only(headers, "authorization") or "").partition(" ")
        return cls(token.strip() if scheme.lower() == "bearer" else None, headers, peer)


class _Ready(NamedTuple):
    """A grant, made ready: a digest, or a header and what it has to say."""

    scope: Scope
    digest: bytes | None
    header: str
    value: Patterns


class Policy:
    """What a policy file says; without one everybody sees teams without people."""

    def __init__(self, told: PolicyFile, pseudonyms: Pseudonyms) -> None:
        """Raises ConfigError where the file of a token cannot be read."""
        self.default = TEAMS if told.default == "tenant" else NOTHING
        self.pseudonyms = pseudonyms
        self.grants = [_ready(n, grant) for n, grant in enumerate(told.grant)]
        self.proxies = [ip_network(network) for network in told.trusted_proxies]

    @classmethod
    def configured(cls, config: Config) -> Self:
        """By `policy.file`; raises ConfigError where it is wrong."""
        file = config.policy.file
        return cls(read_policy_file(file) if file is not None else PolicyFile(), Pseudonyms.configured(config))


def own(config: Config) -> Credentials:
    """What who runs a command shows: the token of the configuration. Raises ConfigError where it cannot be read."""
    return Credentials(reveal(config.policy.token, config.policy.token_file, "policy.token"))


def scope_of(policy: Policy, credentials: Credentials) -> Scope:
    """The scope of the first grant that fits, else the default one. Takes as long whichever token was shown."""
    token, trusted = credentials.token, _is_trusted(policy.proxies, credentials.peer)
    digest = _digest(token) if token is not None and 0 < len(token) <= MAX_TOKEN else None
    found: Scope | None = None
    for grant in policy.grants:
        scope = None
        if grant.digest is not None:
            if digest is not None and hmac.compare_digest(grant.digest, digest):
                scope = grant.scope
        elif trusted:
            scope = _by_header(policy.pseudonyms, grant, credentials.headers)
        found = found or scope
    return found or policy.default


def _by_header(pseudonyms: Pseudonyms, grant: _Ready, headers: Sequence[tuple[str, str]]) -> Scope | None:
    value = _only(headers, grant.header)
    if value is None or len(value) > MAX_NAME or not grant.value.match(value):
        return None
    if grant.scope.kind is not Kind.SELF:
        return grant.scope
    if is_pseudonym(value):  # somebody's who took another's pseudonym for a name
        return None
    person = pseudonyms.of(grant.scope.tenant or "", value)
    return grant.scope._replace(people=frozenset([person] if person else []))


def _only(headers: Iterable[tuple[str, str]], wanted: str) -> str | None:
    """What a header says; None where it is not there, is there twice, or says what is no name."""
    values = [value.strip() for name, value in headers if name.lower() == wanted]
    if len(values) != 1 or not values[0].isprintable() or not 0 < len(values[0]) <= MAX_TOKEN:
        return None
    return values[0]


def _is_trusted(proxies: Sequence[IPv4Network | IPv6Network], peer: str | None) -> bool:
    address: IPv4Address | IPv6Address | None = None
    with suppress(ValueError):
        address = ip_address(peer or "")
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address is not None and any(address in network for network in proxies)


def _ready(n: int, grant: Grant) -> _Ready:
    name = grant.name or f"grant[{n}]"
    tenant = None if grant.tenant == EVERY else grant.tenant
    scope = Scope(Kind(grant.scope), tenant, grant.team, frozenset(grant.pseudonyms), grant.who, name)
    if grant.header is not None:
        return _Ready(scope, None, grant.header.lower(), Patterns([grant.value or ""]))
    if grant.token_sha256 is not None:
        return _Ready(scope, bytes.fromhex(grant.token_sha256.get_secret_value()), "", Patterns([]))
    key = f"policy.file: grant[{n}].token"
    token = reveal(None, grant.token_file, key) or ""
    if not FEWEST_CHARS <= len(token) <= MAX_TOKEN:
        raise ConfigError(f"{key}_file: {grant.token_file} holds no token of {FEWEST_CHARS} to {MAX_TOKEN} characters")
    return _Ready(scope, _digest(token), "", Patterns([]))


def _digest(token: str) -> bytes:
    return sha256(token.encode(errors="surrogatepass")).digest()
