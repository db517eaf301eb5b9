"""How the records of a topic are read: its format's decoder, then whose each event is."""

from collections.abc import Callable, Sequence
from functools import partial

from detector.config.sources import Source
from detector.errors import BadInput, Reason
from detector.model.events import Event
from detector.sources import cloudevents, litellm, native, otlp_logs, otlp_spans
from detector.sources.told import Decoded
from detector.sources.usual_attributes import USUAL
from detector.sources.whose import Whose

Headers = Sequence[tuple[str, bytes]]
Read = Callable[[bytes, Headers], list[Event | BadInput]]
"""The events of a record's value and headers, and a reason for each that cannot be used."""

Decode = Callable[[bytes], Decoded]

_DECODERS: dict[str, Decode] = {
    "otlp_logs": otlp_logs.decode,
    "otlp_spans": otlp_spans.decode,
    "litellm": litellm.decode,
}


def of_native(topic: str) -> Read:
    """Of a topic of native events: "calls", "status", or "any"."""

    def read(value: bytes, headers: Headers) -> list[Event | BadInput]:
        return native.decode(value, topic)

    return read


def of_source(source: Source) -> Read:
    """Of a topic that others write."""
    decode, whose = decoder_of(source), whose_of(source)
    if decode is not None and whose is not None:
        return partial(_foreign, decode, whose)
    return partial(cloudevents.decode, topic="any") if source.format == "cloudevents" else of_native("any")


def decoder_of(source: Source) -> Decode | None:
    """The decoder of a source's format; None where it holds native events."""
    return _DECODERS.get(source.format)


def whose_of(source: Source) -> Whose | None:
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
