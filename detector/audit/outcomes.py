"""What tasks achieved: what an outcome is, when it came, and which of them stand."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt

from detector.model.packed import CATEGORIES, STATUS, STRONG, Columns, Ident

_COMPLETED = CATEGORIES["completed"]
_GIVEN_UP = {CATEGORIES[name] for name in ("not_planned", "duplicate")}
MOST_COMPLETIONS = 64
"""Times that a task was completed which are kept, the first ones."""


class Record(msgspec.Struct):
    """The strong statuses of a task that matter: when it was completed, and when each deliverable came first.

    `moved_t`, `dropped`: when the newest of all came, and whether it gave the task up.
    """

    tenant: str
    task: str | None
    completed: list[float] = []
    deliverables: dict[int, float] = {}
    moved_t: float = 0.0
    dropped: bool = False


class Achieved(NamedTuple):
    """What a task achieved within a window: when each outcome came, and when it was completed first (s UTC)."""

    outcomes: list[float]
    completed_t: float | None

    @property
    def last_t(self) -> float:
        """When its last outcome came: what it had spent by then is its direct cost."""
        return max(self.outcomes if self.completed_t is None else [*self.outcomes, self.completed_t])


class Outcomes:
    """Statuses by task; memory: some 300 B for each task that has a strong one, and 150 for each deliverable."""

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self._reverted: set[int] = set()
        self.any_status = False

    def take(self, columns: Columns) -> None:
        """Takes the statuses among observations; each may come again."""
        rows = columns.rows
        statuses = rows["kind"] == STATUS
        self._reverted.update(rows["said"][statuses & (rows["said"] != 0)].tolist())
        self.any_status = self.any_status or bool(statuses.any())
        for row in rows[statuses & (rows["strength"] == STRONG)]:
            self._one(columns.idents[row["ident"]], row)

    def _one(self, ident: Ident, row: npt.NDArray[Any]) -> None:
        t, shipped = float(row["t"]), int(row["output"])
        completed = row["category"] == _COMPLETED
        record = self.records.get(ident.subject)
        if record is None:
            record = self.records[ident.subject] = Record(ident.tenant, ident.task)
        if t >= record.moved_t:
            record.moved_t, record.dropped = t, int(row["category"]) in _GIVEN_UP
        if shipped:
            record.deliverables[shipped] = min(t, record.deliverables.get(shipped, t))
        if completed and t not in record.completed:
            record.completed = sorted([*record.completed, t])[:MOST_COMPLETIONS]

    def within(self, subject: int, metered_t: float, began_t: float, ended_t: float) -> Achieved | None:
        """What a task achieved after `began_t` and up to `ended_t` that followed its first metered call (all s UTC).

        None where that is nothing. A task's outcomes are its distinct deliverables that were not taken back; completed
        without any deliverable it has one.
        """
        record = self.records.get(subject)
        if record is None:
            return None
        shipped = list(self._standing(record, metered_t))
        mine = [t for t in shipped if began_t < t <= ended_t]
        first = next((t for t in record.completed if t > metered_t), None)
        if first is not None and not began_t < first <= ended_t:
            first = None
        if not mine and first is None:
            return None
        return Achieved(mine if record.deliverables or first is None else [first], first)

    def _standing(self, record: Record, metered_t: float) -> Iterator[float]:
        for shipped, t in record.deliverables.items():
            if t > metered_t and shipped not in self._reverted:
                yield t

    def given_up(self, subject: int) -> bool:
        """Whether the newest strong status of a task gave it up."""
        record = self.records.get(subject)
        return record is not None and record.dropped

    def shipped_at_all(self, subject: int, began_t: float, ended_t: float) -> bool:
        """Whether a task was first completed, or shipped something first, in the window, whoever did the work."""
        record = self.records[subject]
        return any(began_t < t <= ended_t for t in (*record.completed[:1], *record.deliverables.values()))
