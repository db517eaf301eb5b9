"""The bench of steps measures what it says: its runs are of their kinds, its baselines compare, its aims are told."""

import gzip
import json
import sys
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detector.config import Config
from detector.engine import Engine
from detector.pipeline.intake import Intake
from detector.state.layout import LANE
from detector.state.trails import KEEP_IDS, Trail
from tests.bench import report, steps
from tests.bench.mix import KINDS, LOOPS, SHARES, Mix
from tests.bench.plain import PLAIN, PlainStep, plain_steps
from tests.bench.steps import Packer, Stepped, held_bytes, measure_steps
from tests.unit.recorded_runs import run, step


def fed(mix: Mix, events: int) -> list[bytes]:
    return list(Packer(mix).take(events))


def test_each_kind_has_its_share_of_the_live_runs() -> None:
    mix = Mix(runs=100)
    mix.take(5000)
    kinds = Counter(way.kind for way in mix._ways.values())
    assert kinds.keys() == KINDS.keys() == SHARES.keys()
    assert all(abs(kinds[kind] - many) <= 5 for kind, many in SHARES.items())


def test_runs_of_a_kind_do_as_it_says() -> None:
    def calls(kind: str) -> list[dict[str, Any]]:
        events = [json.loads(sent.value) for sent in Mix({kind: 1}, runs=20).take(1000)]
        return [event for event in events if "usage" in event]

    assert not any("tools" in event for event in calls("outputs"))
    failed = [event for event in calls("failing") if "error" in event.get("tools", [{}])[0]]
    assert 0.5 < len(failed) / len(calls("failing")) < 0.7
    assert not any("error" in event.get("tools", [{}])[0] for event in calls("tools"))


def test_every_event_of_the_mix_is_taken_in_records_of_fifty() -> None:
    packer = Packer(Mix(runs=50))
    assert len(list(packer.take(2000))) == 40
    assert sum(packer.intake.counts.values()) == 2000


def test_all_loops_of_the_mix_are_found_and_honest_runs_are_not() -> None:
    def loops(kind: str, runs: int) -> set[str | None]:
        engine = Engine(Config())
        records = fed(Mix({kind: 1}, runs), runs * 90)
        alerts = [a for n, packed in enumerate(records) for a in engine.process(packed, n).alerts]
        return {alert.class_ for alert in alerts if alert.rule == "loop" and alert.severity != "info"}

    assert loops("looping", len(LOOPS)) == {"repeat", "cycle", "near"}
    assert not any(loops(kind, 30) for kind in ("tools", "outputs"))


@pytest.mark.parametrize("name", PLAIN)
def test_a_baseline_compares_with_the_twelve_before_in_the_same_run(name: str) -> None:
    def told(lane: int, signature: int, word: int) -> tuple[float, int]:
        words = np.full(16, word, np.uint64)
        return PLAIN[name](lanes, PlainStep(lane, signature, words, int.from_bytes(words.tobytes(), "little")))

    lanes: dict[int, deque[object]] = {}
    assert told(1, 7, 0b0011) == (0.0, 0)
    assert told(2, 7, 0b0011) == (0.0, 0)
    assert told(1, 7, 0b0110) == (1 / 3, 1)
    assert told(1, 8, 0b0110) == (1.0, 0)
    for _ in range(12):
        told(1, 9, 0)
    assert told(1, 7, 0b0110) == (0.0, 0)


def test_the_baselines_see_the_steps_that_the_engine_sees() -> None:
    records = fed(Mix(runs=30), 1500)
    seen = list(plain_steps(records))
    measured = measure_steps(rounds=1, events=1500, runs=30)
    assert 1200 < len(seen) < 1500
    assert 1200 < measured.counts["steps"] < 1500
    assert measured.rounds[0].keys() == {"compare", "decide", "engine", *PLAIN}
    assert measured.counts["records"] == 30


def test_a_text_that_is_kept_twice_counts_once() -> None:
    name, ids = "x" * 100, ["one", "two"]
    trail = Trail(0, ids, [name, name], [])
    lists = sum(map(sys.getsizeof, (trail, ids, [name, name], [])))
    assert held_bytes(trail) == lists + sum(map(sys.getsizeof, (*ids, name)))


def test_a_history_grows_to_its_bound() -> None:
    intake = Intake(Config(), 1)
    short, long, longer = (steps.recorded_history(intake, run(*[step()] * n)) for n in (1, KEEP_IDS, 3 * KEEP_IDS))
    assert LANE.itemsize < short < long <= longer < long + 500


def test_the_command_states_the_mean_of_recorded_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "runs.jsonl.gz"
    with gzip.open(path, "wb") as f:
        f.writelines(msgspec.json.encode(r) + b"\n" for r in (run(step(), step()), run(step(), name="other")))
    assert steps.main([str(path)]) == 0
    assert f", {LANE.itemsize:,} of it the row; aim: mean at most 8,000: met" in capsys.readouterr().out
    path.write_bytes(b"{")
    assert steps.main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_how_many_runs_may_loop_follows_from_what_each_kind_costs() -> None:
    shares = {"tools": 3, "outputs": 1, "looping": 1}
    assert report.most_looping({"tools": 2.0, "outputs": 6.0, "looping": 103.0}, shares, 8.0) == pytest.approx(0.05)
    assert report.most_looping({"tools": 2.0, "outputs": 6.0, "looping": 7.0}, shares, 8.0) == 1.0
    assert report.most_looping({"tools": 9.0, "outputs": 9.0, "looping": 99.0}, shares, 8.0) == 0.0


@pytest.mark.parametrize(("us", "held", "met"), [(3.0, 7_000, "met"), (5.0, 9_000, "not met")])
def test_the_report_tells_whether_the_aims_are_met(
    us: float, held: int, met: str, capsys: pytest.CaptureFixture[str]
) -> None:
    each = {"compare": us, "decide": us, "engine": 20.0, "numpy": 10 * us, "python": 4 * us}
    found, measured = report.Found(), Stepped([each] * 3, {"steps": 1000, "alerts": 20}, [held])
    found.steps(measured, dict.fromkeys(KINDS, measured))
    found.tell()
    out = capsys.readouterr().out
    assert f"at most 8 µs: {met} ({2 * us:.2f})" in out
    assert f"at most 8,000 bytes: {met} (mean {held:,}" in out
    assert "10.0 times as much" in out
    assert found.figures["steps"]["cpu_us_per_step"]["compare_and_decide"] == 2 * us
    assert found.figures["steps"]["history_bytes"] == held
