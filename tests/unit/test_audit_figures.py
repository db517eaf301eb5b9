"""What an audit says of spend and outcomes equals what anyone recomputes from the same events."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.audit.run import of_month
from tests.support.judged import T0, Event, call, in_order, status
from tests.support.plain_audit import audit_of, compared, plain_audit
from tests.support.worked import calls, completed, merged, spent, statuses

HOUR = 3600.0


@given(
    st.lists(calls, min_size=1, max_size=25),
    st.lists(statuses, max_size=12),
    st.sampled_from([30.0, 1.0, 0.37]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_it_equals_a_plain_recomputation(calls: list[Event], statuses: list[Event], days: float, again: bool) -> None:
    events = in_order([*calls, *statuses])
    wanted = plain_audit(events, days)
    told = in_order([*events, *({**e, "time": e["time"]} for e in events)]) if again else events
    assert compared(audit_of(told, days)) == wanted


def test_it_is_the_same_where_events_are_shuffled_within_the_lateness_and_come_again_within_the_hour() -> None:
    dice = random.Random(8)
    events = [spent(60.0 * n, dice.random(), dice.choice("ABC"), run=f"r{n % 7}") for n in range(300)]
    events += [merged(900.0 * n, f"d{n}", dice.choice("ABC")) for n in range(1, 20)]
    wanted = plain_audit(events)
    arrivals = [(e["time"] + dice.uniform(0, 9), n, e) for n, e in enumerate(events)]
    arrivals += [(e["time"] + dice.uniform(0, HOUR), n, e) for n, e in enumerate(events)]
    assert compared(audit_of(e for _, _, e in sorted(arrivals, key=lambda a: a[:2]))) == wanted


OUTCOMES = [
    pytest.param([], 0, 0, id="nothing came"),
    pytest.param([completed(100)], 1, 1, id="completed without a deliverable"),
    pytest.param([merged(100, "d1")], 1, 0, id="one deliverable, still open"),
    pytest.param([merged(100, "d1"), merged(200, "d2"), completed(300)], 2, 1, id="two deliverables, completed"),
    pytest.param([merged(100, "d1"), merged(200, "d1"), completed(300)], 1, 1, id="the same deliverable again"),
    pytest.param([completed(100), status(200, "T-1", category="started"), completed(300)], 1, 1, id="to and fro"),
    pytest.param([merged(100, "d1"), status(200, "T-9", reverts="d1")], 0, 0, id="taken back, by whichever task"),
    pytest.param([merged(100, "d1"), merged(150, "d2"), status(200, "T-1", reverts="d1")], 1, 0, id="one taken back"),
    pytest.param([merged(100, "d1"), status(200, "T-1", actor="agent", reverts="d1")], 0, 0, id="by an agent"),
    pytest.param([status(100, "T-1", actor="agent", category="completed")], 0, 0, id="its own word"),
    pytest.param([status(100, "T-1", "weak", deliverable="d1", category="completed")], 0, 0, id="weak"),
    pytest.param([status(100, "T-1", "medium", category="completed")], 0, 0, id="medium"),
    pytest.param([status(100, "T-1", category="not_planned")], 0, 0, id="not planned"),
]  # fmt: skip


@pytest.mark.parametrize(("came", "outcomes", "done"), OUTCOMES)
def test_outcomes_are_distinct_deliverables_that_stand_else_the_completion(
    came: list[Event], outcomes: int, done: int
) -> None:
    told = audit_of(in_order([spent(0), *came]))
    assert (told.outcomes, told.tasks_completed) == (outcomes, done)
    assert [task.task for task in told.shipped_nothing] == ([] if outcomes or done else ["T-1"])


def test_what_ships_without_a_call_before_it_is_shown_apart() -> None:
    told = audit_of(
        [completed(0, "T-0"), merged(10, "d1", "T-1"), spent(20), completed(30, "T-2"), spent(40, task="T-2")]
    )
    assert (told.outcomes, told.tasks_completed, told.without_ai) == (0, 0, 3)


def test_a_call_without_usage_meters_nothing() -> None:
    told = audit_of([call(0, task="T-1", usage={}), completed(10)])
    assert (told.outcomes, told.without_ai, told.unmetered_calls) == (0, 1, 1)


def test_the_direct_cost_ends_with_the_last_outcome() -> None:
    events = [spent(0, 1.0), merged(10, "d1"), spent(20, 2.0), completed(30), spent(40, 4.0), spent(50, 8.0, "T-2")]
    told = audit_of(events)
    assert (told.outcomes, told.direct_cost_per_outcome_usd, told.cost_per_outcome_usd) == (1, 3.0, 15.0)


def test_a_task_of_several_teams_counts_for_the_one_that_spent_most_on_it() -> None:
    told = audit_of([spent(0, 1.0, team="red"), spent(1, 2.0, team="blue"), completed(2)])
    assert [(t.team, t.tasks, t.tasks_completed, t.spend_usd) for t in told.teams] == [
        ("blue", 1, 1, 2.0),
        ("red", 0, 0, 1.0),
    ]


def test_one_team_is_told_as_it_stands_among_all() -> None:
    events = [spent(0, 1.0, team="red"), spent(1, 2.0, team="blue"), completed(2), spent(3, 4.0, "T-2", team="red")]
    every, red, blue = (audit_of(events, team=team) for team in (None, "red", "blue"))
    assert [red.teams, blue.teams] == [[every.teams[1]], [every.teams[0]]]
    assert (red.spend_usd, red.outcomes, [task.task for task in red.shipped_nothing]) == (5.0, 0, ["T-2"])
    assert (blue.spend_usd, blue.outcomes, blue.direct_cost_per_outcome_usd, blue.shipped_nothing) == (2.0, 1, 2.0, [])


def test_a_link_gives_what_a_run_has_spent_to_its_task() -> None:
    link = {"type": "link", "id": "l1", "time": T0 + 60, "run": "r1", "task": "T-1"}
    told = audit_of([spent(0, 3.0, None, run="r1"), link, completed(90)])
    assert (told.no_task_usd, told.tasks, told.outcomes, told.useful_run_share) == (0.0, 1, 1, 1.0)


def test_dollars_that_nobody_bills_are_in_no_other_figure() -> None:
    told = audit_of([spent(0, 3.0), spent(1, 5.0, cost_basis="notional"), completed(2)])
    assert (told.spend_usd, told.notional_usd, told.calls, told.cost_per_outcome_usd) == (3.0, 5.0, 2, 3.0)


def test_experiments_are_there_to_learn() -> None:
    told = audit_of([spent(0, 3.0, task_type="experiment"), spent(1, 2.0, "T-2")])
    assert told.experiments_usd == 3.0
    assert [task.task for task in told.shipped_nothing] == ["T-2"]


def test_a_loop_that_reached_a_ticket_is_flagged_and_each_of_its_calls_once() -> None:
    again = [
        spent(20.0 * n, 1.0, output={"text": "the very same answer as ever before, word for word"}) for n in range(40)
    ]
    told = audit_of(again)
    assert 0 < told.flagged_usd <= told.spend_usd == 40.0


def test_a_month_begins_and_ends_at_midnight_utc() -> None:
    window = of_month(2026, 12)
    assert window.days == pytest.approx(31)
    first, after = 1_796_083_200.0, 1_798_761_600.0
    assert window.began_t < first < window.ended_t < after
    assert not window.began_t < after <= window.ended_t


def test_without_events_there_are_no_figures_but_zeros() -> None:
    told = audit_of([status(0, "T-1")])
    assert (told.calls, told.spend_usd, told.cost_per_outcome_usd, told.useful_run_share) == (0, 0.0, None, None)
