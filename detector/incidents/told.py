"""Incidents as JSON: of each what its page downloads."""

from collections.abc import Iterable

import msgspec

from detector.config import Web
from detector.incidents.view import Incident
from detector.web.pages.incident import record
from detector.web.pages.onward import onward


def incident_json(incident: Incident, web: Web) -> bytes:
    """One object: the record, when the broker took it (s UTC), what became of stopping it, and where to go on."""
    return record(incident, onward(web, incident.alert))


def incidents_json(incidents: Iterable[Incident], web: Web) -> bytes:
    """An array of such objects."""
    told = [msgspec.Raw(incident_json(incident, web)) for incident in incidents]
    return msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n"
