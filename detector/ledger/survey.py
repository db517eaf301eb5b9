"""Who spent what on what, and what came of it: one look over all books, for the rules about a month."""

from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from detector.ledger.books import DAY_H, DAYS, HOUR_S, Books
from detector.ledger.names import EXPERIMENT
from detector.ledger.payers import Floats, Ints, Payers, agent_of, key_of, team_of, totals, type_of, user_of
from detector.ledger.results import results

DAY_S = 86_400.0
Kind = Literal["team", "agent", "key", "user"]
_WHO = 0xFFFF_FFFF


class Survey:
    """What was billed in the days up to the midnight `t` (s UTC): m payments of a purse by a who, of cells (c).

    `rewritten`: a deliverable's churned share from which it is largely rewritten. By slot of a purse: `has_task`, of
    which `single` are one, and `learning` is an experiment; `learns` (m): payments of experiments.
    """

    def __init__(self, books: Books, t: float, rewritten: float) -> None:
        self.books, self.t = books, t
        self.slots = len(books.purses.rows)  # of purses, as arrays by slot have them
        today = int(t // DAY_S)
        slots, rows = books.cells.slots(), books.cells.rows
        day = (rows["hour"][slots] // DAY_H).astype(np.int64)
        billed = np.ones(1 + max(books.whos.beside, default=0), np.bool_)
        billed[[code for code, who in books.whos.beside.items() if who.notional]] = False
        kept = (day < today) & (day > today - DAYS) & billed[rows["who"][slots]]
        slots, self.day = slots[kept], day[kept]
        pairs = rows["purse"][slots].astype(np.int64) << 32 | rows["who"][slots].astype(np.int64)
        found, self.payment = np.unique(pairs, return_inverse=True)
        self.purse, self.who = found >> 32, found & _WHO
        self.cell_usd, self.cell_calls = rows["usd"][slots], rows["calls"][slots]
        self.cell_tokens = rows["input"][slots].astype(np.int64) + rows["out"][slots]
        self.usd = self.by_payment(self.cell_usd)
        self._hour_s = rows["hour"][slots] * HOUR_S
        self.results = results(books, t, rewritten)
        self._whos = {code: books.whos.beside[code] for code in np.unique(self.who).tolist()}
        self.has_task = books.purses.rows["has_task"] == 1
        self.single = self.has_task & ~self.results.folded
        learns = np.isin(self.who, [code for code, who in self._whos.items() if who.task_type == EXPERIMENT])
        self.learning = np.zeros(self.slots, np.bool_)
        self.learning[self.purse[learns]] = True
        self.learning &= ~self.results.folded
        self.learns = learns | self.learning[self.purse]

    def by_payment(self, values: npt.NDArray[Any], cells: npt.NDArray[np.bool_] | None = None) -> Floats:
        """Sums of the values (c) of cells by payment (m); of those alone that `cells` (c) says."""
        place = self.payment if cells is None else self.payment[cells]
        values = values if cells is None else values[cells]
        return totals(place, values, len(self.purse))

    @cached_property
    def payers(self) -> dict[Kind, Payers]:
        """Those of each kind."""
        told = {"team": team_of, "agent": agent_of, "key": key_of, "user": user_of}
        return {
            kind: Payers(self._whos, name, self.purse, self.who, self.usd)  # type: ignore[misc]
            for kind, name in told.items()
        }

    @cached_property
    def types(self) -> Payers:
        """Types of tasks."""
        return Payers(self._whos, type_of, self.purse, self.who, self.usd)

    @cached_property
    def type_of_purse(self) -> Ints:
        """By slot the type on which most was spent; -1: there are statuses alone."""
        return self.types.most(self.slots)

    @cached_property
    def owner(self) -> Ints:
        """By slot the team that spent most on a purse; -1: there are statuses alone."""
        return self.payers["team"].most(self.slots)

    def first_days(self, kind: Kind) -> Ints:
        """By code the first day (since 1970) with a call that is known."""
        payers = self.payers[kind]
        of_cell = payers.of_who[self.who[self.payment]]
        mine = of_cell >= 0
        first = np.full(len(payers.names), int(self.t // DAY_S), np.int64)
        np.minimum.at(first, of_cell[mine], self.day[mine])
        return first

    def teams_of(self, kind: Kind) -> Ints:
        """By code the team of a payer: those of a team stand together, in the order of teams."""
        place = {name[:2]: n for n, name in enumerate(self.payers["team"].names)}
        return np.array([place[tenant, team] for tenant, team, _ in self.payers[kind].names], np.int64)

    def leaders(self, kind: Kind) -> Ints:
        """By slot who of its owner's spent most on a purse; -1: nobody of this kind did."""
        payers = self.payers[kind]
        return payers.most(self.slots, self.teams_of(kind)[payers.code] == self.owner[payers.purse])

    @cached_property
    def since_outcome(self) -> tuple[Floats, Floats, Floats]:
        """By slot what came after a task's last outcome that stands: calls, tokens, and when that began (s UTC)."""
        told = self.results
        last_t = np.where(np.isnan(told.last_t) | told.undone, -np.inf, told.last_t)
        purse = self.purse[self.payment]
        after = self._hour_s + HOUR_S > last_t[purse]
        purse, first = purse[after], np.full(self.slots, np.inf)
        np.minimum.at(first, purse, self._hour_s[after])
        calls, tokens = (totals(purse, values[after], self.slots) for values in (self.cell_calls, self.cell_tokens))
        return calls, tokens, np.maximum(first, np.maximum(last_t, self.books.purses.rows["first_t"]))

    @cached_property
    def cells_by_team(self) -> tuple[Ints, Ints]:
        """Cells (c) in the order of their teams, and by team (teams + 1) where they begin."""
        team = self.payers["team"].of_who[self.who[self.payment]]
        order = np.argsort(team, kind="stable")
        return order, np.searchsorted(team[order], np.arange(len(self.payers["team"].names) + 1))
