"""Whole worlds: the figures of alerts against a slow recomputation, and the same however the events arrive."""

import random
from collections import Counter
from typing import Any

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert
from tests.support.judged import Event, last, run_through
from tests.support.slow import Slow
from tests.support.stored import bytes_of, whole
from tests.support.worlds import World
from tests.unit.test_engine import packed


def alerts(events: list[Event], size: int, restore: random.Random | None = None) -> list[Alert]:
    """All records; with `restore` the engine is stopped and restored now and then."""
    engine, out = Engine(Config()), []
    for n, record in enumerate(packed(events, [size])):
        out += engine.process(record, n).alerts
        if restore is not None and restore.random() < 0.2:
            before, engine = bytes_of(engine), Engine.restore(Config(), 0, n, whole(engine))
            assert bytes_of(engine) == before
    return out


def told(a: Alert) -> tuple[Any, ...]:
    figures = (a.calls, round(a.cost_usd, 4), a.tokens, a.evidence["rounds"], a.severity, a.evidence["resolved_by"])
    times = tuple(round(t, 3) for t in (a.opened_at, a.evidence["since"], a.resolved_at or 0.0))
    return (a.tenant, a.task or "", a.run, a.agent or "", *times, *figures)


def expected(e: dict[str, Any]) -> tuple[Any, ...]:
    figures = (e["calls"], round(e["cost"], 4), e["tokens"], e["rounds"], e["severity"], e["by"])
    tenant, task, run, agent = e["lane"]
    times = tuple(round(t, 3) for t in (e["opened"], e["begin"], e["resolved"]))
    return (tenant, task or "", run, agent or "", *times, *figures)


@pytest.mark.parametrize("seed", range(25))
def test_every_figure_of_a_loop_is_what_a_slow_recomputation_says(seed: int) -> None:
    world, slow = World(seed), Slow()
    for event in world.events:
        slow.take(event)
    slow.finish()
    found = last(alerts(world.events, random.Random(seed).choice((1, 9, 100, 5000))), "loop")
    assert Counter(map(told, found)) == Counter(map(expected, slow.done))
    rates = {e["lane"] + (round(e["opened"], 3),): e["rate"] for e in slow.done}
    for a in found:
        lane = (a.tenant, a.task, a.run, a.agent, round(a.opened_at, 3))
        assert a.burn_usd_per_hour == pytest.approx(rates[lane], rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_all_records_are_the_same_however_events_are_packed_and_whenever_the_engine_is_restored(seed: int) -> None:
    events = World(seed, results_later=True).events
    once = last(alerts(events, 1))
    for size, restore in ((7, None), (10_000, None), (3, random.Random(seed))):
        assert last(alerts(events, size, restore)) == once


@pytest.mark.parametrize("seed", range(10))
def test_the_last_records_are_the_same_out_of_order_and_told_twice(seed: int) -> None:
    events = World(seed, results_later=True).events
    once, chance = last(alerts(events, 20)), random.Random(seed)
    shuffled = sorted(events + events[::3], key=lambda e: e["time"] + chance.uniform(0, 9.5))
    assert last(alerts(shuffled, 20)) == once


@pytest.mark.parametrize("seed", range(6))
def test_asking_for_signals_changes_no_alert_and_gives_one_for_each_call(seed: int) -> None:
    events = World(seed, results_later=True).events
    with_signals, signals = run_through(events)
    assert [a for a in last(with_signals) if a.rule != "spend_spike"] == last(alerts(events, 50))
    calls = [e for e in events if "type" not in e]
    assert Counter(s.call for s in signals) == Counter(e["id"] for e in calls)
    assert sum(s.cost_usd for s in signals) == pytest.approx(sum(e["cost_usd"] for e in calls))


@pytest.mark.parametrize("seed", range(6))
def test_the_records_of_each_episode_count_on_and_only_grow(seed: int) -> None:
    by_id: dict[str, list[Alert]] = {}
    for a in alerts(World(seed).events, 30):
        by_id.setdefault(a.id, []).append(a)
    assert by_id
    for episode in by_id.values():
        assert [a.version for a in episode] == [*range(1, len(episode) + 1)]
        assert [a.state for a in episode] == ["open", *["update"] * (len(episode) - 2), "resolved"]
        for figure in ("calls", "tokens", "cost_usd", "updated_at"):
            values = [getattr(a, figure) for a in episode]
            assert values == sorted(values)
        assert episode[-1].resolved_at == episode[-1].updated_at
