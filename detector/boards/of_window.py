"""The figures of one window, by team, in columns."""

from collections.abc import Iterator

import numpy as np

from detector.audit.window import Window
from detector.boards.events import Events
from detector.boards.sums import Figures, TeamSums, TenantSums
from detector.boards.table import WITHIN_S, Floats, Ints, Rows, Table, sums_by
from detector.boards.windows import WEEK_BEFORE
from detector.ledger.books import HOUR_S


class OfWindow:
    """What is asked of one window."""

    def __init__(self, table: Table, events: Events, window: Window) -> None:
        self.table, self.window = table, window
        self.mine = window.holds(table.t)
        self.purse, self.team, self.usd = table.purse[self.mine], table.team[self.mine], table.usd[self.mine]
        self.cells = table.cells[self.mine]
        self.spent_usd = sums_by(self.purse, self.usd, len(table.purses))
        self.outcomes = events.outcomes[window.holds(events.outcomes["t"])]
        self.completed = events.completed[window.holds(events.completed["t"])]
        self.folded, self.is_folded = events.folded[window.holds(events.folded["t"])], events.is_folded
        self.reverted = events.reverted[window.holds(events.reverted["t"])]
        self.achieved = np.zeros(len(table.purses), np.bool_)
        for came in (self.outcomes, self.completed):
            self.achieved[came["purse"]] = True

    def tell(self, name: str, figures: Figures) -> None:
        """Adds the figures of the teams, and how many of each tenant there are."""
        columns = {field: column.tolist() for field, column in self._columns()}
        for n, (tenant, team) in enumerate(self.table.names):
            if any(columns[field][n] for field in ("calls", "outcomes", "tasks_completed", "reverted_usd")):
                figures.teams[name, tenant, team] = TeamSums(**{f: column[n] for f, column in columns.items()})
                if team is not None and columns["calls"][n] and name != WEEK_BEFORE:
                    figures.tenants.setdefault((name, tenant), TenantSums()).teams += 1
        known = self.completed[~self.is_folded[self.completed["purse"]]]
        for n, usd in zip(self._owner(known).tolist(), known["usd"].tolist(), strict=True):
            if n >= 0:
                figures.teams[name, *self.table.names[n]].completed_usd.append(usd)

    def _columns(self) -> Iterator[tuple[str, Floats | Ints]]:
        """Fields of TeamSums, each with a figure by team."""
        table, cells, learns = self.table, self.cells, self.table.learns[self.cells["who"]]
        has_task = table.purses["has_task"].astype(np.bool_)
        unclaimed = ~has_task[self.purse]
        yield "spend_usd", self._sum(self.usd)
        yield "notional_usd", self._sum(table.notional_usd[self.mine])
        yield "flagged_usd", self._sum(cells["flagged_usd"])
        yield "no_task_usd", self._sum(np.where(unclaimed, self.usd, 0.0))
        yield "experiments_usd", self._sum(np.where(learns, self.usd, 0.0))
        for field, column in (("calls", "calls"), ("unpriced_calls", "unpriced"), ("cached_tokens", "cached")):
            yield field, self._count(cells[column])
        yield "uncached_tokens", self._count(cells["input"].astype(np.int64) - cells["cached"])
        yield "output_tokens", self._count(cells["out"])
        yield from self._runs()
        worked_on = np.bincount(self.purse, cells["calls"], len(table.purses)) > 0
        yield "tasks", self._by_owner(np.flatnonzero(worked_on & has_task))
        yield "tasks_completed", self._by_owner(self.completed["purse"])
        yield "outcomes", self._by_owner(self.outcomes["purse"])
        turns = table.purses["turns"][self.completed["purse"]]
        owners = self._owner(self.completed)
        asked = (owners >= 0) & (turns > 0) & ~self.is_folded[self.completed["purse"]]
        yield "turns", np.rint(sums_by(owners[asked], turns[asked], len(table.names))).astype(np.int64)
        yield "tasks_with_turns", np.bincount(owners[asked], minlength=len(table.names))
        yield "direct_usd", self._direct()
        yield "reverted_usd", self._reverted()

    def _sum(self, values: Rows) -> Floats:
        return sums_by(self.team, values, len(self.table.names))

    def _count(self, values: Rows) -> Ints:
        return np.rint(self._sum(values)).astype(np.int64)

    def _owner(self, came: Rows) -> Ints:
        owners: Ints = self.table.owner[came["purse"]]
        return owners

    def _by_owner(self, purses: Ints) -> Ints:
        """How many of these belong to each team."""
        owners = self.table.owner[purses]
        counts: Ints = np.bincount(owners[owners >= 0], minlength=len(self.table.names))
        return counts

    def _runs(self) -> Iterator[tuple[str, Ints]]:
        """Runs with a call in the window, as BooksSource.runs counts them, and those whose task achieved something."""
        table, went_on = self.table, self.table.resumed
        now, before = (went_on[name] * HOUR_S + WITHIN_S for name in ("hour", "before"))
        went_on = went_on[self.window.holds(now) & ~self.window.holds(before)]
        team = np.concatenate([self.team, table.team_of[went_on["who"]]])
        runs = np.concatenate([self.cells["runs"].astype(np.int64), np.ones(len(went_on), np.int64)])
        useful = self.achieved[np.concatenate([self.purse, went_on["purse"].astype(np.int64)])]
        for field, counts in (("runs", runs), ("useful_runs", np.where(useful, runs, 0))):
            yield field, np.rint(np.bincount(team, counts, len(table.names))).astype(np.int64)

    def _direct(self) -> Floats:
        """By team what it spent within the window on tasks that shipped, up to their last outcome."""
        table, count = self.table, len(self.table.purses)
        came = np.concatenate([self.outcomes, self.completed])
        came = came[np.lexsort((came["t"], came["purse"]))]
        last = came[np.flatnonzero(np.diff(came["purse"], append=-1))]
        purse, owner = last["purse"], self._owner(last)
        own = table.owner[self.purse] == self.team
        of_owner = np.bincount(self.purse[own], self.usd[own], count)
        later = table.t > self.window.began_t
        before = table.purses["usd"] - np.bincount(table.purse[later], table.usd[later], count)
        spent = self.spent_usd[purse]
        usd = np.minimum(np.maximum(0.0, last["usd"] - before[purse]), spent)
        usd = np.where(spent > 0.0, usd * of_owner[purse] / np.where(spent > 0.0, spent, 1.0), 0.0)
        together = np.minimum(sums_by(self.folded["purse"], self.folded["usd"], count), self.spent_usd)[purse]
        usd = np.where(self.is_folded[purse], np.where(of_owner[purse] > 0.0, together, 0.0), usd)
        return sums_by(owner[owner >= 0], usd[owner >= 0], len(table.names))

    def _reverted(self) -> Floats:
        """By team what the tasks had cost of which something was taken back within the window."""
        most = np.zeros(len(self.table.purses))
        np.maximum.at(most, self.reverted["purse"], self.reverted["usd"])
        owned = self.table.owner >= 0
        return sums_by(self.table.owner[owned], most[owned], len(self.table.names))
