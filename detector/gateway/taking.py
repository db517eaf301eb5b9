"""The pure part of the gateway: a body in; events as ingest will take them, and refusals, out."""

from collections.abc import Mapping
from typing import NamedTuple

from detector.config import Config, Ingest
from detector.config.sources import Attributes, Format, Source
from detector.errors import BadInput, Reason
from detector.model.events import Event, Link
from detector.sources import native
from detector.sources.reading import Headers, Read, of_source
from detector.sources.times import seconds, taken_at

FORMATS: Mapping[str, Format] = {
    "/v1/logs": "otlp_logs",
    "/v1/traces": "otlp_spans",
    "/v1/litellm": "litellm",
    "/v1/cloudevents": "cloudevents",
    "/v1/events": "native",
}
"""Which format is posted where."""

_BY_LINE = ("ndjson", "jsonl", "json-lines")
"""Within a content type: an event, or an array of events, in each line."""


class Taken(NamedTuple):
    """What of a body can be used, and why the rest cannot."""

    events: list[Event]
    refused: list[BadInput]


def readers(config: Config) -> dict[str, Read]:
    """How what is posted to a path is read."""
    return {path: _reader(config, format) for path, format in FORMATS.items()}


def _reader(config: Config, format: Format) -> Read:
    if format == "native":
        return _native
    own = getattr(config.gateway.attributes, format, Attributes())
    return of_source(Source(topic=format, format=format, team=config.gateway.team, attributes=own))


def _native(body: bytes, headers: Headers) -> list[Event | BadInput]:
    kind = next((value for name, value in headers if name == "content-type"), b"").decode(errors="replace")
    if any(word in kind for word in _BY_LINE):
        return [event for line in body.splitlines() if line.strip() for event in native.decode(line, "any")]
    return native.decode(body, "any")


def usable(decoded: list[Event | BadInput], tenant: str | None, now_s: float, limits: Ingest) -> Taken:
    """What ingest will take of it at `now_s` (s UTC); `tenant`: whose it is whatever it says, None: as it says."""
    taken = Taken([], [])
    for event in decoded:
        try:
            if isinstance(event, BadInput):
                raise event
            taken_at(seconds(event.time), now_s, limits)
            if not isinstance(event, Link) and event.run is None and event.task is None:
                raise BadInput(Reason.MISSING_FIELD, "run", "one of run and task is required")
        except BadInput as bad:
            taken.refused.append(bad)
            continue
        if tenant is not None:
            event.tenant = tenant
        taken.events.append(event)
    return taken
