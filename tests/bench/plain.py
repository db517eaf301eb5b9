"""The baseline of the bench's steps: a step compared with the twelve before it, without compiling anything.

It does less than the detector: no cycles, no novelty, no money. A sketch is compared by its bits alone.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.model import packed as pk
from detector.state.layout import LAGS


class PlainStep(NamedTuple):
    """A step to be compared: its lane's key, a fingerprint of what it did with what result, its sketch in two forms."""

    lane: int
    signature: int
    words: npt.NDArray[np.uint64]
    bits: int


def plain_steps(records: Sequence[bytes]) -> Iterator[PlainStep]:
    """The steps of packed records; results that were told later are left out."""
    for packed in records:
        columns = pk.decode_packed(packed)
        rows = columns.rows
        for row in rows[rows["kind"] == pk.CALL]:
            has = row["sketch"] >= 0
            words = columns.words[row["sketch"]].copy() if has else np.zeros(16, np.uint64)
            signature = int(row["action"]) ^ int(row["result"]) if row["action"] else int(row["output"])
            bits = int.from_bytes(words.tobytes(), "little")
            yield PlainStep(columns.idents[row["ident"]].lane, signature, words, bits)


class _Ring:
    """The last twelve of a lane, for numpy."""

    def __init__(self) -> None:
        self.signatures = np.zeros(LAGS, np.uint64)
        self.words = np.zeros((LAGS, 16), np.uint64)
        self.n = 0


def by_numpy(lanes: dict[int, Any], step: PlainStep) -> tuple[float, int]:
    """Greatest similarity to one of the twelve before, and how many of them are the same."""
    ring = lanes.get(step.lane)
    if ring is None:
        ring = lanes[step.lane] = _Ring()
    both = np.bitwise_count(ring.words & step.words).sum(axis=1)
    either = np.bitwise_count(ring.words | step.words).sum(axis=1)
    best = float((both / np.maximum(either, 1)).max())
    same = int((ring.signatures == step.signature).sum())
    at = ring.n % LAGS
    ring.signatures[at], ring.words[at] = step.signature, step.words
    ring.n += 1
    return best, same


def by_python(lanes: dict[int, Any], step: PlainStep) -> tuple[float, int]:
    """The same with integers of 1,024 bits."""
    ring = lanes.get(step.lane)
    if ring is None:
        ring = lanes[step.lane] = deque(maxlen=LAGS)
    best, same, bits = 0.0, 0, step.bits
    for signature, before in ring:
        like = (bits & before).bit_count() / ((bits | before).bit_count() or 1)
        if like > best:
            best = like
        same += signature == step.signature
    ring.append((step.signature, bits))
    return best, same


PLAIN: dict[str, Callable[[dict[int, Any], PlainStep], tuple[float, int]]] = {"numpy": by_numpy, "python": by_python}
