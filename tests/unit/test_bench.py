"""The bench measures what it says: its events are taken, its rows are runs, the app beside it finds what it should."""

import json
from pathlib import Path

import pytest

from detector.config import Config, Topics
from detector.engine import Engine
from detector.pipeline.intake import Intake, SourceRecord
from tests.bench import idiomatic, report
from tests.bench.checkpoints import Worker
from tests.bench.load import Load, Sent
from tests.bench.portfolio import TASKS_A_DAY, TASKS_OF_TEAM, measure_ledger, measure_minutes
from tests.bench.rounds import STAGES, Measured
from tests.bench.rows import packed_runs
from tests.support.stored import bytes_of

COSTS = (
    "cpu_s", "bytes", "longest_s", "first_cpu_s", "first_bytes", "first_longest_s", "changelog_bytes", "restore_cpu_s"
)  # fmt: skip
AGREED = {"cpu_us_per_event", "floor_us_per_event", "idiomatic_faust_us_per_event", "bytes_per_live_run"}


def taken(events: list[Sent]) -> Intake:
    intake = Intake(Config(), 8)
    for n, sent in enumerate(events):
        intake.take(sent.topic << 16 | sent.partition, "any", [SourceRecord(n, sent.value, sent.time)])
    assert not intake.flush({}).dead_letters
    return intake


def test_ingest_takes_every_event_of_the_load() -> None:
    events = Load().take(2000)
    assert sum(taken(events).counts.values()) == 2000
    assert [sent.time for sent in events] == sorted(sent.time for sent in events)
    size = sum(len(sent.value) for sent in events) / 2000
    assert 2200 < size < 2600


def test_a_large_call_has_its_size_and_its_partition_in_turn() -> None:
    events = Load(conversation=100_000, partitions=4).take(8)
    assert [sent.partition for sent in events] == [0, 1, 2, 3] * 2
    assert all(95_000 < len(sent.value) < 110_000 for sent in events)
    assert taken(events).counts["call"] == 8


def test_made_rows_are_live_runs_to_the_engine() -> None:
    engines = [Engine(Config(), partition) for partition in range(2)]
    for partition, packed in packed_runs(runs=40, partitions=2, steps=3):
        engine = engines[partition]
        engine.process(packed, engine.offset + 1)
    assert sum(engine.live_runs for engine in engines) == 40
    assert sum(sums.calls for engine in engines for sums in engine.totals.take().usage.values()) == 120


def test_the_idiomatic_app_finds_repeats_and_near_copies() -> None:
    words = Load()
    tool = [{"name": "test", "arguments": {"path": "a.py"}, "result": "failed"}]
    run = idiomatic.Run()
    texts = [words._cut(1000) for _ in range(5)]
    found = [idiomatic.judge(run, {"output": {"text": text}, "tools": tool}) for text in texts]
    assert found == [None] * 3 + ["same action and result"] * 2
    answers = [idiomatic.judge(run, {"output": {"text": texts[0] + str(n)}}) for n in range(7)]
    assert answers[-1] == "near copies"


def test_the_file_has_the_agreed_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PATH", tmp_path / "bench.json")
    us = {"ingest": 16.0, "watch": 9.0, "portfolio": 0.5, "notify": 1.5, "floor": 8.0, "checkpoint": 1.0}
    counts = {"watch": {"alerts": 20.0, "live_runs": 400.0}, "ingest": {"events": 1000.0}}
    found = report.Found()
    found.stages(Measured([us, us], 2000, 2400.0, counts, dict.fromkeys(STAGES, 50.0)))
    found.idiomatic(Measured([{"idiomatic": 700.0}], 1000, 2400.0, {}))
    found.memory(
        {
            "runs": 100,
            "grown_bytes": 1_900_000,
            "episodes": 50,
            "encoded_bytes": 980_000,
            "encode_s": 0.1,
            "checkpoints": dict.fromkeys(COSTS, 0.5),
        },
        {"runs": 100, "recovery_s": 1.0, "recovery_cpu_s": 0.9},
    )
    found.write()
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert figures.keys() >= AGREED
    assert figures["cpu_us_per_event"] == {
        "ingest": 16.0, "watch": 9.0, "portfolio": 0.5, "notify": 1.5, "total": 27.0
    }  # fmt: skip
    assert figures["bytes_per_live_run"] == 19_000
    assert all(figures["aims"].values())


@pytest.mark.parametrize("runs", [100, 100_000])
def test_a_takeover_is_told_by_its_own_name_at_100_000_runs_only(runs: int) -> None:
    found, told = report.Found(), {"recovery_s": 3.0, "recovery_cpu_s": 2.5}
    memory = {"runs": runs, "grown_bytes": 1, "episodes": 0, "encoded_bytes": 1, "encode_s": 0.1}
    found.memory(memory | {"checkpoints": dict.fromkeys(COSTS, 0.5)}, told | {"runs": runs})
    assert found.figures["recovery_s"] == 3.0
    assert ("recovery_s_100k_runs" in found.figures) == (runs == 100_000)
    with pytest.raises(RuntimeError, match="came back"):
        found.memory(memory | {"checkpoints": dict.fromkeys(COSTS, 0.5)}, told | {"runs": runs - 1})


def test_without_a_broker_there_is_no_figure_of_a_takeover() -> None:
    found = report.Found()
    memory = {"runs": 100_000, "grown_bytes": 1, "episodes": 0, "encoded_bytes": 1, "encode_s": 0.1}
    found.memory(memory | {"checkpoints": dict.fromkeys(COSTS, 0.5)}, None)
    assert not {"recovery_s", "recovery_s_100k_runs"} & set(found.figures)


def test_a_third_of_the_runs_is_written_and_all_are_read_back() -> None:
    config = Config(topics=Topics(partitions=2))
    engines = [Engine(config, partition) for partition in range(2)]
    for partition, packed in packed_runs(runs=60, partitions=2, steps=3):
        engines[partition].process(packed, engines[partition].offset + 1)
    worker = Worker(config, engines, 60)
    first = worker.checkpoint()
    for owned in worker.owned:
        owned.engine.process(worker.record(owned, 10, 0.0, 1.0), owned.engine.offset + 1)
    assert 0 < worker.checkpoint().size < first.size
    before = [bytes_of(owned.engine) for owned in worker.owned]
    worker.restore()
    assert [bytes_of(owned.engine) for owned in worker.owned] == before


def test_minutes_of_portfolio_are_of_all_teams_and_the_baseline_adds_the_same() -> None:
    rows, minutes = measure_minutes(teams=5, minutes=3)
    assert rows == 5 * (TASKS_OF_TEAM + 1)
    assert len(minutes) == 3
    assert all(cost > 0.0 for minute in minutes for cost in minute)


def test_a_made_ledger_has_its_tasks_and_cells() -> None:
    found = measure_ledger(teams=4, days=5, share=0.8)
    assert (found["tasks"], found["cells"]) == (4 * 5 * TASKS_A_DAY, 2 * 4 * 5 * TASKS_A_DAY)
