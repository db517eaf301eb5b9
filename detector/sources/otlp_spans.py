"""OTLP spans of model calls: each to the decoder of its conventions, and each call told once.

Two instrumentations may tell of one call, one span within the other: each knows something that the other does not.
"""

from functools import cached_property

from detector.errors import BadInput
from detector.model.events import MAX_NAME, Call
from detector.sources import genai_spans, openinference, otlp
from detector.sources.otlp import Record
from detector.sources.span_tellings import Out, Telling, both, join
from detector.sources.told import Decoded, Told, by

_LOGGED = ("gemini", "codex")
"""Scopes of clients whose log records are metered."""
_CONVENTIONS = (genai_spans, openinference)
_CONVERSATION = "gen_ai.conversation.id"
_MOST_AROUND = 64
"""Spans around a span that are looked at."""


def decode(body: bytes) -> Decoded:
    """The calls and tools of a body, protobuf or JSON, in its order."""
    try:
        records = otlp.spans(body)
    except BadInput as bad:
        return [bad]
    return by("spans", _once(records))


def _once(records: list[Record]) -> Decoded:
    out: Out = []
    tellings: dict[int, Telling] = {}
    by_id: dict[str, int] = {}
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
        telling = Telling(len(out), told, (record,))
        seen = tellings.get(by_id.get(told.event.id, -1)) if isinstance(told.event, Call) else None
        if seen is None or seen.outer.resource != record.resource:
            tellings[telling.at] = telling
            out.append(told)
            if isinstance(told.event, Call):
                by_id[told.event.id] = telling.at
            continue
        tellings[seen.at] = one = both(seen, telling)
        out[seen.at] = one.told
    join(out, tellings.values())
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
