"""Some whole days of a survey: what each payer spent in them, and what became of the tasks that it was spent on."""

from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from detector.ledger.payers import Floats, Ints, totals
from detector.ledger.survey import DAY_S, Kind, Survey
from detector.rules.shipping import TOLD_TASKS, Fate, TaskSpend, Window

FATES: tuple[Fate, ...] = ("experiment", "shipped", "reverted", "dropped", "open")
"""By code."""
EXPERIMENT, SHIPPED, REVERTED, DROPPED, OPEN = range(5)


T = TypeVar("T")


class Sums(NamedTuple, Generic[T]):
    """What payers spent in the days, by code, or one of them: see Window."""

    usd: T
    experiment_usd: T
    dropped_usd: T
    no_task_usd: T
    calls: T
    tokens: T


class Month:
    """`days` whole days up to the midnight `ended_t` (s UTC)."""

    def __init__(self, survey: Survey, days: int, ended_t: float) -> None:
        self.survey, self.days, self.ended_t = survey, days, ended_t
        self.began_t = ended_t - days * DAY_S
        last = round(ended_t / DAY_S)
        within = (survey.day >= last - days) & (survey.day < last)
        self.usd = survey.by_payment(survey.cell_usd, within)
        self._calls = survey.by_payment(survey.cell_calls, within)
        self._tokens = survey.by_payment(survey.cell_tokens, within)
        self.outcomes, self.fates = self._fates()
        self.counts = (self.fates[survey.purse] != DROPPED) & ~survey.learns
        self.counted_usd = self.usd * self.counts  # of payments, of what should have brought something
        self._sums: dict[Kind, Sums[Floats]] = {}
        self._counted: dict[Kind, Floats] = {}
        self._pair_usd: dict[Kind, Floats] = {}

    def _fates(self) -> tuple[Ints, Ints]:
        """By slot of a purse its outcomes within the days, and the code of what became of it."""
        survey, told = self.survey, self.survey.results
        came = told.came[told.came["stands"]]
        came = came[(came["t"] > self.began_t) & (came["t"] <= self.ended_t)]
        outcomes = np.bincount(came["purse"], minlength=survey.slots)
        done = told.done[(told.done["t"] > self.began_t) & (told.done["t"] <= self.ended_t)]
        completed = np.bincount(done["purse"], minlength=survey.slots) > 0
        shipped = ((outcomes > 0) | completed) & ~told.undone
        which = [survey.learning, shipped, told.undone, told.dropped]
        fates = np.select(which, [EXPERIMENT, SHIPPED, REVERTED, DROPPED], OPEN)
        # Completed within the days, what it delivers came before them: something came of them.
        return np.maximum(outcomes, shipped), fates

    @cached_property
    def purse_usd(self) -> Floats:
        """By slot of a purse what was spent on it in the days."""
        return totals(self.survey.purse, self.usd, self.survey.slots)

    def sums(self, kind: Kind) -> Sums[Floats]:
        """Of all payers of a kind."""
        if kind not in self._sums:
            by_code = self.survey.payers[kind].by_code
            learns, dropped = self.survey.learns, self.fates[self.survey.purse] == DROPPED
            rest = self.counts & ~self.survey.has_task[self.survey.purse]
            parts = (self.usd * learns, self.usd * (dropped & ~learns), self.usd * rest)
            self._sums[kind] = Sums(*map(by_code, (self.usd, *parts, self._calls, self._tokens)))
        return self._sums[kind]

    def counted(self, kind: Kind) -> Floats:
        """By code of a payer what should have brought something, as Window counts it."""
        if kind not in self._counted:
            self._counted[kind] = self.survey.payers[kind].by_code(self.counted_usd)
        return self._counted[kind]

    def pair_usd(self, kind: Kind) -> Floats:
        """Of each pair of a kind what was spent in the days."""
        if kind not in self._pair_usd:
            self._pair_usd[kind] = self.survey.payers[kind].by_pair(self.usd)
        return self._pair_usd[kind]

    def window(self, kind: Kind, code: int, history_days: float) -> Window:
        """What a payer spent, with its costliest tasks."""
        told = Sums(*(float(of[code]) for of in self.sums(kind)))
        return Window(
            t=self.ended_t,
            days=self.days,
            history_days=history_days,
            usd=told.usd,
            experiment_usd=told.experiment_usd,
            dropped_usd=told.dropped_usd,
            no_task_usd=told.no_task_usd,
            calls=int(told.calls),
            tokens=int(told.tokens),
            tasks=self._costliest(kind, code),
        )

    def outcomes_of(self, kind: Kind, code: int) -> int:
        """Outcomes of the days, of tasks on which a payer spent anything."""
        payers = self.survey.payers[kind]
        return int(self.outcomes[payers.purse[payers.pairs_of(code)]].sum())

    def _costliest(self, kind: Kind, code: int) -> tuple[TaskSpend, ...]:
        """The costliest tasks of a payer, all that cost as much as the fifth; and the costliest of those that count."""
        payers = self.survey.payers[kind]
        purses, usd = payers.purse[payers.pairs_of(code)], self.pair_usd(kind)[payers.pairs_of(code)]
        mine = np.flatnonzero(self.survey.single[purses] & (usd > 0.0))
        purses, usd = purses[mine], usd[mine]
        if len(usd) <= TOLD_TASKS:
            return tuple(map(self.task, purses.tolist(), usd.tolist()))
        told = usd >= np.partition(usd, -TOLD_TASKS)[-TOLD_TASKS]
        counts = np.isin(self.fates[purses], (EXPERIMENT, DROPPED), invert=True)
        if counts.any():
            told[np.flatnonzero(counts)[np.argmax(usd[counts])]] = True
        return tuple(map(self.task, purses[told].tolist(), usd[told].tolist()))

    def task(self, purse: int, usd: float) -> TaskSpend:
        """A task on which this was spent; `purse`: its slot."""
        return TaskSpend(self.survey.books.purses.beside[purse].task or "", usd, FATES[int(self.fates[purse])])
