"""The outbox: what is sent again after which error, in which order, and what is told as final."""

import asyncio
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka import outbox
from detector.kafka.outbox import Out, Outbox


class Fake:
    """A producer whose records end as the script says: by value the errors that they meet, one after the other."""

    made: list["Fake"] = []  # noqa: RUF012
    script: dict[bytes, list[BaseException]] = {}  # noqa: RUF012
    refuse_start: list[BaseException] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.stopped = False
        self.made.append(self)

    async def start(self) -> None:
        if self.refuse_start:
            raise self.refuse_start.pop(0)

    async def stop(self) -> None:
        self.stopped = True

    async def send(self, topic: str, value: bytes, *_: Any, **__: Any) -> "asyncio.Future[None]":
        self.taken.append(value)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        errors = self.script.get(value, [])
        error = errors.pop(0) if errors else None
        if isinstance(error, KafkaTimeoutError):  # of waiting for room
            raise error
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
        return done


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    made: list[Fake] = []
    monkeypatch.setattr(Fake, "made", made)
    monkeypatch.setattr(Fake, "script", {})
    monkeypatch.setattr(Fake, "refuse_start", [])
    monkeypatch.setattr(outbox, "RETRY_S", 0.0)
    monkeypatch.setattr(outbox, "producer", lambda config, **over: Fake())
    return made


def outs(*values: bytes) -> list[Out]:
    return [Out("topic", value) for value in values]


async def deliver(*values: bytes) -> None:
    box = Outbox(Config())
    await box.start()
    try:
        await box.deliver(outs(*values))
        assert box.waiting_s == 0.0
    finally:
        await box.stop()
    assert all(fake.stopped for fake in Fake.made)


async def test_what_is_acknowledged_is_sent_once(fakes: list[Fake]) -> None:
    await deliver(b"1", b"2", b"3")
    assert [fake.taken for fake in fakes] == [[b"1", b"2", b"3"]]


@pytest.mark.parametrize("error", [LeaderNotAvailableError(), KafkaTimeoutError(), KafkaError("odd")])
async def test_all_from_the_first_failure_on_is_sent_again_by_a_new_producer(
    fakes: list[Fake], error: KafkaError
) -> None:
    Fake.script = {b"2": [error]}
    await deliver(b"1", b"2", b"3")
    assert fakes[0].taken[0] == b"1"
    assert [fake.taken for fake in fakes[1:]] == [[b"2", b"3"]]


async def test_brokers_that_cannot_be_reached_are_tried_until_they_are(fakes: list[Fake]) -> None:
    Fake.script = {b"1": [LeaderNotAvailableError(), LeaderNotAvailableError()]}
    box = Outbox(Config())
    await box.start()
    Fake.refuse_start = [KafkaConnectionError("away")] * 3
    await box.deliver(outs(b"1", b"2"))
    await box.stop()
    assert [fake.taken for fake in fakes] == [[b"1", b"2"], [], [], [], [b"1", b"2"], [b"1", b"2"]]
    assert all(fake.stopped for fake in fakes)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MessageSizeTooLargeError(), "topic refuses 3 bytes; raise its max.message.bytes"),
        (TopicAuthorizationFailedError("topic"), "topic takes no records"),
    ],
)
async def test_what_no_retry_heals_is_raised_with_the_fix(error: KafkaError, says: str) -> None:
    Fake.script = {b"two": [error]}
    with pytest.raises(DeploymentError, match=says):
        await deliver(b"1", b"two")


async def test_a_start_without_brokers_says_what_to_check(fakes: list[Fake]) -> None:
    Fake.refuse_start = [KafkaConnectionError("away")]
    with pytest.raises(DeploymentError, match=r"check kafka\.bootstrap"):
        await Outbox(Config()).start()
    assert fakes[0].stopped


async def test_a_delivery_in_hand_tells_how_long_it_waits() -> None:
    box = Outbox(Config())
    await box.start()
    Fake.refuse_start = [KafkaConnectionError("away")] * 1_000_000
    Fake.script = {b"1": [LeaderNotAvailableError()]}
    task = asyncio.create_task(box.deliver(outs(b"1")))
    while box.waiting_s == 0.0:  # noqa: ASYNC110
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert box.waiting_s == 0.0
    await box.stop()


async def test_closing_waits_for_no_broker_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's sender, when it is cancelled, waits for each answer that it is owed; and so does its stop."""
    monkeypatch.setattr(outbox, "CLOSE_S", 0.01)
    owed = asyncio.Event()

    async def sending() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await owed.wait()

    class Silent(Fake):
        async def stop(self) -> None:
            await asyncio.shield(self._sender._sender_task)

        async def close(self) -> None:
            self.stopped = True

    silent: Any = Silent()
    silent.client = silent._sender = silent
    silent._sender_task = asyncio.create_task(sending())
    held = Outbox(Config())
    held._producer = silent
    async with asyncio.timeout(10):
        await held.stop()
    assert silent._sender_task.cancelled()
    assert silent.stopped
