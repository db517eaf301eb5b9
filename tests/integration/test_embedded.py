"""The embedded broker: topics as asked for, outages on demand, a chosen port, and no process left behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from detector.config import Config, Kafka, Topics
from detector.errors import DeploymentError
from detector.kafka import clients
from detector.kafka.embedded import EmbeddedBroker

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(partitions=3) as running:
        yield running


def config(broker: EmbeddedBroker) -> Config:
    # The mock lets a member rejoin a second before its last session runs out: keep sessions short.
    return Config(kafka=Kafka(bootstrap=broker.bootstrap, session_timeout_s=2))


@asynccontextmanager
async def running(client: Any) -> Any:
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def partitions(broker: EmbeddedBroker, topic: str) -> int:
    async with running(clients.producer(config(broker))) as producer:
        return len(await producer.partitions_for(topic))


async def test_a_topic_has_as_many_partitions_as_asked_for(broker: EmbeddedBroker) -> None:
    broker.create_topic("seven", 7)
    broker.create_topic("usual")
    assert await partitions(broker, "seven") == 7
    assert await partitions(broker, "usual") == 3


async def test_the_detectors_topics_are_there_from_the_start(broker: EmbeddedBroker) -> None:
    names = Topics()
    assert await partitions(broker, names.observations) == 3
    assert await partitions(broker, names.state) == 3
    assert await partitions(broker, names.links) == 1


async def test_topics_follow_a_configuration(broker: EmbeddedBroker) -> None:
    broker.create_topics(Config(topics=Topics(calls="my.calls", partitions=3)))
    assert await partitions(broker, "my.calls") == 3


def test_the_same_topic_twice_is_fine_and_another_size_is_not(broker: EmbeddedBroker) -> None:
    broker.create_topic("twice", 2)
    broker.create_topic("twice", 2)
    with pytest.raises(DeploymentError, match=r"twice.*exists"):
        broker.create_topic("twice", 5)


async def test_a_group_goes_on_where_it_committed(broker: EmbeddedBroker) -> None:
    broker.create_topic("log", 1)
    async with running(clients.producer(config(broker))) as producer:
        for value in (b"one", b"two"):
            await producer.send_and_wait("log", value)
    for expected in (b"one", b"two"):
        async with running(clients.consumer(config(broker), "log", group="readers")) as consumer:
            record = await asyncio.wait_for(consumer.getone(), PATIENCE_S)
            assert record.value == expected
            await consumer.commit()


async def test_a_record_sent_during_an_outage_arrives_after_it(broker: EmbeddedBroker) -> None:
    broker.create_topic("outage", 1)
    async with (
        running(clients.producer(config(broker))) as producer,
        running(clients.consumer(config(broker), "outage")) as consumer,
    ):
        await producer.send_and_wait("outage", b"before")
        broker.down()
        try:
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*broker.bootstrap.split(":"))
            sent = await producer.send("outage", b"during")
        finally:
            broker.up()
        await asyncio.wait_for(sent, PATIENCE_S)
        read = [(await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value for _ in range(2)]
    assert read == [b"before", b"during"]


async def test_it_listens_where_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with EmbeddedBroker(port=port) as broker:
        assert broker.bootstrap == f"127.0.0.1:{port}"
        async with running(clients.producer(config(broker))) as producer:
            addresses = {(node.host, node.port) for node in producer.client.cluster.brokers()}
            assert addresses == {("127.0.0.1", port)}
            value = b"x" * 1_000_000
            await producer.send_and_wait("llm.calls", value, partition=0)
        async with running(clients.consumer(config(broker), "llm.calls")) as consumer:
            assert (await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value == value


async def test_a_consumer_is_stopped_cleanly_during_an_outage(broker: EmbeddedBroker) -> None:
    broker.create_topic("stopped", 1)
    async with running(clients.consumer(config(broker), "stopped")) as consumer:
        broker.down()
        try:
            await asyncio.sleep(0.3)  # by now its fetch has failed and waits to be retried
            await consumer.stop()
        finally:
            broker.up()


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DeploymentError, match=rf"127\.0\.0\.1:{port}.*choose another port"):
            EmbeddedBroker(port=port).start()


def test_ctrl_c_is_left_to_the_parent(broker: EmbeddedBroker) -> None:
    assert broker._process is not None
    broker._process.send_signal(signal.SIGINT)
    broker.create_topic("after-ctrl-c")


def test_its_death_is_reported() -> None:
    with EmbeddedBroker() as broker:
        assert broker._process is not None
        broker._process.kill()
        assert broker.wait() == -signal.SIGKILL
        with pytest.raises(DeploymentError, match="has ended"):
            broker.create_topic("late")


def test_it_is_used_between_start_and_close_only() -> None:
    with EmbeddedBroker() as broker:
        pass
    broker.close()
    with pytest.raises(DeploymentError, match="not running"):
        broker.create_topic("late")


def test_it_ends_when_its_parent_is_killed() -> None:
    program = (
        "import time; from detector.kafka.embedded import EmbeddedBroker\n"
        "broker = EmbeddedBroker().start(); print(broker._process.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Whoever adopted it may not have collected it yet: a zombie has ended.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")
