"""What a foreign format tells: an event, and the attributes that say whom it is about."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from detector.errors import BadInput
from detector.model.events import Call, Claim, Event, ToolCall

Layer = Mapping[str, Any]

MAX_PARSED = 16_384
"""Characters of JSON that is a text; in more nothing is looked for."""


class Told(NamedTuple):
    """An event whose run, task, team and such are not set yet: they are looked up in `attributes`.

    attributes: layers, the nearest first (what the decoder has worked out itself, the record's own, the resource's).
    What a decoder has worked out is named `detector.run`, `detector.parent_run`, `detector.agent` and so on.
    """

    event: Event
    attributes: tuple[Layer, ...]


Decoded = list[Told | BadInput]
"""Of one record, or one body, in its order."""


def by(source: str, decoded: Decoded) -> Decoded:
    """The same, each call, tool and claim with the name of the source that tells it."""
    for told in decoded:
        if isinstance(told, Told) and isinstance(told.event, Call | ToolCall | Claim):
            told.event.source = source
    return decoded


def first(attributes: tuple[Layer, ...], name: str) -> Any:
    """The value of an attribute in the nearest layer that has it; None where it is nowhere.

    What JSON nests is found by its path: `metadata.user_api_key_team_id` is that key, or within `metadata`, which may
    be JSON as a text.
    """
    for layer in attributes:
        for value in _at(layer, name):
            return value
    return None


def _at(layer: Layer, name: str) -> Iterator[Any]:
    value = layer.get(name)
    if value is not None:
        yield value
        return
    for head in ways(name)[:-1]:
        inner = layer.get(head)
        if inner is not None:
            if isinstance(inner, str) and inner[:1] == "{" and len(inner) <= MAX_PARSED:
                inner = _parsed(inner)
            if isinstance(inner, Mapping):
                yield from _at(inner, name[len(head) + 1 :])
            return


@lru_cache(4096)  # names are configured
def ways(name: str) -> tuple[str, ...]:
    """The keys of a layer that may lead to a name: `a.b.c` is itself a key, or within `a` or `a.b`."""
    parts = name.split(".")
    return tuple(".".join(parts[: n + 1]) for n in range(len(parts)))


@lru_cache(256)  # a resource's text is asked for again with each of its records
def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
