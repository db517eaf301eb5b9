"""Two sources tell of one session: its dollars count once, and its steps are told to the rules once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.engine import Engine
from tests.support.judged import T0, Event, call, in_order, judge, last, tool
from tests.support.watched import Watched

GAP_S = 20.0


def gateway(n: int, t: float, **fields: Any) -> Event:
    """Call n as a gateway tells it: dearer than the client thinks."""
    return call(t, id=f"chatcmpl-{n}", source="litellm", agent="key-7", cost_usd=3.0, **fields)


def client(n: int, t: float, **fields: Any) -> Event:
    """The same call as the client tells it."""
    return call(t, id=f"codex-{n}", source="codex", agent="codex_exec", cost_usd=2.0, tools_apart=True, **fields)


def used(n: int, t: float, result: str | None = "no such directory", **fields: Any) -> Event:
    """A tool of call n as the client tells it."""
    who = {"run": "run", "agent": "codex_exec", "team": "team", "source": "codex"}
    one: Event = {"name": "ls", "arguments": {"path": "/gone"}}
    if result is not None:
        one["result"] = result
    return {"type": "tool_call", "id": f"tool-{n}", "time": T0 + t, "tool": one} | who | fields


def session(n: int) -> list[Event]:
    return [one for i in range(n) for one in (gateway(i, i * GAP_S), client(i, i * GAP_S + 0.2))]


def test_the_first_source_counts_the_calls_of_a_run_that_two_tell_of() -> None:
    watched = Watched()
    watched.take(session(10), 1000.0)
    assert watched.counted() == (10, 10_000, 30.0)


def test_the_order_is_configured() -> None:
    watched = Watched(Config(identity={"meters": ["codex", "litellm"]}))
    watched.take(session(10), 1000.0)
    assert watched.counted() == (10, 10_000, 20.0)


@pytest.mark.parametrize("source", [None, "in-house"])
def test_a_source_that_is_not_in_the_order_always_counts(source: str | None) -> None:
    watched = Watched()
    watched.take([gateway(0, 0.0), call(0.2, source=source)], 1000.0)
    assert watched.counted() == (2, 2000, 4.0)


def test_other_runs_count_by_themselves() -> None:
    watched = Watched()
    watched.take([gateway(0, 0.0), client(1, 0.2) | {"run": "another"}], 1000.0)
    assert watched.counted()[0] == 2


def test_what_the_client_was_counted_for_is_not_counted_again_when_the_gateway_comes_late() -> None:
    watched = Watched()
    watched.take([client(i, i * GAP_S) for i in range(5)], 200.0)
    assert watched.counted() == (5, 5000, 10.0)
    watched.take([gateway(i, i * GAP_S + 0.3) for i in range(5)], 220.0)
    assert watched.counted() == (0, 0, 0.0)
    watched.take([e for i in (11, 12) for e in (client(i, i * GAP_S), gateway(i, i * GAP_S + 0.3))], 400.0)
    assert watched.counted() == (2, 2000, 6.0)


def test_calls_before_the_gateway_was_used_are_the_clients() -> None:
    watched = Watched()
    watched.take([*(client(i, i * GAP_S) for i in range(6)), *(gateway(i, i * GAP_S) for i in (3, 4, 5))], 1000.0)
    assert watched.counted() == (6, 6000, 3 * 2.0 + 3 * 3.0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_interleaving_within_the_lateness_counts_the_same(data: st.DataObject) -> None:
    events = in_order(session(8))
    late = {e["id"]: data.draw(st.floats(0.0, 9.0)) for e in events}
    events.sort(key=lambda e: (e["time"] + late[e["id"]], e["id"]))
    watched, newest = Watched(), 0.0
    while events:
        batch = [events.pop(0) for _ in range(data.draw(st.integers(1, len(events))))]
        newest = max(newest, *(e["time"] - T0 for e in batch))
        watched.take(batch, newest)
    watched.take([], 1000.0)
    assert watched.counted() == (8, 8000, 24.0)


def test_a_checkpoint_keeps_who_tells() -> None:
    whole, events, calls = Watched(), in_order(session(12)), 0
    for n in range(0, len(events), 5):
        whole.take(events[n : n + 5], n / 5 * 50.0)
        engine = whole.engine
        segments = {k: [engine.encode_segment(k)] for k in sorted(engine.segments())}
        taken = whole.counted()
        again = Engine.restore(whole.config, 0, engine.offset, segments)
        assert {k: again.encode_segment(k) for k in sorted(again.segments())} == {k: v[0] for k, v in segments.items()}
        whole.engine = again
        assert taken[2] == 3.0 * taken[0]
        calls += taken[0]
    whole.take([], 1000.0)
    assert calls + whole.counted()[0] == 12


def told(tools: bool, n: int) -> list[Event]:
    """A session of n rounds of one failing action, told by both; `tools`: the gateway sees tools and their results."""
    events: list[Event] = []
    for i in range(n):
        t = i * GAP_S
        events.append(gateway(i, t, **({"tools": tool("ls", "no such directory", path="/gone")} if tools else {})))
        events += [client(i, t + 0.2), used(i, t + 1.0)]
    return events


@pytest.mark.parametrize("tools", [True, False])
def test_a_loop_that_both_tell_of_is_one_loop_of_as_many_rounds(tools: bool) -> None:
    assert last(judge(told(tools, 3)), "loop") == []
    (loop,) = last(judge(told(tools, 6)), "loop")
    assert (loop.evidence["rounds"], loop.severity, loop.class_) == (6, "critical", "repeat")
    assert (loop.calls, loop.cost_usd) == (6, 12.0)


def test_steps_are_those_of_whoever_knows_what_came_back() -> None:
    paging = [
        one
        for i in range(8)
        for one in (
            gateway(i, i * GAP_S, tools=tool("ls", f"page {i}", path="/gone")),
            client(i, i * GAP_S + 0.2),
            used(i, i * GAP_S + 1.0, result=None, tool={"name": "ls", "arguments": {"path": "/gone"}, "error": False}),
        )
    ]
    assert [a.severity for a in last(judge(paging), "loop") if a.severity != "info"] == []


def test_a_loop_in_one_of_two_agents_of_the_client_is_found_in_that_one() -> None:
    events = told(True, 8)
    for i in range(8):
        events += [
            client(
                100 + i,
                i * GAP_S + 5.0,
            )
            | {"agent": "helper"},
            used(100 + i, i * GAP_S + 6.0, result=f"another {i}") | {"agent": "helper"},
        ]
    (loop,) = last(judge(in_order(events)), "loop")
    assert loop.agent == "codex_exec"


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_order_within_the_lateness_gives_the_same_alerts(data: st.DataObject) -> None:
    events = in_order(told(True, 7))
    late = {e["id"]: data.draw(st.floats(0.0, 9.0)) for e in events}
    shuffled = sorted(events, key=lambda e: (e["time"] + late[e["id"]], e["id"]))
    whole, watched, newest = Watched(), Watched(), 0.0
    whole.take(events, 2000.0)
    while shuffled:
        batch = [shuffled.pop(0) for _ in range(data.draw(st.integers(1, len(shuffled))))]
        newest = max(newest, *(e["time"] - T0 for e in batch))
        watched.take(batch, newest)
    watched.take([], 2000.0)
    assert watched.alerts == whole.alerts
    assert watched.counted() == whole.counted()
