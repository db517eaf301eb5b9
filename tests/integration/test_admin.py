"""Topics are made as planned, checked as they are, and never changed."""

from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from detector.config import Config, Kafka
from detector.errors import DeploymentError
from detector.kafka import admin, plan
from detector.kafka.admin import TopicReport, ensure_topics, partitions_of
from tests.support import brokers
from tests.support.services import free_port


async def settings_of(config: Config, topic: str) -> dict[str, str]:
    async with admin.connected(config) as client:
        answer = (await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))[0]
    return {entry[0]: entry[1] for entry in answer.resources[0][4]}


def by_topic(reports: list[TopicReport]) -> dict[str, TopicReport]:
    return {report.topic: report for report in reports}


def real(kafka: brokers.Kafka) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the embedded broker has no topic settings")


async def test_missing_topics_are_told_and_with_create_made(kafka: brokers.Kafka) -> None:
    config = kafka.config(create=False)
    checked = await ensure_topics(config, create=False)
    assert [report.state for report in checked] == ["missing"] * 11
    assert all("detector topics" in report.fix and not report.ok for report in checked)
    assert {report.state for report in await ensure_topics(config, create=True)} == {"created"}
    again = await ensure_topics(config, create=True)
    assert [(report.topic, report.state) for report in again] == [(topic.name, "ok") for topic in plan.topics(config)]


async def test_checking_makes_nothing(kafka: brokers.Kafka) -> None:
    config = kafka.config(create=False)
    await ensure_topics(config, create=False)
    with pytest.raises(DeploymentError, match=r"is missing; make it with: detector topics"):
        await partitions_of(config, config.topics.alerts)
    assert {report.state for report in await ensure_topics(config, create=False)} == {"missing"}


async def test_topics_get_the_planned_partitions(kafka: brokers.Kafka) -> None:
    config = kafka.config(create=kafka.kind == "embedded", topics={"partitions": 3})
    await ensure_topics(config, create=True)
    assert await partitions_of(config, config.topics.observations) == 3
    assert await partitions_of(config, config.topics.state) == 3
    assert await partitions_of(config, config.topics.links) == 1


async def test_the_embedded_broker_makes_them_by_name_and_says_so(kafka: brokers.Kafka) -> None:
    if kafka.kind != "embedded":
        pytest.skip("only the embedded broker does")
    config = kafka.config(create=False, topics={"partitions": 8})
    for report in await ensure_topics(config, create=True):
        assert (report.partitions, report.state) == (4, "created")
        assert "its own defaults" in report.detail


async def test_topics_get_the_planned_settings(kafka: brokers.Kafka) -> None:
    real(kafka)
    config = kafka.config(create=False)
    await ensure_topics(config, create=True)
    for topic in plan.topics(config):
        assert topic.settings.items() <= (await settings_of(config, topic.name)).items()
    alerts = await settings_of(config, config.topics.alerts)
    assert (alerts["cleanup.policy"], alerts["retention.ms"]) == ("compact,delete", "2592000000")
    assert (await settings_of(config, config.topics.dead_letters))["retention.ms"] == "259200000"


async def test_a_changelog_of_another_size_is_wrong(kafka: brokers.Kafka) -> None:
    config = kafka.config(create=False)
    kafka.broker.create_topic(config.topics.observations, 4, {})
    kafka.broker.create_topic(config.topics.state, 2, {"cleanup.policy": "compact"})
    found = by_topic(await ensure_topics(config, create=False))[config.topics.state]
    assert (found.state, found.partitions) == ("wrong", 2)
    assert f"2 partitions, and {config.topics.observations} has 4" in found.detail
    assert f"delete {config.topics.state}" in found.fix


@pytest.mark.parametrize(
    ("field", "settings", "told", "fix"),
    [
        ("state", {"cleanup.policy": "delete"}, "cleanup.policy is delete, not compact", "=compact'"),
        ("alerts", {"cleanup.policy": "compact"}, "is compact, not compact,delete", "=[compact,delete]'"),
        ("calls", {"cleanup.policy": "compact"}, "cleanup.policy is compact, not delete", "=delete'"),
        ("dead_letters", {"retention.ms": "-1"}, "retention.ms is -1, not 259200000", "=259200000'"),
        ("rollups", {"max.message.bytes": "1048588"}, "max.message.bytes is 1048588", "=16842752'"),
    ],
)
async def test_a_setting_that_does_harm_is_wrong_and_stays(
    kafka: brokers.Kafka, field: str, settings: dict[str, str], told: str, fix: str
) -> None:
    real(kafka)
    config = kafka.config(create=False)
    name = getattr(config.topics, field)
    planned: dict[str, Any] = {topic.name: topic for topic in plan.topics(config)}
    kafka.broker.create_topic(name, 4, planned[name].settings | settings)
    found = by_topic(await ensure_topics(config, create=True))[name]
    assert found.state == "wrong"
    assert told in found.detail
    assert f"kafka-configs.sh --bootstrap-server {kafka.bootstrap}" in found.fix
    assert found.fix.endswith(fix)
    assert settings.items() <= (await settings_of(config, name)).items()


async def test_producers_topics_may_be_of_any_size(kafka: brokers.Kafka) -> None:
    real(kafka)
    config = kafka.config(create=False)
    settings = {"max.message.bytes": "100000", "retention.ms": "3600000"}
    kafka.broker.create_topic(config.topics.calls, 7, settings)
    found = by_topic(await ensure_topics(config, create=True))[config.topics.calls]
    assert (found.state, found.partitions, found.detail) == ("ok", 7, "7 partitions, 1 copy, delete")


async def test_copies_that_cannot_be_made_are_told_in_the_brokers_words(kafka: brokers.Kafka) -> None:
    real(kafka)
    config = kafka.config(create=False, topics={"replication": 99})
    for report in await ensure_topics(config, create=True):
        assert report.state == "missing"
        assert "replication factor" in report.detail
        assert "topics.replication" in report.fix


async def test_no_broker_is_one_sentence_with_the_fix() -> None:
    config = Config(kafka=Kafka(bootstrap=f"127.0.0.1:{free_port()}"))
    with pytest.raises(DeploymentError, match=r"no broker answers \(127.*nothing listens there\); start the"):
        await ensure_topics(config, create=True)
    with pytest.raises(DeploymentError, match="no broker answers"):
        await partitions_of(config, "topic")


async def test_one_broker_that_answers_is_enough(kafka: brokers.Kafka) -> None:
    topic = kafka.topic(partitions=2)
    config = kafka.config(create=False, kafka={"bootstrap": f"127.0.0.1:{free_port()},{kafka.bootstrap}"})
    assert await partitions_of(config, topic) == 2
