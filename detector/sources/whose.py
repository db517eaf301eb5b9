"""Whose a foreign event is: its run, task, team and such, by lists of attributes that are tried in order."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from detector.errors import BadInput, Reason
from detector.model.events import MAX_NAME, Call, Claim, Event, Link, Status, ToolCall, ToolResult
from detector.sources.told import Decoded, Layer, Told, first, ways
from detector.sources.usual_attributes import PERSONAL, SEPARATOR

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


Tried = tuple[tuple[str, tuple["Place", ...]], ...]
"""By field the places that may say it, in their order."""

_MOST_TRIED = 4096
"""Sets of keys whose places are remembered: a client has few."""


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
        self._personal = {p.attribute for p in self._places.get("agent", ()) if PERSONAL.search(p.attribute)}
        self._usual = {field: value for field, value in usual.items() if value is not None}
        self._tried: dict[frozenset[str], Tried] = {}

    def fill(self, told: Told) -> Event:
        """The event with what its attributes say. Raises BadInput where a name is too long."""
        return self._filled(told.event, self._found(told.attributes))

    def fill_all(self, decoded: Decoded) -> list[Event | BadInput]:
        """All of them; what events that follow each other share of attributes is looked up once."""
        out: list[Event | BadInput] = []
        known: tuple[Layer, ...] | None = None
        found: list[Found] = []
        for told in decoded:
            if isinstance(told, BadInput):
                out.append(told)
                continue
            try:
                if told.attributes is not known:
                    known, found = None, self._found(told.attributes)
                    known = told.attributes
                out.append(self._filled(told.event, found))
            except BadInput as bad:
                out.append(bad)
        return out

    def find(self, told: Told) -> list[Found]:
        """What the attributes say, and which of them did. Raises BadInput where a name is too long."""
        of = _OF[type(told.event)]
        return [found for found in self._found(told.attributes) if found.field in of]

    def _filled(self, event: Event, found: Sequence[Found]) -> Event:
        of = _OF[type(event)]
        for field, value in self._usual.items():
            if field in of:
                setattr(event, field, value)
        for field, attribute, value in found:
            if field in of:
                setattr(event, field, value)
                if field == "agent" and attribute in self._personal:
                    setattr(event, "agent_personal", True)  # noqa: B010, of events that have an agent
        return event

    def _found(self, attributes: tuple[Layer, ...]) -> list[Found]:
        out = []
        for field, places in self._that_may_say_it(attributes):
            for place in places:
                value = _text(first(attributes, place.attribute))
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

    def _that_may_say_it(self, attributes: tuple[Layer, ...]) -> Tried:
        """The places whose keys some layer has: few of all, and the same for all events of a kind."""
        there = frozenset(key for layer in attributes for key in layer.keys() & self._keys)
        tried = self._tried.get(there)
        if tried is None:
            of = {field: tuple(p for p in self._places.get(field, ()) if p.keys & there) for field in FIELDS}
            tried = tuple((field, places) for field, places in of.items() if places)
            if len(self._tried) >= _MOST_TRIED:
                self._tried.clear()
            self._tried[there] = tried
        return tried


def _place(name: str) -> Place:
    attribute, separator, pattern = name.partition(SEPARATOR)
    attribute = attribute.strip()
    return Place(attribute, frozenset(ways(attribute)), re.compile(pattern) if separator else None)


def _text(value: Any) -> str:
    """Texts and whole numbers are names; all else is none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
