"""Tools that are told apart from the calls that asked for them: what is judged and counted is the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.model.alert import Alert
from tests.support.judged import T0, Event, call, judge, last, tool

GAP_S = 20.0


def apart(events: list[Event]) -> list[Event]:
    """The same events, the tools of each call told by events of their own, a second after it."""
    told: list[Event] = []
    for event in events:
        tools = event.pop("tools", [])
        told.append(event | {"tools_apart": True} if tools else event)
        who = {name: event[name] for name in ("run", "agent", "team", "task", "turn") if name in event}
        for n, one in enumerate(tools):
            at = event["time"] + 1.0 + n / 10
            told.append({"type": "tool_call", "id": f"{event['id']}-{n}", "time": at, "tool": one} | who)
    return told


def together(*tools: list[Event], **fields: Any) -> list[Event]:
    return [call(i * GAP_S, tools=[dict(one) for one in step], **fields) for i, step in enumerate(tools)]


def told(alert: Alert) -> tuple[Any, ...]:
    return alert.rule, alert.severity, alert.class_, alert.calls, alert.tokens, round(alert.cost_usd, 6), alert.model


LOOP = [tool("ls", "no such directory", path="/gone") for _ in range(6)]
CYCLE = [tool(name, f"{name} says the same", path="/x") for name in ("read", "edit", "test")] * 5
FAILING = [tool("run", error=f"Process exited with code 1, attempt {n}", cmd="make") for n in range(6)]
HONEST = [tool("read", f"line {n}", path=f"/file-{n}") for n in range(12)]


@pytest.mark.parametrize("steps", [LOOP, CYCLE, FAILING, HONEST])
def test_tools_told_apart_are_judged_as_those_told_with_their_calls(steps: list[list[Event]]) -> None:
    whole = [told(a) for a in last(judge(together(*steps)), "loop")]
    assert [told(a) for a in last(judge(apart(together(*steps))), "loop")] == whole
    assert bool(whole) == (steps is not HONEST)


def test_a_tool_is_no_call_and_costs_nothing() -> None:
    events = apart(together(*LOOP))
    (loop,) = last(judge(events), "loop")
    assert (loop.calls, loop.cost_usd) == (6, 6.0)
    assert loop.model == "made-up"
    assert loop.evidence["calls"] == [e["id"] for e in events if e.get("type") == "tool_call"]


def test_several_tools_of_one_call_are_steps_of_their_own_and_its_dollars_count_once() -> None:
    events = apart(together(*[[*tool("ls", "a", path="/a"), *tool("cat", "b", path="/b")] for _ in range(6)]))
    (loop,) = last(judge(events), "loop")
    assert loop.evidence["period"] == 2
    assert (loop.calls, loop.cost_usd) == (6, 6.0)


def test_calls_whose_tools_are_told_apart_are_counted_but_are_no_steps() -> None:
    events = [call(i * GAP_S, tools_apart=True, task="t") for i in range(25)]
    alerts = judge(events)
    assert [a.severity for a in last(alerts, "run_inflation")] == ["warning"]
    assert last(alerts, "loop") == []


def test_a_call_that_failed_is_a_step_even_where_tools_are_told_apart() -> None:
    events = [call(i * GAP_S, tools_apart=True, status="error", error="overloaded", cost_usd=2.0) for i in range(8)]
    assert [a.class_ for a in last(judge(events), "loop")] == [
        a.class_ for a in last(judge([e | {"tools_apart": False} for e in events]), "loop")
    ]


def test_a_result_that_comes_by_itself_meets_a_tool_that_was_told_apart() -> None:
    events: list[Event] = []
    for i in range(6):
        t = i * GAP_S
        events.append(call(t, tools_apart=True))
        one = {"name": "ls", "call_id": f"c{i}", "arguments": {"path": "/gone"}}
        who = {"run": "run", "agent": "agent", "team": "team"}
        events.append({"type": "tool_call", "id": f"t{i}", "time": T0 + t + 1, "tool": one} | who)
        result = {"type": "tool_result", "id": f"r{i}", "time": T0 + t + 2, "run": "run", "call_id": f"c{i}"}
        events.append(result | {"result": "nothing"})
    (loop,) = last(judge(events), "loop")
    assert loop.evidence["known"] == "action and result"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=4, max_size=30))
def test_any_sequence_of_single_tools_gives_the_same_loops_either_way(which: list[int]) -> None:
    steps = [tool("look", f"saw {n}", at=n) for n in which]
    whole = [told(a) for a in last(judge(together(*steps)), "loop")]
    assert [told(a) for a in last(judge(apart(together(*steps))), "loop")] == whole
