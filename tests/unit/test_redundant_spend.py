"""`redundant_spend`: what fires, and what is just under."""

from typing import Any

import pytest

from detector.audit import flagged
from detector.rules import redundant_spend, redundant_work
from detector.rules.redundant_spend import RedundantFacts, judge
from tests.support.shipped import TaskSpend, context, evidence, severity, summary, window


def again(usd: float, runs: int = 12, **more: Any) -> RedundantFacts:
    """A team that spent $1,000, of it `usd` on answers that were there."""
    spent = (TaskSpend("nightly", usd / 2, "open"), TaskSpend("report", usd / 2, "shipped"))
    return RedundantFacts(window(more.pop("team_usd", 1000.0), *spent), runs, usd, 2)


TABLE = [
    ("$100", again(100.0), "warning"),
    ("a cent less", again(99.99), "info"),
    ("$20", again(20.0), "info"),
    ("a cent less than that", again(19.99), None),
    ("every answer is new", again(0.0, runs=0), None),
    ("a small share of a large bill is money too", again(100.0, team_usd=1e6), "warning"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_answers_that_were_there(facts: RedundantFacts, expected: str | None) -> None:
    assert severity(judge(facts, context())) == expected


def test_nothing_is_found_where_nothing_is_redundant_whatever_the_floors_are() -> None:
    rules = {"redundant_spend": {"info_usd": 0.0, "warning_usd": 0.0}}
    assert judge(again(0.0, runs=0), context(rules)).finding is None


def test_it_is_the_bill_of_a_team_and_says_on_what() -> None:
    verdict = judge(again(250.0), context())
    told = evidence(verdict)
    assert (told["redundant_usd"], told["share"], told["runs"], told["redundant_tasks"]) == (250.0, 0.25, 12, 2)
    assert [task["task"] for task in told["tasks"]] == ["nightly", "report"]
    assert summary(verdict) == (
        "team search: 12 runs on 2 tasks in the 30 days to 11 Dec 14:40 UTC gave nearly the same final answer as a run "
        "before, for $250.00, 25% of its spend"
    )


def test_it_flags_no_calls_as_redundant_work_does() -> None:
    assert redundant_work.NAME in flagged.RULES
    assert redundant_spend.NAME not in flagged.RULES
