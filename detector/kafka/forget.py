"""Has everything that runs forget a person, and looks whether it did."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from detector.config import Config
from detector.errors import DeploymentError
from detector.forgetting import masked, names, word
from detector.kafka import clients
from detector.kafka.admin import partitions_of
from detector.kafka.checkpoint import Key
from detector.kafka.rest import rest_of
from detector.model.alert import decode_alert, encode_alert

_LOOK_EVERY_S = 2.0


class Held(NamedTuple):
    """What of a topic names the person: records or segments at first, and those that still do."""

    topic: str
    before: int
    after: int


async def forget(config: Config, pseudonym: str, wait_s: float, say: Callable[[str], None]) -> list[Held]:
    """Tells the stages, waits until their checkpoints name nobody any more, and masks alerts, baselines and stops.

    Returns what each topic held and holds. Raises DeploymentError where the brokers do not answer.
    """
    topics = config.topics
    states, records = (topics.state, topics.accounts), (topics.alerts, topics.baselines, topics.stops)
    before = {topic: await _segments(config, topic, pseudonym) for topic in states}
    before |= {topic: len(await _naming(config, topic, pseudonym)) for topic in records}
    async with _producing(config) as producer:
        for topic in (topics.observations, topics.rollups):
            for partition in range(await partitions_of(config, topic)):
                await producer.send_and_wait(topic, word(pseudonym), partition=partition)
        say("watch and portfolio were told; their next checkpoints are looked at")
        after = await _until_none(config, states, pseudonym, wait_s, say)
        if any(after.values()):  # else a stage that has not forgotten yet may write the name once more
            say("alerts, baselines and stops are left as they are until nothing else names the person")
        for topic in records:
            if not any(after[state] for state in states):
                await _mask(config, producer, topic, pseudonym)
            after[topic] = len(await _naming(config, topic, pseudonym))
    return [Held(topic, before[topic], after[topic]) for topic in before]


async def _until_none(
    config: Config, states: Iterable[str], pseudonym: str, wait_s: float, say: Callable[[str], None]
) -> dict[str, int]:
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        left = {topic: await _segments(config, topic, pseudonym) for topic in states}
        if not any(left.values()) or loop.time() >= end:
            return left
        say(", ".join(f"{topic}: {n} segments left" for topic, n in left.items() if n))
        await asyncio.sleep(_LOOK_EVERY_S)


async def _segments(config: Config, topic: str, pseudonym: str) -> int:
    """Parts of segments in a changelog that name the person, whether a checkpoint still needs them or not."""
    chunks: dict[tuple[int, int, int, int], dict[int, bytes]] = defaultdict(dict)
    async for partition, key, value in _live(config, topic):
        parsed = Key.decode(key)
        if parsed.segment is not None:
            chunks[partition, parsed.segment, parsed.generation, parsed.checkpoint][parsed.chunk] = value
    whole = (b"".join(parts[n] for n in sorted(parts)) for parts in chunks.values())
    return sum(_names(part, pseudonym) for part in whole)


def _names(part: bytes, pseudonym: str) -> bool:
    try:
        return names(part, pseudonym)
    except (ValueError, TypeError):
        return False  # the rest of a part whose first chunks are deleted: nobody can read it


async def _mask(config: Config, producer: AIOKafkaProducer, topic: str, pseudonym: str) -> None:
    """Writes the live records of a compacted topic that name the person again, without."""
    for partition, key, value in await _naming(config, topic, pseudonym):
        told = masked(value, pseudonym)
        if topic == config.topics.alerts:  # one that is over; of others watch and portfolio have told anew
            alert = decode_alert(told)
            told = encode_alert(msgspec.structs.replace(alert, version=alert.version + 1))
        await producer.send_and_wait(topic, told, key=key, partition=partition)


async def _naming(config: Config, topic: str, pseudonym: str) -> list[tuple[int, bytes, bytes]]:
    return [told async for told in _live(config, topic) if pseudonym.encode() in told[2]]


async def _live(config: Config, topic: str) -> AsyncIterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of the newest record of each key, those that were deleted left out."""
    kept: dict[tuple[int, bytes], bytes | None] = {}
    begin = dict.fromkeys(range(await partitions_of(config, topic)), 0)
    async for record in rest_of(config, topic, begin):
        kept[record.partition, record.key or b""] = record.value
    for (partition, key), value in kept.items():
        if value is not None:
            yield partition, key, value


@asynccontextmanager
async def _producing(config: Config) -> AsyncIterator[AIOKafkaProducer]:
    producer = clients.producer(config)
    try:
        await producer.start()
        yield producer
    except KafkaError as error:
        raise DeploymentError(
            f"cannot write to {config.kafka.bootstrap} ({error}); check kafka.bootstrap and the brokers"
        ) from error
    finally:
        await producer.stop()
