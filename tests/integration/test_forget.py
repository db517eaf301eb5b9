"""`detector forget` on a broker: what runs forgets a person, and what is kept names nobody in that place."""

import asyncio
import json

import pytest

from detector.config import Config
from detector.kafka.forget import forget
from detector.metrics import Metrics
from detector.pipeline.intake import Intake, SourceRecord
from detector.pipeline.portfolio import PortfolioStage
from detector.pipeline.watch import WatchStage
from tests.support.brokers import Kafka
from tests.support.judged import T0, call
from tests.support.stages import Reader, alerts_of, producing, running, until

PARTITIONS = 4
PERSON, OTHER = "u-0123456789ab", "u-ba9876543210"


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.5})


def observations(config: Config) -> list[tuple[int, bytes]]:
    """(partition, packed record): two people whose agents loop on tasks of their own; then time runs on by an hour."""
    intake = Intake(config, PARTITIONS)
    events = [
        call(
            30.0 * n + k, cost_usd=1.0, output={"text": "the very same answer"}, task=f"T-{k}", run=f"r-{k}",
            user=user, agent=user, team="red",
        )
        for n in range(40) for k, user in enumerate((PERSON, OTHER))
    ]  # fmt: skip
    intake.take(0, "any", [SourceRecord(n, json.dumps(e).encode(), None) for n, e in enumerate(events)])
    out = list(intake.flush({0: intake.forwarded(0)}, everywhere=True).packed)
    return [*out, *intake.flush({0: T0 + 4800.0}, everywhere=True).packed]


async def test_nothing_that_is_kept_names_the_person_any_more(config: Config) -> None:
    topics, said = config.topics, list[str]()
    metrics = Metrics(config.metrics)
    async with (
        Reader(config, topics.alerts) as alerts,
        producing(config) as producer,
        running(WatchStage(config, metrics)),
        running(PortfolioStage(config, metrics)),
    ):
        for partition, packed in observations(config):
            await producer.send_and_wait(topics.observations, packed, partition=partition)
        await until(lambda: len({a.id for a in alerts_of(alerts).values()}) >= 2, "two loops")
        await asyncio.sleep(3.0)  # some checkpoints
        held = {h.topic: h for h in await forget(config, PERSON, 60.0, said.append)}
    assert all(h.after == 0 for h in held.values()), held
    assert all(held[topic].before > 0 for topic in (topics.state, topics.accounts, topics.alerts)), held
    newest = {a.id: a for a in alerts_of(alerts).values()}
    assert {a.user for a in newest.values()} >= {OTHER}
    assert said[0] == "watch and portfolio were told; their next checkpoints are looked at"
    again = {h.topic: h for h in await forget(config, OTHER, 0.0, said.append)}
    assert again[topics.state].after > 0  # nobody runs that could forget


async def test_what_was_told_of_others_stays(config: Config) -> None:
    held = await forget(config, PERSON, 10.0, lambda text: None)
    assert [h for h in held if h.before or h.after] == []
    assert [h.topic for h in held] == [
        config.topics.state, config.topics.accounts, config.topics.alerts, config.topics.baselines, config.topics.stops,
    ]  # fmt: skip
