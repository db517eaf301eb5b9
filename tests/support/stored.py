"""What checkpoints leave of an engine, without a broker: by segment its parts, as a new owner finds them."""

from collections.abc import Callable
from typing import Any

Parts = dict[int, list[bytes]]


def whole(engine: Any) -> Parts:
    """All segments as they are now."""
    return {n: [engine.encode_segment(n)] for n in engine.segments()}


def bytes_of(engine: Any) -> dict[int, bytes]:
    """The same, to compare states by."""
    return {n: engine.encode_segment(n) for n in engine.segments()}


def written(engine: Any, before: Parts, again: Callable[[int], bool] = lambda n: False) -> Parts:
    """A checkpoint after `before`: changes where there can be, and whole what `again` says, changed or not."""
    after = {n: parts for n, parts in before.items() if n in engine.segments()}
    for n in engine.segments():
        if n not in before or again(n):
            after[n] = [engine.encode_segment(n)]
        elif n in engine.dirty():
            changes = engine.encode_changes(n)
            after[n] = [engine.encode_segment(n)] if changes is None else [*before[n], changes]
    engine.clean()
    return after
