"""Restoring: a state topic that was lost is made again from what its source still holds, and says the same."""

import pytest
from confluent_kafka.admin import AdminClient

from detector.config import Config
from detector.kafka import clients, plan
from detector.metrics import Metrics
from detector.pipeline.ingest import IngestStage
from detector.pipeline.watch import WatchStage
from tests.integration.test_spine import CALLS, LOOPING, RUNS, in_one_go, send
from tests.support.brokers import ADMIN_S, Apache, Kafka
from tests.support.stages import Reader, alerts_of, producing, running, until


def remake(apache: Apache, config: Config, topic: str) -> None:
    """Deletes a topic and makes it anew, as `detector topics` does."""
    admin = AdminClient({"bootstrap.servers": apache.bootstrap})
    admin.delete_topics([topic])[topic].result(ADMIN_S)
    (made,) = [each for each in plan.topics(config) if each.name == topic]
    apache.create_topic(made.name, made.partitions, made.settings)


def forget_group(apache: Apache, config: Config, stage: str) -> None:
    """Deletes the consumer group of a stage that is not running."""
    admin, group = AdminClient({"bootstrap.servers": apache.bootstrap}), clients.group_id(config, stage)
    admin.delete_consumer_groups([group])[group].result(ADMIN_S)


async def test_a_lost_state_topic_is_made_again_from_the_observations(apache: Apache, kafka: Kafka) -> None:
    config = kafka.config(
        watch={"checkpoint_s": 0.4},
        time={"lateness_s": 0.3, "heartbeat_s": 0.2},
        ingest={"batch_wait_s": 0.05},
        privacy={"pseudonym_key": "of this test"},
    )

    def watch() -> WatchStage:
        return WatchStage(config, Metrics(config.metrics))

    def pages(written: Reader) -> set[str]:
        return {a.id for a in alerts_of(written).values() if a.rule == "loop" and a.severity == "critical"}

    async with (
        producing(config) as producer,
        Reader(config, config.topics.alerts) as written,
        Reader(config, config.topics.observations) as packed,
        running(IngestStage(config, Metrics(config.metrics))),
    ):
        async with running(watch()):
            await send(config, producer, range(CALLS - 2))
            await until(lambda: len(pages(written)) == LOOPING)
        before, told = pages(written), len(written.records)
        remake(apache, config, config.topics.state)
        forget_group(apache, config, "watch")
        await send(config, producer, range(CALLS - 2, CALLS))
        async with running(watch()):
            await until(lambda: len(written.records) >= 2 * told, "everything told again")
            await until(lambda: alerts_of(written) == in_one_go(config, packed))
    assert pages(written) == before


async def test_without_its_group_deleted_watch_goes_on_and_knows_nothing(
    apache: Apache, kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    config = kafka.config(watch={"checkpoint_s": 0.4}, time={"heartbeat_s": 0.2}, privacy={"pseudonym_key": "k"})

    def open_pages(metrics: Metrics) -> float:
        labels = {"rule": "loop", "severity": "critical"}
        return metrics.registry.get_sample_value("detector_open_episodes", labels) or 0.0

    def live_runs(metrics: Metrics) -> float:
        samples = (metrics.registry.get_sample_value("detector_live_runs", {"partition": str(n)}) for n in range(4))
        return sum(filter(None, samples))

    first, second = Metrics(config.metrics), Metrics(config.metrics)
    async with producing(config) as producer, running(IngestStage(config, Metrics(config.metrics))):
        async with running(WatchStage(config, first)):
            await send(config, producer, range(CALLS))
            await until(lambda: open_pages(first) == LOOPING, "pages")
        remake(apache, config, config.topics.state)
        async with running(WatchStage(config, second)):
            await send(config, producer, range(CALLS, CALLS + 1))
            await until(lambda: live_runs(second) == RUNS, "runs")
            assert open_pages(second) == 0
    assert "the state is older than what was acknowledged" in caplog.text
