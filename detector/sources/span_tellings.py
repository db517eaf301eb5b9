"""Spans that tell of one call or tool several times, each by an instrumentation of its own, become one event.

By the answer's id where both know it. Else by what they have in common: one lies within the other, or both run at the
same time and tell the same model and counts, or the same tool. An instrumentation of a framework may last much longer
than that of the client which it calls; two of a tool last the same.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import msgspec

from detector.errors import BadInput
from detector.model.events import Call, Tool, ToolCall, Usage
from detector.sources.otlp import Record
from detector.sources.told import Told

Out = list[Told | BadInput | None]
_MOST_LAYERS = 12
"""Of attributes of a call that was told several times: those of four tellings."""
_MOST_BESIDE = 64
"""Spans which begin after a span that are looked at."""
_SHARE = 0.5
"""Of their times that two tellings have in common at least."""
_ADDS_UP = "opentelemetry.instrumentation.anthropic"
"""Scope that adds the output which a stream's first event tells to that of its last, which is all of it."""
S = TypeVar("S", bound=msgspec.Struct)


class Telling(NamedTuple):
    """An event of a body, where in the answer it stands, and the spans that tell it, the outermost first."""

    at: int
    told: Told
    spans: tuple[Record, ...]

    @property
    def outer(self) -> Record:
        """The outermost span."""
        return self.spans[0]


def both(a: Telling, b: Telling) -> Telling:
    """One event of two tellings, at the place of the first."""
    outer, inner = (b, a) if _around(b.outer, a.outer) else (a, b)
    return Telling(a.at, _merged(outer, inner), (*outer.spans, *inner.spans))


def join(out: Out, tellings: Iterable[Telling]) -> None:
    """Makes one of those that no answer's id has joined, in `out` itself, where None stands for what was joined."""
    left = {t.at: t for t in tellings}
    by_span = {(r.trace, r.span): t.at for t in left.values() for r in t.spans if r.span}
    for at in list(left):
        _into(out, left, by_span, at)
    if len({r.scope for t in left.values() for r in t.spans}) > 1:
        _beside(out, left)


def _into(out: Out, left: dict[int, Telling], by_span: dict[tuple[str, str], int], at: int) -> None:
    """A call into the one right around it."""
    inner = left[at]
    around = left.get(by_span.get((inner.outer.trace, inner.outer.parent), at))
    if around is None or around is inner:
        return
    a, b = around.told.event, inner.told.event
    if isinstance(a, Call) and isinstance(b, Call) and _may_be_one(around, inner) and _agree(a.usage, b.usage):
        _put(out, left, around, inner)
        by_span.update(((r.trace, r.span), around.at) for r in inner.spans)


def _beside(out: Out, left: dict[int, Telling]) -> None:
    """Those that run at the same time and tell the same."""
    tellings = sorted(left.values(), key=lambda t: t.outer.begin)
    for n, first in enumerate(tellings):
        for second in tellings[n + 1 : n + 1 + _MOST_BESIDE]:
            a = left.get(first.at)
            if a is None or second.outer.begin > first.outer.t:
                break
            b = left.get(second.at)
            if b is not None and _same(a, b):
                _put(out, left, a, b)


def _put(out: Out, left: dict[int, Telling], a: Telling, b: Telling) -> None:
    one = both(a, b)
    left[a.at], out[a.at] = one, one.told
    del left[b.at]
    out[b.at] = None


def _same(a: Telling, b: Telling) -> bool:
    x, y = a.told.event, b.told.event
    if isinstance(x, Call) and isinstance(y, Call):
        if not _agree(x.usage, y.usage) or not _same_model(x, y) or (x.status == "ok") != (y.status == "ok"):
            return False
        return _overlap(a.outer, b.outer, min) and _by_others(a, b)
    if isinstance(x, ToolCall) and isinstance(y, ToolCall):
        ids = x.tool.call_id, y.tool.call_id
        if x.tool.name != y.tool.name or (None not in ids and ids[0] != ids[1]):
            return False
        return _overlap(a.outer, b.outer, max) and _by_others(a, b)
    return False


def _by_others(a: Telling, b: Telling) -> bool:
    """Whether instrumentations of which none tells both tell them."""
    return {r.scope for r in a.spans}.isdisjoint(r.scope for r in b.spans) and _may_be_one(a, b)


def _may_be_one(a: Telling, b: Telling) -> bool:
    return not (_answered(a) and _answered(b)) and a.outer.resource == b.outer.resource


def _answered(telling: Telling) -> bool:
    """Whether an answer's id is known."""
    return all(telling.told.event.id != f"{r.trace}:{r.span}" for r in telling.spans)


def _same_model(a: Call, b: Call) -> bool:
    """One may tell the name that was asked for, the other the answer's, which is longer."""
    x, y = a.model.rpartition("/")[2], b.model.rpartition("/")[2]
    return (x.startswith(y) or y.startswith(x)) and (a.operation == "embeddings") == (b.operation == "embeddings")


def _agree(a: Usage, b: Usage) -> bool:
    for x, y in ((a.input_tokens, b.input_tokens), (a.output_tokens, b.output_tokens)):
        if x is not None and y is not None:
            return x == y
    return True


def _overlap(a: Record, b: Record, which: Callable[[float, float], float]) -> bool:
    """Whether they share half of the shorter (`min`) or the longer (`max`) of their times."""
    lasts = which(a.t - a.begin, b.t - b.begin)
    return lasts >= 0 and min(a.t, b.t) - max(a.begin, b.begin) >= _SHARE * lasts


def _around(a: Record, b: Record) -> bool:
    return a.begin < b.begin or (a.begin == b.begin and a.t > b.t)


# Merging


def _merged(outer: Telling, inner: Telling) -> Told:
    """What the outer one does not say is the inner one's, whose counts are nearer to the answer."""
    a, b = outer.told.event, inner.told.event
    attributes = (outer.told.attributes + inner.told.attributes)[:_MOST_LAYERS]
    if isinstance(a, ToolCall) and isinstance(b, ToolCall):
        return Told(msgspec.structs.replace(a, tool=_used(a.tool, b.tool)), attributes)
    assert isinstance(a, Call)
    assert isinstance(b, Call)
    call = _filled(a, b)
    nearer, other = (a.usage, b.usage) if inner.outer.scope == _ADDS_UP else (b.usage, a.usage)
    call.usage, call.tools_apart = _counts(nearer, other), a.tools_apart or b.tools_apart
    if call.tools_apart:
        call.tools = None
    if _answered(inner):
        call.id = b.id
    return Told(call, attributes)


def _filled(a: S, b: S) -> S:
    missing = {name: getattr(b, name) for name in a.__struct_fields__ if getattr(a, name) is None}
    return msgspec.structs.replace(a, **missing)


def _used(a: Tool, b: Tool) -> Tool:
    tool = _filled(a, b)
    return msgspec.structs.replace(
        tool,
        arguments=a.arguments if bytes(a.arguments) else b.arguments,
        result=a.result if bytes(a.result) else b.result,
    )


def _counts(nearer: Usage, other: Usage) -> Usage:
    """A zero may stand for what is not known."""
    counts = {}
    for name in nearer.__struct_fields__:
        x, y = getattr(nearer, name), getattr(other, name)
        counts[name] = y if y is not None and not x else x
    return Usage(**counts)
