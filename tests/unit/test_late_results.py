"""Results of tools that are told by events of their own: late, early, twice, never, or under ids that repeat."""

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert
from tests.support.judged import T0, Event, call, judge, last, run_through
from tests.unit.test_engine import alerts_of, packed

_numbers = itertools.count()


def asked(t: float, *call_ids: str, run: str = "run", **fields: Any) -> Event:
    """A step of one tool call for each id, whose results are not told with it."""
    tools = [{"call_id": c, "name": "ls", "arguments": {"n": n}} for n, c in enumerate(call_ids)]
    return call(t, run=run, tools=tools, **fields)


def told(t: float, call_id: str, result: Any = "the same", run: str = "run", **fields: Any) -> Event:
    """The result of one of them."""
    event = {"type": "tool_result", "id": f"result-{next(_numbers)}", "time": T0 + t, "run": run}
    return event | {"call_id": call_id, "result": result} | fields


def in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: e["time"])


def known(events: list[Event]) -> list[tuple[str, str, int]]:
    """What was known of each loop, how severe it became, and its calls."""
    return [(a.evidence["known"], a.severity, a.calls) for a in last(judge(in_order(events)), "loop")]


@pytest.mark.parametrize("after_s", [-9.0, -0.5, 0.0, 5.0, 19.0])
def test_a_result_meets_its_call_whether_it_comes_a_little_before_or_after(after_s: float) -> None:
    events = [e for i in range(6) for e in (asked(i * 20.0, f"c{i}"), told(i * 20.0 + after_s, f"c{i}"))]
    assert known(events) == [("action and result", "critical", 6)]


def test_a_result_after_the_agents_next_call_comes_too_late() -> None:
    events = [e for i in range(7) for e in (asked(i * 20.0, f"c{i}"), told(i * 20.0 + 21, f"c{i}"))]
    assert known(events) == []
    assert known([*events, asked(140.0, "c7")]) == [("action", "warning", 8)]


def test_a_result_that_is_told_twice_counts_once() -> None:
    events = [
        e
        for i in range(3)
        for e in (asked(i * 20.0, f"c{i}"), told(i * 20.0 + 1, f"c{i}"), told(i * 20.0 + 2, f"c{i}"))
    ]
    assert known(events) == []
    engine = Engine(Config())
    for n, record in enumerate(packed(in_order(events), [4])):
        engine.process(record, n)
    assert engine.totals.take().orphans == 3


def test_a_result_without_a_call_is_counted_and_changes_nothing() -> None:
    events = [asked(0.0, "c0"), told(1.0, "other"), told(2.0, "c0", run="another")]
    engine = Engine(Config())
    for n, record in enumerate(packed(events, [1])):
        assert engine.process(record, n).alerts == []
    assert engine.totals.take().orphans == 2


def test_results_longer_than_result_wait_after_their_call_are_not_waited_for() -> None:
    events = [e for i in range(6) for e in (asked(i * 2000.0, f"c{i}"), told(i * 2000.0 + 901, f"c{i}"))]
    assert known(events) == []
    events = [e for i in range(6) for e in (asked(i * 2000.0, f"c{i}"), told(i * 2000.0 + 899, f"c{i}"))]
    assert known(events) == [("action and result", "warning", 6)]


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_call_ids_that_begin_anew_in_each_step_do_not_confuse(size: int) -> None:
    events = [e for i in range(6) for e in (asked(i * 20.0, "call_0"), told(i * 20.0 + 3, "call_0"))]
    (loop,) = last(alerts_of(packed(events, [size])), "loop")
    assert (loop.evidence["known"], loop.calls, loop.opened_at) == ("action and result", 6, T0 + 60)


def test_an_agent_that_counts_its_calls_anew_holds_nobody_elses_step_back() -> None:
    busy = [asked(i * 60.0, "call_0", run="busy") for i in range(120)]
    stuck = [asked(1 + i * 20.0, f"c{i}", run="stuck") for i in range(12)]
    engine, when = Engine(Config()), None
    for n, record in enumerate(packed(in_order(busy + stuck), [1])):
        if any(a.run == "stuck" and a.severity == "critical" for a in engine.process(record, n).alerts):
            when = when or engine.watermark
    assert when is not None
    assert when <= T0 + 221 + 900 + 2 * 60 + 10  # the last call, the wait, a minute's grain and the step of the input


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_results_of_one_step_may_come_in_any_order(chance: random.Random, tools: int) -> None:
    events = []
    for i in range(5):
        ids = [f"{i}-{n}" for n in range(tools)]
        events.append(asked(i * 20.0, *ids))
        events += [told(i * 20.0 + chance.uniform(0, 19), c, result=f"result {c[2:]}") for c in ids]
    assert known(events) == [("action and result", "critical", 5)]


def test_one_differing_result_of_many_makes_a_step_new() -> None:
    events = []
    for i in range(8):
        events.append(asked(i * 20.0, f"{i}-0", f"{i}-1"))
        events += [told(i * 20.0 + 1, f"{i}-0"), told(i * 20.0 + 2, f"{i}-1", result=f"found {i}")]
    assert known(events) == []


def test_more_tools_than_can_be_waited_for_are_judged_by_their_actions() -> None:
    ids = [[f"{i}-{n}" for n in range(20)] for i in range(12)]
    events = [e for i in range(12) for e in (asked(i * 20.0, *ids[i]), *(told(i * 20.0 + 1, c) for c in ids[i]))]
    assert known(events) == [("action", "critical", 12)]


def test_results_told_with_the_call_and_later_make_the_same_loop() -> None:
    def one(tools: list[Event]) -> Event:
        return {"name": "ls", "arguments": {"n": 0}, "call_id": "x"} | tools[0]

    at_once = [call(i * 20.0, tools=[one([{"result": "the same"}])]) for i in range(6)]
    mixed = [
        e
        for i in range(6)
        for e in ([at_once[i]] if i % 2 else [asked(i * 20.0, f"m{i}"), told(i * 20.0 + 1, f"m{i}")])
    ]
    assert known(at_once) == known(mixed) == [("action and result", "critical", 6)]


def test_every_call_has_one_signal_whatever_becomes_of_its_results() -> None:
    chance = random.Random(5)
    events = []
    for i in range(200):
        run = f"run-{i % 7}"
        events.append(asked(i * 9.0, f"c{i}", run=run, cost_usd=0.25))
        events.append(call(i * 9.0 + 1, run=run, operation="embeddings", cost_usd=0.125))
        events += [
            told(i * 9.0 + chance.uniform(-30, 90), f"c{i}", run=run) for _ in range(chance.choice((0, 0, 1, 2)))
        ]
    _, signals = run_through(in_order(events))
    assert sorted(s.call for s in signals) == sorted(e["id"] for e in events if "type" not in e)
    assert sum(s.cost_usd for s in signals) == 75.0


def test_an_episode_does_not_end_while_a_step_of_it_waits_to_be_judged() -> None:
    steps = [e for i in range(5) for e in (asked(i * 20.0, f"c{i}"), told(i * 20.0 + 1, f"c{i}"))]
    slow = [asked(900.0, "slow"), told(1750.0, "slow")]  # its result comes after the 15 minutes that end an episode
    others = [call(i * 50.0, run="other") for i in range(60)]

    def episodes(size: int) -> list[Alert]:
        told = last(alerts_of(packed(in_order(steps + slow + others), [size])), "loop")
        return [a for a in told if a.run != "other"]

    (loop,) = episodes(1)
    assert (loop.calls, loop.resolved_at) == (6, T0 + 900 + 3 * 820)
    assert episodes(1000) == [loop]
