"""Batches that producers pack: read whatever the codec, and a dead letter where they cannot be."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from confluent_kafka import Producer

from detector.config import Config
from detector.kafka import clients, codecs, unpacking
from detector.metrics import Metrics
from detector.model.packed import decode_packed
from detector.pipeline.ingest import IngestStage
from tests.support.brokers import Kafka
from tests.support.stages import Reader, running, until

CODECS = ["gzip", "snappy", "lz4", "zstd"]
CODEC_AT, CODEC_MASK = 22, 7


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(ingest={"batch_wait_s": 0.05})


@asynccontextmanager
async def packing(config: Config, codec: str | None) -> AsyncIterator[Any]:
    """A producer that waits until its batches are full."""
    producer = clients.producer(config, compression_type=codec, linger_ms=200, max_batch_size=8 << 20)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


def calls(name: str, count: int, **more: Any) -> list[bytes]:
    event = {"time": time.time(), "model": "gpt-5-mini", "run": "r", "usage": {"input_tokens": 1}, **more}
    return [json.dumps({"id": f"{name}-{n}", **event}).encode() for n in range(count)]


async def send(producer: Any, topic: str, values: list[bytes]) -> list[Any]:
    """As one batch of partition 0; what the broker said of each."""
    return list(await asyncio.gather(*[await producer.send(topic, value, partition=0) for value in values]))


def ids(packed: Reader) -> list[str]:
    return sorted(id for record in packed.records for id in decode_packed(record.value).ids)


def counted(metrics: Metrics, name: str, **labels: str) -> float:
    value: float | None = metrics.registry.get_sample_value(f"detector_{name}_total", labels)
    return value or 0.0


@pytest.mark.parametrize("codec", CODECS)
async def test_what_two_kinds_of_producers_pack_is_taken(config: Config, codec: str) -> None:
    topic, values = config.topics.calls, calls("ours", 50) + calls("theirs", 50)
    librdkafka = Producer({"bootstrap.servers": config.kafka.bootstrap, "compression.type": codec, "linger.ms": 200})
    for value in values[50:]:
        librdkafka.produce(topic, value, partition=0)
    await asyncio.to_thread(librdkafka.flush, 30)
    async with packing(config, codec) as producer:
        await send(producer, topic, values[:50])
    metrics = Metrics(config.metrics)
    async with Reader(config, config.topics.observations) as packed, running(IngestStage(config, metrics)):
        await until(lambda: len(ids(packed)) == len(values))
    assert ids(packed) == sorted(json.loads(value)["id"] for value in values)
    assert counted(metrics, "events", kind="call") == 100


@pytest.mark.parametrize("codec", CODECS)
async def test_what_kafka_itself_packs_is_taken(kafka: Kafka, config: Config, codec: str) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the mock cluster packs nothing")
    topic = kafka.topic("packed-calls", 4, compression_type=codec, message_timestamp_type="CreateTime")
    config = config.model_copy(update={"topics": config.topics.model_copy(update={"calls": topic})})
    values = calls("java", 500, output={"text": "An answer of some length. " * 20})
    async with packing(config, None) as producer:
        await send(producer, topic, values)
    metrics = Metrics(config.metrics)
    async with Reader(config, config.topics.observations) as packed, running(IngestStage(config, metrics)):
        await until(lambda: len(ids(packed)) == len(values))
    assert ids(packed) == sorted(json.loads(value)["id"] for value in values)


@pytest.mark.parametrize("codec", CODECS)
async def test_a_bomb_is_a_dead_letter_as_it_came_and_after_a_restart_no_second(
    config: Config, codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 100_000)
    topic, metrics = config.topics.calls, Metrics(config.metrics)
    async with (
        packing(config, codec) as producer,
        Reader(config, config.topics.dead_letters) as letters,
        Reader(config, config.topics.observations) as packed,
    ):
        await send(producer, topic, calls("before", 5))
        sent = await send(producer, topic, calls("bomb", 9, output={"text": "x" * 60_000}))
        await send(producer, topic, calls("after", 5))
        async with running(IngestStage(config, metrics)):
            await until(lambda: len(ids(packed)) == 10 and len(letters.records) == 1)
        await send(producer, topic, calls("later", 5))
        async with running(IngestStage(config, metrics)):
            await until(lambda: len(ids(packed)) == 15)
    assert {id.split("-")[0] for id in ids(packed)} == {"before", "after", "later"}
    (letter,) = letters.records
    told = {name: value.decode() for name, value in letter.headers}
    assert (told["reason"], told["topic"], told["partition"]) == ("too_large", topic, "0")
    assert (int(told["offset"]), int(told["last_offset"])) == (sent[0].offset, sent[-1].offset) == (5, 13)
    assert letter.value[CODEC_AT] & CODEC_MASK == CODECS.index(codec) + 1
    assert counted(metrics, "events", kind="call") == 15
    assert counted(metrics, "dead_letters", reason="too_large") == 9

    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 10_000_000)
    again = unpacking.Records(letter.value).next_batch()
    assert [json.loads(record.value)["id"] for record in again] == [f"bomb-{n}" for n in range(9)]


async def test_what_no_codec_has_packed_is_a_dead_letter_and_holds_nothing_up(
    kafka: Kafka, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kafka.kind != "embedded":
        pytest.skip("a broker that looks into batches refuses this one")
    topic, metrics = config.topics.calls, Metrics(config.metrics)
    async with (
        packing(config, "zstd") as producer,
        Reader(config, config.topics.dead_letters) as letters,
        Reader(config, config.topics.observations) as packed,
    ):
        with monkeypatch.context() as broken:
            for name in (*unpacking._USERS, *unpacking._COMPILED):
                broken.setattr(f"{name}.zstd_encode", lambda data: b"garbage", raising=False)
            await send(producer, topic, calls("lost", 7))
        await send(producer, topic, calls("after", 5))
        async with running(IngestStage(config, metrics)):
            await until(lambda: len(ids(packed)) == 5 and len(letters.records) == 1)
    (letter,) = letters.records
    told = {name: value.decode() for name, value in letter.headers}
    assert (told["reason"], told["offset"], told["last_offset"]) == ("unreadable_batch", "0", "6")
    assert letter.value.endswith(b"garbage")
    assert counted(metrics, "dead_letters", reason="unreadable_batch") == 7
