"""What was spent on each task, and what came of it by its statuses."""

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from detector.model.packed import CATEGORIES, MEDIUM, STRONG
from detector.report.facts import OUTCOMES, Came, Outcome, Rest, Sums

MOST_TASKS = 50_000
"""Tasks (and runs without one) that are told apart; of twice as many the cheaper half is settled as it stands."""
MOST_MOVES = 200_000
"""Tasks whose statuses are remembered, whether anything was spent on them or not; the longest unmoved leave."""
_COMPLETED = CATEGORIES["completed"]
_UNDONE = {CATEGORIES[name] for name in ("backlog", "planned", "not_planned", "duplicate")}


class Spent(Sums, kw_only=True):
    """What went to a task; `task` None: to a run that no task claims.

    Of `usd`, `since_usd` came since it moved last, and `dropped_usd` before a status that dropped it.
    """

    tenant: str
    task: str | None
    first_t: float
    last_t: float
    since_usd: float = 0.0
    dropped_usd: float = 0.0


class Moves(msgspec.Struct):
    """When a task moved last, by a strong or a medium status (s UTC), and when one completed it that still holds."""

    t: float = 0.0
    dropped: bool = False  # by that last one
    completed_t: float = 0.0


class Tasks:
    """Tasks by the hash of their subject; memory: some 300 B for each of MOST_TASKS and MOST_MOVES."""

    def __init__(self, max_links: int, most: int = MOST_TASKS) -> None:
        self._most, self._max_links = most, max_links
        self.spent: dict[int, Spent] = {}
        self._moves: dict[int, Moves] = {}
        self._links: dict[int, tuple[int, str]] = {}
        self._settled: defaultdict[Outcome, list[float]] = defaultdict(lambda: [0, 0.0])
        self.rest = Rest()
        self.status_source = False

    def spend(self, subject: int, tenant: str, task: str | None, t: float, sums: Sums) -> None:
        """Adds what a subject spent from `t` (s UTC) on."""
        if subject in self._links:
            subject, task = self._links[subject]
        spent = self.spent.get(subject)
        if spent is None:
            if len(self.spent) >= 2 * self._most:
                self._settle()
            spent = self.spent[subject] = Spent(tenant=tenant, task=task, first_t=t, last_t=t)
        spent.first_t, spent.last_t = min(spent.first_t, t), max(spent.last_t, t)
        moves = self._moves.get(subject)
        if moves is None or t > moves.t:
            spent.since_usd += sums.usd
        elif moves.dropped:
            spent.dropped_usd += sums.usd
        spent.add(sums)

    def move(self, subject: int, t: float, strength: int, category: int) -> None:
        """Takes a status; weak ones say nothing of what came of a task."""
        if strength < MEDIUM:
            return
        self.status_source = True
        moves = self._moves.pop(subject, None) or Moves()
        self._moves[subject] = moves
        if t >= moves.t:
            moves.t, moves.dropped = t, strength == STRONG and category in _UNDONE
            if strength == STRONG:
                moves.completed_t = t if category == _COMPLETED else 0.0
            spent = self.spent.get(subject)
            if spent is not None and t >= spent.last_t:
                spent.dropped_usd += spent.since_usd if moves.dropped else 0.0
                spent.since_usd = 0.0
        if len(self._moves) > MOST_MOVES:
            del self._moves[next(iter(self._moves))]

    def link(self, run: int, task: int, name: str) -> None:
        """What a run without a task spent, and will spend, belongs to this task."""
        self._links[run] = task, name
        if len(self._links) > self._max_links:
            del self._links[next(iter(self._links))]
        before = self.spent.pop(run, None)
        if before is not None:
            self.spend(task, before.tenant, name, before.first_t, before)

    def outcome(self, subject: int) -> Outcome:
        """What came of a subject that spent."""
        spent, moves = self.spent[subject], self._moves.get(subject)
        if moves is None or moves.t < spent.first_t:
            return "stood" if spent.task is not None else "no_task"
        if moves.completed_t >= spent.first_t:
            return "completed"
        return "dropped" if moves.dropped else "moved"

    def ranked(self) -> list[int]:
        """Subjects, the dearest first."""
        return sorted(self.spent, key=lambda s: (-self.spent[s].usd, -self.spent[s].calls, self.spent[s].task or "", s))

    def came(self) -> list[Came]:
        """Dollars by outcome; tasks are those that have a name."""
        sums = {outcome: list(self._settled[outcome]) for outcome in OUTCOMES}
        for subject in self.spent:
            self._add(subject, sums)
        return [Came(outcome, int(tasks), usd) for outcome, (tasks, usd) in sums.items()]

    def _settle(self) -> None:
        """The cheaper half is summed up by what came of it so far."""
        for subject in self.ranked()[self._most :]:
            self._add(subject, self._settled)
            count(self.spent.pop(subject), self.rest)

    def _add(self, subject: int, sums: Mapping[Outcome, list[float]]) -> None:
        """Adds a task and its dollars: each to what came after it was spent."""
        spent, outcome = self.spent[subject], self.outcome(subject)
        sums[outcome][0] += spent.task is not None
        sums["no_task" if spent.task is None else "stood"][1] += spent.since_usd
        sums["dropped"][1] += spent.dropped_usd
        moved: Outcome = "completed" if outcome == "completed" else "moved"
        sums[moved][1] += spent.usd - spent.since_usd - spent.dropped_usd


def count(spent: Spent, into: Rest) -> None:
    """Adds a task to the others."""
    into.names += spent.task is not None
    into.add(spent)
