"""The gateway before a broker: what is posted is in Kafka, and ingest takes it."""

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientSession

from detector.config import Config
from detector.kafka.clients import consumer
from detector.metrics import Metrics
from detector.model.packed import decode_packed
from detector.pipeline.gateway import GatewayStage
from detector.pipeline.ingest import IngestStage
from tests.support.bodies import LOGS, RESOURCE
from tests.support.brokers import Kafka
from tests.support.otlp import Log, logs_protobuf
from tests.support.stages import Reader, leaving_connections, running, until
from tests.support.worker import run


def configured(kafka: Kafka, **gateway: Any) -> Config:
    return kafka.config(ingest={"batch_wait_s": 0.05}, gateway={"port": 0, **gateway})


def call(id: str) -> bytes:
    event = {"id": id, "time": time.time(), "run": "r1", "model": "m", "usage": {"input_tokens": 5}}
    return json.dumps(event).encode()


async def post(address: str, path: str, body: bytes, kind: str = "application/json") -> int:
    async with (
        ClientSession() as client,
        client.post(address + path, data=body, headers={"Content-Type": kind}) as answer,
    ):
        return answer.status


async def test_what_a_client_posts_is_observed(kafka: Kafka) -> None:
    config = configured(kafka)
    gateway = GatewayStage(config, Metrics(config.metrics))
    body = logs_protobuf([Log(log.attributes, time.time()) for log in LOGS], RESOURCE)
    async with (
        Reader(config, config.topics.observations) as packed,
        running(IngestStage(config, Metrics(config.metrics))),
        running(gateway),
    ):
        assert gateway.health() == []
        assert await post(gateway.address, "/v1/logs", body, "application/x-protobuf") == 200
        await until(lambda: len({id for record in packed.records for id in decode_packed(record.value).ids}) >= 5)


async def test_what_was_answered_2xx_is_in_kafka_and_nothing_else_twice(kafka: Kafka) -> None:
    config = configured(kafka)
    gateway = GatewayStage(config, Metrics(config.metrics))
    async with running(gateway):
        ids = [f"c{n}" for n in range(200)]
        statuses = await asyncio.gather(*[post(gateway.address, "/v1/events", call(id)) for id in ids])
    assert set(statuses) == {200}
    reader = consumer(config, config.topics.calls)
    await reader.start()
    try:
        found: list[str] = []
        while len(found) < len(ids):
            for records in (await asyncio.wait_for(reader.getmany(timeout_ms=1000), 30)).values():
                for record in records:
                    found += [event["id"] for event in msgspec.json.decode(record.value)]
    finally:
        await reader.stop()
    assert sorted(found) == sorted(ids)


async def test_while_the_broker_is_away_it_answers_503_and_what_it_holds_arrives_later(kafka: Kafka) -> None:
    config = configured(kafka, answer_s=1.0)
    gateway = GatewayStage(config, Metrics(config.metrics))
    with leaving_connections():
        async with running(gateway):
            assert await post(gateway.address, "/v1/events", call("before")) == 200
            with kafka.outage():
                assert await post(gateway.address, "/v1/events", call("meanwhile")) == 503
                await until(lambda: gateway.health() != [])
            await until(lambda: gateway.health() == [])
            assert await post(gateway.address, "/v1/events", call("after")) == 200
        async with Reader(config, config.topics.calls) as calls:
            await until(lambda: b"after" in b"".join(record.value for record in calls.records))
            assert b"meanwhile" in b"".join(record.value for record in calls.records)


def test_a_port_that_is_taken_is_named(kafka: Kafka, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        config = configured(kafka, port=other.getsockname()[1])
        code, said = run(config, tmp_path, "worker", "--stage", "gateway")
    assert code == 1
    assert "gateway.port" in said
