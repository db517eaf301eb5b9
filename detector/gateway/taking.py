"""The pure part of the gateway: a body in; records for Kafka, refusals, and the answer once Kafka has them, out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from detector.config import Config, Ingest
from detector.config.sources import Attributes, Format, Source
from detector.enrich.pseudonyms import Pseudonyms
from detector.enrich.sketch import parse_sketch
from detector.errors import BadInput, Reason
from detector.gateway import answers
from detector.gateway.answers import Answer
from detector.gateway.records import records, refusals
from detector.kafka.outbox import Out
from detector.model.events import Call, Claim, Event, ToolCall
from detector.model.subject import require_subject
from detector.sources import native
from detector.sources.json_lines import lines
from detector.sources.native import MAX_IN_RECORD
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
    """What is made of a body: records to write, why the rest is of no use, and what to answer once they are written."""

    records: list[Out]
    refused: Sequence[BadInput]
    answer: Answer


class Taker:
    """Reads bodies by their path."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pseudonyms = Pseudonyms.configured(config)
        self._read = {path: _reader(config, format) for path, format in FORMATS.items()}

    def take(self, path: str, kind: str, body: bytes, headers: Headers, tenant: str | None, now_s: float) -> Taken:
        """Of a body of that content type, at `now_s` (s UTC). Never raises on bad input.

        tenant: whose its events are, whatever they say; None: as they say.
        """
        return self.made(path, kind, body, self._read[path](body, headers), tenant, now_s)

    def made(
        self, path: str, kind: str, body: bytes, decoded: Iterable[Event | BadInput], tenant: str | None, now_s: float
    ) -> Taken:
        """Of a body that was decoded already."""
        events: list[Event] = []
        refused: list[BadInput] = []
        for event in decoded:
            try:
                usable = _usable(event, tenant, now_s, self._config.ingest)
                if isinstance(usable, Call | Claim | ToolCall):
                    self._hide_people(usable)
                events.append(usable)
            except BadInput as bad:
                refused.append(bad)
        out, too_large = records(self._config, events)
        refused += too_large
        for fault in refused:  # they wait for Kafka, and their traces would hold all that was made of the body
            fault.__traceback__ = fault.__context__ = fault.__cause__ = None
        out += refusals(self._config, path, body, refused)
        return Taken(out, refused, answers.taken(path, kind, len(events) - len(too_large), refused))

    def _hide_people(self, event: Call | Claim | ToolCall) -> None:
        tenant = event.tenant or "default"
        event.user = self._pseudonyms.of(tenant, event.user)
        if event.agent_personal:
            event.agent, event.agent_personal = self._pseudonyms.of_agent(tenant, event.agent), None


def _usable(event: Event | BadInput, tenant: str | None, now_s: float, limits: Ingest) -> Event:
    """The event, where ingest will take it; raises BadInput where it will not."""
    if isinstance(event, BadInput):
        raise event
    taken_at(seconds(event.time), now_s, limits)
    require_subject(event)
    _require_sketch(event)
    if tenant is not None:
        event.tenant = tenant
    return event


def _require_sketch(event: Event) -> None:
    """Raises BadInput where the producer's sketch of an output is none; those of tools are read as such already."""
    sketch = event.output.sketch if isinstance(event, Call) and event.output is not None else None
    try:
        if sketch is not None:
            parse_sketch(sketch)
    except ValueError as error:
        raise BadInput(Reason.OUT_OF_RANGE, "output.sketch", str(error)) from None


def _reader(config: Config, format: Format) -> Read:
    if format == "native":
        return _native
    own = getattr(config.gateway.attributes, format, Attributes())
    return of_source(Source(topic=format, format=format, team=config.gateway.team, attributes=own))


def _native(body: bytes, headers: Headers) -> list[Event | BadInput]:
    kind = next((value for name, value in headers if name == "content-type"), b"").decode(errors="replace")
    if any(word in kind for word in _BY_LINE):
        return _by_lines(body)
    return native.decode(body, "any")


def _by_lines(body: bytes) -> list[Event | BadInput]:
    """As many in all as one array may hold."""
    events: list[Event | BadInput] = []
    for _, line in lines(body):
        events += native.decode(line, "any")
        if len(events) > MAX_IN_RECORD:
            return [BadInput(Reason.TOO_LARGE, "", f"holds more than {MAX_IN_RECORD:,} events")]
    return events
