"""Time, over all stages: what comes late, early, twice or out of order, dead workers, and clocks that are wrong."""

import random
from collections.abc import Callable
from functools import lru_cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config
from detector.model.alert import Alert
from tests.support.chain import CALLS, STATUS, Chain, Sent, in_time, source_of, what_holds
from tests.support.fleets import working_day
from tests.support.judged import T0, Event, call, last, status, tool
from tests.support.prose import words
from tests.support.spenders import DAY_S, HOUR_S, Spenders
from tests.support.worlds import World

CONFIG = Config()
SEEDS = range(3)
LINK_S = 60.0
"""Around a link its run is silent: whether a call meets the worker before or after the link is chance."""


@lru_cache
def fleet(seed: int) -> tuple[Event, ...]:
    """Loops and late results; days of work, and hours that cost far more; statuses and links."""
    world = [e | {"id": f"world {e['id']}"} for e in World(seed, results_later=True).events]
    spenders = Spenders(seed, agents=4).events
    links = {e["run"]: e["time"] for e in spenders if e.get("type") == "link"}
    near = [abs(e["time"] - links.get(e.get("run"), 0.0)) < LINK_S for e in spenders]
    return (*world, *(e for e, n in zip(spenders, near, strict=True) if not n or e.get("type") == "link"))


@lru_cache
def expected(seed: int) -> list[Alert]:
    return what_holds(in_time(fleet(seed)))


def any_source(event: Event, chance: random.Random) -> int:
    return chance.choice(CALLS if source_of(event) in CALLS else STATUS)


def test_the_fleets_have_what_the_other_tests_compare() -> None:
    found = {(a.rule, a.severity) for seed in SEEDS for a in expected(seed)}
    assert {("loop", "critical"), ("spend_spike", "warning"), ("spend_spike", "critical")} <= found
    assert {("run_inflation", "warning"), ("no_task", "warning")} <= found
    events = [e for seed in SEEDS for e in fleet(seed)]
    assert {e.get("type") for e in events} == {None, "tool_result", "status", "link"}


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 2**32))
def test_out_of_order_within_the_lateness_twice_within_a_day_and_from_any_source_is_the_same(
    seed: int, dice: int
) -> None:
    chance = random.Random(dice)
    sent = []
    for event in fleet(seed):
        at = event["time"] + chance.uniform(0.0, CONFIG.time.lateness_s - 0.1)
        sent.append(Sent(at, any_source(event, chance), event))
        if chance.random() < 0.1:
            again = at + chance.choice((0.0, 1.0, 300.0, HOUR_S, 23 * HOUR_S)) * chance.random()
            sent.append(Sent(again, any_source(event, chance), event))
    assert what_holds(sent, seed=dice) == expected(seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_later_is_counted_and_metered_and_changes_nothing_that_was_told(seed: int) -> None:
    chance = random.Random(seed)
    calls = [e for e in fleet(seed) if "type" not in e and e["time"] < T0 + DAY_S]
    newest = {(e["run"], e["agent"]): e["id"] for e in sorted(calls, key=lambda e: e["time"])}
    older = [e for e in calls if e["id"] != newest[e["run"], e["agent"]] and e["time"] > T0]
    missing = chance.sample(older, 40)
    chain = Chain()
    ids = {e["id"] for e in missing}
    now = chain.play(in_time(e for e in fleet(seed) if e["id"] not in ids)) + 2 * HOUR_S
    chain.beat(now)
    before = {a.id: a for a in last(chain.alerts) if a.state == "resolved"}
    assert chain.totals()["late"] == 0
    for n, event in enumerate(missing):
        chain.send(Sent(now + n / 100, source_of(event), event))
    chain.beat(now + 1.0)
    chain.beat(now + 300.0)
    taken = chain.totals()
    assert (taken["late"], taken["calls"]) == (40, 40)
    assert taken["usd"] == pytest.approx(sum(e["cost_usd"] for e in missing))
    assert chain.booked_usd() == pytest.approx(sum(e.get("cost_usd", 0.0) for e in fleet(seed)))
    after = {a.id: a for a in chain.run_on(now + 300.0)}
    assert before
    assert {id: after[id] for id in before} == before
    assert {a.opened_at for a in after.values() if a.rule == "loop"} == {
        a.opened_at for a in last(chain.alerts) if a.rule == "loop" and a.opened_at < now
    }


def laptop(seed: int) -> list[Event]:
    """Runs with all that is told of them."""
    return [e | {"id": f"laptop {e['id']}"} for e in World(seed, results_later=seed % 2 == 0).events]


def office(hours: float) -> list[Event]:
    """Runs that are always in time; their calls are all different."""
    who = {"team": "office", "agent": "office", "cost_usd": 0.01}
    return [
        call(150.0 * i, run=f"office-{i % 3}", output={"text": " ".join(words(20, i))}, **who)
        for i in range(int(hours * 24))
    ]


def as_if_in_time(alerts: list[Alert]) -> list[Alert]:
    """Of the laptop's runs and tasks what watch found, but for the word that it was told late."""
    found = [a for a in alerts if a.team != "office" and a.rule not in ("spend_spike", "no_task")]
    return [
        msgspec.structs.replace(
            a,
            summary=a.summary.removesuffix("; told late"),
            evidence={k: v for k, v in a.evidence.items() if k != "told_late"},
        )
        for a in found
    ]


UPLOADS: dict[str, Callable[[float, float, int], float]] = {
    "at once": lambda t, end, n: end + n / 1000,
    "ten times as fast": lambda t, end, n: end + (t - T0) / 10,
    "always as late": lambda t, end, n: t + (end - T0),
}


@pytest.mark.parametrize(
    ("seed", "how", "late_s"),
    [
        (1, "at once", HOUR_S),
        (2, "at once", DAY_S),
        (1, "ten times as fast", DAY_S),
        (2, "ten times as fast", HOUR_S),
        (1, "always as late", HOUR_S),
    ],
)
def test_runs_that_are_uploaded_an_hour_or_a_day_late_are_judged_as_if_in_time(
    seed: int, how: str, late_s: float
) -> None:
    runs = sorted((e for e in laptop(seed) if e["time"] < T0 + 6 * HOUR_S), key=lambda e: e["time"])
    end = runs[-1]["time"] + late_s
    others = office((end - T0) / HOUR_S + 2)
    sent = [Sent(UPLOADS[how](e["time"], end, n), source_of(e), e) for n, e in enumerate(runs)]
    in_order = what_holds(in_time([*runs, *others]))
    assert as_if_in_time(in_order)
    assert as_if_in_time(what_holds([*in_time(others), *sent])) == as_if_in_time(in_order)


@pytest.mark.parametrize("late_s", [HOUR_S, 8 * HOUR_S])
def test_a_day_of_work_that_is_uploaded_late_is_booked_and_is_no_spike(late_s: float) -> None:
    chance = random.Random(1)
    days = [
        working_day(f"a{n}", "team", f"T{n}-{d}", (d - 4) * DAY_S, 8, 6.0, chance) for n in range(3) for d in range(5)
    ]
    late, rest = days[4], [e for day in days if day is not days[4] for e in day]
    begin = T0 + 8 * HOUR_S + late_s
    chain = Chain()
    now = chain.play([*in_time(rest), *(Sent(begin + n / 100, source_of(e), e) for n, e in enumerate(late))])
    chain.beat(now + 120.0)
    assert chain.booked_usd() == pytest.approx(sum(e.get("cost_usd", 0.0) for e in [*rest, *late]))
    assert [a.summary for a in chain.run_on(now + 120.0) if a.rule == "spend_spike"] == []


def test_a_worker_that_dies_makes_nothing_late_once_another_takes_over() -> None:
    chain = Chain()

    def before(now: float) -> int | None:
        chain.dead = {0} if now > T0 + 600.0 else set()
        if now > T0 + 660.0:
            chain.take_over(0, by=1)
        return 3 if now > T0 + 600.0 else None

    now = chain.play(in_time(fleet(0)), before=before)
    assert chain.totals()["late"] == 0
    assert chain.run_on(now) == expected(0)


@pytest.mark.parametrize("first", [0, 1])
def test_an_hour_without_any_worker_makes_nothing_late_whoever_comes_back_first(first: int) -> None:
    """What has no backlog is at the present at once, while the backlog of the rest is read bit by bit."""
    chain = Chain()

    def before(now: float) -> int | None:
        down, one = T0 + 600.0 < now < T0 + 4200.0, T0 + 600.0 < now < T0 + 4260.0
        chain.dead = {0, 1} if down else {1 - first} if one else set()
        return 2 if now > T0 + 600.0 else None

    now = chain.play(in_time(fleet(0)), before=before)
    assert chain.totals()["late"] == 0
    assert chain.run_on(now) == expected(0)


def test_a_source_that_nobody_reads_is_given_up_and_then_told_late_with_nothing_thrown_away() -> None:
    same = tool("read", result="the same")
    stuck = [call(600.0 + i * 20.0, run="stuck", tools=same, cost_usd=0.5) for i in range(20)]
    others = office(2.0)
    assert {source_of(e) for e in stuck} != {source_of(e) for e in others}
    in_order = last(what_holds(in_time([*stuck, *others])), "loop")
    chain = Chain()
    mine = next(n for n, sources in enumerate(chain.sources()) if source_of(stuck[0]) in sources)
    seen = {}

    def before(now: float) -> None:
        chain.dead = {mine} if T0 + 300.0 < now < T0 + 3000.0 else set()
        seen[now] = min(e.watermark for e in chain.engines)

    now = chain.play(in_time([*stuck, *others]), before=before)
    held = [w for t, w in seen.items() if T0 + 330.0 < t < T0 + 300.0 + CONFIG.time.hold_back_s]
    given_up = [t - w for t, w in seen.items() if T0 + 800.0 < t < T0 + 3000.0]
    assert max(held) < T0 + 300.0
    assert max(given_up) < 200.0  # the longest pause of the feed, and a beat
    taken = chain.totals()
    assert taken["usd"] == pytest.approx(sum(e["cost_usd"] for e in [*stuck, *others]))
    (found,) = last(chain.run_on(now), "loop")
    assert found.evidence["told_late"]
    assert as_if_in_time([found]) == as_if_in_time(in_order)


def test_what_is_sent_again_after_watch_has_restarted_is_known() -> None:
    chain, events = Chain(), [*office(3.0), status(60.0, "T")]
    now = chain.play(in_time(events))
    for partition in range(len(chain.engines)):
        chain.restart(partition)
    chain.totals()
    again = [Sent(now + 12 * HOUR_S + n, source_of(e), e) for n, e in enumerate(events)]
    chain.play(again)
    taken = chain.totals()
    assert (taken["duplicates"], taken["calls"], taken["evicted"]) == (len(events), 0, 0)


CLOCKS: dict[str, Callable[[int], float]] = {
    "an hour ahead": lambda n: HOUR_S,
    "a day ahead": lambda n: DAY_S,
    "minutes ahead": lambda n: 290.0,
    "two days ahead": lambda n: 2 * DAY_S,
    "an hour back": lambda n: -HOUR_S,
    "a year back": lambda n: -365 * DAY_S,
    "jumping": lambda n: (0.0, HOUR_S, -DAY_S, 200.0, -365 * DAY_S, 5.0, 3 * DAY_S)[n % 7],
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_producer_with_a_wrong_clock_neither_stalls_the_others_nor_makes_them_late_nor_floods(clock: str) -> None:
    same = tool("read", result="the same")
    right = [call(i * 20.0, run=f"right-{k}", tools=same, cost_usd=0.5) for k in range(3) for i in range(10)]
    right += office(3.0)
    wrong = [
        call(i * 7.0, run=f"wrong-{i % 5}", team="wrong", agent="wrong", tools=same, cost_usd=0.01) for i in range(900)
    ]
    sent = in_time(right)
    sent += [Sent(e["time"], CALLS[n % 2], e | {"time": e["time"] + CLOCKS[clock](n)}) for n, e in enumerate(wrong)]
    chain, beats, marks = Chain(), list[float](), list[float]()

    def before(now: float) -> None:
        beats.append(now)
        marks.append(min(e.watermark for e in chain.engines))

    now = chain.play(sent, before=before)
    assert {beat - mark for beat, mark in zip(beats, marks[1:], strict=False)} == {CONFIG.time.lateness_s}
    taken = chain.totals()
    off = [CLOCKS[clock](n) for n in range(len(wrong))]
    assert taken["late"] == sum(-100 * DAY_S < s < 0 for s in off[3:])  # the first beat takes three, and knows no time
    assert chain.refused.total() == sum(not -100 * DAY_S < s <= DAY_S for s in off)
    assert sum(i.counts["clock_ahead"] for i in chain.intakes) == sum(300.0 < s <= DAY_S for s in off)
    assert taken["usd"] == pytest.approx(sum(e["cost_usd"] for e in right) + 0.01 * (900 - chain.refused.total()))
    alerts = chain.run_on(now)
    assert [a for a in alerts if a.team != "wrong"] == what_holds(in_time(right))
    assert len([a for a in alerts if a.team == "wrong"]) <= 5 + 2  # a loop a run, and what they spend together
