"""What tasks achieved: what an outcome is, when it came, and which of them stand."""

import math
import struct
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import NamedTuple

import msgspec
import numpy as np

from detector.model.packed import CATEGORIES, STRONG

_COMPLETED = CATEGORIES["completed"]
_GIVEN_UP = {CATEGORIES[name] for name in ("not_planned", "duplicate")}
_REOPENED = {CATEGORIES[name] for name in (None, "backlog", "planned", "started")}
MOST_COMPLETIONS = 64
"""Times that a task was completed which are kept, the first ones."""
MOST_DELIVERABLES = 1000
"""Marks of a task that are kept; deliverables beyond are not counted."""


_MARK = struct.Struct("<Qdd")
MARK = np.dtype([("what", "<u8"), ("t", "<f8"), ("usd", "<f8")])
"""The same for many at once; see Record."""
_COMPLETION = 0


class Record(msgspec.Struct, array_like=True, gc=False):
    """The strong statuses of a task that matter, packed: 24 B each.

    `marks`: a deliverable's hash, or 0 where it was completed; when (s UTC); and what the task had cost by then (USD,
    NaN where nobody tells). `moved_t`, `dropped`: when the newest of all came, and whether it gave the task up.
    `reopened_t`: when it was taken up again after it was completed, 0: never. `folded`: of many tasks that are kept as
    one, by day (since 1970), how many outcomes they had, how many were first completed, and what those had cost (USD)
    whose last outcome came then.
    """

    marks: bytes = b""
    moved_t: float = 0.0
    dropped: bool = False
    reopened_t: float = 0.0
    folded: dict[int, tuple[int, int, float]] | None = None

    @property
    def completed(self) -> list[float]:
        """When it was completed, in order."""
        return sorted(t for what, t, _ in _MARK.iter_unpack(self.marks) if what == _COMPLETION)

    @property
    def deliverables(self) -> dict[int, float]:
        """When each deliverable came first."""
        return {what: t for what, t, _ in _MARK.iter_unpack(self.marks) if what != _COMPLETION}

    @property
    def spent_usd(self) -> dict[float, float]:
        """What it had cost by the time of a mark, where that is known."""
        return {t: usd for _, t, usd in _MARK.iter_unpack(self.marks) if not math.isnan(usd)}

    @property
    def closed(self) -> bool:
        """Whether the task is completed and was not taken up again, or was given up."""
        done = self.completed
        return self.dropped or (bool(done) and self.reopened_t <= done[-1])

    def add(self, what: int, t: float, usd: float) -> None:
        """Adds a mark: of a deliverable the first holds, of completions and deliverables so many are kept."""
        marks = list(_MARK.iter_unpack(self.marks))
        known = [mark for mark in marks if mark[0] == what]
        if what == _COMPLETION:
            if any(mark[1] == t for mark in known):
                return
            if len(known) >= MOST_COMPLETIONS:
                last = max(known, key=lambda mark: mark[1])
                if last[1] < t:
                    return
                marks.remove(last)
        elif known:
            if known[0][1] <= t:
                return
            marks.remove(known[0])
        elif len(marks) >= MOST_DELIVERABLES:
            return
        self._put([*marks, (what, t, usd)])

    def spend_more(self, usd_by: Callable[[float], float]) -> None:
        """What was spent by the time of each mark grows: by `usd_by` (s UTC -> USD)."""
        self._put([(what, t, usd + usd_by(t)) for what, t, usd in _MARK.iter_unpack(self.marks)])

    def join(self, told: "Record") -> None:
        """What another record says is of this task too."""
        for mark in _MARK.iter_unpack(told.marks):
            self.add(*mark)
        if told.moved_t >= self.moved_t:
            self.moved_t, self.dropped = told.moved_t, told.dropped
        self.reopened_t = max(self.reopened_t, told.reopened_t)

    def _put(self, marks: Iterable[tuple[int, float, float]]) -> None:
        self.marks = b"".join(_MARK.pack(*mark) for mark in marks)


class Achieved(NamedTuple):
    """What a task achieved within a window: when each outcome came, and when it was completed first (s UTC).

    Of many tasks that are kept as one there may be more than one completion.
    """

    outcomes: list[float]
    completed: list[float]

    @property
    def last_t(self) -> float:
        """When its last outcome came: what it had spent by then is its direct cost."""
        return max([*self.outcomes, *self.completed])


class Outcomes:
    """Statuses by task; memory: some 250 B for each task that has a strong one, and 24 for each mark of it."""

    def __init__(self, records: MutableMapping[int, Record] | None = None) -> None:
        self.records: MutableMapping[int, Record] = {} if records is None else records
        self.reverted: dict[int, float] = {}  # hash of a deliverable -> when it was taken back, s UTC
        self.churned: dict[int, tuple[float, float]] = {}  # -> share that was rewritten since, and when that was told
        self.any_status = False

    def status(
        self, subject: int, t: float, strength: int, category: int, delivers: int, spent_usd: float = math.nan
    ) -> None:
        """Takes a status of `t` (s UTC), which may come again. `delivers`: a deliverable's hash, 0 for none."""
        self.any_status = True
        if strength != STRONG:
            return
        record = self.records.get(subject)
        if record is None:
            record = self.records[subject] = Record()
        if category in _REOPENED and not delivers and any(t > done for done in record.completed):
            record.reopened_t = max(t, record.reopened_t)
        if t >= record.moved_t:
            record.moved_t, record.dropped = t, category in _GIVEN_UP
        if delivers:
            record.add(delivers, t, spent_usd)
        if category == _COMPLETED:
            record.add(_COMPLETION, t, spent_usd)

    def revert(self, deliverable: int, t: float) -> None:
        """A deliverable was taken back at `t` (s UTC)."""
        self.reverted[deliverable] = max(t, self.reverted.get(deliverable, t))

    def rewrite(self, deliverable: int, share: float, t: float) -> None:
        """Of a deliverable this share was rewritten by `t` (s UTC)."""
        if t >= self.churned.get(deliverable, (0.0, 0.0))[1]:
            self.churned[deliverable] = share, t

    def join(self, run: int, task: int) -> None:
        """What was told of a run turns out to be of a task."""
        told = self.records.pop(run, None)
        if told is not None:
            of = self.records.get(task)
            if of is None:
                self.records[task] = told
            else:
                of.join(told)

    def within(self, subject: int, metered_t: float, began_t: float, ended_t: float) -> Achieved | None:
        """What a task achieved after `began_t` and up to `ended_t` that followed its first metered call (all s UTC).

        None where that is nothing. A task's outcomes are its distinct deliverables that were not taken back; completed
        without any deliverable it has one.
        """
        record = self.records.get(subject)
        if record is None:
            return None
        if record.folded:
            return _of_folded(record, began_t, ended_t)
        shipped = list(self._standing(record, metered_t))
        mine = [t for t in shipped if began_t < t <= ended_t]
        first = min((t for t in record.completed if t > metered_t), default=None)
        if first is not None and not began_t < first <= ended_t:
            first = None
        if not mine and first is None:
            return None
        completed = [] if first is None else [first]
        return Achieved(mine if record.deliverables else completed, completed)

    def _standing(self, record: Record, metered_t: float) -> Iterator[float]:
        for shipped, t in record.deliverables.items():
            if t > metered_t and shipped not in self.reverted:
                yield t

    def given_up(self, subject: int) -> bool:
        """Whether the newest strong status of a task gave it up."""
        record = self.records.get(subject)
        return record is not None and record.dropped

    def shipped_at_all(self, subject: int, began_t: float, ended_t: float) -> bool:
        """Whether a task was first completed, or shipped something first, in the window, whoever did the work."""
        record = self.records[subject]
        return any(began_t < t <= ended_t for t in (*record.completed[:1], *record.deliverables.values()))


def _of_folded(record: Record, began_t: float, ended_t: float) -> Achieved | None:
    mine = list(folded_within(record, began_t, ended_t))
    if not mine:
        return None
    return Achieved(
        [t for t, outcomes, _, _ in mine for _ in range(outcomes)],
        [t for t, _, completed, _ in mine for _ in range(completed)],
    )


def folded_within(record: Record, began_t: float, ended_t: float) -> Iterator[tuple[float, int, int, float]]:
    """Of the days that begin within the window: when (s UTC), outcomes, first completions, and direct USD."""
    for day, told in sorted((record.folded or {}).items()):
        t = day * 86_400.0 + 1e-3
        if began_t < t <= ended_t:
            yield t, *told
