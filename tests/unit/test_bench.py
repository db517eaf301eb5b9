"""The bench measures what it says: its events are taken, its rows are runs, the app beside it finds what it should."""

import json
from pathlib import Path

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.pipeline.intake import Intake, SourceRecord
from tests.bench import idiomatic, report
from tests.bench.load import Load, Sent
from tests.bench.memory import packed_runs
from tests.bench.rounds import STAGES, Measured

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
            "recovery_s": 0.1,
        }
    )
    found.write()
    figures = json.loads((tmp_path / "bench.json").read_text())
    assert figures.keys() >= AGREED
    assert figures["cpu_us_per_event"] == {
        "ingest": 16.0, "watch": 9.0, "portfolio": 0.5, "notify": 1.5, "total": 27.0
    }  # fmt: skip
    assert figures["bytes_per_live_run"] == 19_000
    assert all(figures["aims"].values())
