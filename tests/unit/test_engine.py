"""What the engine guarantees: its alerts depend on the events, not on how they are packed, repeated or interrupted."""

import json
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Config, Time, Watch
from detector.engine import Engine
from detector.errors import StateError
from detector.model.alert import Alert
from detector.model.packed import decode_packed
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import T0, Event, call, last, status, tool
from tests.support.prose import varied, words
from tests.support.stored import bytes_of, whole

CONFIG = Config()
END_S = 400 * 86_400.0


def packed(events: list[Event], sizes: list[int], config: Config = CONFIG, partitions: int = 1) -> list[bytes]:
    """The packed records of one partition, with as many events in each as `sizes` says, over and over."""
    intake, out, i, n = Intake(config, partitions), [], 0, 0
    while i < len(events):
        size = sizes[n % len(sizes)]
        records = [SourceRecord(i + k, json.dumps(e).encode(), None) for k, e in enumerate(events[i : i + size])]
        intake.take(0, "any", records)
        out += [value for _, value in intake.flush({0: intake.forwarded(0)}, everywhere=True).packed]
        i, n = i + size, n + 1
    newest = intake.forwarded(0)
    return out + [
        v for more_s in (CONFIG.time.lateness_s, END_S) for _, v in intake.flush({0: newest + more_s}, True).packed
    ]


def alerts_of(records: list[bytes], config: Config = CONFIG) -> list[Alert]:
    engine = Engine(config)
    return [a for n, record in enumerate(records) for a in engine.process(record, n).alerts]


def a_busy_day() -> list[Event]:
    """Loops, cycles, late results, statuses, answers alike, a spike and honest work, in order of time."""
    same, other = tool("read", result="the same", path="a"), tool("grep", result="nothing", error="exit 1")
    base = words(120)
    events = [call(i * 20.0, run="stuck", task="T1", tools=same) for i in range(9)]
    events += [call(7 + i * 20.0, run="cycle", task="T2", tools=(same, other)[i % 2]) for i in range(14)]
    events += [call(i * 30.0, run="alike", output={"text": " ".join(varied(base, 0.1, i))}) for i in range(9)]
    events += [call(i * 9.0, run="busy", task="T1", tools=tool("edit", result=f"ok {i}", line=i)) for i in range(30)]
    for i in range(8):
        asked = call(3 + i * 25.0, run="late", task="T3", tools=[{"call_id": f"c{i}", "name": "ls", "arguments": {}}])
        told = {"type": "tool_result", "id": f"r{i}", "time": T0 + 9 + i * 25.0, "run": "late", "task": "T3"}
        events += [asked, told | {"call_id": f"c{i}", "result": "no change"}]
    events += [status(150.0, "T2"), status(151.0, "T1", "medium"), status(40.0, "T3", "weak")]
    return sorted(events, key=lambda e: e["time"])


DAY = a_busy_day()
EXPECTED = last(alerts_of(packed(DAY, [len(DAY)])))


def test_a_busy_day_has_what_the_other_tests_compare() -> None:
    found = {(a.rule, a.run or a.task, a.class_) for a in EXPECTED}
    assert {("loop", "stuck", "repeat"), ("loop", "cycle", "cycle"), ("loop", "alike", "near")} <= found
    assert {("loop", "late", "repeat"), ("run_inflation", "T1", None)} <= found


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_alerts_do_not_depend_on_how_observations_are_packed(sizes: list[int]) -> None:
    assert last(alerts_of(packed(DAY, sizes))) == EXPECTED


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 50))
def test_reordered_and_repeated_events_within_the_lateness_give_the_same(chance: random.Random, size: int) -> None:
    events = sorted(DAY + chance.sample(DAY, 30), key=lambda e: e["time"] + chance.uniform(0, 9.9))
    assert last(alerts_of(packed(events, [size]))) == EXPECTED


def test_two_engines_with_the_same_state_write_the_same_bytes() -> None:
    records = packed(DAY, [50])
    engines = [Engine(CONFIG), Engine(CONFIG)]
    for n, record in enumerate(records[:3]):
        for engine in engines:
            engine.process(record, n)
    one, two = (bytes_of(e) for e in engines)
    assert one == two
    restored = Engine.restore(CONFIG, 0, 2, whole(engines[0]))
    assert bytes_of(restored) == one
    assert restored.process(records[2], 2).alerts == []
    assert bytes_of(restored) == one


def test_a_state_of_another_version_or_with_damage_is_refused() -> None:
    engine = Engine(CONFIG)
    engine.process(packed(DAY, [50])[0], 0)
    stored = whole(engine)
    with pytest.raises(StateError, match="format 99"):
        Engine.restore(CONFIG, 0, 0, stored | {1: [b"\x92\x63\x80"]})
    with pytest.raises(StateError, match="damaged"):
        Engine.restore(CONFIG, 0, 0, stored | {1: [stored[1][0][:-3]]})


def test_a_record_that_the_state_includes_changes_nothing() -> None:
    records = packed(DAY, [30])
    engine = Engine(CONFIG)
    once = [a for n, r in enumerate(records) for a in engine.process(r, n).alerts]
    again = [a for n, r in enumerate(records) for a in engine.process(r, n).alerts]
    assert (last(once), again) == (EXPECTED, [])


def test_what_an_ingest_worker_sends_again_after_a_crash_is_taken_once() -> None:
    records = packed(DAY, [len(DAY)])
    assert last(alerts_of([records[0], *records])) == EXPECTED


def test_a_run_that_is_uploaded_an_hour_late_is_judged_as_if_on_time() -> None:
    late = [call(i * 20.0, run="laptop", tools=tool("read", result="same")) for i in range(6)]
    others = [call(3600.0 + i * 20.0, run="other", output={"text": " ".join(words(20, i))}) for i in range(6)]
    (on_time,) = last(alerts_of(packed(sorted(late + others, key=lambda e: e["time"]), [4])), "loop")
    (too_late,) = last(alerts_of(packed(others + late, [4])), "loop")
    assert (too_late.evidence.pop("told_late"), on_time.evidence.pop("told_late")) == (True, False)
    assert too_late.summary == on_time.summary + "; told late"
    assert msgspec.structs.replace(too_late, summary=on_time.summary) == on_time


def test_late_events_and_repeats_are_counted() -> None:
    engine = Engine(CONFIG)
    early, late = call(0.0, run="a"), call(-3600.0, run="b")
    for n, record in enumerate(packed([call(1000.0), early, early, late], [1])):
        engine.process(record, n)
    taken = engine.totals.take()
    assert (taken.late, taken.duplicates) == (2, 1)
    assert sum(u.calls for u in taken.usage.values()) == 3


def test_idle_runs_and_tasks_leave_memory_and_their_episodes_end() -> None:
    config = Config(time=Time(idle_s=3600.0))
    engine = Engine(config)
    events = [call(i * 10.0, task="T", output={"text": f"{i}"}) for i in range(12)] + [call(8000.0, run="other")]
    alerts = [a for n, r in enumerate(packed(events, [5], config)) for a in engine.process(r, n).alerts]
    assert [(a.rule, a.state) for a in alerts] == [("run_inflation", "open"), ("run_inflation", "resolved")]
    assert alerts[-1].calls == 12
    assert engine.live_runs == 0


def test_the_number_of_runs_in_memory_is_bounded() -> None:
    config = Config(watch=Watch(max_runs=50))
    engine = Engine(config)
    events = [call(i * 1.0, run=f"run-{i}") for i in range(400)]
    for n, record in enumerate(packed(events, [20], config)[:-1]):
        engine.process(record, n)
        assert engine.live_runs <= 50 + 60 + 20


def test_results_that_come_later_are_judged_with_their_calls() -> None:
    (loop,) = [a for a in EXPECTED if a.run == "late"]
    assert (loop.evidence["known"], loop.severity, loop.calls) == ("action and result", "critical", 8)


def test_a_result_that_never_comes_is_waited_for_and_no_longer() -> None:
    asked = [
        call(i * 20.0, run="x", tools=[{"call_id": f"c{i}", "name": "ls", "arguments": {}}], cost_usd=1.0)
        for i in range(8)
    ]
    (loop,) = last(alerts_of(packed(asked, [3])), "loop")
    assert (loop.evidence["known"], loop.severity, loop.opened_at) == ("action", "warning", T0 + 140.0)


def test_rules_can_be_set_otherwise_for_one_agent() -> None:
    config = Config.model_validate({"overrides": [{"agent": "poller", "rules": {"loop": {"rounds_short": 9}}}]})
    same = tool("poll", result="same")
    events = [
        call(i * 20.0 + k, run=who, agent=who, tools=same) for i in range(6) for k, who in enumerate(("poller", "b"))
    ]
    assert [a.agent for a in last(alerts_of(packed(events, [5], config), config), "loop")] == ["b"]


def test_partitions_share_the_work_and_each_task_lies_in_one() -> None:
    intake = Intake(CONFIG, 8)
    records = [SourceRecord(n, json.dumps(e).encode(), None) for n, e in enumerate(DAY)]
    intake.take(0, "any", records)
    where: dict[str | None, set[int]] = {}
    for partition, value in intake.flush({0: T0}).packed:
        for ident in decode_packed(value).idents:
            where.setdefault(ident.task or ident.run, set()).add(partition)
    assert all(len(p) == 1 for p in where.values())
    assert len(set.union(*where.values())) > 1
