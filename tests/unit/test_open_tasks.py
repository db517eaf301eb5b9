"""The list of open tasks: what boards count, by name, cut down to who asks."""

import pytest

from detector.boards.sums import Figures
from detector.config import Config
from detector.incidents import tasks
from detector.incidents.tasks import OpenTask, OpenTasks, TeamTasks, open_tasks, seen_tasks
from detector.ledger.books import Books
from detector.ledger.folding import make_room
from detector.policy.scope import TEAMS, Kind, Scope
from detector.portfolio import Portfolio
from tests.support.judged import T0, Event, status
from tests.support.worked import completed, merged, month, spent
from tests.unit.test_boards import books_of, reckoned

DAY_S = 86_400.0
SOMEBODY = "u-0123456789ab"


def listed(events: list[Event]) -> OpenTasks:
    return open_tasks([books_of(events)], T0)


def counts_agree(books: Books) -> int:
    """Compares the list's counts with the histograms; returns how many tasks there are."""
    figures: Figures = reckoned(books)
    told = open_tasks([books], T0)
    by_team = {team: of.by_age[-1] for team, of in figures.open_tasks.items()}
    assert {team: of.tasks for team, of in told.teams.items()} == by_team
    assert by_team == {team: of.by_cost[-1] for team, of in figures.open_tasks.items()}
    return sum(by_team.values())


@pytest.mark.parametrize("seed", range(4))
def test_it_counts_by_team_what_the_histograms_of_boards_count(seed: int) -> None:
    assert counts_agree(books_of(month(seed, tasks=60, days=50))) > 0


def test_tasks_that_are_kept_together_are_in_neither() -> None:
    books = books_of([spent(9000.0 * n, 1.0, f"T-{n}", run=f"r{n}") for n in range(60)])
    make_room(books, 20)
    assert 0 < counts_agree(books) < 60


def test_a_task_is_told_with_what_it_cost_and_who_spent_most_on_it() -> None:
    [row] = listed([
        spent(0, 3.0, "A", team="red", agent="scout"), spent(3 * DAY_S, 1.0, "A", team="blue", agent="fixer"),
        spent(3 * DAY_S + 60, 1.0, "A", team="red", agent="scout"),
    ]).rows  # fmt: skip
    assert (row.tenant, row.team, row.task, row.agent) == ("default", "red", "A", "scout")
    assert (row.usd, row.day_usd, row.calls) == (5.0, 2.0, 3)
    assert 3 * DAY_S <= row.age_s < 3 * DAY_S + 600
    assert (row.moved_t, row.moved_by) == (0.0, "")


@pytest.mark.parametrize(
    ("then", "by"),
    [
        ([merged(60, "d1")], "deliverable"),
        ([status(60, "T-1", to="started", category="started")], "strong status"),
        ([completed(60), status(90, "T-1", category="started")], "taken up again"),
        ([merged(60, "d1"), status(90, "T-1", category="started")], "strong status"),
    ],
)
def test_it_is_told_with_what_a_task_moved_last(then: list[Event], by: str) -> None:
    [row] = listed([spent(0), *then]).rows
    assert (row.moved_t, row.moved_by) == (T0 + then[-1]["time"] - spent(0)["time"], by)


@pytest.mark.parametrize(
    ("events", "open"),
    [
        ([spent(0)], 1),
        ([spent(0), completed(60)], 0),
        ([spent(0), status(60, "T-1", category="not_planned")], 0),
        ([spent(0), spent(31 * DAY_S, 1.0, None)], 0),
        ([spent(0, 1.0, None)], 0),
        ([], 0),
    ],
)
def test_what_is_closed_abandoned_or_no_task_is_not_in_it(events: list[Event], open: int) -> None:
    told = listed(events)
    assert len(told.rows) == sum(of.tasks for of in told.teams.values()) == open


def test_the_dearest_come_first_and_of_a_team_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "OF_TEAM", 3)
    told = listed([spent(60 * n, 1.0 + n, f"T-{n}", team="red" if n else "blue") for n in range(9)])
    assert [row.usd for row in told.rows] == [9.0, 8.0, 7.0, 1.0]
    assert told.teams["default", "red"] == TeamTasks(8, sum(range(2, 10)))


def test_beyond_the_bound_every_team_keeps_its_dearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "OF_TEAM", 2)
    monkeypatch.setattr(tasks, "OF_ALL", 4)
    spenders = [("red", 9.0), ("red", 8.0), ("blue", 7.0), ("blue", 6.0), ("ops", 0.5), ("ops", 0.2)]
    told = listed([spent(60 * n, usd, f"T-{n}", team=team) for n, (team, usd) in enumerate(spenders)])
    assert [(row.team, row.usd) for row in told.rows] == [("red", 9.0), ("red", 8.0), ("blue", 7.0), ("ops", 0.5)]


def test_partitions_are_one_list() -> None:
    first, second = (books_of([spent(0, usd, task)]) for usd, task in ((1.0, "A"), (2.0, "B")))
    told = open_tasks([first, second, Portfolio(Config()).books], T0)
    assert [row.task for row in told.rows] == ["B", "A"]
    assert told.teams == {("default", "team"): TeamTasks(2, 3.0)}


def row(**fields: object) -> OpenTask:
    told = {"tenant": "acme", "team": "red", "task": "A", "agent": "scout", "age_s": 1.0, "usd": 1.0, "day_usd": 1.0}
    return OpenTask(**{**told, "calls": 1, **fields})  # type: ignore[arg-type]


def seen(scope: Scope, tenant: str | None = None, team: str | None = None) -> list[str]:
    rows = [row(), row(team="blue", task="B"), row(tenant="other", task="C"), row(team=None, task="D")]
    told = OpenTasks(0.0, 0.0, rows, {(r.tenant, r.team): TeamTasks(1, 1.0) for r in rows})
    cut = seen_tasks(told, scope, tenant, team)
    assert set(cut.teams) == {(r.tenant, r.team) for r in cut.rows}
    return [r.task for r in cut.rows]


def test_each_scope_sees_the_tasks_of_its_teams() -> None:
    assert seen(TEAMS) == ["A", "B", "C", "D"]
    assert seen(Scope(Kind.TENANT, "acme")) == ["A", "B", "D"]
    assert seen(Scope(Kind.TEAM, "acme", "blue")) == ["B"]
    assert seen(Scope(Kind.SELF, None, people=frozenset({SOMEBODY}))) == []
    assert seen(Scope(Kind.NOTHING)) == []


def test_tenant_and_team_narrow_it_down_and_never_widen_it() -> None:
    assert seen(TEAMS, "acme") == ["A", "B", "D"]
    assert seen(TEAMS, None, "red") == ["A", "C"]
    assert seen(Scope(Kind.TEAM, "acme", "blue"), "other", "red") == []


def test_an_agent_that_is_a_person_is_in_nothing_that_is_kept() -> None:
    told = listed([spent(0, 1.0, "A", agent=SOMEBODY)])
    assert told.rows[0].agent == "person"
    assert SOMEBODY not in str(told)


def test_people_are_masked_where_they_stand_for_a_team() -> None:
    rows = [row(), row(team=SOMEBODY), row(team="u-ba9876543210")]
    told = seen_tasks(OpenTasks(0.0, 0.0, rows, {(r.tenant, r.team): TeamTasks(1, 1.0) for r in rows}), TEAMS)
    assert told.teams == {("acme", "red"): TeamTasks(1, 1.0), ("acme", "person"): TeamTasks(2, 2.0)}
    assert [r.team for r in told.rows] == ["red", "person", "person"]
