"""Events through ingest and watch with the real engine: the alerts are those of its records read in one go."""

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.metrics import Metrics
from detector.model.alert import Alert
from detector.pipeline.ingest import IngestStage
from detector.pipeline.watch import WatchStage
from tests.support.brokers import Kafka
from tests.support.stages import Reader, alerts_of, process, producing, running, until

RUNS, CALLS, LOOPING = 12, 10, 4


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(
        watch={"checkpoint_s": 0.4},
        time={"lateness_s": 0.3, "heartbeat_s": 0.2},
        ingest={"batch_wait_s": 0.05},
        privacy={"pseudonym_key": "of this test"},
    )


def calls(round: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """One call of each run, by partition: some repeat a failing action, the others get on."""
    for run in range(RUNS):
        at = 0 if run < LOOPING else round
        tool = {"name": "bash", "arguments": {"cmd": f"make {at}"}, "result": f"no rule {at}", "error": True}
        yield run, {
            "id": f"{run}-{round}", "time": time.time(), "model": "gpt-5-mini", "run": f"run-{run}",
            "agent": "fixer", "team": "build", "usage": {"input_tokens": 9}, "cost_usd": 3.0, "tools": [tool],
        }  # fmt: skip


async def send(config: Config, producer: Any, rounds: range) -> None:
    for round in rounds:
        sending = []
        for n, call in calls(round):
            value = json.dumps(call).encode()
            sending.append(await producer.send(config.topics.calls, value, partition=n % 4))
        await asyncio.gather(*sending)
        await asyncio.sleep(0.05)


def in_one_go(config: Config, packed: Reader) -> dict[tuple[str, int], Alert]:
    """What engines say that read the same packed records without a break."""
    engines: dict[int, Engine] = {}
    found = {}
    for record in packed.records:
        engine = engines.setdefault(record.partition, Engine(config, record.partition))
        for alert in engine.process(record.value, record.offset).alerts:
            found[alert.id, alert.version] = alert
    return found


async def test_restarts_and_kills_change_no_alert(config: Config) -> None:
    def looping(alerts: dict[tuple[str, int], Alert]) -> set[str | None]:
        return {a.run for a in alerts.values() if a.rule == "loop" and a.severity == "critical"}

    async with (
        producing(config) as producer,
        Reader(config, config.topics.alerts) as written,
        Reader(config, config.topics.observations) as packed,
        running(IngestStage(config, Metrics(config.metrics))),
    ):
        async with running(WatchStage(config, Metrics(config.metrics))):
            await send(config, producer, range(0, 3))
            await until(lambda: len(packed.records) > 0)
        with process("watch", config) as watch:
            await send(config, producer, range(3, CALLS))
            await until(lambda: len(written.records) > 0)
            watch.send_signal(signal.SIGKILL)
        metrics = Metrics(config.metrics)
        async with running(WatchStage(config, metrics)):
            await until(lambda: looping(alerts_of(written)) == {f"run-{n}" for n in range(LOOPING)})
            await until(lambda: alerts_of(written) == in_one_go(config, packed))
            of_pages = {"rule": "loop", "severity": "critical"}
            sample = metrics.registry.get_sample_value
            await until(lambda: sample("detector_open_episodes", of_pages) == LOOPING)
