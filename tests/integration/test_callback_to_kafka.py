"""The callback's child writes to Kafka itself, by the detector's own configuration."""

import asyncio
import os

import msgspec
import pytest

from detector.callback import settings
from detector.callback.feed import Feed
from detector.callback.picking import Picker
from detector.sources.usual_attributes import LITELLM
from tests.support import payloads as made
from tests.support.brokers import Kafka
from tests.support.stages import Reader, until
from tests.support.worker import variables

CALLS = 300


async def test_calls_are_written_to_the_topic_of_calls(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    config = kafka.config()
    told = {**variables(config), "DETECTOR_CALLBACK_ENDPOINT": "kafka", "DETECTOR_CALLBACK_FLUSH_S": "30"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    pick, feed = Picker(LITELLM).pick, Feed(settings.read(os.environ))
    for n in range(CALLS):
        feed.put(pick(made.payload(n)))
    async with Reader(config, config.topics.calls) as read:
        await asyncio.to_thread(feed.close)
        assert (feed.sent, dict(feed.dropped)) == (CALLS, {})
        ids = sorted(f"chatcmpl-{n}" for n in range(CALLS))  # partitions have no order among them

        def found() -> list[str]:
            return sorted(e["id"] for record in read.records for e in msgspec.json.decode(record.value))

        await until(lambda: found() == ids)


async def test_a_broker_that_is_away_is_waited_for(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    config = kafka.config()
    for name, value in {**variables(config), "DETECTOR_CALLBACK_ENDPOINT": "kafka"}.items():
        monkeypatch.setenv(name, value)
    pick, feed = Picker(LITELLM).pick, Feed(settings.read(os.environ))
    feed.put(pick(made.payload(0)))
    await until(lambda: feed.sent == 1)
    with kafka.outage():
        feed.put(pick(made.payload(1)))
        await until(lambda: not feed._waiting)
    await until(lambda: feed.sent == 2)
    await asyncio.to_thread(feed.close)
    assert dict(feed.dropped) == {}
