"""Where a reader goes on from an episode: its page, its board, its trace, and a silence that is filled in already."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

FIELDS = ("tenant", "team", "agent", "run", "task", "model", "id", "since_ms", "until_ms")
"""What a pattern may name in braces."""
_FIELD = re.compile(r"\{([a-z_]*)\}")


def incident_url(base: str, id: str) -> str:
    """The page of an episode under `base`, the public address of the pages."""
    return f"{base.rstrip('/')}/incidents/{quote(id, safe='')}"


def filled(pattern: str, values: Mapping[str, str | None]) -> str | None:
    """`pattern` with each {field} replaced by its value, quoted for a URL; None where one of them is not known."""
    wanted = _FIELD.findall(pattern)
    if not all(values.get(name) for name in wanted):
        return None
    return _FIELD.sub(lambda found: quote(values[found[1]] or "", safe=""), pattern)


def unknown_fields(pattern: str) -> list[str]:
    """What a pattern names in braces that is no field."""
    return sorted(set(_FIELD.findall(pattern)) - set(FIELDS))


def silence_url(base: str, labels: Mapping[str, str]) -> str:
    """Alertmanager's form for a new silence under `base`, its address, with a matcher for each of `labels`."""
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{base.rstrip('/')}/#/silences/new?{urlencode({'filter': '{' + told + '}'}, quote_via=quote)}"


def board_url(base: str, tenant: str, team: str | None) -> str:
    """The board of a team in the Grafana at `base`, its address; where no team is told that of the fleet."""
    board, named = ("detector-fleet", {}) if team is None else ("detector-team", {"var-team": team})
    asked = urlencode({"var-tenant": tenant, **named}, quote_via=quote)
    return f"{base.rstrip('/')}/d/{board}?{asked}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
