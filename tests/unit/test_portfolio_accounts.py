"""What portfolio keeps of tasks, agents and teams: each dollar once, for as long as it matters, and no longer."""

from typing import Any

import numpy as np
import pytest

from detector.accounts import rows as acc
from detector.config import Config
from detector.config.settings import Portfolio as PortfolioSettings
from detector.engine import Engine
from detector.model.rollup import MODEL, ROLL, SPENT, decode_rollup
from detector.portfolio import Portfolio
from detector.state.layout import SUBJECT
from tests.support.judged import T0, Event, call, in_order, last, status
from tests.support.spread import Told, before_the_end, portfolio_of, rollups, spikes
from tests.support.stored import Parts, whole, written
from tests.unit.test_detection_table_spend import history, hour_of_spend
from tests.unit.test_engine import packed

HOUR_S, DAY_S = 3600.0, 86_400.0


def used(table: Any) -> Any:
    """The rows of a table that are in use."""
    return table.rows[table.rows["used"] == 1]


def rows_of(told: list[Told], kind: int) -> Any:
    """All rows of a kind in these rollups."""
    sheets = [np.frombuffer(s.rows, ROLL) for t in told for s in decode_rollup(t.value).sheets]
    rows = np.concatenate(sheets)
    return rows[rows["kind"] == kind]


def held(events: list[Event], config: Config | None = None) -> Portfolio:
    """The portfolio after these events."""
    config = config or Config()
    return portfolio_of(before_the_end(rollups(in_order(events), config)), config)[0]


def late_results(**fields: Any) -> list[Event]:
    """A loop whose results come minutes after their calls, so that it is found in minutes without a call."""
    events: list[Event] = []
    for i in range(8):
        asked = [{"call_id": f"c{i}", "name": "ls", "arguments": {}}]
        events.append(call(i * 200.0, run="late", tools=asked, **fields))
        told = {"type": "tool_result", "id": f"r{i}", "time": T0 + 100 + i * 200.0, "run": "late", "call_id": f"c{i}"}
        events.append(told | {"result": "same"})
    return events


def test_a_row_of_each_account_is_a_kilobyte_at_most() -> None:
    assert acc.AGENT.itemsize <= 1024
    assert acc.TASK.itemsize + SUBJECT.itemsize <= 1024


def test_a_minute_in_which_a_loop_is_found_and_nothing_is_called_is_no_call() -> None:
    events = late_results(interactive=True)
    rows = rows_of(rollups(in_order(events)), SPENT)
    assert rows["flagged_usd"][rows["calls"] == 0].sum() > 0
    (task,) = used(held(events)._accounts.tasks)
    assert (task["first"], task["interactive"], task["calls"], task["usd"]) == (T0, 1, 8, 8.0)


def test_what_is_found_after_the_last_call_lies_in_a_minute_of_its_own() -> None:
    never = [call(i * 70.0, run="x", tools=[{"call_id": f"c{i}", "name": "ls", "arguments": {}}]) for i in range(10)]
    minutes = [s.minute for t in rollups(never) for s in decode_rollup(t.value).sheets]
    assert minutes == sorted(set(minutes))
    assert minutes[0] == T0 // 60


def test_more_agents_than_the_bound_leave_with_what_they_spent_lately() -> None:
    config = Config.model_validate({"portfolio": {"max_accounts": 5}})
    events = [call(k * 60.0, task="T", agent=f"agent-{k}", run=f"run-{k}") for k in range(200)]
    accounts = held(events, config)._accounts
    assert len(accounts.agents) <= 5 + 60
    assert len(accounts.agent_names) == len(accounts.agents)
    assert set(used(accounts.pairs)["agent_key"].tolist()) <= set(accounts.agents)


def test_more_tasks_than_the_bound_leave_with_what_was_spent_on_them_lately() -> None:
    config = Config.model_validate({"portfolio": {"max_accounts": 5}})
    accounts = held([call(k * 60.0, task=f"T{k}") for k in range(200)], config)._accounts
    assert len(accounts.tasks) <= 5 + 60
    assert set(used(accounts.pairs)["task_key"].tolist()) <= set(accounts.tasks)


def test_pairs_leave_after_two_hours_tasks_agents_and_groups_after_eight_days() -> None:
    config, events = Config(), [call(0.0, task="T", team="a"), call(3 * HOUR_S, task="U", team="b")]
    told = rollups(events, config)
    portfolio, _ = portfolio_of(before_the_end(told), config)
    assert portfolio.accounts == {"task": 2, "agent": 2, "team": 2}
    assert len(portfolio._accounts.pairs) == 1
    portfolio.process(told[-1].value, len(told))
    assert portfolio.accounts == {"task": 0, "agent": 0, "team": 0}
    assert (len(portfolio._accounts.pairs), len(portfolio._accounts.models)) == (0, 0)


def test_names_that_many_tasks_have_are_kept_once_also_after_a_restart() -> None:
    events = [call(n * 60.0, run=f"r{n}", task=f"T{n}", agent="a", team="team", user="u") for n in range(20)]
    portfolio = Portfolio(Config())
    for n, told in enumerate(before_the_end(rollups(events, sizes=[1]))):
        portfolio.process(told.value, n)
    for each in (portfolio, Portfolio.restore(Config(), 0, portfolio.offset, whole(portfolio))):
        names = list(each._accounts.task_names.values())
        assert len(names) == 20
        for field in ("tenant", "team", "user", "agent", "model"):
            assert len({id(getattr(name, field)) for name in names}) == 1


def test_what_is_forgotten_is_not_in_the_next_checkpoint() -> None:
    events = [
        call(0.0, team="a"),
        call(DAY_S, team="b"),
        call(8.5 * DAY_S, team="a", run="a"),
        call(9 * DAY_S, team="b"),
    ]
    portfolio, stored = Portfolio(Config()), Parts()
    for n, told in enumerate(before_the_end(rollups(events))):
        portfolio.process(told.value, n)
        stored = written(portfolio, stored)
        restored = Portfolio.restore(Config(), 0, n, stored)._accounts
        for table in ("tasks", "agents", "pairs"):
            assert set(getattr(restored, table)) == set(getattr(portfolio._accounts, table))


def test_who_spent_on_a_task_more_than_an_hour_ago_is_no_part_of_what_its_hour_usually_costs() -> None:
    before = history(4.4) + [e | {"agent": "helper", "id": f"{e['id']}h", "run": "h"} for e in history(40.0, task="x")]
    helped = [call(-2 * HOUR_S + k * 60.0, run="h", agent="helper", task="task", cost_usd=0.1) for k in range(30)]
    awake = [call(-2 * HOUR_S + k * 60.0, run="other", team="other", agent="o", cost_usd=0.01) for k in range(180)]
    told = [a for a in spikes(in_order(before + helped + awake + hour_of_spend(44.4))) if a.team == "team"]
    assert [(a.level, a.severity, a.opened_at < T0 + 1200) for a in last(told)] == [("task", "critical", True)]
    assert [a.usual_usd_per_hour for a in told] == pytest.approx([4.4] * len(told))


def test_what_of_a_model_stands_still_is_told_as_of_the_end_of_the_minute_however_events_are_packed() -> None:
    events = [status(-1800.0, "T"), call(0.0, task="T"), call(7200.0, task="U")]
    for size in (1, 3):
        engine, sheets = Engine(Config()), []
        for n, record in enumerate(packed(events, [size])):
            sheets += [s for _, rollup in engine.process(record, n).rollups for s in decode_rollup(rollup).sheets]
        models = np.concatenate(
            [rows[rows["kind"] == MODEL] for s in sheets if len(rows := np.frombuffer(s.rows, ROLL))]
        )
        assert models["still_usd"].tolist() == [0.0, 1.0]


def test_an_agent_whose_dollars_go_to_many_tasks_in_equal_parts_is_judged_as_a_whole() -> None:
    many = [call(k * 60.0, run=f"r{k % 20}", task=f"t{k % 20}", cost_usd=0.8) for k in range(60)]
    assert [(a.level, a.severity) for a in last(spikes(in_order(history(4.4) + many)))] == [("agent", "critical")]


def test_an_agent_with_a_person_before_it_is_a_ticket_at_most_however_many_tasks_it_has() -> None:
    both = [call(k * 60.0, run=f"r{k % 2}", task=f"t{k % 2}", cost_usd=1.0, interactive=True) for k in range(60)]
    assert {a.severity for a in last(spikes(in_order(history(4.4) + both)))} == {"warning"}


def test_teams_beyond_the_bound_are_one_and_lose_no_dollar() -> None:
    config = Config(portfolio=PortfolioSettings(max_teams=3))
    events = [call(n * 1.0, run=f"r{n}", team=f"team-{n % 9}", task=f"T{n % 9}", model=f"m{n % 9}") for n in range(90)]
    portfolio = held(events, config)
    names = {group.name for group in portfolio._accounts.teams.values()}
    assert len(names) == 4
    assert "other" in names
    assert len(portfolio._accounts.models) == 3
    assert sum(group.usd for group in portfolio._accounts.teams.values()) == pytest.approx(90.0)
