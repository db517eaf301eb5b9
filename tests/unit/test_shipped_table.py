"""The table of docs/portfolio.md through events of months: what each rule must say, and what it must not."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from detector.config import Config
from detector.model.alert import Alert
from detector.portfolio import Portfolio
from tests.support.judged import T0, Event, last, status
from tests.support.months import DAY_S, RULES, done, found, on, told, tracker, weeks_told, work
from tests.support.prose import varied, words
from tests.support.spread import CONFIG, portfolio_of
from tests.support.spread import Told as Rollup
from tests.support.stored import Parts, written
from tests.support.worked import merged

DAYS = 31
Told = list[tuple[str, str, str | None]]


def nothing(events: Sequence[Event], day: int = DAYS, config: Config = CONFIG) -> Told:
    """What `no_deliverable` says of teams and tasks: their agents are told of by the team's ticket."""
    alerts = found([*events, *tracker(day)], day, config)
    return [each for each in told(alerts, "no_deliverable") if each[1] != "agent"]


def spread(usd: float, days: Sequence[int] = range(1, 31), task: str = "T", **fields: object) -> list[Event]:
    """Dollars on a task of each day's own."""
    return [work(day, f"{task}-{day}", usd / len(days), **fields) for day in days]


# no_deliverable: a month of spend, and nothing shipped


def test_a_team_that_spent_200_dollars_in_30_days_and_shipped_nothing_is_a_ticket() -> None:
    assert nothing(spread(200.0)) == [("warning", "team", "search")]
    assert nothing(spread(199.9)) == []


def test_whatever_the_team_shipped_in_these_days_makes_it_quiet() -> None:
    assert nothing([*spread(900.0), done(3, "T-3")]) == []
    assert nothing([*spread(900.0), merged(on(3, 18), "d1", "T-3")]) == []


def test_what_shipped_before_these_days_is_no_excuse() -> None:
    events = [work(1, "old", 1.0), done(1, "old"), *spread(200.0, range(5, 35))]
    assert nothing(events, 35) == [("warning", "team", "search")]


@pytest.mark.parametrize("category", ["not_planned", "duplicate"])
def test_a_research_task_that_was_closed_on_purpose_is_no_evidence(category: str) -> None:
    closed = status(on(20), "research", category=category)
    researched = [work(day, "research", 50.0) for day in range(1, 11)]
    assert nothing([*researched, closed]) == []
    assert nothing(researched) == [("warning", "team", "search")]


def test_experiments_are_there_to_learn() -> None:
    assert nothing(spread(900.0, task_type="experiment")) == []
    (alert,) = [
        a
        for a in found([*spread(300.0), *spread(900.0, task="E", task_type="experiment"), *tracker(DAYS)], DAYS)
        if a.level == "team"
    ]
    assert (alert.cost_usd, alert.evidence["experiment_usd"]) == (pytest.approx(300.0), pytest.approx(900.0))


def test_a_new_team_is_not_judged_in_its_first_month() -> None:
    assert nothing(spread(900.0, range(24, 31))) == []
    assert nothing(spread(900.0, range(2, 31))) == []


def test_without_a_source_of_status_it_says_what_was_spent_and_that_the_rest_is_not_known() -> None:
    alerts = found(spread(900.0), DAYS)
    assert told(alerts, "no_deliverable") == [("info", "team", "search")]
    assert alerts[0].spend_only
    assert alerts[0].evidence["outcomes"] is None


def test_a_source_that_is_connected_for_less_than_these_days_makes_no_ticket() -> None:
    late = [e for e in tracker(DAYS) if e["time"] > tracker(1)[0]["time"] + 9 * DAY_S]
    alerts = found([*spread(900.0), *late], DAYS)
    assert {severity for severity, _, _ in told(alerts, "no_deliverable")} == {"info"}


def test_what_no_task_claims_is_no_evidence_either_way() -> None:
    unclaimed = [work(day, None, 10.0, run=f"r{day}") for day in range(1, 31)]
    assert nothing(unclaimed) == [("info", "team", "search")]


def test_of_an_agent_it_is_told_where_its_team_ships() -> None:
    others = [work(1, "shipped", 1.0, agent="good"), done(2, "shipped")]
    alerts = found([*spread(300.0, agent="idle", key="k-1"), *others, *tracker(DAYS)], DAYS)
    assert told(alerts, "no_deliverable") == [("info", "key", "k-1"), ("warning", "agent", "idle")]
    assert found([*spread(199.0, agent="idle"), *others, *tracker(DAYS)], DAYS) == []


def test_of_agents_of_a_team_with_a_ticket_there_are_lines_on_a_board() -> None:
    alerts = found([*spread(300.0, agent="a"), *tracker(DAYS)], DAYS)
    assert told(alerts, "no_deliverable") == [("info", "agent", "a"), ("warning", "team", "search")]


def test_dollars_that_nobody_bills_are_none() -> None:
    assert nothing(spread(900.0, cost_basis="notional")) == []


def test_evidence_lists_the_five_costliest_tasks_and_what_became_of_them() -> None:
    more = [
        work(4, "given up", 60.0), status(on(5), "given up", category="not_planned"),
        work(4, "taken back", 50.0), merged(on(4, 18), "d9", "taken back"), status(on(6), "x", reverts="d9"),
        work(4, "learnt", 40.0, task_type="experiment"), work(6, "long", 30.0), work(7, "small", 0.5),
    ]  # fmt: skip
    alerts = found([*spread(200.0), *more, *tracker(DAYS)], DAYS)
    (alert,) = [a for a in alerts if a.level == "team"]
    assert [(t["task"], t["fate"]) for t in alert.evidence["tasks"]] == [
        ("given up", "dropped"), ("taken back", "reverted"), ("learnt", "experiment"), ("long", "open"),
        ("T-1", "open"),
    ]  # fmt: skip


def test_thresholds_of_a_team_are_its_own() -> None:
    lax = {"overrides": [{"team": "search", "rules": {"no_deliverable": {"least_usd": 1000.0}}}]}
    off = {"overrides": [{"team": "search", "rules": {"no_deliverable": {"enabled": False}}}]}
    for changed in (lax, off):
        assert nothing(spread(900.0), config=Config.model_validate(changed)) == []


# no_deliverable: one task dearer than its like


def bugs(shipped: int = 30, usd: float = 5.0) -> list[Event]:
    """Bugs that ship, for so many dollars each."""
    events = []
    for n in range(shipped):
        day = 1 + n % 28
        events += [work(day, f"bug-{n}", usd, task_type="bug"), done(day, f"bug-{n}")]
    return events


def dear(usd: float, **fields: object) -> list[Event]:
    return [work(10 + n, "dear", usd / 10, task_type="bug", **fields) for n in range(10)]


def test_a_task_under_way_that_costs_more_than_its_like_is_a_ticket() -> None:
    assert nothing([*bugs(), *dear(20.0)]) == [("warning", "task", "dear")]


@pytest.mark.parametrize(
    "events",
    [
        [*bugs(), *dear(19.9)],  # no time is worth it
        [*bugs(29), *dear(90.0)],  # of too few the dearest decides alone
        [*bugs(usd=20.0), *dear(20.0)],  # as its like
        [*bugs(), *dear(90.0), done(20, "dear")],
        [*bugs(), *dear(90.0), status(on(20), "dear", category="not_planned")],
        [*bugs(), *[{**e, "task_type": "experiment"} for e in dear(90.0)]],
        [*bugs(), *[{**e, "task_type": "migration"} for e in dear(90.0)]],  # of its type nothing is known
    ],
    ids=["cheap", "few shipped", "as its like", "shipped", "given up", "experiment", "another type"],
)
def test_a_task_is_not_dear_where(events: list[Event]) -> None:
    assert nothing(events) == []


def test_splitting_a_task_over_runs_agents_and_keys_changes_nothing() -> None:
    split = [
        work(10, "dear", 0.2, hour=n / 10, task_type="bug", run=f"r{n}", agent=f"a{n % 9}", key=f"k{n % 7}")
        for n in range(100)
    ]
    (alert,) = found([*bugs(), *split, *tracker(DAYS)], DAYS)
    assert (alert.task, alert.severity, alert.cost_usd) == ("dear", "warning", pytest.approx(20.0))


def test_weak_signals_and_an_agents_own_word_ship_nothing() -> None:
    weak = [status(on(12 + n), "dear", "weak", category="completed") for n in range(5)]
    said = [status(on(18), "dear", category="completed", actor="agent")]
    assert nothing([*bugs(), *dear(20.0), *weak, *said]) == [("warning", "task", "dear")]


def test_a_task_of_a_team_with_a_ticket_is_a_line_on_a_board() -> None:
    others = [{**e, "team": "other"} if "team" in e else e for e in bugs()]
    late = [work(30, "dear", 2.0, hour=9 + n, task_type="bug") for n in range(10)]
    assert nothing([*others, *late, *spread(300.0)]) == [("info", "task", "dear"), ("warning", "team", "search")]


def test_a_source_that_told_nothing_in_all_of_these_days_tells_no_more() -> None:
    early = [e for e in tracker(60) if e["time"] < T0 + on(9)]
    alerts = found([*spread(300.0, range(30, 60)), work(1, "old", 0.1), *early], 60)
    assert told(alerts, "no_deliverable") == [("info", "team", "search")]


def test_whether_there_is_a_source_can_be_said() -> None:
    for connected, expected in (("yes", "warning"), ("no", "info")):
        config = Config.model_validate({"statuses": {"connected": connected}})
        alerts = [a for a in found([*spread(300.0), *tracker(DAYS)], DAYS, config) if a.level == "team"]
        assert [a.severity for a in alerts] == [expected]


# concentration


def team(
    mine: float, shipped: int = 20, kind: str = "agent", subjects: int = 5, task: str | None = None
) -> list[Event]:
    """One of them spends `mine` dollars and ships nothing, the others 10 each on tasks of which so many ship."""
    events = [work(day, task or f"mine-{day}", mine / 30, 14.0, **{kind: "u-000000000000"}) for day in range(1, 31)]
    for n in range(1, subjects):
        for day in range(1, 31, 3):
            events.append(work(day, f"other-{n}-{day}", 10.0, **{kind: f"u-00000000000{n}"}))
    others = [f"other-{n}-{day}" for day in range(1, 31, 3) for n in range(1, subjects)]
    return [*events, *[done(int(name.rsplit("-", 1)[1]), name) for name in others[:shipped]]]


def concentrated(events: Sequence[Event]) -> Told:
    return told(found([*events, *tracker(DAYS)], DAYS), "concentration")


@pytest.mark.parametrize("kind", ["agent", "key", "user"])
def test_one_that_has_half_of_the_spend_and_none_of_the_outcomes_is_a_ticket_to_the_team(kind: str) -> None:
    assert concentrated(team(420.0, kind=kind)) == [("warning", "team", "u-000000000000")]
    assert concentrated(team(400.0, kind=kind)) == [("info", "team", "u-000000000000")]  # without one task, less
    assert concentrated(team(399.0, kind=kind)) == []


def test_who_has_its_share_of_the_outcomes_is_none() -> None:
    mine = [done(day + 1, f"mine-{day}") for day in range(0, 30, 2)]
    assert concentrated([*team(420.0), *mine]) == []


@pytest.mark.parametrize(("kind", "enough"), [("agent", 3), ("key", 3), ("user", 5)])
def test_in_a_team_of_few_one_always_has_most(kind: str, enough: int) -> None:
    assert concentrated(team(500.0, kind=kind, subjects=enough)) != []
    assert concentrated(team(500.0, kind=kind, subjects=enough - 1)) == []


def test_a_team_of_one_is_quiet() -> None:
    assert concentrated([*spread(500.0), *bugs(usd=1.0)]) == []


def test_one_large_migration_is_a_line_on_a_board() -> None:
    assert concentrated(team(400.0, task="migration")) == [("info", "team", "u-000000000000")]


def test_so_few_outcomes_that_it_may_be_chance_are_a_line_on_a_board() -> None:
    assert concentrated(team(420.0, shipped=4)) == [("info", "team", "u-000000000000")]


def test_where_nothing_shipped_another_rule_speaks() -> None:
    assert concentrated(team(420.0, shipped=0)) == []


def test_a_person_is_told_of_where_no_agent_is_told_of() -> None:
    persons = [{**e, "user": e["agent"].replace("u-0", "u-1")} if "agent" in e else e for e in team(420.0)]
    assert concentrated(persons) == [("warning", "team", "u-000000000000")]
    one_agent = [{**e, "agent": "assistant"} if "agent" in e else e for e in persons]
    assert concentrated(one_agent) == [("warning", "team", "u-100000000000")]


# cost_per_outcome: twelve weeks from a Monday on


def weeks(cost: Sequence[float], tasks: int | Sequence[int] = 5) -> list[Event]:
    """Tasks of each week, each for so many dollars, all completed."""
    events = []
    for n, usd in enumerate(cost):
        for k in range(tasks if isinstance(tasks, int) else tasks[n]):
            day, task = 6 + 7 * n + k % 5, f"w{n}-{k}"
            events += [work(day, task, usd), done(day, task)]
    return events


def cost_of(events: Sequence[Event], day: int = 6 + 84) -> Alert:
    """The one alert of `cost_per_outcome`."""
    (alert,) = [a for a in found([*events, *tracker(day)], day) if a.rule == "cost_per_outcome"]
    return alert


def dearer(events: Sequence[Event], day: int = 6 + 84) -> Told:
    return told(found([*events, *tracker(day)], day), "cost_per_outcome")


def test_a_completed_task_that_costs_twice_what_it_did_is_a_ticket() -> None:
    assert dearer(weeks([10.0] * 8 + [20.0] * 4)) == [("warning", "team", "search")]
    assert dearer(weeks([10.0] * 8 + [19.0] * 4)) == []


def test_what_ships_nothing_makes_the_others_dearer() -> None:
    lost = [work(6 + 7 * n + k, f"lost-{n}-{k}", 12.0) for n in range(8, 12) for k in range(5)]
    assert dearer([*weeks([10.0] * 12), *lost]) == [("warning", "team", "search")]
    assert dearer([*weeks([10.0] * 12), *[{**e, "task_type": "experiment"} for e in lost]]) == []


def test_twice_the_outcomes_at_ten_times_the_cost_is_a_ticket() -> None:
    assert dearer(weeks([10.0] * 8 + [50.0] * 4, [5] * 8 + [10] * 4)) == [("warning", "team", "search")]


def test_a_month_with_one_large_migration_is_quiet() -> None:
    migration = [work(6 + 56 + day, "migration", 40.0) for day in range(28)]
    assert dearer([*weeks([10.0] * 12), *migration, done(6 + 83, "migration")]) == []


def test_a_team_of_a_few_weeks_is_not_compared() -> None:
    assert dearer(weeks([10.0] * 3 + [90.0] * 4), 6 + 49) == []


def test_ten_times_as_many_tasks_for_ten_times_the_dollars_is_quiet() -> None:
    assert dearer(weeks([10.0] * 12, [2] * 8 + [8] * 4)) == []


def test_tasks_that_are_closed_without_runs_or_spend_do_not_hide_it() -> None:
    closed = [done(6 + 7 * n + k % 7, f"tiny-{n}-{k}") for n in range(8, 12) for k in range(20)]
    assert dearer([*weeks([10.0] * 8 + [20.0] * 4), *closed]) == [("warning", "team", "search")]


def test_many_tiny_tasks_hide_it_from_the_mean_alone_and_it_is_told() -> None:
    many = [(6 + 7 * n + k % 5, f"tiny-{n}-{k}", 10 + k / 10) for n in range(8, 12) for k in range(30)]
    tiny = [e for day, task, hour in many for e in (work(day, task, 0.01, hour), done(day, task))]
    alert = cost_of([*weeks([10.0] * 8 + [40.0] * 4), *tiny])
    assert (alert.severity, alert.evidence["hidden_by_small_tasks"]) == ("info", True)


def test_a_status_that_is_moved_back_and_forth_counts_once() -> None:
    moved = [
        status(on(6 + 7 * n + 5, hour), f"w{n}-{k}", category=category)
        for n in range(8, 12) for k in range(5)
        for hour, category in ((19, "started"), (20, "completed"), (21, "started"), (22, "completed"))
    ]  # fmt: skip
    alert = cost_of([*weeks([10.0] * 8 + [20.0] * 4), *moved])
    assert (alert.severity, alert.evidence["completed"]) == ("warning", 20)
    assert alert.evidence["middling_usd"] == pytest.approx(20.0)


# churn


def shipping(undone: int, before: int = 2, how: str = "reverts", usd: float = 10.0) -> list[Event]:
    """20 tasks that ship in each of two months; of them so many come undone two days later."""
    events = []
    for month, lost in ((0, before), (1, undone)):
        for n in range(20):
            task, day = f"m{month}-{n}", 30 * month + 1 + n
            events += [work(day, task, usd), merged(on(day, 18), f"d-{task}", task), done(day, task, 19)]
            if n < lost:
                events.append(_undone(how, task, on(day + 2)))
    return events


def _undone(how: str, task: str, t: float) -> Event:
    if how == "reverts":
        return status(t, f"revert {task}", reverts=f"d-{task}")
    if how == "reopened":
        return status(t, task, category="started")
    return status(t, task, deliverable=f"d-{task}", churned_share=float(how))


def churned(events: Sequence[Event]) -> Told:
    return told(found([*events, *tracker(60)], 60), "churn")


@pytest.mark.parametrize("how", ["reverts", "reopened", "0.5"])
def test_half_of_what_ships_comes_undone_where_it_was_a_tenth(how: str) -> None:
    assert churned(shipping(10, how=how)) == [("warning", "team", "search")]


def test_churn_is_quiet_where() -> None:
    assert churned(shipping(3)) == []  # not twice as many
    assert churned(shipping(10, before=9)) == []  # as ever
    assert churned(shipping(10, how="0.4")) == []  # rewritten a little
    assert churned(shipping(10, usd=9.0)) == []  # 90 dollars


def test_without_anything_that_tells_what_comes_undone_nothing_is_said() -> None:
    assert churned(shipping(0, 0)) == []


def test_churn_lists_what_was_lost() -> None:
    (alert,) = [a for a in found([*shipping(10), *tracker(60)], 60) if a.rule == "churn"]
    assert alert.evidence["undone_usd"] == pytest.approx(100.0)
    assert [(t["task"], t["fate"]) for t in alert.evidence["tasks"]] == [(f"m1-{n}", "reverted") for n in range(5)]


# redundant_spend

ANSWER = words(120)


def again(runs: int, usd: float, **fields: object) -> list[Event]:
    """Runs of a few tasks, a few a day, that all come to nearly the same answer."""
    return [
        work(
            3 + n // 5, f"report-{n // 5}", usd, hour=9 + n % 5, run=f"r{n}",
            output={"text": " ".join(varied(ANSWER, 0.02, n))}, **fields,
        )
        for n in range(runs)
    ]  # fmt: skip


def redundant(events: Sequence[Event]) -> Told:
    return told(found([*events, *tracker(DAYS)], DAYS), "redundant_spend")


@pytest.mark.parametrize(("usd", "expected"), [(2.5, "warning"), (2.4, "info"), (0.5, "info"), (0.49, None)])
def test_what_runs_cost_whose_answer_was_there(usd: float, expected: str | None) -> None:
    # 50 runs on 10 tasks, of each of which the first was needed
    assert redundant(again(50, usd)) == ([(expected, "team", "search")] if expected else [])


def bill(events: Sequence[Event], usd: float) -> dict[str, Any]:
    """The evidence of the day on which such runs have come to so many dollars."""
    config = Config.model_validate({"rules": {"redundant_spend": {"info_usd": usd}}})
    (alert,) = [a for a in found([*events, *tracker(DAYS)], DAYS, config) if a.rule == "redundant_spend"]
    return alert.evidence


def test_redundant_runs_and_their_tasks_are_counted() -> None:
    told = bill(again(50, 3.0), 120.0)
    assert (told["runs"], told["redundant_tasks"], told["redundant_usd"]) == (40, 10, pytest.approx(120.0))
    assert [t["usd"] for t in told["tasks"]] == [pytest.approx(12.0)] * 5


def test_experiments_may_come_to_the_same_answer() -> None:
    assert redundant(again(50, 3.0, task_type="experiment")) == []


def test_dollars_that_nobody_bills_are_not_spent_again() -> None:
    assert redundant(again(50, 3.0, cost_basis="notional")) == []


def test_a_run_that_goes_on_after_its_answer_is_counted_once() -> None:
    longer = [
        work(
            3 + n // 5, f"report-{n // 5}", 1.0, hour=9 + n % 5 + late, run=f"r{n}",
            output={"text": " ".join(varied(ANSWER, 0.02, 100 * n + int(10 * late)))},
        )
        for n in range(50) for late in (0.0, 0.8)
    ]  # fmt: skip
    told = bill(longer, 80.0)
    assert (told["runs"], told["redundant_usd"]) == (40, pytest.approx(80.0))


# all of them


def everything() -> list[Event]:
    """Of each rule a team that it speaks of."""
    teams = {
        "a": spread(300.0, range(60, 91)),
        "b": team(420.0),
        "c": weeks([10.0] * 8 + [30.0] * 4),
        "d": shipping(10),
        "e": again(50, 3.0),
    }
    return [{**e, "team": name} if "team" in e else e for name, events in teams.items() for e in events]


def with_kills(came: Sequence[Rollup], dice: random.Random) -> tuple[list[Alert], int]:
    """The records of a portfolio that is lost again and again, and how often it was."""
    portfolio, stored, held, alerts, kills, n = Portfolio(CONFIG), Parts(), -1, list[Alert](), 0, 0
    while n < len(came):
        alerts += portfolio.process(came[n].value, n).alerts
        if dice.random() < 0.02:
            stored, held = written(portfolio, stored), n
        if held >= 0 and dice.random() < 0.01:
            portfolio, n, kills = Portfolio.restore(CONFIG, 0, held, stored), held, kills + 1
        n += 1
    return alerts, kills


@pytest.mark.parametrize("seed", range(2))
def test_restarts_change_no_alert(seed: int) -> None:
    came = weeks_told([*everything(), *tracker(92)], 92)
    (alerts, kills), expected = with_kills(came, random.Random(seed)), portfolio_of(came)[1]
    assert last(alerts) == last(expected)
    assert kills >= 3
    assert set(RULES) <= {a.rule for a in expected}


def test_a_ticket_is_one_for_as_long_as_it_is_true_and_ends_a_day_later() -> None:
    events = [*spread(300.0), work(35, "good", 1.0), done(35, "good"), *tracker(40)]
    held = last(portfolio_of(weeks_told(events, 40))[1])
    (ended,) = [a for a in held if (a.rule, a.level) == ("no_deliverable", "team")]
    assert (ended.state, ended.opened_at, ended.resolved_at) == ("resolved", T0 + on(31, 0), T0 + on(36, 0))
