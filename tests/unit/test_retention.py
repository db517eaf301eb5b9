"""What leaves memory: runs, tasks and agents that are idle or too many, but nothing that an open episode needs."""

import pytest

from detector.alerts.episodes import EpisodeBook
from detector.config import Config, Time, Watch
from detector.engine import Engine
from detector.state.shard import Shard
from tests.support.judged import Event, call, last, status, tool
from tests.unit.test_engine import alerts_of, packed

A = tool("read", result="the same", path="/a")
FEW = Config(watch=Watch(max_runs=20))


def after(events: list[Event], config: Config, size: int = 10) -> Engine:
    """The engine once it has taken the events, and before time runs on."""
    engine = Engine(config)
    for n, record in enumerate(packed(events, [size], config)[:-1]):
        engine.process(record, n)
    return engine


def shard_of(engine: Engine) -> Shard:
    return engine._shard


@pytest.mark.parametrize("more", [{}, {"task": "stuck"}])
def test_a_loop_under_way_is_not_forgotten_for_a_crowd_of_other_runs(more: Event) -> None:
    loop = [call(t, run="stuck", tools=A, **more) for t in (0, 20, 40, 60, 80, 700, 720, 740, 760)]
    crowd = [call(100 + i, run=f"run-{i}") for i in range(500)]
    events = sorted(loop + crowd, key=lambda e: e["time"])
    (alone,) = last(alerts_of(packed(loop, [10])), "loop")
    (found,) = last(alerts_of(packed(events, [10], FEW), FEW), "loop")
    assert found == alone
    assert found.calls == 9


def test_a_loop_slower_than_the_idle_time_stays_one_episode() -> None:
    config = Config(time=Time(idle_s=3600.0))
    slow = [call(i * 5000.0, run="slow", tools=A) for i in range(9)]
    others = [call(i * 100.0, run="other", output={"text": f"{i}"}) for i in range(450)]
    told = last(alerts_of(packed(sorted(slow + others, key=lambda e: e["time"]), [5], config), config), "loop")
    assert [a.calls for a in told] == []  # it is forgotten between its steps, before anything was found
    fast = [call(t, run="slow", tools=A) for t in (0, 1300, 2600, 3900, 7800)]
    (found,) = last(alerts_of(packed(sorted(fast + others, key=lambda e: e["time"]), [5], config), config), "loop")
    assert (found.calls, found.cost_usd) == (5, 5.0)


def test_runs_and_tasks_in_memory_are_bounded_by_number() -> None:
    events = [call(i * 5.0, run=f"run-{i}", agent=f"agent-{i}") for i in range(600)]
    events += [status(i * 5.0 + 1, f"task-{i}") for i in range(600)]
    shard = shard_of(after(sorted(events, key=lambda e: e["time"]), FEW))
    arriving = 2 * 60 // 5 + 20  # cleaned once a minute of event time
    assert len(shard.lanes) <= 20 + arriving
    assert len(shard.subjects) <= 20 + 2 * arriving


def test_a_task_with_an_open_episode_is_not_forgotten_for_a_crowd() -> None:
    many = [call(i * 10.0, run="r", task="many", output={"text": f"{i}"}) for i in range(12)]
    crowd = [call(200 + i * 5.0, run=f"run-{i}") for i in range(400)]
    told = alerts_of(packed([*many, *crowd, status(3000, "many")], [10], FEW), FEW)
    (inflation,) = last(told, "run_inflation")
    assert (inflation.calls, inflation.resolved_at, inflation.evidence["resolved_by"]) == (
        12, 1_790_003_000.0, "the task moved"
    )  # fmt: skip


def test_rows_that_were_judged_keep_nothing_in_memory() -> None:
    engine = after([call(float(i), run=f"run-{i}") for i in range(400)], Config(watch=Watch(max_runs=1)), size=400)
    shard = shard_of(engine)
    assert engine.waiting == 0
    assert len(shard.lanes) == 10  # what still waited when memory was cleaned


def test_all_is_forgotten_in_the_end() -> None:
    events = [call(i * 7.0, run=f"run-{i % 9}", task="T", agent=f"a{i % 4}", tools=A) for i in range(90)]
    engine = Engine(Config())
    for n, record in enumerate(packed(sorted(events, key=lambda e: e["time"]), [10])):
        engine.process(record, n)
    shard, book = shard_of(engine), engine._book
    assert isinstance(book, EpisodeBook)
    assert (len(shard.lanes), len(shard.subjects), len(shard.cells.table), list(book)) == (0, 0, 0, [])
    assert (shard.lane_names, shard.subject_names, len(shard.trails), len(shard.awaiting)) == ({}, {}, 0, 0)
    assert engine.waiting == 0
