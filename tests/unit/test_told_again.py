"""One call that is told several times: what one telling lacks the other has, and it counts once."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.engine import Engine
from tests.support.judged import T0, Event, call, last
from tests.support.watched import Watched


def told(t: float = 0.0, id: str = "chatcmpl-1", **fields: Any) -> Event:
    """A telling of a call by spans that says nothing but what is told."""
    return {"id": id, "time": T0 + t, "run": "run", "model": "gpt-4o", "usage": {}, "source": "spans"} | fields


BARE = told(agent="agent")
FULL = told(
    0.4, usage={"input_tokens": 1000, "cached_input_tokens": 400, "output_tokens": 90}, agent="agent", turn="1",
    tools=[{"name": "ls", "arguments": {"path": "/gone"}, "result": "no such directory"}],
)  # fmt: skip


@pytest.mark.parametrize("events", list(itertools.permutations([BARE, FULL, BARE])))
def test_what_the_first_telling_lacks_the_second_fills_while_it_waits(events: list[Event]) -> None:
    whole, watched = Watched(), Watched()
    whole.take([FULL], 1000.0)
    for event in events:
        watched.take([event], 1.0)
    assert watched.engine.totals.take().usage == {}
    watched.take([], 1000.0)
    assert watched.counted() == whole.counted()


def test_a_call_that_is_judged_is_not_counted_anew() -> None:
    watched = Watched()
    watched.take([BARE], 60.0)
    assert watched.counted()[:2] == (1, 0)
    watched.take([FULL], 120.0)
    taken = watched.engine.totals.take()
    assert (taken.usage, taken.duplicates) == ({}, 1)


def test_what_a_producer_without_a_known_source_sends_again_changes_nothing() -> None:
    watched = Watched()
    watched.take([BARE | {"source": None}, FULL | {"source": None}], 1000.0)
    assert watched.counted()[:2] == (1, 0)


def test_steps_are_those_of_the_telling_that_knows_them() -> None:
    events = []
    for n in range(6):
        step = {"id": f"c{n}", "time": T0 + n * 20.0, "cost_usd": 1.0}
        events += [BARE | step, FULL | step]
    for order in (events, [e for n in range(0, 12, 2) for e in (events[n + 1], events[n])]):
        watched = Watched()
        watched.take(order, 2000.0)
        (loop,) = last(watched.alerts, "loop")
        assert (loop.evidence["rounds"], loop.evidence["known"], loop.cost_usd) == (6, "action and result", 6.0)


def test_a_result_that_comes_later_meets_the_tools_of_the_second_telling() -> None:
    events: list[Event] = []
    for n in range(6):
        step = {"id": f"c{n}", "time": T0 + n * 20.0, "cost_usd": 1.0}
        tools = [{"name": "ls", "call_id": f"t{n}", "arguments": {"path": "/gone"}}]
        result = {"type": "tool_result", "id": f"r{n}", "time": T0 + n * 20.0 + 1, "run": "run", "call_id": f"t{n}"}
        events += [BARE | step, FULL | step | {"tools": tools}, result | {"result": "nothing"}]
    watched = Watched()
    watched.take(events, 2000.0)
    (loop,) = last(watched.alerts, "loop")
    assert loop.evidence["known"] == "action and result"


COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
parts = st.fixed_dictionaries({}, optional={name: st.just(50 * (n + 1)) for n, name in enumerate(COUNTS)})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(lambda usage, more: told(usage=usage, **more), parts, st.sampled_from([{}, {"cost_usd": 0.5}])),
        min_size=2, max_size=2,
    )
)  # fmt: skip
def test_which_of_two_tellings_comes_first_makes_no_difference(events: list[Event]) -> None:
    sums = []
    for order in (events, events[::-1]):
        watched = Watched()
        for event in order:
            watched.take([event], 1.0)
        watched.take([], 1000.0)
        (usage,) = watched.engine.totals.take().usage.values()
        sums.append(usage)
    assert sums[0] == sums[1]
    assert sums[0].input_tokens == max(e["usage"].get("input_tokens", 0) for e in events)


def test_a_checkpoint_between_two_tellings_loses_neither() -> None:
    watched = Watched()
    watched.take([BARE], 1.0)
    engine = watched.engine
    written = {n: [engine.encode_segment(n)] for n in sorted(engine.segments())}
    engine.clean()
    watched.take([FULL], 2.0)
    for n in engine.dirty():
        changes = engine.encode_changes(n)
        if changes is None:
            written[n] = [engine.encode_segment(n)]
        else:
            written[n].append(changes)
    watched.engine = Engine.restore(watched.config, 0, engine.offset, written)
    watched.take([], 1000.0)
    assert watched.counted()[:2] == (1, 1000)


def test_a_call_that_is_told_of_two_runs_is_counted_in_the_first() -> None:
    watched = Watched()
    first, second = FULL | {"run": "trace-1"}, FULL | {"run": "trace-2"}
    watched.take([first, second, first, second], 1000.0)
    assert watched.counted()[:2] == (1, 1000)


def test_the_run_that_tells_it_for_the_second_time_has_its_steps_and_its_loop() -> None:
    steps = [FULL | {"id": f"c{n}", "time": T0 + n * 20.0, "cost_usd": 1.0} for n in range(6)]
    events = [e for n, step in enumerate(steps) for e in (step | {"run": f"trace-{n}"}, step | {"run": "agent-run"})]
    watched = Watched()
    watched.take(events, 2000.0)
    assert watched.counted() == (6, 6000, 6.0)
    (loop,) = last(watched.alerts, "loop")
    assert (loop.run, loop.cost_usd) == ("agent-run", 6.0)


def test_calls_of_other_sources_share_no_ids() -> None:
    watched = Watched()
    watched.take([call(0.0, id="x", source="codex", run="a"), call(0.0, id="x", run="b")], 1000.0)
    assert watched.counted()[0] == 2
