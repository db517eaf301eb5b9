"""The fixtures themselves: every choice of broker keeps what the other tests rely on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from detector.config import Config
from detector.kafka import clients, plan
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Apache, Kafka

PATIENCE_S = 60.0


async def send(config: Config, topic: str, *values: bytes) -> None:
    producer = clients.producer(config)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def read(config: Config, topic: str, count: int, **over: Any) -> list[bytes]:
    consumer = clients.consumer(config, topic, **over)
    await consumer.start()
    try:
        values = [(await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value for _ in range(count)]
        if over.get("group"):
            await consumer.commit()
    finally:
        await consumer.stop()
    return values


async def test_the_detectors_topics_are_there_with_names_of_their_own(kafka: Kafka) -> None:
    config, other = kafka.config(topics={"partitions": 2}), Kafka(kafka.broker, "other").config(create=False)
    admin: AIOKafkaAdminClient = clients.admin(config)
    await admin.start()
    try:
        found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    assert {topic.name: found.get(topic.name) for topic in plan.topics(config)} == {
        topic.name: topic.partitions for topic in plan.topics(config)
    }
    assert found[config.topics.links] == 1
    assert not {topic.name for topic in plan.topics(other)} & set(found)


async def test_a_group_goes_on_where_it_committed(kafka: Kafka) -> None:
    config, topic = kafka.config(create=False), kafka.topic()
    await send(config, topic, b"one", b"two")
    group = clients.group_id(config, "reader")
    assert await read(config, topic, 1, group=group, max_poll_records=1) == [b"one"]
    assert await read(config, topic, 1, group=group) == [b"two"]


async def test_an_outage_loses_nothing(kafka: Kafka) -> None:
    config, topic = kafka.config(create=False), kafka.topic()
    producer = clients.producer(config)
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"before")
        with kafka.outage():
            sent = await producer.send(topic, b"during")
        await asyncio.wait_for(sent, PATIENCE_S)
    finally:
        await producer.stop()
    assert await read(config, topic, 2) == [b"before", b"during"]


async def test_apache_kafka_keeps_what_it_acknowledged_when_it_is_killed(kafka: Kafka, apache: Apache) -> None:
    config, topic = kafka.config(create=False), kafka.topic()
    await send(config, topic, *(b"%d" % n for n in range(100)))
    apache.server.kill()
    apache.server.start()
    assert await read(config, topic, 100) == [b"%d" % n for n in range(100)]


def test_an_alertmanager_runs_again_at_its_address(alertmanager: Callable[..., Alertmanager]) -> None:
    running = alertmanager()
    assert running.alerts() == []
    running.kill()
    with pytest.raises(OSError, match="refused"):
        running.alerts()
    running.start()
    assert running.alerts() == []
