"""OTLP spans of model calls: each to the decoder of its conventions, and each call told once.

Two instrumentations may tell of one call, one span within the other: each knows something that the other does not.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple, TypeVar

import msgspec

from detector.errors import BadInput
from detector.model.events import MAX_NAME, Call
from detector.sources import genai_spans, openinference, otlp
from detector.sources.otlp import Record
from detector.sources.told import Decoded, Told, by

_LOGGED = ("gemini", "codex")
"""Scopes of clients whose log records are metered."""
_CONVENTIONS = (genai_spans, openinference)
_MOST_LAYERS = 12
"""Of attributes of a call that was told several times: those of four tellings."""
S = TypeVar("S", bound=msgspec.Struct)


_CONVERSATION = "gen_ai.conversation.id"
_MOST_AROUND = 64
"""Spans around a span that are looked at."""


class _Seen(NamedTuple):
    """A call of this body, the outermost span that tells it, and where in the answer it stands."""

    at: int
    outer: Record
    told: Told


def decode(body: bytes) -> Decoded:
    """The calls and tools of a body, protobuf or JSON, in its order."""
    try:
        records = otlp.spans(body)
    except BadInput as bad:
        return [bad]
    return by("spans", _once(records))


def _once(records: list[Record]) -> Decoded:
    out: list[Told | BadInput | None] = []
    by_id: dict[str, _Seen] = {}
    runs = _Runs(records)
    for record in records:
        convention = next((c for c in _CONVENTIONS if c.mine(record)), None)
        if convention is None or record.scope.startswith(_LOGGED):
            continue
        try:
            told = _within_its_parent(convention.read(record), record, runs)
        except BadInput as bad:
            out.append(bad)
            continue
        out.append(told)
        if not isinstance(told.event, Call):
            continue
        seen = by_id.get(told.event.id)
        if seen is None or seen.outer.resource != record.resource:
            by_id[told.event.id] = _Seen(len(out) - 1, record, told)
            continue
        out.pop()
        inside = record.begin > seen.outer.begin or (record.begin == seen.outer.begin and record.t <= seen.outer.t)
        outer, merged = (seen.outer, _merged(seen.told, told)) if inside else (record, _merged(told, seen.told))
        by_id[told.event.id] = _Seen(seen.at, outer, merged)
        out[seen.at] = merged
    _join_failures(out, by_id.values())
    return [told for told in out if told is not None]


def _within_its_parent(told: Told, record: Record, runs: "_Runs") -> Told:
    parent = runs.around(record)
    return told if parent is None else Told(told.event, ({"detector.parent_run": parent}, *told.attributes))


class _Runs:
    """Agents that another agent's tool starts have conversations of their own: the trace leads to the other's."""

    def __init__(self, records: list[Record]) -> None:
        self._records = records

    @cached_property
    def _spans(self) -> dict[tuple[str, str], Record]:
        return {(r.trace, r.span): r for r in self._records if r.span}

    def around(self, record: Record) -> str | None:
        """The conversation that a record's own is part of, as far as this body tells; None where it is in none."""
        own = record.attributes.get(_CONVERSATION)
        if own is None:
            return None
        at: Record | None = record
        for _ in range(_MOST_AROUND):
            at = self._spans.get((at.trace, at.parent)) if at is not None and at.parent else None
            if at is None:
                return None
            run = at.attributes.get(_CONVERSATION)
            if isinstance(run, str) and run != own and 0 < len(run) <= MAX_NAME:
                return run
        return None


def _join_failures(out: list[Told | BadInput | None], seen: Iterable[_Seen]) -> None:
    """A call that failed has no answer whose id could tell it: it is one with the failed call right around it."""
    failed = {
        (s.outer.trace, s.outer.span): s
        for s in seen
        if isinstance(s.told.event, Call) and s.told.event.status != "ok" and s.outer.span
    }
    for inner in failed.values():
        around = failed.get((inner.outer.trace, inner.outer.parent))
        if around is None or around is inner or around.outer.resource != inner.outer.resource:
            continue
        outer, within = out[around.at], out[inner.at]
        if isinstance(outer, Told) and isinstance(within, Told):
            out[around.at], out[inner.at] = _merged(outer, within), None


def _merged(outer: Told, inner: Told) -> Told:
    """One call of two tellings: what the outer one does not say is the inner one's."""
    a, b = outer.event, inner.event
    assert isinstance(a, Call)
    assert isinstance(b, Call)
    usage = _filled(a.usage, b.usage)
    call = _filled(a, b)
    call.usage, call.tools_apart = usage, a.tools_apart or b.tools_apart
    if call.tools_apart:
        call.tools = None
    return Told(call, (outer.attributes + inner.attributes)[:_MOST_LAYERS])


def _filled(a: S, b: S) -> S:
    missing = {name: getattr(b, name) for name in a.__struct_fields__ if getattr(a, name) is None}
    return msgspec.structs.replace(a, **missing)
