"""Real input in small: made-up files in the formats of recordings, through ingest and watch on a broker."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from tests.bench import replay, traffic
from tests.support.brokers import Kafka

FIX = {"name": "write_fix", "arguments": {"project": "made-up", "changes": [{"line": 12, "text": "return None"}]}}
REFUSED = "The edit does not apply: line 12 is not what you say it is."


def step(n: int, name: str, result: str, **arguments: Any) -> dict[str, Any]:
    return {"thought": f"Let me look at part {n}.", "action": {"name": name, "arguments": arguments}, "result": result}


def labelled_run(name: str, stuck: int) -> dict[str, Any]:
    """A run in the labelled format: it reads six files, sends one refused edit `stuck` times, and reads on."""
    steps = [step(n, "read_file", f"contents of file {n}", path=f"src/{n}.py") for n in range(6)]
    steps += [{"thought": f"A {n}th approach is needed.", "action": FIX, "result": REFUSED} for n in range(stuck)]
    steps += [step(n, "search", f"nothing about {n}", text=f"word {n}") for n in range(4)]
    return {"run": name, "agent": "repairer", "steps": steps, "labels": []}


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(web={"port": 0}, log={"level": "error"}, watch={"checkpoint_s": 0.5}, time={"heartbeat_s": 0.2})


def test_a_long_stretch_of_identical_failing_calls_is_one_episode(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl.gz"
    runs = [labelled_run("innocent", stuck=1), labelled_run("stuck", stuck=17), labelled_run("lucky", stuck=3)]
    with gzip.open(path, "wt") as f:
        f.writelines(json.dumps(run) + "\n" for run in runs)
    played = replay.play(config, replay.events_of(path))
    assert played.events == sum(len(run["steps"]) for run in runs)
    assert played.refused == 0
    [episode] = played.episodes("loop")
    assert (episode.run, episode.severity, episode.state) == ("stuck", "critical", "resolved")
    assert episode.calls == 17
    assert episode.evidence["what"] == "write_fix"


def test_azure_traffic_keeps_its_times_and_tokens(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "azure.csv"
    rows = [f"2023-11-16 18:17:{n // 10:02}.{n % 10}799600,{1000 + n},{10 + n}" for n in range(300)]
    path.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]) + "\n")
    events = list(replay.events_of(path))
    assert events[0]["time"] == pytest.approx(1_700_158_620.07996)
    assert [event["usage"]["input_tokens"] for event in events] == [1000 + n for n in range(300)]
    played = replay.play(config, events)
    assert (played.events, played.refused, played.episodes("loop")) == (300, 0, [])


def test_a_mooncake_conversation_is_followed_by_its_leading_blocks(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "mooncake.jsonl"
    prompts = [
        [0, 1, 2],
        [0, 11, 12, 13],
        [0, 1, 3, 4],  # goes on with the first, whose last block was not full yet
        [0, 21],
        [0, 1, 3, 5, 6],
        [0, 11, 31],  # parts from the second early on: another one
    ]
    rows = [
        {"timestamp": 3000 * n, "input_length": 512 * len(blocks), "output_length": 40, "hash_ids": blocks}
        for n, blocks in enumerate(prompts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    events = list(replay.events_of(path))
    assert [event["run"].rpartition("-")[2] for event in events] == ["0", "1", "0", "2", "0", "3"]
    assert [event["turn"] for event in events] == ["1", "1", "2", "1", "3", "1"]
    assert events[1]["time"] == traffic.START_S + 3.0
    played = replay.play(config, events)
    assert (played.events, played.refused, played.alerts) == (6, 0, [])


def test_native_events_go_to_their_topics(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "native.jsonl"
    call = {"agent": "a", "task": "T", "model": "made-up", "usage": {}, "cost_usd": 1.0}
    edit = {"name": "edit", "arguments": {"path": "a.py"}, "result": "does not apply"}
    looping = [call | {"id": f"c{n}", "time": 1e9 + 60 * n, "run": "r", "tools": [edit]} for n in range(6)]
    moved = {"type": "status", "id": "s", "time": 1e9 + 400, "task": "T", "strength": "strong"}
    path.write_text("".join(json.dumps(event) + "\n" for event in [*looping, moved]))
    played = replay.play(config, replay.events_of(path))
    [episode] = played.episodes("loop")
    # The status ended it, not the quiet that followed.
    assert (episode.calls, episode.state, episode.resolved_at) == (6, "resolved", 1e9 + 400)
