"""`churn`: what fires, what is just under, and each innocent explanation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.config import Rules
from detector.rules.churn import ChurnFacts, Shipped, is_undone, judge
from tests.support.shipped import T, TaskSpend, context, evidence, severity, summary, tasks, window


def churned(undone: int, of: int = 20, before: int = 4, of_before: int = 40, **more: Any) -> ChurnFacts:
    """A team whose outcomes cost $20 each; `more` dollars as they are."""
    now = Shipped(of, undone, 20.0 * of, more.pop("undone_usd", 20.0 * undone))
    past = Shipped(of_before, before, 20.0 * of_before, more.pop("before_usd", 20.0 * before))
    return ChurnFacts(window(900.0, *tasks(now.undone_usd, "reverted")), more.pop("known", True), now, past)


TABLE = [
    ("10 % before, 30 % now", churned(6), "warning"),
    ("10 % before, 25 % now", churned(5), "info"),  # eight of a hundred months are so by chance
    ("10 % before, 25 % now, of many", churned(25, 100), "warning"),
    ("10 % before, 15 % now", churned(3), None),
    ("as before", churned(2), None),
    ("less than before", churned(0), None),
    ("a team that always tries out: 40 % before, 50 % now", churned(10, before=16), None),
    ("4 % before, 13 % now, of many: a few more", churned(13, 100, 4, 100), None),
    ("4 % before, 14 % now, of many", churned(14, 100, 4, 100), "warning"),
    ("none before, 30 % now", churned(6, before=0), "warning"),
    ("nothing ever told of one: not known", churned(0, before=0, known=False), None),
    ("nothing tells of it, whatever stands there", churned(9, known=False), None),
    ("9 outcomes", churned(9, 9), None),
    ("10 outcomes", churned(9, 10), "warning"),
    ("a young team: 9 outcomes before", churned(9, before=0, of_before=9), None),
    ("it had cost less than $100", churned(6, undone_usd=99.0), None),
    ("one dear task of 20 was taken back", churned(1, undone_usd=320.0), "info"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_came_undone(facts: ChurnFacts, expected: str | None) -> None:
    assert severity(judge(facts, context())) == expected


def test_without_a_source_the_facts_and_the_check_say_not_known() -> None:
    verdict = judge(churned(0, before=0, known=False), context())
    assert verdict.finding is None
    assert (verdict.checks[0].found, verdict.checks[0].holds) == ("not known", False)


def test_shares_are_told_by_number_and_by_dollars_beside_those_of_before() -> None:
    verdict = judge(churned(6, undone_usd=200.0), context())
    told = evidence(verdict)
    assert (told["share"], told["share_before"], told["usd_share"], told["usd_share_before"]) == (0.3, 0.1, 0.5, 0.1)
    assert (told["undone"], told["outcomes"], told["undone_usd"], told["days"]) == (6, 20, 200.0, 30)
    assert told["tasks"][0] == {"task": "reverted 0", "usd": 50.0, "fate": "reverted"}
    assert summary(verdict) == (
        "team search: of 20 outcomes of the 30 days to 11 Dec 14:40 UTC, 6 were taken back, reopened or largely "
        "rewritten, which had cost $200.00: 30% of outcomes (10% before), 50% of their dollars (10% before)"
    )


@pytest.mark.parametrize(
    ("reverted", "reopened", "churned_share", "undone"),
    [
        (False, False, None, False),
        (True, False, None, True),
        (False, True, None, True),
        (False, False, 0.49, False),
        (False, False, 0.5, True),
        (False, False, 0.0, False),
    ],
)
def test_an_outcome_comes_undone_by_a_revert_a_reopening_or_half_of_it_rewritten(
    reverted: bool, reopened: bool, churned_share: float | None, undone: bool
) -> None:
    assert is_undone(reverted, reopened, churned_share, Rules().churn) is undone


counts = st.integers(0, 50)


@given(counts, counts, counts, counts, st.floats(0.1, 10.0))
def test_it_never_fires_for_a_share_that_is_no_larger_than_before(a: int, b: int, c: int, d: int, price: float) -> None:
    undone, of = sorted((a, b))
    before, of_before = sorted((c, d))
    facts = ChurnFacts(
        window(1000.0, TaskSpend("x", 1.0, "reverted")),
        True,
        Shipped(of, undone, of * price, undone * price),
        Shipped(of_before, before, of_before * price, before * price),
    )
    if of and of_before and undone / of <= before / of_before:
        assert judge(facts, context()).finding is None


def test_the_window_ends_when_it_was_asked() -> None:
    verdict = judge(churned(6), context())
    assert verdict.finding is not None
    assert verdict.finding.begin_t == T - 30 * 86_400.0
