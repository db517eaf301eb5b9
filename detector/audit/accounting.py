"""The figures of a window: what was spent, what its tasks achieved, and where the dollars went."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.audit.figures import Figures, Model, Nothing, Team, Week, Went, per
from detector.audit.source import Source
from detector.audit.spent import Spent
from detector.audit.window import Window
from detector.ledger.names import EXPERIMENT
from detector.ledger.outcomes import Achieved

_LOOPING, _UNCLAIMED, _SHIPPED, _DROPPED, _OPEN = range(5)
"""The fields of Went."""
_FATES = 5


class Audit:
    """Walks over what a source tells: what was spent on what, then what of it came before an outcome."""

    def __init__(self, source: Source, window: Window, only: str | None) -> None:
        self._source, self._outcomes, self._window = source, source.outcomes, window
        self._subjects, whos = source.subjects, source.whos
        names = sorted({(w.tenant, w.team) for w in whos}, key=_by_name)
        self._named = names
        self._teams = [Team(team, tenant) for tenant, team in names]
        place = {name: n for n, name in enumerate(names)}
        self._team_of = np.array([place[w.tenant, w.team] for w in whos], np.int64)
        self._only, self._asked = only, np.array([only in (None, team) for _, team in names], np.bool_)
        self._learns = np.array([w.task_type == EXPERIMENT for w in whos], np.bool_)
        self._has_task = np.array([s.task is not None for s in self._subjects], np.bool_)
        self._spent = Spent(len(self._subjects), len(names), window.week_count, len(whos))

    def figures(self) -> Figures:
        """All of them."""
        for rows in self._source.sums():
            self._walk(rows)
        achieved, self._owner = self._achieved(), self._owners()
        direct_usd, went = self._destinations(achieved)
        runs, useful = self._runs(achieved)
        self._tell_teams(achieved, went)
        spent, window = self._spent, self._window
        mine = self._owned(achieved)
        outcomes = sum(len(a.outcomes) for a in mine.values())
        completed = sum(len(a.completed) for a in mine.values())
        nothing = self._shipped_nothing(achieved)
        middle_usd, weighted_usd = self._costs(mine)
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
            median_completed_task_usd=middle_usd,
            weighted_completed_task_usd=weighted_usd,
            useful_run_share=per(useful, runs),
            status_source=self._outcomes.any_status,
            experiments_usd=spent.experiments_usd,
            went=_went(went.sum(axis=0)),
            weeks=self._weeks(mine),
            teams=self._teams,
            shipped_nothing=nothing,
            models=self._models(),
        )

    def _walk(self, rows: npt.NDArray[Any]) -> None:
        """Adds rows of SUM to what was spent."""
        spent, subject = self._spent, rows["subject"]
        team, usd = self._team_of[rows["who"]], rows["usd"]
        np.minimum.at(spent.metered_t, subject, rows["metered_t"])
        by_team = subject * len(self._teams) + team
        for place, dollars in zip(*_by_code(by_team, usd), strict=True):
            spent.by_team[place] = spent.by_team.get(place, 0.0) + dollars
        within = self._window.holds(rows["t"]) & self._asked[team]
        rows, subject, team, usd = rows[within], subject[within], team[within], usd[within]
        has_task, calls = self._has_task[subject], rows["calls"]
        np.add.at(spent.usd, subject, usd)
        np.add.at(spent.calls, subject, calls)
        np.add.at(spent.who_usd, rows["who"], usd)
        np.add.at(spent.who_calls, rows["who"], calls)
        week = self._window.weeks(rows["t"])
        np.add.at(spent.week_usd, week, usd)
        np.add.at(spent.week_calls, week, calls)
        np.add.at(spent.team_usd, team, usd)
        np.add.at(spent.team_calls, team, calls)
        np.add.at(spent.team_no_task_usd, team[~has_task], usd[~has_task])
        learns = self._learns[rows["who"]]
        spent.learning[subject[learns]] = True
        spent.unpriced += int(rows["unpriced"].sum())
        spent.unmetered += int(rows["unmetered"].sum())
        spent.notional_usd += float(rows["notional_usd"].sum())
        spent.no_task_usd += float(usd[~has_task].sum())
        spent.experiments_usd += float(usd[learns].sum())

    def _runs(self, achieved: dict[int, Achieved]) -> tuple[int, int]:
        """Runs of the window, in all and those whose task has an outcome; also by team and by subject."""
        spent, rows = self._spent, self._source.runs(self._window)
        team = self._team_of[rows["who"]]
        rows, team = rows[self._asked[team]], team[self._asked[team]]
        shipped = np.zeros(len(self._subjects), np.bool_)
        shipped[list(achieved)] = True
        good = set(rows["run"][shipped[rows["subject"]]].tolist())
        runs: dict[int, int] = {}
        told = zip(rows["run"].tolist(), rows["subject"].tolist(), team.tolist(), rows["runs"].tolist(), strict=True)
        of_subjects, of_teams = set[tuple[int, int]](), set[tuple[int, int]]()
        for run, subject, of_team, n in told:
            runs[run] = n
            if (run, subject) not in of_subjects:
                of_subjects.add((run, subject))
                spent.runs[subject] += n
            if (run, of_team) not in of_teams:
                of_teams.add((run, of_team))
                spent.team_runs[of_team] += n
                spent.team_useful_runs[of_team] += n if run in good else 0
        return sum(runs.values()), sum(runs[run] for run in good)

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

    def _costs(self, achieved: dict[int, Achieved]) -> tuple[float | None, float | None]:
        """What completed tasks had cost by then: the middling one, and the mean in which each dollar counts alike."""
        t = np.full(len(self._subjects), -np.inf)
        for n, found in achieved.items():
            if len(found.completed) == 1:
                t[n] = found.completed[0]
        usd = self._source.spent_by(t)[t > -np.inf]
        usd = usd[~np.isnan(usd)]
        if not len(usd):
            return None, None
        total = float(usd.sum())
        return float(np.median(usd)), float((usd * usd).sum()) / total if total > 0.0 else 0.0

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
        went = np.zeros((len(self._teams), _FATES))
        for rows in self._source.sums():
            team = self._team_of[rows["who"]]
            within = self._window.holds(rows["t"]) & self._asked[team]
            rows, team = rows[within], team[within]
            np.add.at(went, (team, _LOOPING), rows["flagged_usd"])
            np.add.at(went, (team, ends[rows["subject"]]), rows["usd"] - rows["flagged_usd"])
        return self._source.direct_usd(last_t, self._window, self._asked[self._team_of]), went

    def _owners(self) -> dict[int, int]:
        """The team of each subject: the one that spent most on it, of equals the first by name."""
        most: dict[int, tuple[float, int]] = {}
        for place, usd in self._spent.by_team.items():
            subject, team = divmod(place, len(self._teams))
            most[subject] = max(most.get(subject, (-1.0, 0)), (usd, -team))
        return {subject: -team for subject, (_, team) in most.items()}

    def _tell_teams(self, achieved: dict[int, Achieved], went: npt.NDArray[np.float64]) -> None:
        """What teams spent and achieved."""
        spent = self._spent
        for n, subject in enumerate(self._subjects):
            if n not in self._owner:  # of it there are statuses alone
                continue
            team = self._teams[self._owner[n]]
            team.tasks += subject.task is not None and bool(spent.calls[n])
            if n in achieved:
                team.outcomes += len(achieved[n].outcomes)
                team.tasks_completed += len(achieved[n].completed)
        for n, team in enumerate(self._teams):
            team.spend_usd, team.calls = float(spent.team_usd[n]), int(spent.team_calls[n])
            team.no_task_usd, team.went = float(spent.team_no_task_usd[n]), _went(went[n])
            team.cost_per_outcome_usd = per(team.spend_usd, team.outcomes)
            team.useful_run_share = per(int(spent.team_useful_runs[n]), int(spent.team_runs[n]))
        told = zip(self._teams, self._asked.tolist(), strict=True)
        self._teams[:] = [team for team, asked in told if asked and (team.calls or team.outcomes)]

    def _weeks(self, achieved: dict[int, Achieved]) -> list[Week]:
        """Weeks of the window, counted back from the end of its last day; the first may be shorter."""
        told = zip(self._spent.week_usd.tolist(), self._spent.week_calls.tolist(), strict=True)
        weeks = [Week(self._window.week_began(n), usd, calls) for n, (usd, calls) in enumerate(told)]
        for found in achieved.values():
            for t in found.outcomes:
                weeks[self._window.week(t)].outcomes += 1
            for t in found.completed:
                weeks[self._window.week(t)].tasks_completed += 1
        for week in weeks:
            week.cost_per_outcome_usd = per(week.spend_usd, week.outcomes)
            week.cost_per_completed_task_usd = per(week.spend_usd, week.tasks_completed)
        return weeks[::-1]

    def _models(self) -> list[Model]:
        """Dollars and calls by model, the dearest first."""
        told: dict[tuple[str | None, str | None], Model] = {}
        spent = zip(self._source.whos, self._spent.who_usd.tolist(), self._spent.who_calls.tolist(), strict=True)
        for who, usd, calls in spent:
            if calls:
                model = told.setdefault((who.provider, who.model), Model(who.provider, who.model, 0.0, 0))
                model.spend_usd += usd
                model.calls += calls
        return sorted(told.values(), key=lambda m: (-m.spend_usd, m.provider or "", m.model or ""))

    def _shipped_nothing(self, achieved: dict[int, Achieved]) -> list[Nothing]:
        """Tasks of the window, the dearest first; of equals by name. Those that are there to learn are none of them."""
        spent = self._spent
        told = []
        for n in np.flatnonzero((spent.calls > 0) & ~spent.learning).tolist():
            subject = self._subjects[n]
            if subject.task is not None and n not in achieved:
                team = self._named[self._owner[n]][1]
                usd, calls = float(spent.usd[n]), int(spent.calls[n])
                told.append(Nothing(subject.task, subject.tenant, team, usd, calls, int(spent.runs[n])))
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
