"""What tasks achieved: what an outcome is, when it came, and which of them stand."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from detector.model.packed import CATEGORIES, STRONG

_COMPLETED = CATEGORIES["completed"]
_GIVEN_UP = {CATEGORIES[name] for name in ("not_planned", "duplicate")}
_REOPENED = {CATEGORIES[name] for name in (None, "backlog", "planned", "started")}
MOST_COMPLETIONS = 64
"""Times that a task was completed which are kept, the first ones."""
MOST_DELIVERABLES = 1000
"""Deliverables of a task that are kept, the first ones to be told of."""


class Record(msgspec.Struct):
    """The strong statuses of a task that matter: when it was completed, and when each deliverable came first.

    `moved_t`, `dropped`: when the newest of all came, and whether it gave the task up. `reopened_t`: when it was taken
    up again after it was completed, 0: never. `spent_usd`: by the time of a status what the task had cost by then,
    where that is told. Times in s UTC. `folded`: of many tasks that are kept as one, by day (since 1970), how many
    outcomes they had, how many were first completed, and what those had cost (USD) whose last outcome came then.
    """

    tenant: str
    task: str | None
    completed: list[float] = []
    deliverables: dict[int, float] = {}
    moved_t: float = 0.0
    dropped: bool = False
    reopened_t: float = 0.0
    spent_usd: dict[float, float] = {}
    folded: dict[int, tuple[int, int, float]] = {}


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
    """Statuses by task; memory: some 300 B for each task that has a strong one, and 150 for each deliverable."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self.reverted: dict[int, float] = {}  # hash of a deliverable -> when it was taken back, s UTC
        self.churned: dict[int, tuple[float, float]] = {}  # -> share that was rewritten since, and when that was told
        self.any_status = False

    def status(
        self, subject: int, tenant: str, task: str | None, t: float, strength: int, category: int, delivers: int,
        spent_usd: float | None = None,
    ) -> Record | None:  # fmt: skip
        """Takes a status of `t` (s UTC), which may come again; the record of its task where it is a strong one.

        `delivers`: a deliverable's hash, 0 for none.
        """
        self.any_status = True
        if strength != STRONG:
            return None
        record = self.records.get(subject)
        if record is None:
            record = self.records[subject] = Record(tenant, task)
        if category in _REOPENED and record.completed and t > record.completed[0] and not delivers:
            record.reopened_t = max(t, record.reopened_t)
        if t >= record.moved_t:
            record.moved_t, record.dropped = t, category in _GIVEN_UP
        counts = False
        if delivers and (delivers in record.deliverables or len(record.deliverables) < MOST_DELIVERABLES):
            counts = t < record.deliverables.get(delivers, float("inf"))
            record.deliverables[delivers] = min(t, record.deliverables.get(delivers, t))
        if category == _COMPLETED and t not in record.completed:
            record.completed = sorted([*record.completed, t])[:MOST_COMPLETIONS]
            counts = counts or t in record.completed
        if counts and spent_usd is not None:
            record.spent_usd[t] = spent_usd
        return record

    def revert(self, deliverable: int, t: float) -> None:
        """A deliverable was taken back at `t` (s UTC)."""
        self.reverted[deliverable] = max(t, self.reverted.get(deliverable, t))

    def rewrite(self, deliverable: int, share: float, t: float) -> None:
        """Of a deliverable this share was rewritten by `t` (s UTC)."""
        if t >= self.churned.get(deliverable, (0.0, 0.0))[1]:
            self.churned[deliverable] = share, t

    def join(self, run: int, task: int, tenant: str, name: str | None) -> None:
        """What was told of a run turns out to be of a task."""
        told = self.records.pop(run, None)
        if told is None:
            return
        of = self.records.setdefault(task, Record(tenant, name))
        of.completed = sorted({*of.completed, *told.completed})[:MOST_COMPLETIONS]
        for delivers, t in told.deliverables.items():
            of.deliverables[delivers] = min(t, of.deliverables.get(delivers, t))
        if told.moved_t >= of.moved_t:
            of.moved_t, of.dropped = told.moved_t, told.dropped
        of.reopened_t = max(of.reopened_t, told.reopened_t)
        of.spent_usd |= told.spent_usd

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
        first = next((t for t in record.completed if t > metered_t), None)
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
    for day, told in sorted(record.folded.items()):
        t = day * 86_400.0 + 1e-3
        if began_t < t <= ended_t:
            yield t, *told
