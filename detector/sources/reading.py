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

_DECODERS: dict[str, Callable[[bytes], Decoded]] = {
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
    if source.format == "native":
        return of_native("any")
    if source.format == "cloudevents":
        return partial(cloudevents.decode, topic="any")
    lists = USUAL[source.format] | source.attributes.model_dump(exclude_none=True)
    whose = Whose(lists, {"tenant": source.tenant, "team": source.team})
    return partial(_foreign, _DECODERS[source.format], whose)


def _foreign(
    decode: Callable[[bytes], Decoded], whose: Whose, value: bytes, headers: Headers
) -> list[Event | BadInput]:
    decoded = decode(value)
    if len(decoded) > native.MAX_IN_RECORD:
        return [BadInput(Reason.TOO_LARGE, "", f"holds more than {native.MAX_IN_RECORD:,} events")]
    out: list[Event | BadInput] = []
    for told in decoded:
        try:
            out.append(told if isinstance(told, BadInput) else whose.fill(told))
        except BadInput as bad:
            out.append(bad)
    return out
