"""What a status does to a task's spend: late, early, twice, of one task among many, from whoever."""

from typing import Any

import pytest

from detector.model.alert import Alert
from detector.portfolio import Portfolio
from tests.support.judged import T0, Event, call, in_order, last, status
from tests.support.spread import before_the_end, portfolio_of, rollups, spikes
from tests.unit.test_detection_table_spend import history, hour_of_spend


def told_at(t: float, events: list[Event], *late: Event) -> list[Event]:
    """Events in their order, `late` ones where it is `t` seconds after T0."""
    ordered = in_order(events)
    n = sum(e["time"] <= T0 + t for e in ordered)
    return [*ordered[:n], *late, *ordered[n:]]


def task_of(events: list[Event], name: str = "task") -> Any:
    """The account of a task after these events."""
    accounts = held(events)._accounts
    (slot,) = [s for s, p in accounts.task_names.items() if p.task == name]
    return accounts.tasks.rows[slot]


def held(events: list[Event]) -> Portfolio:
    return portfolio_of(before_the_end(rollups(events)))[0]


def dollars(n: int, **fields: Any) -> list[Event]:
    """A dollar a minute."""
    return [call(k * 60.0, run="now", **{"task": "task", **fields}) for k in range(n)]


def pages(events: list[Event]) -> list[Alert]:
    return [a for a in last(spikes(events)) if a.severity == "critical"]


SPIKE = [*history(4.4), *hour_of_spend(44.4)]


@pytest.mark.parametrize(("strength", "since", "still"), [("strong", 19, 19), ("medium", 30, 19), ("weak", 30, 30)])
def test_a_status_leaves_what_was_spent_after_its_minute(strength: str, since: float, still: float) -> None:
    task = task_of(in_order([*dollars(30), status(610.0, "task", strength)]))
    assert (task["since_usd"], task["still_usd"], task["usd"]) == (since, still, 30.0)


@pytest.mark.parametrize("late_s", [15.0, 300.0, 1100.0])
@pytest.mark.parametrize(("strength", "since"), [("strong", 19.0), ("medium", 30.0)])
def test_a_late_status_leaves_the_same(late_s: float, strength: str, since: float) -> None:
    task = task_of(told_at(610.0 + late_s, dollars(30), status(610.0, "task", strength)))
    assert (task["since_usd"], task["still_usd"]) == (since, 19.0)


def test_a_status_that_is_an_hour_late_leaves_what_is_known_of_the_hour() -> None:
    task = task_of(told_at(3590.0, dollars(60), status(10.0, "task")))
    assert (task["since_usd"], task["strong"]) == (59.0, T0 + 10.0)


def test_a_status_older_than_the_last_strong_one_changes_nothing() -> None:
    task = task_of(told_at(1500.0, [*dollars(30), status(1210.0, "task")], status(610.0, "task")))
    assert (task["since_usd"], task["strong"]) == (9.0, T0 + 1210.0)


def test_a_status_that_comes_twice_counts_once() -> None:
    moved = status(610.0, "task")
    events = told_at(1500.0, [*dollars(30), moved], moved)
    assert task_of(events)["since_usd"] == 19.0
    (agent,) = [r for r in held(events)._accounts.agents.rows if r["used"]]
    assert agent["moves"].sum() == 1


def test_several_statuses_of_one_minute_leave_what_came_after_the_minute() -> None:
    both = [status(585.0, "task"), status(601.0, "task", "medium"), status(635.0, "task", category="completed")]
    task = task_of(in_order([*dollars(30), *both]))
    assert (task["since_usd"], task["strong"], task["medium"], task["ended"]) == (19.0, T0 + 635.0, T0 + 601.0, 1)


@pytest.mark.parametrize("early_s", [30.0, 3600.0])
def test_a_status_of_a_task_before_its_first_call_is_known_with_that(early_s: float) -> None:
    task = task_of(in_order([status(-early_s, "task"), *dollars(5)]))
    assert (task["strong"], task["since_usd"]) == (T0 - early_s, 5.0)


def test_a_status_of_a_task_that_nobody_works_on_does_no_harm() -> None:
    assert task_of(in_order([*dollars(5), status(100.0, "nobody")]))["since_usd"] == 5.0


def test_a_status_moves_a_task_with_all_its_runs_and_agents_and_no_other() -> None:
    work = [call(k * 60.0, run=f"run-{k % 3}", agent=f"agent-{k % 2}", task="task") for k in range(30)]
    other = dollars(30, task="other")
    events = in_order([*work, *other, status(610.0, "task")])
    assert (task_of(events)["since_usd"], task_of(events, "other")["since_usd"]) == (19.0, 30.0)
    agents = held(events)._accounts.agents.rows
    assert sorted(agents["moves"][agents["used"] == 1].sum(axis=1).tolist()) == [0, 1, 1]


def test_a_status_moves_the_task_of_every_team_that_spends_on_it() -> None:
    events = in_order([*dollars(30, team="a"), *dollars(30, team="b"), status(610.0, "task")])
    rows = held(events)._accounts.tasks.rows
    assert rows["since_usd"][rows["used"] == 1].tolist() == [19.0, 19.0]


def test_a_task_of_another_tenant_with_the_same_name_is_not_moved() -> None:
    events = in_order([*dollars(30), status(610.0, "task", tenant="other")])
    assert task_of(events)["since_usd"] == 30.0


@pytest.mark.parametrize("fields", [{}, {"category": "completed"}, {"actor": "human"}, {"actor": "system"}])
def test_a_strong_status_resolves_the_page(fields: Event) -> None:
    (page,) = pages(in_order([*SPIKE, status(3400.0, "task", **fields)]))
    assert (page.state, page.resolved_at, page.evidence["resolved_by"]) == ("resolved", T0 + 3400.0, "the task moved")


@pytest.mark.parametrize(("strength", "fields"), [("weak", {}), ("medium", {}), ("strong", {"actor": "agent"})])
def test_no_other_status_does(strength: str, fields: Event) -> None:
    (page,) = pages(in_order([*SPIKE, status(3400.0, "task", strength, **fields)]))
    assert page.evidence["resolved_by"] == "quiet"


def test_a_strong_status_told_late_from_before_the_page_resolves_it_too() -> None:
    (page,) = pages(in_order(SPIKE))
    told_s = 3400.0
    assert page.opened_at < T0 + told_s
    moved = status(page.opened_at - T0 - 30.0, "task")
    (ended,) = pages(told_at(told_s, SPIKE, moved))
    assert (ended.id, ended.evidence["resolved_by"]) == (page.id, "the task moved")
    assert page.opened_at < (ended.resolved_at or 0.0) <= T0 + told_s  # not before its last call


@pytest.mark.parametrize("strength", ["strong", "medium"])
def test_a_status_within_the_hour_before_keeps_the_spike_from_a_page_at_first(strength: str) -> None:
    begun = [call(-2000.0, run="now", task="task", cost_usd=0.1), status(-900.0, "task", strength)]
    (told,) = last(spikes(in_order([*SPIKE, *begun])))
    assert told.severity != "critical"
