"""`cost_per_outcome`: what fires, what is just under, each innocent explanation; made-up teams by the hundred."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.rules.cost_per_outcome import CostFacts, Week, judge, week
from tests.support.shipped import DAY_S, T, TaskSpend, context, evidence, severity, summary

WEEK_S = 7 * DAY_S


def weeks(*told: tuple[Sequence[float], float]) -> CostFacts:
    """Weeks by the costs of the tasks completed in them, and what was spent beside (the dearest task takes a tenth)."""
    began = [T - (len(told) - n) * WEEK_S for n in range(len(told))]
    made = [
        week(t, sum(costs) + beside, max((*costs, beside / 10)), costs)
        for t, (costs, beside) in zip(began, told, strict=True)
    ]
    return CostFacts(
        T, tuple(made), 400, 3_000_000, (TaskSpend("dear", 90.0, "open"), TaskSpend("done", 9.0, "shipped"))
    )


USUAL: tuple[list[float], float] = ([10.0, 8.0, 12.0, 9.0, 11.0, 10.0], 20.0)
DEAR: tuple[list[float], float] = ([50.0, 40.0, 60.0, 45.0, 55.0, 50.0] * 2, 100.0)
"""Twice the outcomes at ten times the cost."""


def times(usual: tuple[list[float], float], cost: float, number: int = 1) -> tuple[list[float], float]:
    return [x * cost for x in usual[0]] * number, usual[1] * cost * number


LARGE = ([*USUAL[0], 3000.0], 20.0)
UNDER_WAY = (USUAL[0], 3000.0)
TINY = ([25.0, 20.0, 30.0, 22.0, 28.0, 25.0, *[0.05] * 20], 20.0)

TABLE = [
    ("no week at all", weeks(), None),
    ("as ever", weeks(*[USUAL] * 12), None),
    ("twice the outcomes at ten times the cost", weeks(*[USUAL] * 8, *[DEAR] * 4), "warning"),
    ("the same after four weeks of history", weeks(*[USUAL] * 4, *[DEAR] * 4), "warning"),
    ("the same after three", weeks(*[USUAL] * 3, *[DEAR] * 4), None),
    ("the same for three weeks: not in every week yet", weeks(*[USUAL] * 9, *[DEAR] * 3), "info"),
    ("the same for one week", weeks(*[USUAL] * 11, DEAR), None),
    ("2.1 times the cost", weeks(*[USUAL] * 8, *[times(USUAL, 2.1)] * 4), "warning"),
    ("1.9 times the cost", weeks(*[USUAL] * 8, *[times(USUAL, 1.9)] * 4), None),
    ("a team that grows: thrice the outcomes at thrice the cost", weeks(*[USUAL] * 8, *[times(USUAL, 1, 3)] * 4), None),
    ("twice the cost each, and thrice as many", weeks(*[USUAL] * 8, *[times(USUAL, 2, 3)] * 4), None),
    ("a little more spend, and half of the outcomes", weeks(*[USUAL] * 8, *[(USUAL[0][:3], 60.0)] * 4), "warning"),
    ("half of the spend for half of the outcomes", weeks(*[USUAL] * 8, *[(USUAL[0][:3], 10.0)] * 4), None),
    ("what ships nothing has grown", weeks(*[USUAL] * 8, *[(USUAL[0], 250.0)] * 4), "warning"),
    ("one large task", weeks(*[USUAL] * 8, USUAL, LARGE, USUAL, USUAL), None),
    ("one large task in the last week", weeks(*[USUAL] * 11, LARGE), None),
    ("nine tasks completed", weeks(*[USUAL] * 8, *[([50.0, 50.0], 90.0)] * 3, ([50.0] * 3, 90.0)), None),
    ("ten tasks completed", weeks(*[USUAL] * 8, *[([90.0] * 3, 90.0)] * 3, ([90.0], 90.0)), "warning"),
    ("no task completed before", weeks(*[([], 80.0)] * 8, *[DEAR] * 4), None),
    ("cents", weeks(*[times(USUAL, 0.01)] * 8, *[times(DEAR, 0.01)] * 4), None),
    ("many tiny tasks closed beside tasks that became dearer", weeks(*[USUAL] * 8, *[TINY] * 4), "info"),
    (
        "tiny tasks closed, and nothing became dearer",
        weeks(*[USUAL] * 8, *[([*USUAL[0], *[0.05] * 20], 20.0)] * 4),
        None,
    ),
    ("one task a week, then three for the same each", weeks(*[([10.0], 0.0)] * 10, *[([10.0] * 3, 0.0)] * 4), None),
    ("one task a week, then three at five times", weeks(*[([10.0], 0.0)] * 10, *[([50.0] * 3, 0.0)] * 4), "warning"),
    ("idle weeks are no cheap ones", weeks(*[([], 0.0)] * 5, *[USUAL] * 5, *[USUAL] * 4), None),
    ("dear in one week of four, idle in the others", weeks(*[USUAL] * 8, DEAR, *[([], 0.0)] * 3), None),
    ("idle weeks are no history", weeks(*[([], 0.0)] * 5, *[USUAL] * 3, *[DEAR] * 4), None),
    ("weeks without a task in between", weeks(*[USUAL, ([], 0.0)] * 4, *[DEAR] * 4), "warning"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_weeks_of_a_team(facts: CostFacts, expected: str | None) -> None:
    assert severity(judge(facts, context())) == expected


def test_one_large_task_over_all_four_weeks_is_none_of_the_teams_cost() -> None:
    spread = week(0.0, sum(USUAL[0]) + 20.0 + 750.0, 750.0, USUAL[0])
    usual = weeks(*[USUAL] * 12)
    large = usual._replace(weeks=(*usual.weeks[:8], *[spread] * 4))
    assert judge(large, context()).finding is None


def test_the_median_and_the_dollar_weighted_figure_stand_side_by_side_with_the_audits() -> None:
    verdict = judge(weeks(*[USUAL] * 8, *[DEAR] * 4), context())
    told = evidence(verdict)
    assert (told["median_usd"], told["median_before_usd"]) == (50.0, 10.0)
    assert (told["weighted_usd"], told["weighted_before_usd"]) == (pytest.approx(50.8333, abs=1e-3), 10.166667)
    assert told["cost_per_completed_task_usd"] == pytest.approx(700 / 12, abs=1e-6)
    assert told["cost_per_completed_task_before_usd"] == pytest.approx(80 / 6, abs=1e-6)
    assert (told["completed_times"], told["dearer_weeks"], told["hidden_by_small_tasks"]) == (2.0, 1.0, False)
    assert told["since_week"] == T - 4 * WEEK_S
    assert (told["days"], len(told["weeks"]), told["tasks"][0]["task"]) == (28, 12, "dear")
    assert summary(verdict) == (
        "team search: in the 4 weeks to 10 Dec a completed task cost $58.33 in a middling week, what shipped nothing "
        "included, 4.38 times the $13.33 before since the week of 13 Nov, and 2 times as many were "
        "completed; the median one $50.00 ($10.00 before), weighted by dollars $50.83 ($10.17 before)"
    )


def test_as_many_tasks_as_before_are_told_without_a_factor() -> None:
    same = weeks(*[USUAL] * 8, *[(times(USUAL, 5.0)[0], 20.0)] * 4)
    assert "since the week of 13 Nov, and as many were completed; the median one" in summary(judge(same, context()))


def test_small_tasks_that_hide_it_are_told_as_such() -> None:
    verdict = judge(weeks(*[USUAL] * 8, *[TINY] * 4), context())
    assert evidence(verdict)["hidden_by_small_tasks"] is True
    assert evidence(verdict)["since_week"] is None
    assert "many small completed tasks hide that the others became dearer: the median one $0.05" in summary(verdict)


@pytest.mark.parametrize("ago", [2, 3, 4])
def test_a_sudden_rise_is_dated_by_its_week(ago: int) -> None:
    found = evidence(judge(weeks(*[USUAL] * (12 - ago), *[DEAR] * ago), context()))
    assert found["since_week"] == T - ago * WEEK_S


def test_a_rise_bit_by_bit_has_no_week() -> None:
    rising = [times(USUAL, 1.25 ** max(0, n - 2)) for n in range(12)]
    verdict = judge(weeks(*rising), context())
    assert severity(verdict) == "warning"
    assert evidence(verdict)["since_week"] is None


def test_many_small_tasks_do_not_lower_the_dollar_weighted_cost() -> None:
    few, many = week(0.0, 100.0, 20.0, [20.0, 20.0]), week(0.0, 100.0, 20.0, [20.0, 20.0, *[0.01] * 50])
    assert (few.median_usd, many.median_usd) == (20.0, 0.01)
    assert many.weighted_usd == pytest.approx(few.weighted_usd, rel=0.02)
    assert week(0.0, 5.0, 5.0, []) == Week(0.0, 5.0, 5.0, 0, None, None)


costs = st.floats(0.01, 1e4)
some_weeks = st.lists(st.tuples(st.lists(costs, max_size=8), st.floats(0.0, 1e4)), min_size=8, max_size=14)


@settings(max_examples=100, deadline=None)
@given(some_weeks, st.integers(-3, 10))
def test_dollars_in_another_unit_give_the_same_verdict_and_costs_so_many_times(
    told: list[tuple[list[float], float]], doublings: int
) -> None:
    rules = {"cost_per_outcome": {"least_usd": 0.0}}
    factor = 2.0**doublings  # exact, so that no comparison turns by rounding
    told = [(found, beside + 1.0) for found, beside in told]  # less than a cent is taken as one
    one = judge(weeks(*told), context(rules))
    other = judge(weeks(*(([x * factor for x in found], beside * factor) for found, beside in told)), context(rules))
    assert severity(other) == severity(one)
    if one.finding is not None:
        for name in ("middling_usd", "median_usd", "weighted_usd", "cost_per_completed_task_usd"):
            assert evidence(other)[name] == pytest.approx(evidence(one)[name] * factor, rel=1e-3, abs=1e-5)
        assert evidence(other)["since_week"] == evidence(one)["since_week"]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 11), st.floats(0.0, 1e7), st.booleans(), st.integers(0, 2**32))
def test_one_large_task_never_makes_a_ticket_of_a_steady_team(at: int, usd: float, shipped: bool, seed: int) -> None:
    chance = random.Random(seed)
    steady = [times(USUAL, chance.uniform(0.8, 1.25)) for _ in range(12)]
    before = weeks(*steady)
    found, beside = steady[at]
    large = week(
        before.weeks[at].began_t, sum(found) + beside + usd, max(usd, *found), [*found, usd] if shipped else found
    )
    after = before._replace(weeks=(*before.weeks[:at], large, *before.weeks[at + 1 :]))
    assert judge(before, context()).finding is None
    assert severity(judge(after, context())) != "warning"


def made_up(chance: random.Random, tasks_a_week: float, dearer: float, more: float, before: int = 8) -> CostFacts:
    """Tasks whose costs differ by e each way, two of seven of which ship nothing; the last four weeks may be dearer."""
    told = []
    for n in range(before + 4):
        late = n >= before
        price, number = (dearer, more) if late else (1.0, 1.0)
        drawn = [price * chance.lognormvariate(2.0, 1.0) for _ in range(_poisson(chance, 1.4 * number * tasks_a_week))]
        ships = [cost for cost in drawn if chance.random() < 1 / 1.4]
        told.append(week(T - (before + 4 - n) * WEEK_S, sum(drawn), max(drawn, default=0.0), ships))
    return CostFacts(T, tuple(told), 1, 1, ())


def _poisson(chance: random.Random, mean: float) -> int:
    n, left = 0, mean
    while (left := left - chance.expovariate(1.0)) > 0:
        n += 1
    return n


@pytest.mark.parametrize("tasks_a_week", [3, 5, 10])
def test_of_steady_made_up_teams_at_most_one_in_a_hundred_are_false_tickets(tasks_a_week: int) -> None:
    chance = random.Random(tasks_a_week)
    facts = [made_up(chance, tasks_a_week, 1.0, 1.0) for _ in range(400)]
    assert sum(severity(judge(f, context())) == "warning" for f in facts) <= 4


@pytest.mark.parametrize("tasks_a_week", [5, 10])
def test_nearly_all_teams_with_twice_the_outcomes_at_ten_times_the_cost_are_told_and_dated(
    tasks_a_week: int,
) -> None:
    chance = random.Random(tasks_a_week)
    verdicts = [judge(made_up(chance, tasks_a_week, 5.0, 2.0), context()) for _ in range(100)]
    fired = [evidence(v) for v in verdicts if severity(v) == "warning"]
    dated = [told["since_week"] for told in fired if told["since_week"] is not None]
    assert len(fired) >= 95
    assert sum(abs(t - (T - 4 * WEEK_S)) <= WEEK_S for t in dated) >= 0.9 * len(fired)
