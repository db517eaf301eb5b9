"""The portfolio stage on a broker: restarts and kills change no alert, and bad rollups are told."""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from detector.config import Config
from detector.engine import Engine, Spread
from detector.errors import DeploymentError, DetectorError
from detector.metrics import Metrics
from detector.model.alert import Alert
from detector.pipeline import portfolio_metrics
from detector.pipeline.intake import Intake, SourceRecord
from detector.pipeline.portfolio import PortfolioStage
from detector.portfolio import Portfolio
from tests.support.brokers import Kafka
from tests.support.fleets import spiking_fleet
from tests.support.stages import Reader, alerts_of, process, producing, running, until

PARTITIONS = 4


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.3})


def rollups(config: Config) -> list[tuple[int, bytes]]:
    """(partition, rollup) in the order in which four partitions of watch tell them."""
    spread = Spread(PARTITIONS, PARTITIONS)
    engines = [Engine(config, p, spread=spread) for p in range(PARTITIONS)]
    intake, out = Intake(config, PARTITIONS), []
    events = spiking_fleet()
    for start in range(0, len(events), 50):
        batch = [
            SourceRecord(start + n, json.dumps(e).encode(), None) for n, e in enumerate(events[start : start + 50])
        ]
        intake.take(0, "any", batch)
        for partition, packed in intake.flush({0: intake.forwarded(0)}, everywhere=True).packed:
            out += engines[partition].process(packed, engines[partition].offset + 1).rollups
    return out


def in_one_go(config: Config, told: list[tuple[int, bytes]]) -> dict[tuple[str, int], Alert]:
    portfolios = [Portfolio(config, p) for p in range(PARTITIONS)]
    found = (portfolios[p].process(rollup, portfolios[p].offset + 1).alerts for p, rollup in told)
    return {(a.id, a.version): a for a in itertools.chain.from_iterable(found)}


async def send(config: Config, producer: Any, told: list[tuple[int, bytes]]) -> None:
    sent = [await producer.send(config.topics.rollups, rollup, partition=p) for p, rollup in told]
    await asyncio.gather(*sent)


@pytest.fixture
async def written(config: Config) -> AsyncIterator[Reader]:
    async with Reader(config, config.topics.alerts) as reader:
        yield reader


async def test_restarts_and_a_kill_change_no_alert(config: Config, written: Reader) -> None:
    told = rollups(config)
    expected = in_one_go(config, told)
    assert "critical" in {a.severity for a in expected.values() if a.rule == "spend_spike"}
    cut = len(told) // 2
    async with producing(config) as producer:
        async with running(PortfolioStage(config, Metrics(config.metrics))) as task:
            await send(config, producer, told[: cut // 2])
            await asyncio.sleep(1.0)
            assert not task.done()
        with process("portfolio", config) as worker:
            await send(config, producer, told[cut // 2 : cut])
            await asyncio.sleep(6.0)
            await send(config, producer, told[cut : cut + 50])
            worker.send_signal(signal.SIGKILL)
        metrics = Metrics(config.metrics)
        portfolio = PortfolioStage(config, metrics)
        async with running(portfolio):
            await send(config, producer, told[cut + 50 :])
            await until(lambda: alerts_of(written) == expected)
            assert portfolio.health() == []

            def lag(partition: int) -> float | None:
                where = {"stage": "portfolio", "topic": config.topics.rollups, "partition": str(partition)}
                return metrics.registry.get_sample_value("detector_lag_records", where)

            await until(lambda: all(lag(partition) == 0 for partition in range(PARTITIONS)))


async def test_a_rollup_that_cannot_be_read_ends_the_stage_with_its_place(config: Config) -> None:
    async with producing(config) as producer:
        await producer.send_and_wait(config.topics.rollups, b"{}", partition=2)
    with pytest.raises(DetectorError, match=r"record 0 of partition 2"):
        async with running(PortfolioStage(config, Metrics(config.metrics))) as task:
            await asyncio.wait([task])


async def test_without_its_topic_it_does_not_start(kafka: Kafka, config: Config) -> None:
    other = config.model_copy(update={"topics": config.topics.model_copy(update={"rollups": kafka.name("gone")})})
    with pytest.raises(DeploymentError, match="is missing"):
        async with running(PortfolioStage(other, Metrics(other.metrics))):
            pass


async def test_boards_say_what_was_spent_and_vanish_with_the_partition(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portfolio_metrics, "BOARDS_S", 0.1)
    told, metrics = rollups(config), Metrics(config.metrics)
    portfolios = [Portfolio(config, p) for p in range(PARTITIONS)]
    for p, rollup in told:
        portfolios[p].process(rollup, portfolios[p].offset + 1)
    spent_usd = sum(float(each.books.cells.live()["usd"].sum()) for each in portfolios)

    def shown() -> list[float]:
        samples = (s for family in metrics.boards.collect() for s in family.samples)
        return [s.value for s in samples if s.name.endswith("portfolio_spend_usd") and s.labels["window"] == "30d"]

    async with producing(config) as producer:
        await send(config, producer, told)
        async with running(PortfolioStage(config, metrics)):
            await until(lambda: sum(shown()) == pytest.approx(spent_usd), "all that was spent")
    assert shown() == []
