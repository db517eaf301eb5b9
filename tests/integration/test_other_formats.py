"""Topics that others write: what they hold comes to watch as the events that it stands for."""

import asyncio
from typing import Any

import pytest

from detector.config import Config
from detector.kafka import clients
from detector.metrics import Metrics
from detector.model.packed import decode_packed
from detector.pipeline.ingest import IngestStage
from detector.sources.reading import of_source
from tests.support import bodies
from tests.support.brokers import Kafka
from tests.support.stages import Reader, running, until


@pytest.fixture
def config(kafka: Kafka) -> Config:
    sources = [{"topic": kafka.name(f"other-{name}"), "format": name} for name in bodies.BODIES]
    ingest = {"batch_wait_s": 0.05, "refuse_future_s": 1e9, "refuse_past_s": 1e9}
    return kafka.config(ingest=ingest, sources=sources)


async def send(config: Config, *sent: tuple[str, bytes]) -> None:
    producer = clients.producer(config)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, value, partition=0) for topic, value in sent])
    finally:
        await producer.stop()


def ids(packed: Reader) -> set[str]:
    return {id for record in packed.records for id in decode_packed(record.value).ids}


async def test_bodies_of_every_format_become_observations(config: Config) -> None:
    each = [(source, body) for source in config.sources for body in bodies.BODIES[source.format]]
    sent = [(source.topic, body) for source, body in each]
    told: list[Any] = [event for source, body in each for event in of_source(source)(body, ())]
    metrics = Metrics(config.metrics)
    async with Reader(config, config.topics.observations) as packed, running(IngestStage(config, metrics)):
        await send(config, *sent, (config.sources[0].topic, b"hello"))
        await until(lambda: ids(packed) >= {event.id for event in told})
        value = metrics.registry.get_sample_value
        await until(lambda: value("detector_dead_letters_total", {"reason": "not_protobuf"}) == 1)
    for kind in ("call", "tool_call", "tool_result"):
        count = sum(event.type == kind for event in told)
        assert value("detector_events_total", {"kind": kind}) == count
