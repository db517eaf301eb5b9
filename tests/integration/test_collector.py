"""A real collector between clients and ingest, as deploy/collector has it: what it takes arrives, each call once."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from detector.metrics import Metrics
from detector.model import packed as pk
from detector.pipeline.ingest import IngestStage
from tests.bench import telemetry
from tests.support import told
from tests.support.brokers import Broker, Kafka
from tests.support.collector import DEPLOY, Collector, binary
from tests.support.otlp import logs_json
from tests.support.stages import Reader, leaving_connections, running, until

pytestmark = pytest.mark.timeout(1200)  # where nothing is at hand, the collector is built first

COLUMNS = {
    "input": "input_tokens",
    "cached": "cached_input_tokens",
    "written": "cache_write_tokens",
    "out": "output_tokens",
    "reasoning": "reasoning_tokens",
}
"""Of a packed row, and what they are in a call's usage."""
LIMIT_BYTES = 1_000_000
TEXT = "".join(f"line {n} of what a command has printed\n" for n in range(200))


def metrics(config: Config) -> Metrics:
    return Metrics(config.metrics)


@pytest.fixture(scope="session")
def built() -> Path:
    return binary()


@pytest.fixture
def config(kafka: Kafka) -> Config:
    sources = [{"topic": kafka.name(name), "format": name} for name in ("otlp_logs", "otlp_spans")]
    return kafka.config(ingest={"batch_wait_s": 0.05}, sources=sources)


@pytest.fixture
def collecting(built: Path, kafka: Kafka, config: Config, tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    started: list[Collector] = []

    def start(**how: Any) -> Collector:
        logs, spans = (source.topic for source in config.sources)
        started.append(Collector(tmp_path, kafka.bootstrap, logs, spans, embedded=kafka.kind == "embedded", **how))
        return started[-1]

    yield start
    for each in started:
        each.kill()


def sums(packed: Reader) -> Counter[str]:
    """Of what ingest told watch, each event once: a collector that was killed may have sent some twice."""
    found: dict[tuple[str, bool], Counter[str]] = {}
    for record in packed.records:
        columns = pk.decode_packed(record.value)
        for id, row in zip(columns.ids, columns.rows, strict=True):
            tool = bool(row["flags"] & pk.TOOL)
            numbers = {} if tool else {name: int(row[column]) for column, name in COLUMNS.items()}
            found[id, tool] = Counter({"tools" if tool else "calls": 1} | numbers)
    return sum(found.values(), Counter())


async def everything(packed: Reader, sent: Sequence[told.Sent]) -> None:
    """Waits until all of it has come, and asserts that it is no more."""
    true = sum((one.told for one in sent), Counter[str]())
    await until(lambda: sums(packed)["calls"] >= true["calls"] and sums(packed)["tools"] >= true["tools"], "all calls")
    assert sums(packed) == true


async def send(collector: Collector, sent: Sequence[told.Sent]) -> None:
    for n, one in enumerate(sent):
        await asyncio.to_thread(collector.send, one.signal, one.body, zipped=n % 2 == 1)


@pytest.mark.parametrize("encoding", ["otlp_proto", "otlp_json"])
async def test_what_clients_send_is_counted_once(
    collecting: Callable[..., Collector], config: Config, encoding: str
) -> None:
    now = time.time() - 60
    sent = [
        told.codex("codex-1", range(0, 5), at=now),
        told.codex("codex-2", range(5, 9), at=now, json_form=True),
        told.gemini("gemini-1", range(0, 7), at=now),
        told.spans("spans-1", range(0, 6), at=now),
        told.spans("spans-2", range(6, 9), at=now, json_form=True),
        told.codex("codex-3", range(0, 1), TEXT * 200, at=now),  # one of its records is as large as a batch may be
    ]
    assert len(sent[-1].body) > LIMIT_BYTES
    async with Reader(config, config.topics.observations) as packed, running(IngestStage(config, metrics(config))):
        await send(collecting(encoding=encoding), sent)
        await everything(packed, sent)


async def test_a_request_that_is_too_large_for_brokers_as_they_come_is_split(
    collecting: Callable[..., Collector], config: Config
) -> None:
    sent = [told.codex("codex-1", range(0, 400), TEXT, at=time.time() - 600)]
    assert len(sent[0].body) > 3 * LIMIT_BYTES
    logs = config.sources[0].topic
    async with (
        Reader(config, config.topics.observations) as packed,
        Reader(config, logs) as records,
        running(IngestStage(config, metrics(config))),
    ):
        await send(collecting(more={"KAFKA_BATCH_BYTES": "900000"}), sent)
        await everything(packed, sent)
        await until(lambda: sum(len(record.value) for record in records.records) > 3 * LIMIT_BYTES)
    assert max(len(record.value) for record in records.records) < LIMIT_BYTES


async def test_metrics_are_taken_and_go_nowhere(collecting: Callable[..., Collector]) -> None:
    point = {"startTimeUnixNano": "1", "timeUnixNano": "2", "asInt": "5"}
    metric = {"name": "tokens", "sum": {"dataPoints": [point], "aggregationTemporality": 2, "isMonotonic": True}}
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}).encode()
    await asyncio.to_thread(collecting().send, "metrics", body)


async def test_what_it_has_taken_outlives_its_kill_while_kafka_is_away(
    collecting: Callable[..., Collector], config: Config, kafka: Kafka
) -> None:
    now, collector = time.time() - 60, collecting()
    before, during = told.codex("run-1", range(0, 3), at=now), told.spans("run-2", range(0, 50), at=now)
    with leaving_connections():
        async with Reader(config, config.topics.observations) as packed:
            async with running(IngestStage(config, metrics(config))):
                await send(collector, [before])
                await everything(packed, [before])
            with kafka.outage():
                await send(collector, [during])
                collector.kill()
                collector.start()
            async with running(IngestStage(config, metrics(config))):
                await everything(packed, [before, during])


async def test_what_a_full_queue_refuses_its_client_sends_again(
    collecting: Callable[..., Collector], config: Config, kafka: Kafka
) -> None:
    collector, now = collecting(more={"OTELCOL_QUEUE_BYTES": "250000"}), time.time() - 60
    sent = [told.codex(f"run-{n}", range(10), TEXT, at=now) for n in range(8)]
    with leaving_connections():
        with kafka.outage():
            sending = asyncio.create_task(send(collector, sent))
            await until(lambda: collector.refused > 0)
        async with Reader(config, config.topics.observations) as packed, running(IngestStage(config, metrics(config))):
            await sending
            await everything(packed, sent)


def test_captures_that_go_through_it_are_compared_with_their_truth(
    built: Path, broker: Broker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if broker.kind != "embedded":
        pytest.skip("has an embedded broker of its own")

    def capture(name: str, wrong: int) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        sent = told.codex("run-1", range(0, 3))
        (folder / "001-logs.bin").write_bytes(sent.body)
        (folder / "002-logs.json").write_bytes(logs_json([], {}))
        truth = [
            {"api": "responses", "usage": {"input": 1500 + 13 * n + wrong, "cached": 900 + 7 * n, "written": 100 + n}
             | {"output": 200 + 3 * n, "reasoning": 20 + n}}
            for n in range(3)
        ]  # fmt: skip
        (folder / "truth.jsonl").write_text("\n".join(map(json.dumps, truth)))
        return folder

    capture("right", 0)
    assert telemetry.main([str(tmp_path), "--collector"]) == 0
    assert "calls   3/3" in capsys.readouterr().out
    capture("wrong", 1)
    assert telemetry.main([str(tmp_path), "--collector"]) == 1


def test_its_configuration_with_tls_and_a_login_is_valid(built: Path, tmp_path: Path) -> None:
    told = {"OTELCOL_STORAGE": str(tmp_path), "KAFKA_USERNAME": "otelcol", "KAFKA_PASSWORD": "a secret"}
    files = [part for name in ("collector", "secure") for part in ("--config", str(DEPLOY / f"{name}.yaml"))]
    ran = subprocess.run([built, "validate", *files], env=told, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
