"""What portfolio guarantees: alerts depend on the events, not on how they came; no dollar is lost or doubled."""

import random
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.engine import ALONE, Spread
from detector.errors import StateError
from detector.model.alert import Alert
from detector.model.rollup import ROLL, SPENT, decode_rollup
from detector.portfolio import Portfolio
from tests.support.judged import Event, last
from tests.support.spenders import Spenders
from tests.support.spread import CONFIG, Told, alerts_of, interleaved, portfolio_of, rollups, spikes
from tests.support.stored import Parts, bytes_of, whole, written

SEEDS = range(4)


@lru_cache
def world(seed: int, late: bool = False) -> list[Event]:
    return Spenders(seed, late=late).events


@lru_cache
def told(seed: int, late: bool = False, spread: Spread = ALONE) -> list[Told]:
    return rollups(world(seed, late), spread=spread)


@lru_cache
def expected(seed: int, late: bool = False) -> list[Alert]:
    return alerts_of(told(seed, late))


def test_the_worlds_have_what_the_other_tests_compare() -> None:
    found = {(a.level, a.severity) for seed in SEEDS for a in last(expected(seed))}
    assert {("task", "critical"), ("task", "warning"), ("team", "critical"), ("agent", "warning")} <= found
    assert {("run", "warning"), ("model", "info"), ("team", "info"), ("agent", "info"), ("task", "info")} <= found


@pytest.mark.parametrize("seed", SEEDS)
def test_alerts_do_not_depend_on_how_observations_are_packed(seed: int) -> None:
    assert spikes(world(seed), sizes=(1, 1, 1, 200, 17)) == expected(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_events_out_of_order_within_the_lateness_and_repeated_give_the_same(seed: int) -> None:
    chance = random.Random(seed)
    events = [*world(seed), *chance.sample(world(seed), 100)]
    assert spikes(sorted(events, key=lambda e: e["time"] + chance.uniform(0, 9.9))) == expected(seed)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("spread", [Spread(4, 1), Spread(3, 2)])
def test_alerts_do_not_depend_on_how_many_partitions_there_are(seed: int, spread: Spread) -> None:
    assert alerts_of(rollups(world(seed), spread=spread), partitions=spread.rollups) == expected(seed)


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_in_which_the_rollups_of_different_partitions_come_does_not_matter(chance: random.Random) -> None:
    assert alerts_of(interleaved(told(4, spread=Spread(3, 1)), chance)) == expected(4)


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False))
def test_rollups_that_come_again_change_nothing(chance: random.Random) -> None:
    # As after a crash of watch: from some rollup on all are told once more.
    n = chance.randrange(len(told(0)))
    back = chance.randrange(n + 1)
    assert alerts_of([*told(0)[:n], *told(0)[back:]]) == expected(0)


def test_a_rollup_that_the_state_includes_changes_nothing() -> None:
    portfolio, alerts = portfolio_of(told(0))
    again = [a for n, t in enumerate(told(0)) for a in portfolio.process(t.value, n).alerts]
    assert (sorted(alerts, key=lambda a: (a.id, a.version)), again) == (expected(0), [])


@pytest.mark.parametrize("seed", SEEDS)
def test_every_dollar_of_calls_is_told_once_and_booked_once(seed: int) -> None:
    calls = [e["cost_usd"] for e in world(seed, late=True) if "cost_usd" in e]
    came = told(seed, late=True)
    sheets = [np.frombuffer(s.rows, ROLL) for t in came for s in decode_rollup(t.value).sheets]
    rows = np.concatenate(sheets)
    portfolio, _ = portfolio_of(came[:-1])
    tasks = portfolio._accounts.tasks.rows
    assert rows["usd"][rows["kind"] == SPENT].sum() == pytest.approx(sum(calls))
    assert (tasks["usd"].sum(), tasks["calls"].sum()) == (pytest.approx(sum(calls)), len(calls))
    assert sum(g.usd for g in portfolio._accounts.teams.values()) == pytest.approx(sum(calls))
    assert sum(g.usd for g in portfolio._accounts.models.values()) == pytest.approx(sum(calls))


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0), st.sampled_from((0.02, 0.2)))
def test_a_restored_portfolio_goes_on_as_if_nothing_had_happened(seed: int, dice: int, share: float) -> None:
    came, chance = told(seed, late=True), random.Random(dice)
    portfolio, alerts, stored = Portfolio(CONFIG), list[Alert](), Parts()
    for n, t in enumerate(came):
        alerts += portfolio.process(t.value, n).alerts
        if chance.random() >= share:
            continue
        stored = written(portfolio, stored)
        assert set(stored) <= portfolio.segments()
        if chance.random() < 0.5:
            portfolio = Portfolio.restore(CONFIG, 0, n, stored)
            assert portfolio.process(t.value, n).alerts == []
            assert portfolio.dirty() == [0]
    assert sorted(alerts, key=lambda a: (a.id, a.version)) == expected(seed, late=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_restored_state_has_the_same_bytes(seed: int) -> None:
    came = told(seed, late=True)
    portfolio, _ = portfolio_of(came[: 40 + len(came) * 3 // 5])
    restored = Portfolio.restore(CONFIG, 0, 7, whole(portfolio))
    assert bytes_of(restored) == bytes_of(portfolio)


def test_a_state_of_another_version_or_with_damage_is_refused() -> None:
    portfolio, _ = portfolio_of(told(0)[:300])
    stored = whole(portfolio)
    longest = max(stored, key=lambda n: len(stored[n][0]))
    for n in (0, longest):
        with pytest.raises(StateError, match="format 99"):
            Portfolio.restore(CONFIG, 0, 0, stored | {n: [b"\x92\x63\x80"]})
        with pytest.raises(StateError, match="damaged"):
            Portfolio.restore(CONFIG, 0, 0, stored | {n: [stored[n][0][:-3]]})
        with pytest.raises(StateError, match="damaged"):
            Portfolio.restore(CONFIG, 0, 0, stored | {n: [b""]})


def test_an_unknown_format_of_a_rollup_is_refused_and_changes_nothing() -> None:
    portfolio = Portfolio(CONFIG)
    before = bytes_of(portfolio)
    with pytest.raises(ValueError, match="format"):
        portfolio.process(b"\x96\x63\x00\x01\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x90\x90", 0)
    with pytest.raises(ValueError, match=r".+"):
        portfolio.process(b"\x96\x01", 0)
    assert bytes_of(portfolio) == before
