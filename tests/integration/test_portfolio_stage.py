"""The portfolio stage on a broker: empty, healthy, and up to date with what it reads."""

import pytest

from detector.config import Config
from detector.errors import DeploymentError
from detector.metrics import Metrics
from detector.pipeline.portfolio import PortfolioStage
from tests.support.brokers import Kafka
from tests.support.stages import producing, running, until


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config()


async def test_it_is_healthy_and_keeps_up(config: Config) -> None:
    metrics = Metrics(config.metrics)
    portfolio = PortfolioStage(config, metrics)
    assert portfolio.health() != []

    def lag(partition: int) -> float | None:
        where = {"stage": "portfolio", "topic": config.topics.rollups, "partition": str(partition)}
        return metrics.registry.get_sample_value("detector_lag_records", where)

    async with producing(config) as producer, running(portfolio) as task:
        await until(lambda: portfolio.health() == [])
        for _ in range(10):
            await producer.send_and_wait(config.topics.rollups, b"{}", partition=0)
        await until(lambda: all(lag(partition) == 0 for partition in range(4)))
        assert not task.done()


async def test_without_its_topic_it_does_not_start(kafka: Kafka, config: Config) -> None:
    other = config.model_copy(update={"topics": config.topics.model_copy(update={"rollups": kafka.name("gone")})})
    with pytest.raises(DeploymentError, match="is missing"):
        async with running(PortfolioStage(other, Metrics(other.metrics))):
            pass
