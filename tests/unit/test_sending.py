"""Sending for a command: acknowledged, refused, or given up in time."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, NotEnoughReplicasError, TopicAuthorizationFailedError

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka import outbox, sending
from detector.kafka.outbox import Out

RECORD = Out("task.status", b"{}", b"key")
SOON_S = 0.1


class Producer:
    """Answers every record with the same error, None for an acknowledgement, or not at all."""

    def __init__(self, answer: BaseException | None, start: BaseException | None = None, silent: bool = False) -> None:
        self.answer, self.refuse, self.silent = answer, start, silent
        self.taken: list[tuple[Any, ...]] = []
        self.open = False

    async def start(self) -> None:
        self.open = True
        if self.refuse is not None:
            raise self.refuse

    async def stop(self) -> None:
        self.open = False

    async def send(self, topic: str, value: bytes, key: bytes, *_: Any, **__: Any) -> "asyncio.Future[None]":
        self.taken.append((topic, value, key))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.answer is not None:
            done.set_exception(self.answer)
        elif not self.silent:
            done.set_result(None)
        return done


async def send(monkeypatch: pytest.MonkeyPatch, producer: Producer, topic: BaseException | None = None) -> None:
    async def partitions_of(config: Config, name: str) -> int:
        if topic is not None:
            raise topic
        return 8

    monkeypatch.setattr(sending, "partitions_of", partitions_of)
    monkeypatch.setattr(outbox, "producer", lambda config, **over: producer)
    try:
        await sending.send(Config(), RECORD, SOON_S)
    finally:
        assert not producer.open


async def test_it_returns_when_the_record_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer(None)
    await send(monkeypatch, producer)
    assert producer.taken == [RECORD[:3]]


@pytest.mark.parametrize("producer", [Producer(None, silent=True), Producer(NotEnoughReplicasError())])
async def test_what_is_not_acknowledged_in_time_is_given_up(
    producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeploymentError, match=r"did not acknowledge within 0\.1 s; .*detector doctor"):
        await send(monkeypatch, producer)
    assert producer.taken == [RECORD[:3]]


async def test_who_may_not_write_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeploymentError, match="check that it exists and who may write to it"):
        await send(monkeypatch, Producer(TopicAuthorizationFailedError("task.status")))


async def test_brokers_that_refuse_a_producer_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeploymentError, match=r"cannot write to Kafka .*check kafka\.bootstrap"):
        await send(monkeypatch, Producer(None, start=KafkaConnectionError("away")))


async def test_nothing_is_sent_to_a_topic_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    producer = Producer(None)
    with pytest.raises(DeploymentError, match="is missing"):
        await send(monkeypatch, producer, topic=DeploymentError("topic task.status is missing"))
    assert producer.taken == []
