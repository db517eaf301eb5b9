"""A run that learns its task late: what it spent moves there, once, and what still comes goes there too."""

from typing import Any

import pytest

from detector.config import Config
from detector.engine import Spread
from detector.model.alert import Alert
from detector.portfolio import Portfolio
from tests.support.judged import T0, Event, call, in_order, last, status
from tests.support.spread import before_the_end, portfolio_of, rollups, spikes
from tests.unit.test_detection_table_spend import history, hour_of_spend


def link(t: float, task: str, run: str = "now", **fields: Any) -> Event:
    """The run works on the task, told `t` seconds after T0."""
    return {"type": "link", "id": f"link-{t}-{run}-{task}", "time": T0 + t, "run": run, "task": task, **fields}


def held(*events: list[Event], spread: Spread | None = None) -> Portfolio:
    """The portfolio after these events, before time runs on."""
    told = rollups(in_order([e for part in events for e in part]), spread=spread or Spread())
    return portfolio_of(before_the_end(told))[0]


def purses(portfolio: Portfolio) -> dict[str | None, tuple[float, float, int]]:
    """Of each task, or run without one: dollars in all, dollars since the last strong status, calls."""
    accounts = portfolio._accounts
    names = {slot: p.task or p.run for slot, p in accounts.task_names.items()}
    rows = accounts.tasks.rows
    return {
        name: (pytest.approx(float(rows["usd"][s])), pytest.approx(float(rows["since_usd"][s])), int(rows["calls"][s]))
        for s, name in names.items()
    }


def unclaimed(portfolio: Portfolio) -> float:
    return float(sum(g.unclaimed.sum() for g in portfolio._accounts.teams.values()))


def minutes(n: int, begin: int = 0, **fields: Any) -> list[Event]:
    """A dollar a minute of a run that names no task."""
    return [call((begin + k) * 60.0, **{"run": "now", **fields}) for k in range(n)]


@pytest.mark.parametrize("spread", [Spread(1, 1), Spread(5, 1)])
def test_what_a_run_spent_before_its_link_moves_to_the_task_and_what_comes_goes_there(spread: Spread) -> None:
    portfolio = held(minutes(30), [link(620.0, "T")], spread=spread)
    assert purses(portfolio) == {"T": (30.0, 30.0, 30)}
    assert unclaimed(portfolio) == pytest.approx(0.0)


def test_without_a_link_no_task_claims_it() -> None:
    portfolio = held(minutes(10))
    assert (purses(portfolio), unclaimed(portfolio)) == ({"now": (10.0, 10.0, 10)}, 10.0)


@pytest.mark.parametrize("again", ["the same", "another id"])
def test_a_link_that_comes_twice_moves_nothing_twice(again: str) -> None:
    second = link(620.0, "T") if again == "the same" else link(900.0, "T")
    assert purses(held(minutes(30), [link(620.0, "T"), second])) == {"T": (30.0, 30.0, 30)}


def test_a_link_of_a_run_that_nobody_knows_does_no_harm_and_holds_for_its_later_calls() -> None:
    assert purses(held([call(-60.0, task="U"), link(0.0, "T")], minutes(5, 2))) == {"U": (1, 1, 1), "T": (5, 5, 5)}


def test_a_later_link_to_another_task_takes_what_comes_and_leaves_what_was() -> None:
    portfolio = held(minutes(30), [link(610.0, "T"), link(1210.0, "U")])
    assert purses(portfolio) == {"T": (21.0, 21.0, 21), "U": (9.0, 9.0, 9)}


def test_a_run_joins_a_task_that_others_work_on() -> None:
    others = [
        call(k * 60.0 + 7, run="other", agent=("agent", "helper")[k % 2], task="T", cost_usd=2.0) for k in range(20)
    ]
    portfolio = held(minutes(20), others, [link(630.0, "T")])
    assert purses(portfolio) == {"T": (60.0, 60.0, 40)}
    accounts = portfolio._accounts
    pairs = accounts.pairs.rows[accounts.pairs.rows["used"] == 1]
    assert sorted(pairs["minutes"].sum(axis=1).tolist()) == [20.0, 40.0]


def test_what_a_run_spent_before_a_strong_status_of_its_task_is_not_in_the_purse() -> None:
    other = [call(5.0, run="other", task="T", cost_usd=4.0)]
    portfolio = held(minutes(30), other, [status(600.0, "T"), link(1230.0, "T")])
    # Minutes 11 to 29 came after the minute of the status.
    assert purses(portfolio) == {"T": (34.0, 19.0, 31)}


def test_a_link_told_to_one_tenant_is_none_of_another() -> None:
    portfolio = held(minutes(10), [link(300.0, "T", tenant="other")])
    assert purses(portfolio) == {"now": (10.0, 10.0, 10)}


def test_a_run_of_two_teams_moves_in_both() -> None:
    portfolio = held(minutes(10, team="a"), minutes(20, team="b"), [link(1230.0, "T")])
    assert sorted(purse for purse in purses_by_team(portfolio)) == [("a", "T", 10.0), ("b", "T", 20.0)]
    assert unclaimed(portfolio) == pytest.approx(0.0)


def purses_by_team(portfolio: Portfolio) -> list[tuple[str | None, str | None, float]]:
    accounts = portfolio._accounts
    rows = accounts.tasks.rows
    return [(p.team, p.task, float(rows["usd"][slot])) for slot, p in accounts.task_names.items()]


@pytest.mark.parametrize("spread", [Spread(1, 1), Spread(5, 1)])
def test_a_run_that_is_linked_in_the_middle_of_a_spike_pages_with_all_it_spent_in_the_hour(spread: Spread) -> None:
    events = in_order([*history(4.4), *hour_of_spend(44.4, task=None), link(1500.0, "task")])
    (spike,) = [a for a in last(spikes(events, spread=spread)) if a.severity == "critical"]
    assert (spike.level, spike.task, spike.run) == ("task", "task", None)
    assert spike.opened_at - T0 < 3600
    assert spike.evidence["hour_usd"] == pytest.approx(44.4 / 60 * spike.calls, rel=0.05)
    assert spike.cost_usd == pytest.approx(44.4)


def pages(alerts: list[Alert]) -> list[str]:
    return [a.severity for a in last(alerts) if a.severity == "critical"]


def test_a_run_that_is_linked_to_a_task_that_moved_lately_does_not_page() -> None:
    events = [*history(4.4), *hour_of_spend(44.4, task=None), link(1500.0, "task"), status(1200.0, "task")]
    events += [call(1100.0, run="before", task="task", cost_usd=0.1)]
    assert pages(spikes(in_order(events), Config())) == []
