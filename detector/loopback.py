"""Addresses of this machine alone, and what may only go there in the clear: tokens."""

import ipaddress
from urllib.parse import urlsplit

from detector.errors import ConfigError


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def require_private(address: str, address_key: str, token_key: str) -> None:
    """Raises ConfigError, which names the keys, where a token sent to that URL would cross a network in the clear."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigError(f"{token_key}: goes to another machine over https only; see {address_key}")
