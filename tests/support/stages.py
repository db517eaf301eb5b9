"""Runs stages in tests, in this process or in one that can be killed.

`python -m tests.support.stages NAME CONFIG` runs one stage until it is killed: ingest, watch, portfolio, or counting,
which is watch with the engine of tests.support.counting.
"""

import asyncio
import gc
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from detector.config import Config
from detector.kafka import clients
from detector.metrics import Metrics
from detector.model.alert import Alert, decode_alert
from detector.pipeline.ingest import IngestStage
from detector.pipeline.portfolio import PortfolioStage
from detector.pipeline.stage import Stage
from detector.pipeline.watch import WatchStage
from tests.support.brokers import Kafka
from tests.support.counting import CountingEngine

PATIENCE_S = 60.0


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[asyncio.Task[None]]:
    """Started, and stopped at the end; the task is its run(), whose failure is raised at the end."""
    try:
        await stage.start()
        task = asyncio.create_task(stage.run())
        try:
            yield task
        finally:
            await stage.stop()
        await task
    finally:
        await stage.stop()


@contextmanager
def process(name: str, config: Config) -> Iterator["subprocess.Popen[bytes]"]:
    """A stage in a process of its own, killed at the end."""
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.support.stages", name, config.model_dump_json()],
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


async def until(holds: Callable[[], bool], what: str = "") -> None:
    """Waits for something that another task brings about."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"waited {PATIENCE_S:g} s for {what or holds}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def producing(config: Config) -> AsyncIterator[Any]:
    """A producer."""
    producer = clients.producer(config, linger_ms=1)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def several_workers(kafka: Kafka) -> None:
    """Skips the test where workers cannot share a group."""
    if kafka.kind == "embedded":
        pytest.skip("the mock cluster refuses a member that asks for its share after the leader has given them")


@contextmanager
def leaving_connections() -> Iterator[None]:
    """For outages: aiokafka 0.14 forgets a connection that it was opening as it was told to stop."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


class Reader:
    """Reads a topic from its beginning on, in no group; `records` are those that came so far."""

    def __init__(self, config: Config, topic: str) -> None:
        self.records: list[Any] = []
        self._consumer = clients.consumer(config, topic)

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        self._task = asyncio.create_task(self._follow())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def _follow(self) -> None:
        while True:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                self.records += records
            await asyncio.sleep(0)


def alerts_of(reader: Reader) -> dict[tuple[str, int], Alert]:
    """By id and version; one that is written again has to be the same."""
    found: dict[tuple[str, int], Alert] = {}
    for record in reader.records:
        alert = decode_alert(record.value)
        assert found.setdefault((alert.id, alert.version), alert) == alert
    return found


async def main(name: str, settings: str) -> None:
    """Works until it is killed."""
    config = Config.model_validate_json(settings)
    metrics = Metrics(config.metrics)
    stages: dict[str, Callable[[], Stage]] = {
        "ingest": lambda: IngestStage(config, metrics),
        "watch": lambda: WatchStage(config, metrics),
        "portfolio": lambda: PortfolioStage(config, metrics),
        "counting": lambda: WatchStage(config, metrics, engine=CountingEngine),
    }
    stage = stages[name]()
    async with running(stage) as task:
        await task


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
