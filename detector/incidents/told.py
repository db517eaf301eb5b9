"""An incident as JSON: what its page downloads and the commands print."""

from collections.abc import Iterable
from typing import Any

import msgspec

from detector.incidents.view import Incident


def fields_of(incident: Incident) -> dict[str, Any]:
    """The fields of the alert record, when the broker took it (s UTC), and what became of a request to stop it."""
    told: dict[str, Any] = msgspec.to_builtins(incident.alert)
    return {**told, "written_at": incident.written_s, "stop": incident.stop}


def incident_json(incident: Incident) -> bytes:
    """One object, indented, with a line's end."""
    return _json(fields_of(incident))


def incidents_json(incidents: Iterable[Incident]) -> bytes:
    """An array of such objects."""
    return _json([fields_of(incident) for incident in incidents])


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
