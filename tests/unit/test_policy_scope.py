"""What a scope may see: one's own, a team, or teams without people, and nothing more by subtraction."""

from collections import Counter, defaultdict
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.audit.figures import Billed, Figures, Nothing, Team, Went
from detector.errors import NotAllowed
from detector.policy.figures import restrict_figures, team_to_ask
from detector.policy.people import FEWEST, Row, nameable, restrict
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope, may_see, shown_agent, shown_user

PEOPLE = [f"u-{n:012x}" for n in range(12)]
ME, ANOTHER = PEOPLE[:2]
SELF = Scope(Kind.SELF, "acme", people=frozenset([ME]))
RED = Scope(Kind.TEAM, "acme", "red")
ACME = Scope(Kind.TENANT, "acme")
ALL_SCOPES = [SELF, RED, ACME, TEAMS, NOTHING]

tenants = st.sampled_from(["acme", "other"])
teams = st.sampled_from(["red", "blue", None])
amounts = st.tuples(st.integers(0, 1000).map(float), st.integers(0, 3).map(float))
rows = st.lists(st.builds(Row, tenants, teams, st.sampled_from([*PEOPLE, None]), amounts), max_size=60)
named = st.none() | st.sets(st.sampled_from(PEOPLE))


def contributors(rows: list[Row]) -> set[str]:
    return {row.person for row in rows if row.person is not None and any(row.sums)}


def of_red(rows: list[Row]) -> list[Row]:
    return [row for row in rows if (row.tenant, row.team) == ("acme", "red")]


def total(rows: list[Row]) -> tuple[float, ...]:
    return tuple(map(sum, zip(*(row.sums for row in rows), strict=True))) or (0.0, 0.0)


@given(rows, named)
def test_self_yields_ones_own_rows_whole_and_no_sum_of_others(rows: list[Row], named: set[str] | None) -> None:
    told = restrict(rows, SELF, named)
    assert all((row.tenant, row.person) == ("acme", ME) for row in told)
    mine = [row for row in rows if (row.tenant, row.person) == ("acme", ME)]
    assert total(told) == total(mine)
    assert {row.team for row in told} == {row.team for row in mine}


@given(rows, named)
def test_team_yields_its_sum_and_no_other_team(rows: list[Row], named: set[str] | None) -> None:
    told = restrict(rows, RED, named)
    assert {(row.tenant, row.team) for row in told} <= {("acme", "red")}
    assert total([row for row in told if row.person is None]) == total(of_red(rows))


@given(rows, named)
def test_team_yields_people_only_where_five_contribute_and_each_with_all_of_theirs(
    rows: list[Row], named: set[str] | None
) -> None:
    of_team, told = of_red(rows), restrict(rows, RED, named)
    people = {row.person: row.sums for row in told if row.person is not None}
    if len(contributors(of_team)) < FEWEST:
        assert not people
    for person, sums in people.items():
        assert sums == total([row for row in of_team if row.person == person])


@given(rows, named)
def test_the_sum_of_a_team_less_any_people_that_are_shown_is_of_five_people_or_of_none(
    rows: list[Row], named: set[str] | None
) -> None:
    of_team = of_red(rows)
    shown_people = {row.person for row in restrict(rows, RED, named) if row.person is not None}
    hidden = contributors(of_team) - shown_people
    assert not shown_people or not hidden or len(hidden) >= FEWEST


@given(rows, named)
def test_tenant_yields_teams_whose_sums_are_whole_and_no_person(rows: list[Row], named: set[str] | None) -> None:
    for scope in (ACME, TEAMS):
        told = restrict(rows, scope, named)
        assert all(row.person is None for row in told)
        wanted: dict[Any, list[Row]] = defaultdict(list)
        for row in rows:
            if scope.tenant in (None, row.tenant):
                wanted[row.tenant, row.team].append(row)
        assert {(row.tenant, row.team): row.sums for row in told} == {key: total(of) for key, of in wanted.items()}


@given(rows, named)
def test_each_key_is_one_row_in_the_order_of_names_and_never_of_amounts(
    rows: list[Row], named: set[str] | None
) -> None:
    for scope in ALL_SCOPES:
        told = restrict(rows, scope, named)
        assert max(Counter(row[:3] for row in told).values(), default=1) == 1
        for scope_rows in (told, restrict(reversed(rows), scope, named)):
            assert [row[:3] for row in scope_rows] == [row[:3] for row in told]
            people = [row.person for row in scope_rows if row.person is not None]
            assert scope.kind is Kind.SELF or people == sorted(people)
    assert restrict(rows, NOTHING) == []


def five(count: int) -> list[Row]:
    return [Row("acme", "red", person, (1.0, 1.0)) for person in PEOPLE[:count]]


@pytest.mark.parametrize(("contribute", "shows"), [(4, 0), (5, 5), (6, 6)])
def test_five_is_where_people_begin(contribute: int, shows: int) -> None:
    assert len(nameable(five(contribute))) == shows


def test_who_contributed_nothing_does_not_count_towards_the_five() -> None:
    assert not nameable([*five(4), Row("acme", "red", PEOPLE[9], (0.0, 0.0))])


def test_every_choice_of_people_leaves_none_or_five_unshown() -> None:
    of = five(7)
    for size in range(8):
        for wanted in combinations(PEOPLE[:7], size):
            assert len(nameable(of, wanted)) == (size if size in (0, 1, 2, 7) else 0)


names = st.none() | st.sampled_from([ME, ANOTHER, "mara"])
agents = st.none() | st.sampled_from([ME, ANOTHER, "fixer"])


@given(st.sampled_from(ALL_SCOPES), tenants, teams, names, agents)
def test_one_thing_is_seen_within_its_tenant_by_its_team_and_by_the_person_alone(
    scope: Scope, tenant: str, team: str | None, user: str | None, agent: str | None
) -> None:
    people = {user, agent if agent in PEOPLE else None} - {None}
    inside = scope.tenant in (None, tenant)
    wanted = {
        Kind.NOTHING: False,
        Kind.SELF: inside and people == {ME},
        Kind.TEAM: inside and team == "red" and not people,
        Kind.TENANT: inside and not people,
    }
    assert may_see(scope, tenant, team, user, agent) == wanted[scope.kind]


def test_another_is_shown_as_a_person_and_what_is_none_by_its_name() -> None:
    assert [shown_agent(SELF, name) for name in (ME, ANOTHER, "fixer", None)] == [ME, "person", "fixer", None]
    assert [shown_agent(TEAMS, name) for name in (ME, "u-12")] == ["person", "u-12"]
    assert [shown_user(SELF, name) for name in (ME, ANOTHER, "mara", None)] == [ME, "person", "person", None]


def figures(teams: list[tuple[str, str | None]], invoice: list[Billed] | None = None) -> Figures:
    return Figures(
        days=30.0, began_t=0.0, ended_t=1.0, spend_usd=1.0, calls=1, unpriced_calls=0, unmetered_calls=0,
        notional_usd=0.0, no_task_usd=0.0, flagged_usd=0.0, outcomes=0, tasks=2, tasks_completed=0, without_ai=7,
        cost_per_completed_task_usd=None, cost_per_outcome_usd=None, direct_cost_per_outcome_usd=None,
        useful_run_share=None, median_completed_task_usd=None, weighted_completed_task_usd=None,
        status_source=True, experiments_usd=0.0, went=Went(), weeks=[], models=[],
        teams=[Team(team, tenant) for tenant, team in teams],
        shipped_nothing=[Nothing("T-1", "acme", team, 1.0, 1, 1) for team in ("red", "blue")],
        invoice=invoice,
    )  # fmt: skip


def test_an_audit_without_a_policy_is_whole() -> None:
    whole = figures([("acme", "red"), ("other", "blue"), ("acme", None)])
    assert restrict_figures(whole, TEAMS) is whole
    assert (team_to_ask(TEAMS, None), team_to_ask(TEAMS, "red")) == (None, "red")


@pytest.mark.parametrize("scope", [NOTHING, SELF])
def test_an_audit_is_nothing_for_who_sees_no_team(scope: Scope) -> None:
    with pytest.raises(NotAllowed, match=f"the scope is {scope.kind}"):
        team_to_ask(scope, None)
    with pytest.raises(NotAllowed):
        restrict_figures(figures([("acme", "red")]), scope)


def test_an_audit_of_a_team_is_of_no_other_one() -> None:
    assert team_to_ask(RED, None) == team_to_ask(RED, "red") == "red"
    with pytest.raises(NotAllowed, match="no other one"):
        team_to_ask(RED, "blue")
    told = restrict_figures(figures([("acme", "red")]), RED)
    assert [task.team for task in told.shipped_nothing] == ["red"]
    for others in ([("acme", "red"), ("acme", "blue")], [("acme", None)], [("other", "red")]):
        with pytest.raises(NotAllowed, match="more than the scope"):
            restrict_figures(figures(others), RED)
    with pytest.raises(NotAllowed, match="an invoice is of all teams"):
        restrict_figures(figures([("acme", "red")], []), RED)


def test_an_audit_of_a_tenant_is_of_no_other_one() -> None:
    told = restrict_figures(figures([("acme", "red"), ("acme", None)]), ACME)
    assert (len(told.shipped_nothing), told.without_ai) == (2, 0)
    with pytest.raises(NotAllowed, match="more than the scope"):
        restrict_figures(figures([("acme", "red"), ("other", "red")]), ACME)
