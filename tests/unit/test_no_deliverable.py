"""`no_deliverable`: what fires, what is just under, and each innocent explanation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.rules.no_deliverable import DearTaskFacts, NothingFacts, judge, judge_task
from tests.support.shipped import DAY_S, T, TaskSpend, context, evidence, severity, summary, tasks, window


def nothing(usd: float, *spent: TaskSpend, **more: Any) -> NothingFacts:
    """A team that spent `usd` in 30 days on tasks without an outcome; those of its tenant were told all along."""
    of_window = {name: more.pop(name) for name in ("history_days", "no_task_usd") if name in more}
    told: dict[str, Any] = {"level": "team", "outcomes": 0, "told_days": 90.0, "told_of": None, **more}
    return NothingFacts(window=window(usd, *(spent or tasks(usd)), **of_window), **told)


TABLE = [
    ("$200 and nothing shipped", nothing(200.0), "warning"),
    ("a cent less", nothing(199.99), None),
    ("the same of an agent", nothing(200.0, level="agent"), "warning"),
    ("the same of a key", nothing(200.0, level="key"), "warning"),
    ("one outcome", nothing(5000.0, outcomes=1), None),
    ("many outcomes", nothing(5000.0, outcomes=40), None),
    ("a new team's first week", nothing(900.0, history_days=7.0), None),
    ("a team of 29 days", nothing(900.0, history_days=29.0), None),
    ("a team of 30 days", nothing(900.0, history_days=30.0), "warning"),
    ("research that was closed as not planned", nothing(900.0, *tasks(900.0, "dropped")), None),
    ("research closed as not planned, and $200 beside it", nothing(1100.0, *tasks(900.0, "dropped")), "warning"),
    ("the same, $199 beside it", nothing(1099.0, *tasks(900.0, "dropped")), None),
    ("experiments", nothing(900.0, *tasks(900.0, "experiment")), None),
    ("experiments, and $200 beside them", nothing(1100.0, *tasks(900.0, "experiment")), "warning"),
    ("what shipped was taken back", nothing(900.0, *tasks(900.0, "reverted")), "warning"),
    ("no source of status: a team", nothing(900.0, told_days=0.0), "info"),
    ("no source of status: an agent of it", nothing(900.0, level="agent", told_days=0.0), None),
    ("no source of status: a key of it", nothing(900.0, level="key", told_days=0.0), None),
    ("a source of status since 3 days", nothing(900.0, told_days=3.0), "info"),
    ("a source of status since 29.9 days", nothing(900.0, told_days=29.9), "info"),
    ("no task claims any of it", nothing(900.0, no_task_usd=900.0), "info"),
    ("tasks claim $200 of it", nothing(900.0, no_task_usd=700.0), "warning"),
    ("its team's ticket is about the same dollars", nothing(900.0, level="agent", told_of="its team"), "info"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_month_of_spend(facts: NothingFacts, expected: str | None) -> None:
    assert severity(judge(facts, context(agent="a", key="k"))) == expected


def dear(usd: float, **more: Any) -> DearTaskFacts:
    """A task under way, of a type whose tasks cost $40 at most when they ship, 95 of 100 of 30."""
    told: dict[str, Any] = {
        "t": T, "days": 30, "began_t": T - 3 * DAY_S, "usd": usd, "calls": 90, "tokens": 9_000, "fate": "open",
        "task_type": "bug", "shipped": 30, "dear_usd": 40.0, "told_of": None, **more,
    }  # fmt: skip
    return DearTaskFacts(**told)


TASKS = [
    ("more than its like", dear(40.01), "warning"),
    ("no more than its like", dear(40.0), None),
    ("tasks without a type among themselves", dear(41.0, task_type=None), "warning"),
    ("it shipped", dear(500.0, fate="shipped"), None),
    ("it was closed as not planned", dear(500.0, fate="dropped"), None),
    ("it is an experiment", dear(500.0, fate="experiment"), None),
    ("what it shipped was taken back", dear(500.0, fate="reverted"), "warning"),
    ("29 of its type have shipped", dear(500.0, shipped=29), None),
    ("none of its type has shipped, or nothing tells", dear(500.0, shipped=0, dear_usd=0.0), None),
    ("tasks of its type cost cents: $20", dear(20.0, dear_usd=0.30), "warning"),
    ("tasks of its type cost cents: less", dear(19.99, dear_usd=0.30), None),
    ("its team's ticket is about the same dollars", dear(500.0, told_of="its team"), "info"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TASKS], ids=[row[0] for row in TASKS])
def test_a_single_task(facts: DearTaskFacts, expected: str | None) -> None:
    assert severity(judge_task(facts, context(task="T-7"))) == expected


def test_a_ticket_lists_the_five_costliest_tasks_and_what_became_of_them() -> None:
    spent = (TaskSpend("b", 300.0, "open"), TaskSpend("a", 300.0, "open"), TaskSpend("c", 700.0, "dropped"))
    verdict = judge(nothing(2000.0, *spent, *tasks(700.0, "experiment", of=7)), context())
    told = evidence(verdict)
    assert told["tasks"] == [
        {"task": "c", "usd": 700.0, "fate": "dropped"},
        {"task": "a", "usd": 300.0, "fate": "open"},
        {"task": "b", "usd": 300.0, "fate": "open"},
        {"task": "experiment 0", "usd": 100.0, "fate": "experiment"},
        {"task": "experiment 1", "usd": 100.0, "fate": "experiment"},
    ]
    assert (told["counted_usd"], told["dropped_usd"], told["experiment_usd"]) == (600.0, 700.0, 700.0)
    assert (told["days"], told["since"], told["outcomes"]) == (30, T - 30 * DAY_S, 0)
    assert summary(verdict) == (
        "team search spent $600.00 in the 30 days to 11 Dec 14:40 UTC, and nothing shipped; $700.00 on what was given "
        "up on purpose and $700.00 on experiments not counted"
    )


def test_without_a_source_of_status_it_says_that_nothing_is_known() -> None:
    verdict = judge(nothing(900.0, told_days=0.0), context())
    assert verdict.finding is not None
    assert verdict.finding.spend_only
    assert evidence(verdict)["outcomes"] is None
    assert summary(verdict).endswith("and nothing tells what came of it: what shipped is not known")
    assert evidence(verdict)["decided_by"] == "days for which something tells what ships: 0, needs at least 30"


def test_a_key_is_named_with_its_team_and_groups_by_itself() -> None:
    one, other = (judge(nothing(900.0, level="key"), context(key=key)) for key in ("k-1", "k-2"))
    assert summary(one).startswith("key k-1 of team search spent $900.00")
    assert one.finding is not None
    assert other.finding is not None
    assert one.finding.group != other.finding.group


def test_a_single_task_says_what_its_like_cost() -> None:
    verdict = judge_task(dear(64.0), context(task="T-7"))
    assert summary(verdict) == (
        "task T-7 of team search has cost $64.00 since 08 Dec 14:40 UTC and shipped nothing: of 30 tasks of type bug "
        "that shipped, 95% cost $40.00 at most"
    )
    assert evidence(verdict)["tasks"] == [{"task": "T-7", "usd": 64.0, "fate": "open"}]


def test_floors_are_configuration() -> None:
    rules = {"no_deliverable": {"least_usd": 1000.0, "task_usd": 100.0}}
    assert judge(nothing(999.0), context(rules)).finding is None
    assert judge_task(dear(99.0), context(rules, task="T")).finding is None


shares = st.tuples(*[st.floats(0.0, 1.0)] * 3)


@given(st.floats(0.0, 1e6), shares, st.integers(0, 3), st.floats(0.0, 120.0), st.floats(0.0, 120.0))
def test_it_is_a_ticket_only_for_dollars_that_could_have_shipped_and_did_not(
    usd: float, parts: tuple[float, float, float], outcomes: int, history: float, told: float
) -> None:
    spent = [TaskSpend("x", usd * parts[0] / 3, "experiment"), TaskSpend("d", usd * parts[1] / 3, "dropped")]
    unclaimed = usd * parts[2] / 3
    facts = nothing(usd, *spent, outcomes=outcomes, history_days=history, told_days=told, no_task_usd=unclaimed)
    if severity(judge(facts, context())) == "warning":
        assert facts.window.claimed_usd >= 200.0
        assert outcomes == 0
        assert min(history, told) >= 30.0
