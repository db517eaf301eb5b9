"""What a body becomes, for people: each event with its fields and where they come from, without its texts."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from detector.errors import BadInput
from detector.model.events import Event, Output, Tool
from detector.sources.json_lines import is_lines, lines
from detector.sources.reading import TRANSCRIPTS, Origin, decoder_of, of_source, whose_of
from detector.sources.times import seconds

UNSAID = "not told"


class Field(NamedTuple):
    """A field of an event, as a line."""

    name: str
    value: str
    origin: str


class Explained(NamedTuple):
    """An event by its fields, or why it cannot be used."""

    type: str
    fields: list[Field]
    refused: BadInput | None = None


def explain(source: Origin, body: bytes) -> list[Explained]:
    """Every event of a body, or of bodies one a line, read as the source says."""
    if source.format not in TRANSCRIPTS and is_lines(body):
        return [one for _, line in lines(body) for one in _explain(source, line)]
    return _explain(source, body)


def _explain(source: Origin, body: bytes) -> list[Explained]:
    decode, whose = decoder_of(source), whose_of(source)
    if decode is None or whose is None:
        return [_explained(event, {}) for event in of_source(source)(body, ())]
    out = []
    for told in decode(body):
        try:
            if isinstance(told, BadInput):
                raise told
            origins = {found.field: f"attribute {found.attribute}" for found in whose.find(told)}
            out.append(_explained(whose.fill(told), origins | {"": "configured"}))
        except BadInput as bad:
            out.append(Explained("", [], bad))
    return out


def _explained(event: Event | BadInput, origins: dict[str, str]) -> Explained:
    if isinstance(event, BadInput):
        return Explained("", [], event)
    fields = []
    for field in msgspec.structs.fields(event):
        if field.name != "type":
            value = getattr(event, field.name)
            origin = origins.get(field.name, "")
            if not origin and value is not None and field.name in ("tenant", "team"):
                origin = origins.get("", "")
            fields += [Field(name, text, origin) for name, text in _lines(field.encode_name, value)]
    return Explained(event.type, fields)


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """A value as lines; of a text that somebody wrote its length alone."""
    if value is None:
        yield name, UNSAID
    elif isinstance(value, Output | Tool):
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            said = inner if field.name in ("name", "call_id") else _size(inner)
            if said is not None:
                yield f"{name}.{field.name}", str(said)
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            yield from _lines(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for n, one in enumerate(value):
            yield from _lines(f"{name}[{n}]", one)
    elif name in ("error", "result"):
        yield name, str(_size(value))
    elif name == "time":
        yield name, f"{seconds(value):.3f}"
    else:
        yield name, str(value)


def _size(value: Any) -> str | None:
    """Of a text or JSON, how long it is."""
    if isinstance(value, bool):
        return str(value).lower()
    size = len(bytes(value) if isinstance(value, msgspec.Raw) else value.encode()) if value is not None else 0
    return f"({size:,} bytes)" if size else None
