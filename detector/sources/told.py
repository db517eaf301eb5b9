"""What a foreign format tells: an event, and the attributes that say whom it is about."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from detector.errors import BadInput
from detector.model.events import Call, Claim, Event, Status, ToolCall

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
    """The same, each call, tool, claim and status with the name of the source that tells it."""
    for told in decoded:
        if isinstance(told, Told) and isinstance(told.event, Call | ToolCall | Claim | Status):
            told.event.source = source
    return decoded


def first(attributes: tuple[Layer, ...], name: str) -> Any:
    """The value of an attribute in the nearest layer that has it; None where it is nowhere.

    What JSON nests is found by its path: `metadata.user_api_key_team_id` is that key, or within `metadata`, which may
    be JSON as a text.
    """
    heads = ways(name)[:-1]
    for layer in attributes:
        value = layer.get(name)
        if value is None:
            for head in heads:
                if (inner := layer.get(head)) is not None:
                    value = _within(inner, name[len(head) + 1 :])
                    break
        if value is not None:
            return value
    return None


def _within(inner: Any, name: str) -> Any:
    """What a value that nests others, maybe as a text of JSON, has of that name."""
    if isinstance(inner, str) and inner[:1] == "{" and len(inner) <= MAX_PARSED:
        inner = _parsed(inner)
    return first((inner,), name) if isinstance(inner, Mapping) else None


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
