"""`detector link` as a process on a broker: what it sends is there, is taken, and moves the run to its task."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from detector.config.toml import to_toml
from detector.enrich.identity import subject_hash
from detector.errors import DeploymentError
from detector.kafka.admin import partitions_of
from detector.metrics import Metrics
from detector.model.events import Link
from detector.model.packed import decode_packed
from detector.pipeline.ingest import IngestStage
from detector.pipeline.intake import Intake, SourceRecord
from detector.sources import native
from tests.support.brokers import Kafka
from tests.support.services import free_port
from tests.support.stages import Reader, producing, running, until

PARTITIONS = 4
TIMEOUT_S = 15  # of the command, unless told
Ended = subprocess.CompletedProcess[str]
Run = Callable[..., Coroutine[Any, Any, Ended]]


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(
        time={"heartbeat_s": 0.2}, ingest={"batch_wait_s": 0.05}, privacy={"pseudonym_key": "of this test"}
    )


@pytest.fixture
def link(config: Config, tmp_path: Path) -> Run:
    """Runs the command to its end; `over` replaces sections of its configuration."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")}

    async def ran(*arguments: str, **over: Any) -> Ended:
        path = tmp_path / "detector.toml"
        path.write_text(to_toml(config.model_copy(update=over)))
        script = "from detector.cli import main; main()"
        command = [sys.executable, "-c", script, "--config", str(path), "link", *arguments]
        return await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, env=environment, timeout=60
        )

    return ran


@pytest.fixture
async def statuses(config: Config) -> AsyncIterator[Reader]:
    async with Reader(config, config.topics.status) as reader:
        yield reader


def decoded(value: bytes) -> Link:
    (event,) = native.decode(value, "status")
    assert isinstance(event, Link)
    return event


def call(run: str, number: int = 0) -> bytes:
    event = {"id": f"{run}-{number}", "time": time.time(), "model": "gpt-5-mini", "run": run, "usage": {}}
    return json.dumps(event).encode()


def observed(packed: Iterable[tuple[int, bytes]]) -> dict[str, tuple[int, str | None]]:
    """Partition and task of each observation, by its event's id; `packed` are records with their partitions."""
    columns = [(partition, decode_packed(value)) for partition, value in packed]
    return {
        id: (partition, each.idents[row["ident"]].task)
        for partition, each in columns
        for row, id in zip(each.rows, each.ids, strict=True)
    }


async def test_what_was_told_is_on_the_topic_when_it_ends(link: Run, statuses: Reader, config: Config) -> None:
    told = ("--run", "läuft 1", "--task", "PAY-1312", "--tenant", "acme", "--source", "git")
    ended = await link(*told, "--time", "2026-11-20T10:14:03+01:00")
    assert (ended.returncode, ended.stderr) == (0, "")
    await until(lambda: len(statuses.records) == 1)
    sent = decoded(statuses.records[0].value)
    assert (sent.run, sent.task, sent.tenant, sent.source) == ("läuft 1", "PAY-1312", "acme", "git")
    assert b'"2026-11-20T09:14:03Z"' in statuses.records[0].value
    assert ended.stdout == f"run läuft 1 works on task PAY-1312: sent to {config.topics.status} as {sent.id}\n"


async def test_a_dry_run_needs_no_broker_and_sends_nothing(link: Run, statuses: Reader, config: Config) -> None:
    nowhere = config.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_port()}"})
    ended = await link("--run", "r", "--task", "dry", "--dry-run", kafka=nowhere)
    assert (ended.returncode, decoded(ended.stdout.encode()).task) == (0, "dry")
    await link("--run", "r", "--task", "wet")
    await until(lambda: len(statuses.records) > 0)
    assert [decoded(record.value).task for record in statuses.records] == ["wet"]


async def test_the_link_that_is_sent_last_holds(link: Run, statuses: Reader) -> None:
    for task in ("A", "A", "B", "A"):
        assert (await link("--run", "r", "--task", task)).returncode == 0
    await until(lambda: len(statuses.records) == 4)
    assert len({record.partition for record in statuses.records}) == 1
    assert len({decoded(record.value).id for record in statuses.records}) == 4
    intake = Intake(Config(), PARTITIONS)
    sent = [SourceRecord(record.offset, record.value, record.timestamp / 1000) for record in statuses.records]
    intake.take(1 << 16, "status", sent)
    intake.take(0, "calls", [SourceRecord(0, call("r"), time.time())])
    flushed = intake.flush({})
    assert flushed.dead_letters == []
    assert observed(flushed.packed)["r-0"] == (subject_hash("default", "A", None) % PARTITIONS, "A")


async def test_later_calls_of_the_run_go_where_the_tasks_go(link: Run, config: Config) -> None:
    task, run = "PAY-1312", "s-481"
    home, before = (subject_hash("default", *of) % PARTITIONS for of in ((task, None), (None, run)))
    assert home != before

    def seen() -> dict[str, tuple[int, str | None]]:
        return observed((record.partition, record.value) for record in packed.records)

    async with (
        producing(config) as producer,
        Reader(config, config.topics.observations) as packed,
        running(IngestStage(config, Metrics(config.metrics))),
    ):
        await producer.send_and_wait(config.topics.calls, call(run, 1))
        await until(lambda: f"{run}-1" in seen())
        assert (await link("--run", run, "--task", task, "--id", "l1")).returncode == 0
        await until(lambda: "l1" in seen())
        await producer.send_and_wait(config.topics.calls, call(run, 2))
        await until(lambda: f"{run}-2" in seen())
    assert seen() == {f"{run}-1": (before, None), "l1": (before, task), f"{run}-2": (home, task)}


async def test_without_brokers_it_fails_soon_and_says_what_to_do(link: Run, config: Config) -> None:
    port = free_port()
    nowhere = config.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{port}"})
    began_s = time.monotonic()
    ended = await link("--run", "r", "--task", "t", kafka=nowhere)
    assert time.monotonic() - began_s < TIMEOUT_S
    assert (ended.returncode, ended.stdout) == (1, "")
    told = f"no broker answers (127.0.0.1:{port}: nothing listens there); start the broker, or correct kafka.bootstrap"
    assert ended.stderr == f"detector: {told}\n"


async def test_a_broker_that_does_not_answer_is_given_up_in_time(link: Run, config: Config) -> None:
    mute = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    began_s = time.monotonic()
    async with mute:
        silent = config.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{port}"})
        ended = await link("--run", "r", "--task", "t", "--timeout", "1", kafka=silent)
    assert time.monotonic() - began_s < TIMEOUT_S
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "did not acknowledge within 1 s; try again with a longer --timeout" in ended.stderr


async def test_a_missing_topic_is_told_and_not_made(link: Run, kafka: Kafka, config: Config) -> None:
    gone = config.topics.model_copy(update={"status": kafka.name("gone")})
    ended = await link("--run", "r", "--task", "t", topics=gone)
    told = f"detector: topic {gone.status} is missing; make it with: detector topics\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", told)
    with pytest.raises(DeploymentError, match="is missing"):
        await partitions_of(config, gone.status)
