"""One tenant sends as much as it can: what others have stays, and memory stays within its bounds."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.accounts.groups import MAX_PARTS, ModelGroup
from detector.alerts.episodes import EpisodeBook
from detector.config import Config, Episodes, Ingest, Watch
from detector.config.settings import Portfolio as Limits
from detector.engine import Engine
from detector.enrich.identity import Identities
from detector.enrich.pseudonyms import Pseudonyms
from detector.fairness import giving_way
from detector.model.packed import decode_packed
from detector.model.rollup import decode_rollup
from detector.pipeline.intake import Intake, SourceRecord
from detector.portfolio import Portfolio
from detector.state import shard as of_shard
from detector.state.seen import Seen
from tests.support.judged import T0, Event, call, in_order, last, status, tool
from tests.support.spread import alerts_of as spend_alerts_of
from tests.support.spread import rollups
from tests.support.stored import whole
from tests.unit.test_engine import alerts_of, packed
from tests.unit.test_retention import after, shard_of

A = tool("read", result="the same", path="/a")
SMALL = Config(watch=Watch(max_runs=40))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from("abcde"), max_size=60), st.integers(0, 60))
def test_only_those_with_most_give_way_and_their_first_entries_do(tenants: list[str], excess: int) -> None:
    excess = min(excess, len(tenants))
    gone = giving_way(tenants, excess)
    assert len(set(gone)) == excess
    before, left = Counter(tenants), Counter(tenants) - Counter(tenants[n] for n in gone)
    given_up = {tenant for tenant in before if left[tenant] < before[tenant]}
    most = max(left.values(), default=0)
    assert all(left[tenant] >= most - 1 for tenant in given_up)
    for tenant in given_up:
        mine = [n for n, whose in enumerate(tenants) if whose == tenant]
        assert [n for n in mine if n in gone] == mine[: before[tenant] - left[tenant]]


def flood(seconds: int, every_s: float = 0.5, **more: object) -> list[Event]:
    """New runs of one tenant without end."""
    times = np.arange(0.0, seconds, every_s).tolist()
    return [call(t, run=f"flood-{n}", tenant="flood", agent="f", **more) for n, t in enumerate(times)]


def test_a_slow_loop_of_another_tenant_is_caught_in_the_midst_of_a_flood() -> None:
    loop = [call(100.0 + i * 240.0, run="stuck", tenant="quiet", tools=A) for i in range(9)]
    (alone,) = last(alerts_of(packed(loop, [3])), "loop")
    events = in_order([*loop, *flood(2200)])
    told = last(alerts_of(packed(events, [50], SMALL), SMALL), "loop")
    assert told == [alone]


def test_runs_in_memory_are_bounded_within_a_minute_too() -> None:
    """What waits for the watermark (20 s here) is on top: it has to be judged first."""
    events = [call(i * 0.01, run=f"flood-{i}", tenant="flood") for i in range(5500)]
    engine, most = Engine(SMALL), 0
    for n, record in enumerate(packed(events, [10], SMALL)[:-2]):
        engine.process(record, n)
        most = max(most, len(shard_of(engine).lanes) - engine.waiting)
    assert most <= 2 * 40 + 16 * 10


def test_open_episodes_are_bounded_and_those_of_others_stay() -> None:
    config = Config(episodes=Episodes(max_open=30))
    theirs = [call(i * 30.0, run="stuck", tenant="quiet", task="Q", tools=A) for i in range(30)]
    many = [
        call(30.0 * i + n * 0.1, run=f"r{n}", tenant="flood", task=f"T{n}", tools=A)
        for i in range(10)
        for n in range(90)
    ]
    engine = after(in_order([*theirs, *many]), config, size=100)
    book = engine._book
    assert isinstance(book, EpisodeBook)
    assert len(list(book)) <= 30 + 90  # opened within the minute
    assert {e.alert.tenant for e in book} == {"quiet", "flood"}
    told = alerts_of(packed(in_order([*theirs, *many]), [100], config), config)
    assert "too many are open" in {a.evidence.get("resolved_by") for a in told if a.tenant == "flood"}
    assert "too many are open" not in {a.evidence.get("resolved_by") for a in told if a.tenant == "quiet"}


def test_teams_whose_tasks_moved_are_bounded_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_shard, "MAX_TEAMS", 10)
    events = [call(i * 2.0, run=f"r{i}", team=f"team-{i}", task=f"T{i}") for i in range(200)]
    events += [status(i * 2.0 + 1, f"T{i}") for i in range(200)]
    kept = shard_of(after(in_order(events), Config())).statuses
    assert 10 <= len(kept) <= 10 + 60 // 2 + 10


def test_results_that_are_waited_for_are_bounded_by_number() -> None:
    waiting = [[{"name": "run", "call_id": f"c{n}"}] for n in range(400)]
    events = [call(n * 0.1, run=f"r{n}", tools=tools) for n, tools in enumerate(waiting)]
    assert len(shard_of(after(events, SMALL)).awaiting) <= 4 * 40


def test_a_call_waits_for_eight_results_whatever_it_asked_for() -> None:
    intake = Intake(Config(), 1)
    many = [{"name": "run", "call_id": f"c{n}"} for n in range(5000)]
    intake.take(0, "calls", [SourceRecord(0, json.dumps(call(0.0, tools=many)).encode(), None)])
    ((_, value),) = intake.flush({}).packed
    assert (len(decode_packed(value).waits), len(value) < 1000) == (8, True)


@pytest.mark.parametrize("most", [40_000, 200_000, 1_000_000])
def test_no_packed_record_is_longer_than_records_may_be(most: int) -> None:
    config = Config(ingest=Ingest(max_record_bytes=most, pack_observations=100))
    intake = Intake(config, 1)

    def long(n: int) -> str:
        return chr(0x10000 + n) * 512

    names = ("run", "parent_run", "task", "task_type", "team", "agent", "key", "model", "provider", "tenant", "user")
    tools = [{"name": long(0), "call_id": f"{long(0)[:500]}{n}"} for n in range(2)]
    for n in range(60):
        event = call(0.0, id=long(n), tools=tools, **{name: long(n) for name in names})
        value = json.dumps(event, ensure_ascii=False).encode()
        intake.take(0, "calls", [SourceRecord(n, value, None)])
    flushed = intake.flush({0: 1.0})
    assert not flushed.dead_letters
    assert max(len(value) for _, value in flushed.packed) <= most
    assert sum(len(decode_packed(value).rows) for _, value in flushed.packed) == 60


def test_a_minute_of_a_crowd_is_told_in_several_rollups_and_comes_to_the_same() -> None:
    usual = [call(h * 3600.0 + n * 60.0, cost_usd=0.05, task=f"t{h}") for h in range(50) for n in range(0, 60, 10)]
    spike = [call(50 * 3600.0 + n * 30.0, cost_usd=3.0, task="dear", run="dear") for n in range(60)]
    crowd = [call(50 * 3600.0 + n * 0.5, run=f"c{n}", agent=f"a{n}", cost_usd=0.01) for n in range(120)]
    moved = [status(50 * 3600.0 + n, f"t{n}") for n in range(5)]
    events = in_order([*usual, *spike, *crowd, *moved])
    whole, cut = rollups(events), rollups(events, Config(ingest=Ingest(max_record_bytes=4000)))
    assert max(len(r.value) for r in cut) <= 4000 < max(len(r.value) for r in whole)
    expected = spend_alerts_of(whole)
    assert expected
    assert spend_alerts_of(cut) == expected
    twice = [t for n, t in enumerate(cut) for t in (*cut[max(0, n - 3) : n], t)]
    assert spend_alerts_of(twice) == expected
    tellers = [decode_rollup(r.value) for r in cut]
    parts = {(s.minute, s.part) for r in tellers for s in r.sheets}
    assert len(parts) == sum(len(r.sheets) for r in tellers) > len({minute for minute, _ in parts})


def test_portfolio_goes_on_from_a_state_that_knew_of_no_parts() -> None:
    told = rollups([call(n * 60.0, run=f"r{n}") for n in range(30)], sizes=[1])
    first = Portfolio(Config())
    for n, rollup in enumerate(told[:20]):
        first.process(rollup.value, n)
    first._taken = {source: place >> 16 for source, place in first._taken.items()}
    again = Portfolio.restore(Config(), 0, 19, whole(first))
    pending = {minute: len(waiting) for minute, waiting in again._pending.items()}
    again.process(told[19].value, 20)
    assert {minute: len(waiting) for minute, waiting in again._pending.items()} == pending


def test_accounts_of_others_stay_in_the_midst_of_a_flood() -> None:
    config = Config(portfolio=Limits(max_accounts=50))
    events = [call(0.0, run="mine", tenant="quiet", agent="mine"), *flood(400)]
    portfolio = Portfolio(config)
    for n, rollup in enumerate(rollups(events, config)[:-2]):
        portfolio.process(rollup.value, n)
    accounts = portfolio._accounts
    names = Counter(party.tenant for party in accounts.task_names.values())
    assert names["quiet"] == 1
    assert sum(names.values()) <= 50
    assert len(accounts.pairs) <= 4 * 50


def test_teams_of_a_models_hour_are_bounded_by_number() -> None:
    group = ModelGroup(1, "t", "m", 1, 0.0)
    group.spend(100, 1.0, 0.0, 1, 1)
    for n in range(MAX_PARTS + 50):
        group.share(100, f"team-{n}", 1.0, 1.0)
    assert len(group.parts) == MAX_PARTS
    assert group.still.sum() == MAX_PARTS + 50


def test_long_names_do_not_fill_the_memory_of_identities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.enrich.identity.MAX_CHARS", 20_000)
    identities = Identities(4, Pseudonyms(b""), 100)
    for n in range(500):
        identities.place(("t", None, None, None, None, f"{n}" + "x" * 500, None, None, None, None, None, None), 0.0)
    assert len(identities._kept) + len(identities._before) <= 20_000 // 500


def test_chosen_ids_do_not_crowd_in_one_place_of_the_table() -> None:
    """Ids whose product with the table's multiplier ends in zeros: all would stand behind one another."""
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    ids = np.array([(k << 24) * inverse % 2**64 for k in range(1, 8001)], np.uint64)
    seen = Seen(10_000, 1e9)
    assert seen.add(ids, T0).all()
    taken = np.concatenate([[0], seen._table != 0, [0]]).astype(np.int8)
    begins, ends = np.flatnonzero(np.diff(taken) == 1), np.flatnonzero(np.diff(taken) == -1)
    assert (ends - begins).max() < 300
    assert not seen.add(ids, T0).any()
