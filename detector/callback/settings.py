"""What the callback is told by variables: DETECTOR_CALLBACK_ENDPOINT and such."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from detector.errors import ConfigError
from detector.loopback import require_private
from detector.sources.usual_attributes import LITELLM

PREFIX = "DETECTOR_CALLBACK_"
KAFKA = "kafka"


class Settings(NamedTuple):
    """`endpoint`: the gateway's URL, or KAFKA; `token`: for the gateway; `attributes`: lists by field of an event.

    max_bytes, max_calls: what may wait in the proxy; flush_s: what an end of the proxy may take, s; python: the
    interpreter that sketches and sends.
    """

    endpoint: str
    token: str | None
    token_file: Path | None
    tenant: str
    team: str | None
    attributes: dict[str, list[str]]
    max_bytes: int
    max_calls: int
    flush_s: float
    python: str | None


_NAMES = tuple(PREFIX + name.upper() for name in Settings._fields)


def read(environment: Mapping[str, str]) -> Settings:
    """The settings; raises ConfigError, which names the variable and the fix."""
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in _NAMES)
    if unknown:
        raise ConfigError(f"{unknown[0]}: unknown variable; there are {', '.join(_NAMES)}")
    told = {name: environment.get(PREFIX + name.upper()) or None for name in Settings._fields}
    file, endpoint = told["token_file"], _endpoint(told["endpoint"])
    if endpoint != KAFKA and (file or told["token"]):
        require_private(endpoint, f"{PREFIX}ENDPOINT", f"{PREFIX}TOKEN{'_FILE' * bool(file)}")
    return Settings(
        endpoint=endpoint,
        token=told["token"],
        token_file=None if file is None else Path(file),
        tenant=told["tenant"] or "default",
        team=told["team"],
        attributes=_attributes(told["attributes"]),
        max_bytes=int(_number("max_bytes", told["max_bytes"], 32 << 20, 1 << 16)),
        max_calls=int(_number("max_calls", told["max_calls"], 10_000, 1)),
        flush_s=_number("flush_s", told["flush_s"], 5.0, 0.0),
        python=told["python"],
    )


def _endpoint(text: str | None) -> str:
    if text == KAFKA:
        return KAFKA
    fix = f"{PREFIX}ENDPOINT: has to be the gateway's URL, as https://gateway.example:4318, or {KAFKA}"
    try:
        parts = urlsplit(text or "")
        parts.port  # noqa: B018, raises where it is no port
    except ValueError:
        raise ConfigError(fix) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ConfigError(fix)
    return parts.geturl().rstrip("/")


def _number(name: str, text: str | None, usual: float, least: float) -> float:
    try:
        number = usual if text is None else float(text)
    except ValueError:
        number = math.nan
    if not least <= number <= 1e12:
        raise ConfigError(f"{PREFIX}{name.upper()}: has to be a number from {least:g} on")
    return number


def _attributes(text: str | None) -> dict[str, list[str]]:
    try:
        told = json.loads(text or "{}")
        lists = {field: [str(name) for name in names] for field, names in told.items() if not isinstance(names, str)}
    except (ValueError, AttributeError, TypeError):
        lists, told = {}, {"": ""}
    if len(lists) < len(told) or not lists.keys() <= LITELLM.keys() | {"parent_run"}:
        fix = 'has to be JSON, lists by field, as {"task": ["metadata.requester_metadata.ticket"]}'
        raise ConfigError(f"{PREFIX}ATTRIBUTES: {fix}")
    return {**LITELLM, **lists}


def token(settings: Settings) -> str | None:
    """The token for the gateway, read anew where it is in a file; raises ConfigError where that cannot be read."""
    if settings.token_file is None:
        return settings.token
    try:
        return settings.token_file.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        name = f"{PREFIX}TOKEN_FILE"
        raise ConfigError(f"{name}: {settings.token_file} cannot be read ({type(error).__name__})") from None
