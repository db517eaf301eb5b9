"""Addresses of the web in the configuration. No message repeats one: it may hold a password."""

from urllib.parse import SplitResult, urlsplit


def public(address: str) -> SplitResult:
    """The parts of an address that people follow; raises ValueError where it is none, or holds credentials."""
    parts = _split(address, "https://detector.example")
    if "@" in parts.netloc:
        raise ValueError("must not hold credentials, since every page carries it")
    return parts


def asked(address: str, example: str, instead: str) -> SplitResult:
    """The parts of an address that is asked; raises ValueError where it is none, or holds what may be a secret.

    `instead`: where that belongs.
    """
    parts = _split(address, example)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(f"must hold neither credentials nor a query; {instead}")
    return parts


def _split(address: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise ValueError(f"needs http:// or https:// and a host, as {example}")
    return parts
