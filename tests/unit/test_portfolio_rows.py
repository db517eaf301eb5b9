"""Variants of the rows of spend (27 to 29) of the detection table: one agent, or one task, and what keeps it quiet."""

import random
from typing import Any

import pytest

from detector.config import Config, Statuses
from detector.model.alert import Alert
from tests.support.judged import T0, Event, call, in_order, last, status
from tests.support.spread import spikes
from tests.unit.test_detection_table_spend import history, hour_of_spend

HOUR_S, DAY_S = 3600.0, 86_400.0


def told(*parts: list[Event], config: Config | None = None) -> list[Alert]:
    """Tickets and pages."""
    events = in_order([e for part in parts for e in part])
    return [a for a in last(spikes(events, config or Config()), "spend_spike") if a.severity != "info"]


def said(*parts: list[Event], config: Config | None = None) -> list[tuple[str, str]]:
    return [(a.severity, a.level) for a in told(*parts, config=config)]


def of_agent(agent: str, events: list[Event]) -> list[Event]:
    """The same work by another agent, on a task of its own."""
    mine = [e | {"id": f"{agent}-{e['id']}", "task": f"{agent}-before"} for e in events]
    return [e if "type" in e else e | {"agent": agent, "run": f"{agent}-{e['run']}"} for e in mine]


PAGE = [("critical", "task")]


@pytest.mark.parametrize("merged_s", [(300.0, 2400.0), (600.0, 1200.0), (1200.0, 3000.0), (1199.0, 1201.0)])
@pytest.mark.parametrize("usual", [3.0, 4.4, 12.0])
def test_row_27_quiet_whenever_the_merges_are(merged_s: tuple[float, ...], usual: float) -> None:
    merges = [status(t, "task", category="completed") for t in merged_s]
    assert said(history(usual), hour_of_spend(10 * usual), merges) == []


@pytest.mark.parametrize("usual", [4.0, 8.0, 30.0, 400.0])
@pytest.mark.parametrize("times", [10.0, 20.0])
def test_row_28_pages_within_the_hour_whatever_is_usual(usual: float, times: float) -> None:
    (page,) = told(history(usual), hour_of_spend(times * usual))
    assert (page.severity, page.level, page.agent, page.task) == ("critical", "task", "agent", "task")
    assert page.opened_at - T0 < HOUR_S
    assert page.usual_usd_per_hour == pytest.approx(usual)


def test_row_28_what_is_tenfold_but_no_money_is_quiet() -> None:
    assert said(history(0.4), hour_of_spend(4.0)) == []


def test_row_28_what_is_much_money_but_usual_is_quiet() -> None:
    assert said(history(400.0), hour_of_spend(800.0)) == []


def test_row_28_of_a_task_with_several_runs_of_one_agent() -> None:
    runs = [e | {"run": f"run-{n % 5}"} for n, e in enumerate(hour_of_spend(44.4))]
    assert said(history(4.4), runs) == PAGE


def test_row_28_a_swarm_on_one_task_is_one_page_and_the_task_is_told_over_what_all_of_them_usually_cost() -> None:
    agents = ("one", "two", "three")
    before = [of_agent(a, history(2.0)) for a in agents]
    swarm = [e | {"agent": agents[n % 3], "run": f"run-{n % 3}"} for n, e in enumerate(hour_of_spend(66.0))]
    found = told(*before, swarm)
    assert [a.severity for a in found].count("critical") == 1
    assert [(a.task, a.usual_usd_per_hour) for a in found if a.level == "task"] == [("task", 6.0)]


def test_row_28_a_helper_agent_on_the_task_does_not_hide_who_burns() -> None:
    helper = of_agent("helper", history(2.0))
    helped = [call(30 + k * 600.0, run="help", agent="helper", task="task", cost_usd=0.1) for k in range(6)]
    (page,) = told(history(4.4), helper, hour_of_spend(60.0), helped)
    assert (page.severity, page.level, page.agent) == ("critical", "task", "agent")


@pytest.mark.parametrize("tasks", [2, 3, 30])
def test_row_28_an_agent_that_spreads_over_tasks_is_one_page_for_the_agent(tasks: int) -> None:
    spread = [e | {"task": f"task-{n % tasks}"} for n, e in enumerate(hour_of_spend(44.4))]
    assert ("critical", "agent") in said(history(4.4), spread)
    assert ("critical", "task") not in said(history(4.4), spread)


def test_row_28_a_task_stands_still_though_its_agent_merges_another_all_the_while() -> None:
    busy = [call(15 + k * 60.0, run="busy", task="busy", cost_usd=0.05) for k in range(60)]
    merges = [status(k * 300.0, "busy", category="completed") for k in range(12)]
    assert PAGE[0] in said(history(4.4), hour_of_spend(60.0), busy, merges)


@pytest.mark.parametrize(("t", "expected"), [(-8000.0, PAGE), (-3500.0, PAGE), (-60.0, [("warning", "task")])])
def test_row_28_a_medium_status_before_it_blocks_for_eighty_minutes(t: float, expected: list[Any]) -> None:
    begun = [call(t - 30.0, run="now", task="task", cost_usd=0.01), status(t, "task", "medium")]
    longer = [e | {"time": e["time"] + HOUR_S, "id": f"2-{e['id']}"} for e in hour_of_spend(44.4)][:10]
    assert said(history(4.4), begun, hour_of_spend(44.4), longer) == expected


@pytest.mark.parametrize(("connected", "expected"), [("no", "warning"), ("yes", "critical"), ("auto", "warning")])
def test_row_29_whether_there_is_a_source_of_status_can_be_said(connected: Any, expected: str) -> None:
    silent = [e for e in history(4.4) if e.get("type") != "status"]
    (found,) = told(silent, hour_of_spend(44.4), config=Config(statuses=Statuses(connected=connected)))
    assert (found.severity, found.spend_only) == (expected, expected == "warning")


def test_row_29_no_source_though_statuses_come_where_the_configuration_says_so() -> None:
    (found,) = told(history(4.4), hour_of_spend(44.4), config=Config(statuses=Statuses(connected="no")))
    assert (found.severity, found.spend_only) == ("warning", True)


def test_spend_without_a_task_is_a_ticket_marked_spend_only() -> None:
    (found,) = told(history(4.4), hour_of_spend(60.0, task=None))
    assert (found.severity, found.level, found.spend_only, found.run) == ("warning", "run", True, "now")


def test_a_run_with_a_person_before_it_is_a_ticket_at_most() -> None:
    assert said(history(4.4), hour_of_spend(90.0, interactive=True)) == [("warning", "task")]


def test_a_young_agent_alone_in_its_team_is_not_judged() -> None:
    assert said(history(4.4, hours=10), hour_of_spend(44.4)) == []


def test_a_young_agent_is_judged_by_its_peers_at_a_higher_bar() -> None:
    peers = [of_agent(f"peer-{n}", history(4.4)) for n in range(3)]
    young = of_agent("new", history(4.4, hours=3))
    burst = [e | {"agent": "new"} for e in hour_of_spend(90.0)]
    assert said(*peers, young, burst) == PAGE
    assert said(*peers, young, [e | {"cost_usd": 40.0 / 60} for e in burst]) == []


def test_the_first_hours_of_a_new_tenant_are_quiet_however_dear() -> None:
    assert said(hour_of_spend(5_000.0)) == []


def test_the_same_every_hour_is_quiet_and_a_tenth_of_a_cent_more_too() -> None:
    flat = [call(-5 * DAY_S + k * 360.0, run="flat", task="flat", cost_usd=4.0) for k in range(1200)]
    assert said(flat, [call(30.0 + k * 360, run="flat", task="flat", cost_usd=4.001) for k in range(10)]) == []


def test_a_burst_after_a_day_of_silence_is_judged_by_the_week() -> None:
    before = [e | {"time": e["time"] - DAY_S} for e in history(4.4, hours=30)]
    assert said(before, hour_of_spend(44.4)) == PAGE


@pytest.mark.parametrize("cost", [0.0, 1e-12, 1e-7])
def test_calls_that_cost_nothing_are_quiet_before_and_in_the_hour(cost: float) -> None:
    free = [e | ({} if "type" in e else {"cost_usd": cost}) for e in history(4.4)]
    assert said(free, hour_of_spend(60 * cost)) == []


def test_calls_without_a_price_are_no_spend_and_do_no_harm() -> None:
    unpriced = [{k: v for k, v in e.items() if k != "cost_usd"} for e in hour_of_spend(44.4)]
    assert said(history(4.4), unpriced) == []


def test_one_call_of_a_hundred_thousand_dollars_is_a_ticket_with_all_of_it() -> None:
    absurd = [call(0.0, run="now", task="task", cost_usd=100_000.0), call(900.0, run="now", task="task", cost_usd=0.01)]
    (found,) = told(history(4.4), absurd)
    assert found.cost_usd == pytest.approx(100_000.01, rel=1e-7)


def test_a_run_that_is_uploaded_an_hour_late_in_one_moment_is_told_as_spent_now() -> None:
    laptop = [e | {"time": e["time"] - HOUR_S} for e in hour_of_spend(44.4)]
    others = of_agent("other", history(4.4)) + [
        call(k * 60.0, run="o", agent="other", cost_usd=0.05) for k in range(30)
    ]
    ordered = [*in_order([*history(4.4), *others]), *laptop]
    assert {a.severity for a in last(spikes(ordered))} <= {"info", "warning"}


def test_the_verdict_does_not_hang_on_where_in_the_hour_it_begins() -> None:
    chance = random.Random(5)
    for _ in range(3):
        by = chance.uniform(0, HOUR_S)
        assert said([e | {"time": e["time"] + by} for e in [*history(4.4), *hour_of_spend(44.4)]]) == PAGE
