"""`concentration`: what fires, what is just under, and each innocent explanation."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.rules.concentration import ShareFacts, judge
from detector.rules.shipping import at_least_by_chance, at_most_by_chance
from tests.support.shipped import FIRED, TaskSpend, context, evidence, severity, summary, tasks, window


def part(usd: float, *spent: TaskSpend, **more: Any) -> ShareFacts:
    """One of four agents of a team that spent $1,000 and has 18 outcomes, 3 of them by this one."""
    of_window = {"history_days": more.pop("history_days", 60.0)}
    told: dict[str, Any] = {
        "kind": "agent", "name": "champion", "team_usd": 1000.0, "subjects": 4, "outcomes": 3, "team_outcomes": 18,
        **more,
    }  # fmt: skip
    return ShareFacts(window=window(usd, *(spent or tasks(usd, of=20)), **of_window), **told)


MIGRATION = TaskSpend("migration", 500.0, "shipped")

TABLE = [
    ("more than half of the dollars, a sixth of the outcomes", part(600.0), "warning"),
    ("less than half", part(499.0), None),
    ("no outcome at all", part(600.0, outcomes=0), "warning"),
    ("three times its share of outcomes", part(615.0, *tasks(615.0, of=99), outcomes=4, team_outcomes=20), "warning"),
    ("its share of outcomes is a little more", part(615.0, outcomes=4, team_outcomes=19), None),
    ("it spends most and ships most", part(900.0, outcomes=16), None),
    ("a key", part(600.0, kind="key"), "warning"),
    ("a person, one of five", part(600.0, kind="user", subjects=5), "warning"),
    ("a person, one of four: it would tell who", part(600.0, kind="user", subjects=4), None),
    ("a team of one", part(1000.0, subjects=1, outcomes=0), None),
    ("a team of two: one of them always has half", part(600.0, subjects=2), None),
    ("a team of three", part(600.0, subjects=3), "warning"),
    ("small spend", part(199.0, team_usd=300.0), None),
    ("just enough spend", part(200.0, team_usd=300.0), "warning"),
    ("a new team's first week", part(600.0, history_days=7.0), None),
    ("a team without outcomes: nothing to compare with", part(600.0, outcomes=0, team_outcomes=0), None),
    ("a month with one large migration", part(700.0, MIGRATION, *tasks(200.0)), "info"),
    ("a large task, and most of the rest too", part(900.0, MIGRATION, *tasks(400.0)), "warning"),
    ("experiments do not count", part(900.0, *tasks(500.0, "experiment"), *tasks(400.0), team_usd=900.0), None),
    ("what was given up does not count", part(900.0, *tasks(500.0, "dropped"), *tasks(400.0), team_usd=900.0), None),
    (
        "four outcomes, none of them its own: chance",
        part(510.0, *tasks(510.0, of=99), outcomes=0, team_outcomes=4),
        "info",
    ),
    ("five outcomes, none of them its own", part(510.0, *tasks(510.0, of=99), outcomes=0, team_outcomes=5), "warning"),
]


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_share_of_a_team(facts: ShareFacts, expected: str | None) -> None:
    assert severity(judge(facts, context())) == expected


def test_the_alert_is_the_teams_and_the_subject_is_in_its_evidence() -> None:
    verdict = judge(part(600.0, kind="user", subjects=5, name="u-bca97d83f2de"), context())
    assert verdict.finding is not None
    assert (verdict.finding.level, verdict.finding.group) == ("team", ("team", "search", ""))
    told = evidence(verdict)
    assert told["culprits"] == {"user": "u-bca97d83f2de"}
    assert (told["share"], told["share_of_outcomes"], told["team_usd"]) == (0.6, round(3 / 18, 6), 1000.0)
    assert len(told["tasks"]) == 5
    assert summary(verdict) == (
        "team search: person u-bca97d83f2de, one of 5 people, spent 60% of the $1,000.00 of the 30 days to 11 Dec "
        "14:40 UTC, and 3 of 18 outcomes came of it"
    )


def test_a_large_migration_is_told_as_one_task() -> None:
    verdict = judge(part(700.0, MIGRATION, *tasks(200.0)), context())
    assert evidence(verdict)["one_task"] is True
    assert evidence(verdict)["tasks"][0] == {"task": "migration", "usd": 500.0, "fate": "shipped"}
    assert summary(verdict).endswith("; that is one task of $500.00, without it 40%")


@given(st.floats(200.0, 1e5), st.integers(0, 20), st.floats(0.001, 1000.0))
def test_money_counts_by_its_share(usd: float, outcomes: int, factor: float) -> None:
    rules = {"concentration": {"least_usd": 0.0}}
    facts = part(usd, outcomes=outcomes, team_usd=1.5 * usd, team_outcomes=20)
    scaled = part(usd * factor, outcomes=outcomes, team_usd=1.5 * usd * factor, team_outcomes=20)
    assert severity(judge(facts, context(rules))) == severity(judge(scaled, context(rules)))


@given(st.floats(0.0, 1000.0), st.integers(0, 20), st.floats(0.0, 1e6))
def test_one_task_alone_is_never_a_ticket(usd: float, outcomes: int, largest: float) -> None:
    facts = part(usd, outcomes=outcomes, team_usd=2.1 * usd + 1.0, team_outcomes=20)
    assert severity(judge(facts, context())) not in FIRED
    spent = (*facts.window.tasks, TaskSpend("large", largest, "open"))
    more = part(usd + largest, *spent, outcomes=outcomes, team_usd=2.1 * usd + 1.0 + largest, team_outcomes=20)
    assert severity(judge(more, context())) != "warning"


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.0, 1.0))
def test_chances_below_and_above_make_a_whole(found: int, of: int, share: float) -> None:
    found = min(found, of)
    below, above = at_most_by_chance(found, of, share), at_least_by_chance(found + 1, of, share)
    assert below + above == pytest.approx(1.0)


def test_chances_of_a_coin() -> None:
    assert at_most_by_chance(0, 5, 0.5) == pytest.approx(1 / 32)
    assert at_most_by_chance(1, 10, 0.5) == pytest.approx(11 / 1024)
    assert at_least_by_chance(9, 10, 0.5) == pytest.approx(11 / 1024)
    assert at_most_by_chance(3_000, 10_000, 0.5) < 1e-100
