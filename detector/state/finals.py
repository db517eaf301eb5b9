"""Final outputs of the runs of a task, within a day, and which of them are alike."""

from collections.abc import Iterable, Mapping

import msgspec
import numpy as np

from detector.enrich.sketch import jaccard

KEPT = 16
"""Final outputs that are kept of a task, the newest; with the tasks in memory this bounds the index."""


class Final(msgspec.Struct, array_like=True):
    """The last output of one agent in one run, after which it was idle or its task completed; USD, s UTC."""

    lane: int
    run: str | None
    agent: str | None
    t: float
    words: bytes  # 16 × u64, little endian
    ones: int
    level: int
    cost: float
    calls: int
    tokens: int
    again: bool = False  # an earlier run of the task had given it

    def similarity(self, other: "Final") -> float:
        """Estimated Jaccard similarity of two outputs."""
        a, b = (np.frombuffer(f.words, "<u8") for f in (self, other))
        return float(jaccard(a, self.level, self.ones, b, other.level, other.ones))


class Finals:
    """An index by task: a sketch stands for each output, and those of one task are compared with each other."""

    def __init__(self) -> None:
        self._by_subject: dict[int, list[Final]] = {}
        self.changed: set[int] = set()  # subjects with a new one since the last checkpoint

    def add(self, subject: int, final: Final, within_s: float, alike: float) -> list[Final]:
        """Files a final output; with it those of the task's runs within the time that it is alike to, run by run.

        Alike to it or to one that is: drafts drift. `final` is the last of them. What the same agent in the same run
        gave before is replaced.
        """
        kept = [f for f in self._by_subject.get(subject, []) if f.lane != final.lane and final.t - f.t <= within_s]
        self.changed.add(subject)
        self._by_subject[subject] = sorted([*kept, final], key=lambda f: f.t)[-KEPT:]
        like, left = [final], [f for f in kept if f.run != final.run]
        for one in like:
            like += [f for f in left if one.similarity(f) >= alike]
            left = [f for f in left if f not in like]
        return [*{f.run: f for f in sorted(like[1:], key=lambda f: f.t)}.values(), final]

    def before(self, subject: int, run: str | None) -> list[Final]:
        """The final outputs that are kept of a run of a task, by its agents."""
        return [f for f in self._by_subject.get(subject, []) if f.run == run]

    def forget(self, subject: int) -> None:
        """Takes a task out of memory."""
        self._by_subject.pop(subject, None)
        self.changed.discard(subject)

    def of(self, subjects: Iterable[int]) -> dict[int, list[Final]]:
        """What is kept of these subjects."""
        return {s: self._by_subject[s] for s in subjects if s in self._by_subject}

    def restore(self, kept: Mapping[int, list[Final]]) -> None:
        """Takes back what `of` gave."""
        self._by_subject.update(kept)
