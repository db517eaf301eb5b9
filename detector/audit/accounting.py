"""The figures of a window: two walks over the calls, and what their tasks achieved between them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.calls import Calls, Subject, billed
from detector.audit.figures import Figures, Model, Nothing, Team, Week, Went, per
from detector.audit.flagged import Episodes
from detector.audit.outcomes import Achieved, Outcomes
from detector.audit.spent import Spent
from detector.audit.window import WEEK_S, Window
from detector.model import packed as pk

EXPERIMENT = "experiment"
"""The type of tasks that are there to learn, not to ship."""
_LOOPING, _UNCLAIMED, _SHIPPED, _DROPPED, _OPEN = range(5)
"""The fields of Went."""
_FATES = 5


class Audit:
    """Two walks over the calls: what was spent on what, then what of it came before an outcome."""

    def __init__(
        self,
        calls: Calls,
        subjects: Sequence[Subject],
        outcomes: Outcomes,
        episodes: Episodes,
        window: Window,
        only: str | None,
    ) -> None:
        self._calls, self._outcomes, self._window = calls, outcomes, window
        # Runs that links give to one task are one subject.
        self._subjects = list(dict.fromkeys(subjects))
        number = {subject: n for n, subject in enumerate(self._subjects)}
        self._subject_of = np.array([number[s] for s in subjects], np.int64)
        self._spans = episodes.spans(calls, subjects)
        names = sorted({(w.tenant, w.team) for w in calls.whos.names}, key=_by_name)
        self._named = names
        self._teams = [Team(team, tenant) for tenant, team in names]
        self._only, self._asked = only, np.array([only in (None, team) for _, team in names], np.bool_)
        place = {name: n for n, name in enumerate(names)}
        self._team_of = np.array([place[w.tenant, w.team] for w in calls.whos.names], np.int64)
        self._learns = np.array([w.task_type == EXPERIMENT for w in calls.whos.names], np.bool_)
        self._has_task = np.array([s.task is not None for s in self._subjects], np.bool_)
        self._spent = Spent(len(self._subjects), len(names), window.week_count, len(calls.whos))

    def figures(self) -> Figures:
        """All of them."""
        for rows in self._calls.chunks():
            self._walk(rows)
        achieved, self._owner = self._achieved(), self._owners()
        direct_usd, went = self._destinations(achieved)
        useful = {run for run, subject in self._spent.run_subjects if subject in achieved}
        self._tell_teams(achieved, useful, went)
        spent, window = self._spent, self._window
        mine = self._owned(achieved)
        outcomes = sum(len(a.outcomes) for a in mine.values())
        completed = sum(a.completed_t is not None for a in mine.values())
        nothing = self._shipped_nothing(achieved)
        return Figures(
            days=window.days,
            began_t=window.began_t,
            ended_t=window.ended_t,
            spend_usd=float(spent.usd.sum()),
            calls=int(spent.calls.sum()),
            unpriced_calls=spent.unpriced,
            unmetered_calls=spent.unmetered,
            notional_usd=spent.notional_usd,
            no_task_usd=spent.no_task_usd,
            flagged_usd=float(went[:, 0].sum()),
            outcomes=outcomes,
            tasks=self._tasks_within(),
            tasks_completed=completed,
            without_ai=self._without_ai(achieved) if self._only is None else 0,  # no call says whose they are
            cost_per_completed_task_usd=per(float(spent.usd.sum()), completed),
            cost_per_outcome_usd=per(float(spent.usd.sum()), outcomes),
            direct_cost_per_outcome_usd=per(direct_usd, outcomes),
            useful_run_share=per(len(useful), len(spent.runs)),
            status_source=self._outcomes.any_status,
            experiments_usd=spent.experiments_usd,
            went=_went(went.sum(axis=0)),
            weeks=self._weeks(mine),
            teams=self._teams,
            shipped_nothing=nothing,
            models=self._models(),
        )

    def _walk(self, rows: npt.NDArray[Any]) -> None:
        """Adds some calls to what was spent."""
        spent, subject = self._spent, self._subject_of[rows["subject"]]
        team, usd = self._team_of[rows["who"]], billed(rows)
        metered = rows["flags"] & pk.UNMETERED == 0
        np.minimum.at(spent.metered_t, subject[metered], rows["t"][metered])
        by_team = subject * len(self._teams) + team
        for place, dollars in zip(*_by_code(by_team, usd), strict=True):
            spent.by_team[place] = spent.by_team.get(place, 0.0) + dollars
        within = self._window.holds(rows["t"]) & self._asked[team]
        rows, subject, team, usd = rows[within], subject[within], team[within], usd[within]
        has_task = self._has_task[subject]
        spent.usd += np.bincount(subject, usd, len(spent.usd))
        spent.calls += np.bincount(subject, minlength=len(spent.calls))
        spent.who_usd += np.bincount(rows["who"], usd, len(spent.who_usd))
        spent.who_calls += np.bincount(rows["who"], minlength=len(spent.who_calls))
        week = self._window.weeks(rows["t"])
        spent.week_usd += np.bincount(week, usd, len(spent.week_usd))
        spent.week_calls += np.bincount(week, minlength=len(spent.week_calls))
        spent.team_usd += np.bincount(team, usd, len(spent.team_usd))
        spent.team_calls += np.bincount(team, minlength=len(spent.team_calls))
        spent.team_no_task_usd += np.bincount(team[~has_task], usd[~has_task], len(spent.team_usd))
        learns = self._learns[rows["who"]]
        spent.learning[subject[learns]] = True
        spent.unpriced += int((rows["flags"] & pk.UNPRICED != 0).sum())
        spent.unmetered += int((rows["flags"] & pk.UNMETERED != 0).sum())
        spent.notional_usd += float((rows["usd"] - usd).sum())
        spent.no_task_usd += float(usd[~has_task].sum())
        spent.experiments_usd += float(usd[learns].sum())
        named = rows["run"] >= 0
        run = rows["run"][named].tolist()
        spent.runs.update(run)
        spent.run_subjects.update(zip(run, subject[named].tolist(), strict=True))
        spent.run_teams.update(zip(run, team[named].tolist(), strict=True))

    def _achieved(self) -> dict[int, Achieved]:
        """What each subject achieved, by its number."""
        told = {}
        for n, subject in enumerate(self._subjects):
            found = self._outcomes.within(subject.key, float(self._spent.metered_t[n]), *self._window)
            if found is not None:
                told[n] = found
        return told

    def _owned(self, achieved: dict[int, Achieved]) -> dict[int, Achieved]:
        """Of what was achieved that of the teams that are asked for."""
        return {n: found for n, found in achieved.items() if self._asked[self._owner[n]]}

    def _destinations(self, achieved: dict[int, Achieved]) -> tuple[float, npt.NDArray[np.float64]]:
        """Dollars of the window: of what shipped up to its last outcome, and (teams × Went) where all of them went."""
        last_t, ends = np.full(len(self._subjects), -np.inf), np.full(len(self._subjects), _OPEN)
        for n, found in self._owned(achieved).items():
            last_t[n] = found.last_t
        for n, subject in enumerate(self._subjects):
            if n in achieved:
                ends[n] = _SHIPPED
            elif subject.task is None:
                ends[n] = _UNCLAIMED
            elif self._outcomes.given_up(subject.key):
                ends[n] = _DROPPED
        direct_usd, went = 0.0, np.zeros((len(self._teams), _FATES))
        for rows in self._calls.chunks():
            flagged, team = self._spans.mask(rows), self._team_of[rows["who"]]
            within = self._window.holds(rows["t"]) & self._asked[team]
            rows, flagged, team = rows[within], flagged[within], team[within]
            subject, usd = self._subject_of[rows["subject"]], billed(rows)
            direct_usd += float(usd[rows["t"] <= last_t[subject]].sum())
            end = np.where(flagged, _LOOPING, ends[subject])
            np.add.at(went, (team, end), usd)
        return direct_usd, went

    def _owners(self) -> dict[int, int]:
        """The team of each subject: the one that spent most on it, of equals the first by name."""
        most: dict[int, tuple[float, int]] = {}
        for place, usd in self._spent.by_team.items():
            subject, team = divmod(place, len(self._teams))
            most[subject] = max(most.get(subject, (-1.0, 0)), (usd, -team))
        return {subject: -team for subject, (_, team) in most.items()}

    def _tell_teams(self, achieved: dict[int, Achieved], good: set[int], went: npt.NDArray[np.float64]) -> None:
        """What teams spent and achieved; `good`: useful runs."""
        spent = self._spent
        for n, subject in enumerate(self._subjects):
            team = self._teams[self._owner[n]]  # each has calls
            team.tasks += subject.task is not None and bool(spent.calls[n])
            if n in achieved:
                team.outcomes += len(achieved[n].outcomes)
                team.tasks_completed += achieved[n].completed_t is not None
        runs, useful = np.zeros((2, len(self._teams)), np.int64)
        for run, number in spent.run_teams:
            runs[number] += 1
            useful[number] += run in good
        for n, team in enumerate(self._teams):
            team.spend_usd, team.calls = float(spent.team_usd[n]), int(spent.team_calls[n])
            team.no_task_usd, team.went = float(spent.team_no_task_usd[n]), _went(went[n])
            team.cost_per_outcome_usd = per(team.spend_usd, team.outcomes)
            team.useful_run_share = per(int(useful[n]), int(runs[n]))
        told = zip(self._teams, self._asked.tolist(), strict=True)
        self._teams[:] = [team for team, asked in told if asked and (team.calls or team.outcomes)]

    def _weeks(self, achieved: dict[int, Achieved]) -> list[Week]:
        """Weeks of the window, counted back from its end; the first may be shorter."""
        began_t, ended_t = self._window
        starts = [max(began_t, ended_t - (n + 1) * WEEK_S) for n in range(len(self._spent.week_usd))]
        weeks = [
            Week(t, usd, calls)
            for t, usd, calls in zip(
                starts, self._spent.week_usd.tolist(), self._spent.week_calls.tolist(), strict=True
            )
        ]
        for found in achieved.values():
            for t in found.outcomes:
                weeks[self._window.week(t)].outcomes += 1
            if found.completed_t is not None:
                weeks[self._window.week(found.completed_t)].tasks_completed += 1
        for week in weeks:
            week.cost_per_outcome_usd = per(week.spend_usd, week.outcomes)
            week.cost_per_completed_task_usd = per(week.spend_usd, week.tasks_completed)
        return weeks[::-1]

    def _models(self) -> list[Model]:
        """Dollars and calls by model, the dearest first."""
        told: dict[tuple[str | None, str | None], Model] = {}
        spent = zip(self._calls.whos.names, self._spent.who_usd.tolist(), self._spent.who_calls.tolist(), strict=True)
        for who, usd, calls in spent:
            if calls:
                model = told.setdefault((who.provider, who.model), Model(who.provider, who.model, 0.0, 0))
                model.spend_usd += usd
                model.calls += calls
        return sorted(told.values(), key=lambda m: (-m.spend_usd, m.provider or "", m.model or ""))

    def _shipped_nothing(self, achieved: dict[int, Achieved]) -> list[Nothing]:
        """Tasks of the window, the dearest first; of equals by name. Those that are there to learn are none of them."""
        spent = self._spent
        runs = Counter(subject for _, subject in spent.run_subjects)
        told = []
        for n in np.flatnonzero((spent.calls > 0) & ~spent.learning).tolist():
            subject = self._subjects[n]
            if subject.task is not None and n not in achieved:
                team = self._named[self._owner[n]][1]
                usd, calls = float(spent.usd[n]), int(spent.calls[n])
                told.append(Nothing(subject.task, subject.tenant, team, usd, calls, runs[n]))
        return sorted(told, key=lambda task: (-task.spend_usd, task.task, task.tenant))

    def _tasks_within(self) -> int:
        return sum(s.task is not None and bool(self._spent.calls[n]) for n, s in enumerate(self._subjects))

    def _without_ai(self, achieved: dict[int, Achieved]) -> int:
        """Tasks that shipped in the window with no metered call before it."""
        mine = {self._subjects[n].key for n in achieved}
        records = self._outcomes.records
        return sum(key not in mine and self._outcomes.shipped_at_all(key, *self._window) for key in records)


def _went(usd: npt.NDArray[np.float64]) -> Went:
    return Went(*usd.tolist())


def _by_code(codes: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> tuple[list[int], list[float]]:
    """Sums of `values` (n) by code, for the codes that there are."""
    names, place = np.unique(codes, return_inverse=True)
    return names.tolist(), np.bincount(place, values, len(names)).tolist()


def _by_name(name: tuple[str, str | None]) -> tuple[str, bool, str]:
    tenant, team = name
    return tenant, team is None, team or ""
