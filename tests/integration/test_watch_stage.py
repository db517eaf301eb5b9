"""The watch stage on a broker: restarts, kills, freezes and rebalances lose nothing and double nothing."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from detector.config import Config
from detector.errors import DeploymentError, DetectorError, StateError
from detector.kafka.checkpoint import Ledger, Plan
from detector.kafka.faust_app import App
from detector.metrics import Metrics
from detector.pipeline.watch import WatchStage
from tests.support.brokers import Kafka
from tests.support.counting import SEGMENTS, CountingEngine, CountingFeed
from tests.support.stages import (
    Reader,
    leaving_connections,
    process,
    producing,
    running,
    several_workers,
    until,
)

PARTITIONS = 4
RUNS = 5


@pytest.fixture(autouse=True)
def counted() -> None:
    CountingEngine.loads.clear()
    CountingEngine.processed.clear()


@pytest.fixture
def forgiving() -> Iterator[None]:
    with leaving_connections():
        yield


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.3})


def stage(config: Config) -> WatchStage:
    return WatchStage(config, Metrics(config.metrics), engine=CountingEngine)


def record(n: int) -> str:
    return " ".join(f"run-{n % PARTITIONS}-{(n * 3 + i) % RUNS}" for i in range(3))


@pytest.fixture
async def feed(config: Config) -> AsyncIterator[CountingFeed]:
    async with producing(config) as producer:
        yield CountingFeed(config, producer, record)


@pytest.fixture
async def alerts(config: Config) -> AsyncIterator[Reader]:
    async with Reader(config, config.topics.alerts) as reader:
        yield reader


async def fail(watch: WatchStage) -> None:
    """Runs it until it fails, and raises its failure."""
    async with running(watch) as task:
        await asyncio.wait([task])


def ids(reader: Reader) -> list[str]:
    return [record.key.decode() for record in reader.records]


async def test_alerts_follow_from_packed_records_under_their_ids(
    feed: CountingFeed, alerts: Reader, config: Config
) -> None:
    watch = stage(config)
    assert watch.health() == ["not connected"]
    await feed.send(200)
    async with running(watch):
        await until(lambda: set(ids(alerts)) == feed.expected)
        assert watch.health() == []
    assert len(ids(alerts)) == len(feed.expected) > 0


async def test_a_restart_goes_on_where_the_last_one_stopped(feed: CountingFeed, alerts: Reader, config: Config) -> None:
    for _ in range(3):
        await feed.send(101)
        async with running(stage(config)):
            await until(lambda: len(set(CountingEngine.processed)) == len(feed.sent))
    await until(lambda: set(ids(alerts)) == feed.expected)
    # A graceful stop leaves nothing to repeat: no record was processed twice, no alert written twice.
    assert len(CountingEngine.processed) == len(feed.sent)
    assert len(ids(alerts)) == len(feed.expected)
    assert len(CountingEngine.loads) == 2 * PARTITIONS


async def test_a_killed_worker_loses_nothing(feed: CountingFeed, alerts: Reader, config: Config) -> None:
    with process("counting", config) as worker:
        await feed.send(200)
        await until(lambda: len(ids(alerts)) > 20)
        await feed.send(100)
        worker.send_signal(signal.SIGKILL)
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: set(ids(alerts)) >= feed.expected)
    assert set(ids(alerts)) == feed.expected


async def test_partitions_move_between_workers_with_their_state(
    kafka: Kafka, feed: CountingFeed, alerts: Reader, config: Config
) -> None:
    several_workers(kafka)
    async with AsyncExitStack() as workers:
        for n in range(2):
            await workers.enter_async_context(running(stage(config)))
            await feed.send(150)
            await until(lambda: len(set(CountingEngine.processed)) == len(feed.sent), f"worker {n}")
        await until(lambda: set(ids(alerts)) >= feed.expected)
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: set(ids(alerts)) >= feed.expected)
    assert set(ids(alerts)) == feed.expected


async def test_a_worker_that_freezes_and_wakes_harms_nothing(
    kafka: Kafka, feed: CountingFeed, alerts: Reader, config: Config
) -> None:
    several_workers(kafka)
    with process("counting", config) as frozen:
        await feed.send(100)
        await until(lambda: len(ids(alerts)) > 10)
        await feed.send(100)
        frozen.send_signal(signal.SIGSTOP)
        async with running(stage(config)):
            await feed.send(100)
            await until(lambda: set(ids(alerts)) >= feed.expected)
            frozen.send_signal(signal.SIGCONT)
            await feed.send(100)
            await until(lambda: set(ids(alerts)) >= feed.expected)
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: set(ids(alerts)) >= feed.expected)
    assert set(ids(alerts)) == feed.expected


@pytest.mark.usefixtures("forgiving")
async def test_an_outage_of_the_brokers_is_waited_for(
    kafka: Kafka, feed: CountingFeed, alerts: Reader, config: Config
) -> None:
    async with running(stage(config)) as task:
        await feed.send(100)
        await until(lambda: set(ids(alerts)) == feed.expected)
        with kafka.broker.outage():
            sending = asyncio.create_task(feed.send(100))
            await asyncio.sleep(2)
        await sending
        await until(lambda: set(ids(alerts)) >= feed.expected)
        assert not task.done()
    assert set(ids(alerts)) == feed.expected


@pytest.mark.usefixtures("forgiving")
async def test_it_stops_while_the_brokers_are_away(
    kafka: Kafka, feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.pipeline.stateful.LAST_CHECKPOINT_S", 0.5)
    with ExitStack() as outage:
        async with running(stage(config)):
            await feed.send(100)
            await until(lambda: set(ids(alerts)) == feed.expected)
            outage.enter_context(kafka.broker.outage())
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: set(ids(alerts)) >= feed.expected)
    assert set(ids(alerts)) == feed.expected


async def test_a_packed_record_that_cannot_be_read_ends_the_stage_with_its_place(
    feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: CountingEngine, packed: bytes, offset: int, written_s: float) -> Any:
        raise ValueError("packed observations of format 9")

    await feed.send(1)
    with monkeypatch.context() as patch:
        patch.setattr(CountingEngine, "process", refuse)
        with pytest.raises(DetectorError, match=r"record 0 of partition 0.*format 9"):
            await fail(stage(config))
    async with running(stage(config)):
        await until(lambda: CountingEngine.processed == [(0, 0)])


async def test_an_alert_that_could_not_be_written_comes_with_the_next_start(
    feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    produce = App.produce

    async def refuse_alerts(app: App, topic: str, *record: Any) -> Any:
        if topic != config.topics.alerts:
            return await produce(app, topic, *record)
        await asyncio.sleep(0.5)  # a checkpoint becomes due meanwhile
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(ConnectionError("no"))
        return refused

    await feed.send(100)
    with monkeypatch.context() as patch:
        patch.setattr(App, "produce", refuse_alerts)
        with pytest.raises(ConnectionError):
            await fail(stage(config))
    async with running(stage(config)):
        await until(lambda: set(ids(alerts)) == feed.expected)


def first_plan() -> Plan:
    """A checkpoint of partition 1 that includes its record 7."""
    return Ledger(1, 1, []).plan(7, dict.fromkeys(range(SEGMENTS), b"{}"), {}, range(SEGMENTS))


async def test_state_of_another_version_ends_the_stage_with_its_place(feed: CountingFeed, config: Config) -> None:
    key, value = first_plan().manifest
    async with producing(config) as producer:
        await producer.send_and_wait(
            config.topics.state, value.replace(b'"format":2', b'"format":1'), key=key, partition=1
        )
    await feed.send(4)
    with pytest.raises(StateError, match=f"{config.topics.state}, partition 1: .* has format 1, this version reads 2"):
        await fail(stage(config))


async def test_state_that_is_ahead_of_the_topic_belongs_to_another_topic(feed: CountingFeed, config: Config) -> None:
    plan = first_plan()
    async with producing(config) as producer:
        for key, value in [*plan.segments, plan.manifest]:
            await producer.send_and_wait(config.topics.state, value, key=key, partition=1)
    await feed.send(8)
    with pytest.raises(StateError, match="made anew"):
        await fail(stage(config))


async def test_a_state_topic_with_other_partitions_is_refused(kafka: Kafka, config: Config) -> None:
    other = config.model_copy(
        update={"topics": config.topics.model_copy(update={"state": kafka.topic("state", PARTITIONS + 1)})}
    )
    with pytest.raises(DeploymentError, match=r"5 partitions.*detector topics"):
        await fail(stage(other))
