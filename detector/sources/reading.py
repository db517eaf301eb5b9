"""How the records of a topic, and saved files, are read: the format's decoder, then whose each event is."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, get_args

from detector.config import Config
from detector.config.sources import Attributes, Format, Source, Transcript
from detector.errors import BadInput, Reason
from detector.model.events import Event
from detector.sources import (
    claude_transcripts,
    cloudevents,
    gemini_outfile,
    gemini_sessions,
    json_lines,
    litellm,
    native,
    otlp_logs,
    otlp_spans,
    rollout,
)
from detector.sources.told import Decoded
from detector.sources.usual_attributes import USUAL
from detector.sources.whose import Whose

Headers = Sequence[tuple[str, bytes]]
Read = Callable[[bytes, Headers], list[Event | BadInput]]
"""The events of a record's value and headers, and a reason for each that cannot be used."""

Decode = Callable[[bytes], Decoded]

DECODERS: dict[str, Decode] = {
    "otlp_logs": otlp_logs.decode,
    "otlp_spans": otlp_spans.decode,
    "litellm": litellm.decode,
    "rollout": rollout.decode,
    "gemini_sessions": gemini_sessions.decode,
    "gemini_outfile": gemini_outfile.decode,
    "claude_transcripts": claude_transcripts.decode,
}


class Saved(NamedTuple):
    """Files of one format, and whose they are where they do not say so."""

    format: Format | Transcript
    tenant: str
    team: str | None
    attributes: Attributes


Origin = Source | Saved


def saved(config: Config, format: Format | Transcript) -> Saved:
    """How files of a format are read: as the first topic that holds it is, else as `[replay]` says."""
    usual = config.replay
    topic = next((source for source in config.sources if source.format == format), None)
    if topic is None:
        own = usual.attributes if format in TRANSCRIPTS else Attributes()
        return Saved(format, usual.tenant, usual.team, own)
    tenant = topic.tenant if "tenant" in topic.model_fields_set else usual.tenant
    return Saved(format, tenant, topic.team or usual.team, topic.attributes)


TRANSCRIPTS: tuple[str, ...] = get_args(Transcript)


def finished(format: str, body: bytes) -> tuple[bytes, bool]:
    """A transcript without an end that is still being written, and whether nothing had to be left out."""
    if format == "gemini_outfile":
        return gemini_outfile.finished(body)
    return json_lines.finished(body) if format in TRANSCRIPTS else (body, True)


def of_native(topic: str) -> Read:
    """Of a topic of native events: "calls", "status", or "any"."""

    def read(value: bytes, headers: Headers) -> list[Event | BadInput]:
        return native.decode(value, topic)

    return read


def of_source(source: Origin) -> Read:
    """Of a topic that others write, or of saved files."""
    decode, whose = decoder_of(source), whose_of(source)
    if decode is not None and whose is not None:
        return partial(_foreign, decode, whose)
    return partial(cloudevents.decode, topic="any") if source.format == "cloudevents" else of_native("any")


def decoder_of(source: Origin) -> Decode | None:
    """The decoder of a source's format; None where it holds native events."""
    return DECODERS.get(source.format)


def whose_of(source: Origin) -> Whose | None:
    """Whose its events are; None where they say so themselves."""
    lists = USUAL.get(source.format)
    if lists is None:
        return None
    own = source.attributes.model_dump(exclude_none=True)
    return Whose({**lists, **own}, {"tenant": source.tenant, "team": source.team})


def _foreign(decode: Decode, whose: Whose, value: bytes, headers: Headers) -> list[Event | BadInput]:
    decoded = decode(value)
    if len(decoded) > native.MAX_IN_RECORD:
        return [BadInput(Reason.TOO_LARGE, "", f"holds more than {native.MAX_IN_RECORD:,} events")]
    return whose.fill_all(decoded)
