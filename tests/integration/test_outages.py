"""Outages of Kafka: stages wait, say why, lose nothing, and go on by themselves; one that stands still ends.

`--outage SECONDS` makes the outages longer, as on the night that counts.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import LeaderNotAvailableError

from detector.config import Config
from detector.errors import DetectorError
from detector.kafka import admin, clients
from detector.kafka.faust_app import App
from detector.metrics import Metrics
from detector.pipeline.ingest import IngestStage
from detector.pipeline.notify import NotifyStage
from detector.pipeline.stage import Stage
from detector.pipeline.standstill import Standstill
from detector.pipeline.watch import WatchStage
from tests.support.apache import ApacheCluster
from tests.support.brokers import Kafka, Real
from tests.support.counting import CountingEngine, CountingFeed
from tests.support.stages import Reader, leaving_connections, producing, running, until

PARTITIONS = 4


@pytest.fixture(autouse=True)
def forgiving() -> Iterator[None]:
    CountingEngine.loads.clear()
    CountingEngine.processed.clear()
    with leaving_connections():
        yield


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.3}, time={"heartbeat_s": 0.2})


@pytest.fixture
def outage_s(request: pytest.FixtureRequest) -> float:
    return float(request.config.getoption("--outage"))


def counting(config: Config, metrics: Metrics | None = None) -> WatchStage:
    return WatchStage(config, metrics or Metrics(config.metrics), engine=CountingEngine)


def record(n: int) -> str:
    return f"run-{n % PARTITIONS}-{n % 3} run-{n % PARTITIONS}-x"


@pytest.fixture
async def feed(config: Config) -> AsyncIterator[CountingFeed]:
    async with producing(config) as producer:
        yield CountingFeed(config, producer, record)


@pytest.fixture
async def alerts(config: Config) -> AsyncIterator[Reader]:
    async with Reader(config, config.topics.alerts) as reader:
        yield reader


def ids(reader: Reader) -> set[str]:
    return {record.key.decode() for record in reader.records}


async def failed(*_: Any) -> Any:
    """What a producer hands back of a record that it will never write."""
    future = asyncio.get_running_loop().create_future()
    future.set_exception(LeaderNotAvailableError())
    return future


async def never(*_: Any) -> Any:
    """The same of one that nobody ever acknowledges."""
    return asyncio.get_running_loop().create_future()


def instead(
    monkeypatch: pytest.MonkeyPatch, topic: str, answer: Callable[..., Any], after: int = 0, times: int = 1
) -> None:
    """Writes to a topic are answered so, from the one after `after` on, so many times."""
    produce, count = App.produce, itertools.count()

    async def wrapped(app: App, to: str, *record: Any) -> Any:
        odd = to == topic and after <= next(count) < after + times
        return await (answer() if odd else produce(app, to, *record))

    monkeypatch.setattr(App, "produce", wrapped)


async def test_after_a_write_that_kafka_gave_up_the_stage_begins_anew_by_itself(
    feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, config.topics.alerts, failed, after=5)
    async with running(counting(config)) as task:
        await feed.send(200)
        await until(lambda: ids(alerts) == feed.expected)
        await feed.send(100)
        await until(lambda: ids(alerts) == feed.expected)
        assert not task.done()


async def test_a_checkpoint_that_failed_is_not_followed_by_one_that_lacks_what_it_had(
    feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def torn(*_: Any) -> Any:
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ConnectionError("no"))
        return future

    await feed.send(40)
    with monkeypatch.context() as patch:
        watch = counting(config)
        with pytest.raises(ConnectionError):  # noqa: PT012 - its stop writes the checkpoint at fault
            async with running(watch) as task:
                await until(lambda: all(not o.pending for o in watch._owned.values()) and len(watch._owned) == 4)
                instead(patch, config.topics.state, torn)
                await feed.send(43)
                await asyncio.wait([task])
    await feed.send(100)
    async with running(counting(config)):
        await until(lambda: ids(alerts) >= feed.expected)
    assert ids(alerts) == feed.expected


async def test_a_partition_that_stands_still_ends_its_worker_and_a_restart_goes_on(
    feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = counting(config)
    watch._standstill = Standstill(2.0)
    with monkeypatch.context() as patch:
        instead(patch, config.topics.alerts, never, times=1)
        patch.setattr("detector.pipeline.stateful.LAST_CHECKPOINT_S", 0.5)
        still = r"partition \d has not moved for \d+ s and is \d+ records behind"
        with pytest.raises(DetectorError, match=still):  # noqa: PT012 - its run() raises at the end of the block
            async with running(watch) as task:
                for _ in range(20):  # more than is taken at once
                    await feed.send(40)
                await asyncio.wait([task])
    async with running(counting(config)):
        await until(lambda: ids(alerts) >= feed.expected)
    assert ids(alerts) == feed.expected


async def test_while_kafka_is_away_standing_still_is_no_failure(
    kafka: Kafka, feed: CountingFeed, alerts: Reader, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kafka.kind != "embedded":
        pytest.skip("what is asked here does not depend on the broker, and the embedded one is back at once")
    watch = counting(config)
    watch._standstill = Standstill(0.5)
    async with running(watch) as task:
        await feed.send(40)
        await until(lambda: ids(alerts) == feed.expected)
        with kafka.outage():
            for partition in range(PARTITIONS):
                watch._standstill.see(partition, 7, 5, 0.0)
            await asyncio.sleep(1.5)
            assert not task.done()
            watch._standstill = Standstill()
        await feed.send(40)
        await until(lambda: ids(alerts) >= feed.expected)


async def test_every_stage_says_that_kafka_is_away_and_goes_on_when_it_is_back(
    kafka: Kafka, config: Config, outage_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("reasons", "pipeline.ingest", "pipeline.stateful"):
        monkeypatch.setattr(f"detector.{place}.SILENT_S", 1.0)
    metrics = Metrics(config.metrics)
    stages: list[Stage] = [
        IngestStage(config, metrics),
        WatchStage(config, metrics),
        NotifyStage(config, metrics),
    ]
    async with running(stages[0]) as one, running(stages[1]) as two, running(stages[2]) as three:
        await until(lambda: not any(stage.health() for stage in stages), "readiness")
        with kafka.outage():
            await until(lambda: all(stage.health() for stage in stages), "reasons")
            await asyncio.sleep(outage_s)
            for stage in stages:
                assert all(told.startswith(("Kafka has not", "partitions are")) for told in stage.health())
                assert max(metrics.behind.of(stage.name).values(), default=99) >= outage_s
        await until(lambda: not any(stage.health() for stage in stages), "readiness again")
        await until(
            lambda: all(max(metrics.behind.of(s.name).values(), default=99) < 1 for s in stages), "nothing left"
        )
        assert not any(task.done() for task in (one, two, three))


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApacheCluster]:
    if request.config.getoption("--broker") != "apache":
        pytest.skip("one of three brokers can be lost on Apache Kafka alone: pytest --broker apache")
    brokers = ApacheCluster(tmp_path)
    try:
        brokers.start()
        yield brokers
    finally:
        brokers.kill()


async def test_the_broker_that_leads_and_coordinates_may_go_where_there_are_three(
    cluster: ApacheCluster, outage_s: float
) -> None:
    config = Kafka(Real(cluster.bootstrap), "three").config(
        create=False,
        topics={"replication": 3},
        watch={"checkpoint_s": 0.3},
        ingest={"batch_wait_s": 0.05},
    )
    await admin.ensure_topics(config, create=True)
    async with producing(config) as producer, Reader(config, config.topics.alerts) as alerts:
        feed = CountingFeed(config, producer, record)
        async with running(counting(config)) as task:
            await feed.send(100)
            await until(lambda: ids(alerts) >= feed.expected, "alerts")
            async with admin.connected(config) as asked:
                node = await asked.find_coordinator(clients.group_id(config, "watch"))
            broker = cluster.brokers[node - 1]  # each leads some partition
            await asyncio.to_thread(broker.kill)
            await feed.send(100)
            await asyncio.sleep(outage_s)
            await until(lambda: ids(alerts) >= feed.expected, "alerts on two brokers")
            await asyncio.to_thread(broker.start)
            await feed.send(100)
            await until(lambda: ids(alerts) >= feed.expected, "alerts on three again")
            assert not task.done()
    assert ids(alerts) == feed.expected
