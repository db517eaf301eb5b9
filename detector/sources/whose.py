"""Whose a foreign event is: its run, task, team and such, by lists of attributes that are tried in order."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from detector.config.sources import SEPARATOR
from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Call, Claim, Event, Link, Status, ToolCall, ToolResult
from detector.sources.told import Told, first, ways

FIELDS = ("tenant", "team", "user", "agent", "key", "run", "parent_run", "task", "task_type")
_OF: dict[type, tuple[str, ...]] = {
    Call: FIELDS,
    ToolCall: FIELDS,
    Claim: FIELDS,
    ToolResult: ("tenant", "task", "run"),
    Status: ("tenant", "task", "run"),
    Link: ("tenant",),
}


class Place(NamedTuple):
    """An attribute, the keys one of which a layer has to have for it, and the pattern whose first match is meant."""

    attribute: str
    keys: frozenset[str]
    pattern: re.Pattern[str] | None


class Found(NamedTuple):
    """A field of an event, where it came from, and what it says."""

    field: str
    attribute: str
    value: str


class Whose:
    """`lists`: names of attributes by field, `NAME ~ PATTERN` among them; `usual`: where no attribute says it."""

    def __init__(self, lists: Mapping[str, Sequence[str]], usual: Mapping[str, str | None]) -> None:
        self._places = {field: [_place(name) for name in names] for field, names in lists.items()}
        self._keys = frozenset(key for places in self._places.values() for place in places for key in place.keys)
        self._usual = {field: value for field, value in usual.items() if value is not None}

    def fill(self, told: Told) -> Event:
        """The event with what its attributes say. Raises BadInput where a name is too long."""
        event = told.event
        for field, value in self._usual.items():
            if field in _OF[type(event)]:
                setattr(event, field, value)
        for found in self.find(told):
            setattr(event, found.field, found.value)
        return event

    def find(self, told: Told) -> list[Found]:
        """What the attributes say, and which of them did. Raises BadInput where a name is too long."""
        out = []
        there = {key for layer in told.attributes for key in layer.keys() & self._keys}  # few of all that are tried
        for field in _OF[type(told.event)]:
            for place in self._places.get(field, ()):
                if place.keys.isdisjoint(there):
                    continue
                value = _text(first(told.attributes, place.attribute))
                if value and place.pattern is not None:
                    match = place.pattern.search(value[:MAX_NAME])
                    value = match[0] if match else ""
                if value:
                    if len(value) > MAX_NAME:
                        detail = f"has more than {MAX_NAME} characters"
                        raise BadInput(Reason.OUT_OF_RANGE, place.attribute, detail)
                    out.append(Found(field, place.attribute, value))
                    break
        return out


def _place(name: str) -> Place:
    attribute, separator, pattern = name.partition(SEPARATOR)
    attribute = attribute.strip()
    return Place(attribute, frozenset(ways(attribute)), re.compile(pattern) if separator else None)


def _text(value: Any) -> str:
    """Texts and whole numbers are names; all else is none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
