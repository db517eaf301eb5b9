"""What a survey of the ledger says of whole days is what anybody would count from the events."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.ledger.folding import make_room
from detector.ledger.month import FATES, Month
from detector.ledger.survey import DAY_S, Survey
from tests.support.judged import T0, Event, status
from tests.support.months import done, on, tracker, weeks_told, work
from tests.support.spread import portfolio_of
from tests.support.worked import calls as worked_calls
from tests.support.worked import merged
from tests.support.worked import statuses as worked_statuses

END = 12


def survey_of(events: list[Event], day: int = END) -> Survey:
    """A survey up to the beginning of a day."""
    return Survey(portfolio_of(weeks_told(events, day))[0].books, T0 + on(day, 0.0), 0.5)


def month_of(events: list[Event], days: int, day: int = END) -> Month:
    return Month(survey_of(events, day), days, T0 + on(day, 0.0))


calls = st.builds(
    lambda day, hour, cents, task, team, agent, kind, basis: work(
        day, task, cents / 100, hour, run=f"{task}-{team}-{agent}", team=team, agent=agent, task_type=kind,
        cost_basis=basis,
    ),
    st.integers(0, END - 1), st.integers(0, 23), st.integers(0, 500), st.sampled_from(["A", "B", "C", None]),
    st.sampled_from(["red", "blue"]), st.sampled_from(["x", "y", "z"]), st.sampled_from([None, None, "experiment"]),
    st.sampled_from(["told", "told", "notional"]),
)  # fmt: skip
statuses = st.builds(
    lambda day, task, category: status(on(day, 12.5), task, category=category),
    st.integers(0, END - 1), st.sampled_from(["A", "B", "C"]), st.sampled_from(["completed", "not_planned"]),
)  # fmt: skip


@given(st.lists(calls, min_size=1, max_size=25), st.lists(statuses, max_size=4), st.sampled_from([1, 5, 12]))
@settings(deadline=None, max_examples=40)
def test_sums_of_teams_and_agents_equal_a_plain_count(calls: list[Event], told: list[Event], days: int) -> None:
    month = month_of([*calls, *told], days)
    for kind, names in (("team", ["team"]), ("agent", ["team", "agent"])):
        expected: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0])
        learns = {_subject(e) for e in calls if e["task_type"] == "experiment"}
        for e in calls:
            if e["time"] >= T0 + on(END - days, 0.0):
                usd = e["cost_usd"] if e["cost_basis"] != "notional" else 0.0
                sums = expected[tuple(e[name] for name in names)]
                sums[0] += usd
                sums[1] += usd * (_subject(e) in learns)
                sums[2] += usd * (e["task"] is None and _subject(e) not in learns)
                sums[3] += 1
        payers, found = month.survey.payers[kind], month.sums(kind)  # type: ignore[index, arg-type]
        got = {
            tuple(n for n in name[1:] if n is not None): [
                float(of[code]) for of in (found.usd, found.experiment_usd, found.no_task_usd, found.calls)
            ]
            for code, name in enumerate(payers.names)
            if found.calls[code] and name[1] != "clock"
        }
        assert {k: pytest.approx(v) for k, v in expected.items()} == got


def _subject(event: Event) -> Any:
    return event["task"] or event["run"]


def test_what_became_of_tasks_is_told_by_the_first_that_holds() -> None:
    events = [work(1, name, 1.0) for name in ("open", "shipped", "reverted", "rewritten", "dropped", "both")]
    events += [
        work(1, "learnt", 1.0, task_type="experiment"), done(2, "learnt"), done(2, "shipped"),
        merged(on(2, 18), "d1", "reverted"), status(on(3), "x", reverts="d1"),
        merged(on(2, 18), "d2", "rewritten"), status(on(3), "rewritten", deliverable="d2", churned_share=0.5),
        status(on(2, 18), "dropped", category="duplicate"),
        done(2, "both"), status(on(3), "both", category="not_planned"),
    ]  # fmt: skip
    month = month_of(events, 10)
    purses = month.survey.books.purses
    fates = {purses.beside[slot].task: FATES[month.fates[slot]] for slot in purses.slots().tolist()}
    assert {name: fate for name, fate in fates.items() if name not in (None, "x")} == {
        "open": "open", "shipped": "shipped", "reverted": "reverted", "rewritten": "reverted", "dropped": "dropped",
        "both": "shipped", "learnt": "experiment",
    }  # fmt: skip


def test_what_shipped_before_the_days_leaves_a_task_open() -> None:
    month = month_of([work(1, "T", 1.0), done(2, "T"), work(8, "T", 4.0)], 5)
    (slot,) = np.flatnonzero(month.survey.has_task)
    assert (FATES[month.fates[slot]], month.outcomes[slot]) == ("open", 0)
    calls, _, began = month.survey.since_outcome
    assert (calls[slot], began[slot]) == (1, T0 + on(8, 9.0))


def test_a_task_of_two_teams_is_of_the_one_that_spent_most_and_of_equals_of_the_first_by_name() -> None:
    events = [work(1, "A", 2.0, team="red"), work(2, "A", 1.0, team="blue")]
    events += [work(1, "B", 1.0, team="red"), work(2, "B", 1.0, team="blue")]
    survey = survey_of(events)
    teams, purses = survey.payers["team"].names, survey.books.purses
    owners = {purses.beside[s].task: teams[survey.owner[s]][1] for s in np.flatnonzero(survey.has_task).tolist()}
    assert owners == {"A": "red", "B": "blue"}


def test_sums_of_whole_days_stay_as_they_were_when_hours_become_days() -> None:
    events = [work(day, f"T-{day}", 1.0, hour) for day in range(8) for hour in (3.0, 20.0)]
    early, late = month_of(events, 8, 8), Survey(portfolio_of(weeks_told(events, 30))[0].books, T0 + on(30, 0.0), 0.5)
    again = Month(late, 8, T0 + on(8, 0.0))
    assert len(late.day) < len(early.survey.day)
    for one in (early, again):
        code = [name[1] for name in one.survey.payers["team"].names].index("search")
        window = one.window("team", code, 8.0)
        assert (window.usd, window.calls, len(window.tasks)) == (16.0, 16, 8)
    assert again.began_t == early.began_t == T0 + on(8, 0.0) - 8 * DAY_S


def test_the_first_day_of_a_team_is_that_of_its_first_call() -> None:
    survey = survey_of([*tracker(5), work(3, "T", 1.0)])
    first = dict(zip([name[1] for name in survey.payers["team"].names], survey.first_days("team"), strict=True))
    assert first["search"] - first["web"] == 3


@given(st.lists(worked_calls, min_size=1, max_size=20), st.lists(worked_statuses, max_size=14))
@settings(deadline=None, max_examples=60)
def test_what_all_tasks_achieved_is_what_each_did(calls: list[Event], told: list[Event]) -> None:
    survey = survey_of([*calls, *told])
    books, found = survey.books, survey.results
    for slot in books.purses.slots().tolist():
        row = books.purses.rows[slot]
        metered_t = float(row["metered_t"]) or np.inf
        one = books.outcomes.within(int(row["key"]), metered_t, -np.inf, survey.t)
        came = found.came[(found.came["purse"] == slot) & found.came["stands"]]
        done = found.done[found.done["purse"] == slot]
        assert sorted(came["t"]) == sorted(one.outcomes if one else [])
        assert done["t"].tolist() == (one.completed if one else [])
        assert found.dropped[slot] == books.outcomes.given_up(int(row["key"]))
        if one is None:
            assert np.isnan(found.last_t[slot])
        else:
            spent_usd = books.outcomes.records[int(row["key"])].spent_usd
            assert (found.last_t[slot], found.direct_usd[slot]) == (one.last_t, pytest.approx(spent_usd[one.last_t]))


def test_tasks_that_are_kept_together_keep_their_outcomes_and_are_no_single_task() -> None:
    events = [e for day in range(1, 9) for e in (work(day, f"T-{day}", 2.0), done(day, f"T-{day}"))]
    events += [work(1, "learnt", 3.0, hour=3, task_type="experiment"), work(9, "open", 5.0)]
    books = portfolio_of(weeks_told(events, END))[0].books
    make_room(books, 3)
    month = Month(Survey(books, T0 + on(END, 0.0), 0.5), 11, T0 + on(END, 0.0))
    code = [name[1] for name in month.survey.payers["team"].names].index("search")
    window = month.window("team", code, 11.0)
    assert (window.usd, month.outcomes_of("team", code)) == (24.0, 8)
    assert (window.no_task_usd, window.experiment_usd) == (0.0, 3.0)
    assert len(window.tasks) <= 3
    assert month.survey.results.done["usd"].tolist() == [2.0] * 8
