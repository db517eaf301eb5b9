"""Sums for the metrics: of all calls that are new, by tenant, team, agent and model, and of what was flagged."""

import random
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from detector.config import Config, Watch
from detector.engine import Engine
from detector.metrics import Metrics
from detector.model import packed as pk
from detector.model.packed import FORMAT, Packed, decode_packed, encode_packed
from detector.pipeline.watch_metrics import WatchMetrics
from detector.state.seen import CHUNK
from detector.totals import Totals, UsageSums
from tests.support.judged import T0, Event, call, status, tool
from tests.unit.test_engine import packed

NAMES = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")


def engine_after(events: list[Event], size: int = 7) -> Engine:
    engine = Engine(Config())
    for n, record in enumerate(packed(events, [size])):
        engine.process(record, n)
    return engine


def some_calls() -> list[Event]:
    chance = random.Random(4)
    return [
        call(
            float(i), run=f"r{i % 9}", tenant=chance.choice(("acme", "beta")), team=chance.choice((None, "t")),
            agent=chance.choice(("a", "b", None)), model=chance.choice(("m", "nobody-knows-this")),
            usage=chance.choice(({}, {n: chance.randint(0, 10**8) for n in NAMES})),
            cost_usd=chance.choice((None, 0.25, 100_000)),
        )
        for i in range(300)
    ]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_usage_is_summed_by_tenant_team_agent_and_model(size: int) -> None:
    events = some_calls()
    usage = engine_after([*events, status(301.0, "T")], size).totals.take().usage
    expected: dict[Any, Counter[str]] = {}
    for e in events:
        sums = expected.setdefault((e["tenant"], e["team"], e["agent"], e["model"]), Counter())
        sums.update({n: e["usage"].get(n, 0) for n in NAMES})
        sums.update(calls=1, cost_usd=e["cost_usd"] or 0, unclaimed_usd=e["cost_usd"] or 0)
        sums.update(unpriced_calls=int(bool(e["usage"]) and e["cost_usd"] is None))
        sums.update(unmetered_calls=int(not e["usage"]))
    assert {labels: sums._asdict() for labels, sums in usage.items()} == {
        labels: {name: sums[name] for name in UsageSums._fields} for labels, sums in expected.items()
    }


def test_what_is_told_twice_is_summed_once_and_counted() -> None:
    events = some_calls()
    once, twice = (engine_after(told).totals.take() for told in (events, [*events, *events]))
    assert twice.usage == once.usage
    assert (once.duplicates, twice.duplicates) == (0, len(events))


def test_ids_that_are_forgotten_before_their_time_are_counted_and_shown() -> None:
    config, metrics = Config(watch=Watch(max_seen_ids=1000)), Metrics(Config().metrics)
    engine, chance = Engine(config), random.Random(3)
    columns = decode_packed(packed([call(0.0)], [1])[0])
    for n in range(6):
        rows = np.repeat(columns.rows, CHUNK)
        rows["seq"] = np.arange(n * CHUNK, (n + 1) * CHUNK)
        rows["id"] = [chance.getrandbits(64) for _ in range(CHUNK)]
        idents, ids, names = columns.idents, ["id"] * CHUNK, [""] * CHUNK
        packet = Packed(FORMAT, {0: T0 + n}, idents, ids, names, rows.tobytes(), b"", b"", b"")
        engine.process(encode_packed(packet), n)
    shown = WatchMetrics(metrics, "watch", "observations", time.time)
    shown.processed(SimpleNamespace(engine=engine))  # type: ignore[arg-type]
    assert metrics.registry.get_sample_value("detector_seen_evicted_total") == 5 * CHUNK
    assert engine.totals.take().evicted == 0


def test_taking_the_sums_starts_them_anew() -> None:
    engine = engine_after(some_calls())
    assert engine.totals.take().usage
    again = engine.totals.take()
    assert (again.usage, again.flagged_usd, again.late, again.duplicates, again.orphans) == ({}, {}, 0, 0, 0)


def test_dollars_of_flagged_episodes_are_those_of_the_alerts() -> None:
    loops = [call(i * 20.0, run=f"loop-{n}", tools=tool("read", result="same")) for n in range(3) for i in range(5 + n)]
    honest = [call(i * 20.0, run="honest", tools=tool("read", result=f"{i}")) for i in range(20)]
    flagged = engine_after(sorted(loops + honest, key=lambda e: e["time"])).totals.take().flagged_usd
    assert flagged == {"loop": 18.0}


def test_an_empty_batch_adds_nothing() -> None:
    totals = Totals()
    totals.add(np.zeros(0, pk.ROW), [])
    assert totals.take().usage == {}
