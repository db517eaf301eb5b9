"""Doctor finds what is wrong with a deployment, says what to do, and never falls ill itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config, Privacy, load_config
from detector.config import Kafka as KafkaSection
from detector.kafka import clients
from detector.kafka.doctor import Finding, examine
from detector.kafka.mockcluster import MockCluster
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Kafka
from tests.support.services import free_port

KEY = {"pseudonym_key": "0123456789abcdef-0123456789abcdef"}
QUICK = {"checkpoint_s": 0.3}


def of(findings: list[Finding], what: str) -> Finding:
    matching = [each for each in findings if each.what.startswith(what)]
    assert matching, f"nothing about {what}: {findings}"
    return matching[0]


def wrong(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.ok is False]


async def produce(config: Config, topic: str, count: int, at_s: float | None = None) -> None:
    producer = clients.producer(config)
    await producer.start()
    try:
        for _ in range(count):
            told_ms = int(at_s * 1000) if at_s is not None else None
            await producer.send_and_wait(topic, b"{}", partition=0, timestamp_ms=told_ms)
    finally:
        await producer.stop()


@asynccontextmanager
async def working(config: Config, group: str, *topics: str) -> AsyncIterator[Any]:
    """A member of the group that has read everything and committed."""
    consumer = clients.consumer(config, *topics, group=group, fetch_max_wait_ms=20)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        await consumer.commit({each: await consumer.position(each) for each in consumer.assignment()})
        yield consumer
    finally:
        await consumer.stop()


async def test_a_healthy_deployment_has_nothing_wrong(kafka: Kafka, alertmanager: Callable[..., Alertmanager]) -> None:
    url = alertmanager().url
    config = kafka.config(privacy=KEY, notify={"alertmanagers": [url]}, watch=QUICK)
    topics = config.topics
    await produce(config, topics.calls, 1)
    async with (
        working(config, clients.group_id(config, "ingest"), topics.calls, topics.status),
        working(config, clients.group_id(config, "watch"), topics.observations),
    ):
        findings = await examine(config)
    assert wrong(findings) == []
    assert of(findings, "topics").detail == "all 11 are there, as they must be"
    for what in ("configuration", "pseudonyms", "policy", "brokers", "replication", "ingest", "watch", "clock"):
        assert of(findings, what).ok, what
    assert of(findings, f"alertmanager {url}").detail.startswith("ready, version 0.")


async def test_before_its_first_start_a_deployment_is_not_wrong(kafka: Kafka) -> None:
    findings = await examine(kafka.config(privacy=KEY))
    assert wrong(findings) == []
    assert of(findings, "watch").ok is None
    assert of(findings, "watch").fix == "start it: detector worker --stage watch"
    assert of(findings, "alertmanager").ok is None
    assert of(findings, "clock").ok is None


async def test_without_a_broker_the_rest_is_still_examined() -> None:
    address = f"127.0.0.1:{free_port()}"
    findings = await examine(Config(kafka=KafkaSection(bootstrap=address), privacy=Privacy(plain_users=True)))
    assert wrong(findings) == [
        Finding(
            False,
            f"broker {address}",
            "nothing listens there",
            "start the broker, or correct kafka.bootstrap",
        )
    ]
    assert of(findings, "topics").ok is None
    assert of(findings, "alertmanager").ok is None


async def test_one_address_of_several_that_does_not_answer_is_named(kafka: Kafka) -> None:
    silent = f"127.0.0.1:{free_port()}"
    findings = await examine(kafka.config(kafka={"bootstrap": f"{silent},{kafka.bootstrap}"}, privacy=KEY))
    assert [each.what for each in wrong(findings)] == [f"broker {silent}"]
    assert of(findings, "topics").ok


async def test_an_address_that_brokers_name_and_nobody_reaches_is_found() -> None:
    cluster, dead = MockCluster(), free_port()
    cluster.advertise("127.0.0.1", dead)
    found = of(await examine(Config(kafka=KafkaSection(bootstrap=cluster.bootstrap))), "broker")
    assert (found.ok, found.what) == (False, f"broker 127.0.0.1:{dead}")
    assert "advertised.listeners" in found.fix


async def test_a_host_that_is_unknown_is_told_apart() -> None:
    findings = await examine(Config(kafka=KafkaSection(bootstrap="broker.invalid:9092")))
    assert of(findings, "broker").detail == "the host name is unknown here"


async def test_a_login_without_a_password_is_a_fault_of_the_configuration() -> None:
    section = KafkaSection(security_protocol="SASL_PLAINTEXT", sasl_username="detector")
    found = of(await examine(Config(kafka=section)), "brokers")
    assert not found.ok
    assert "DETECTOR_KAFKA__SASL_PASSWORD" in found.detail


async def test_missing_topics_are_named_one_by_one(kafka: Kafka) -> None:
    config = kafka.config(create=False, privacy=KEY)
    findings = await examine(config)
    assert len(wrong(findings)) == 11
    found = of(findings, f"topic {config.topics.calls}")
    assert found.detail.startswith("missing")
    assert "detector topics" in found.fix
    assert of(findings, "ingest").ok is None


async def test_a_changelog_of_another_size_is_found(kafka: Kafka) -> None:
    config = kafka.config(create=False, privacy=KEY)
    kafka.broker.create_topic(config.topics.observations, 4, {})
    kafka.broker.create_topic(config.topics.state, 2, {})
    found = of(await examine(config), f"topic {config.topics.state}")
    assert not found.ok
    assert "2 partitions" in found.detail


async def test_a_stage_that_ended_and_left_records_is_wrong(kafka: Kafka) -> None:
    config = kafka.config(privacy=KEY, watch=QUICK)
    topics = config.topics
    async with working(config, clients.group_id(config, "ingest"), topics.calls, topics.status):
        pass
    await produce(config, topics.calls, 3)
    found = of(await examine(config), "ingest")
    assert not found.ok
    told = "did not move" if kafka.kind == "embedded" else "no worker runs it"
    assert "3 records behind" in found.detail
    assert told in found.detail


async def test_a_stage_that_stands_still_is_wrong_and_one_that_moves_is_not(kafka: Kafka) -> None:
    config = kafka.config(privacy=KEY, watch=QUICK)
    topics = config.topics
    async with working(config, clients.group_id(config, "ingest"), topics.calls, topics.status) as consumer:
        await produce(config, topics.calls, 1000)
        still = of(await examine(config), "ingest")
        assert not still.ok
        assert "1,000 records behind, and it did not move" in still.detail

        async def move() -> None:
            while True:
                await consumer.getmany(timeout_ms=10, max_records=1)
                await consumer.commit()
                await asyncio.sleep(0.05)

        moving = asyncio.create_task(move())
        try:
            assert of(await examine(config), "ingest").ok
        finally:
            moving.cancel()
            await asyncio.wait([moving])


async def test_no_pseudonym_key_is_wrong_and_plain_users_are_a_choice(kafka: Kafka, tmp_path: Path) -> None:
    found = of(await examine(kafka.config(create=False)), "pseudonyms")
    assert not found.ok
    assert "openssl rand" in found.fix
    assert of(await examine(kafka.config(create=False, privacy={"plain_users": True})), "pseudonyms").ok
    absent = {"pseudonym_key_file": tmp_path / "absent"}
    assert not of(await examine(kafka.config(create=False, privacy=absent)), "pseudonyms").ok


async def test_a_policy_that_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    nowhere = {"bootstrap": f"127.0.0.1:{free_port()}"}
    file = tmp_path / "policy.toml"
    file.write_text("default = 'nothing'\n")
    told = of(await examine(load_config(kafka=nowhere, policy={"file": file})), "policy")
    assert (told.ok, told.detail) == (True, f"{file} (grants: 0); see: detector policy")
    file.write_text("default = 'everything'\n")
    assert of(await examine(load_config(kafka=nowhere, policy={"file": file})), "policy").ok is False


async def test_the_prices_are_named_and_a_list_that_cannot_be_used_is_wrong(tmp_path: Path) -> None:
    nowhere = {"kafka": {"bootstrap": f"127.0.0.1:{free_port()}"}}
    assert of(await examine(Config.model_validate(nowhere)), "prices").detail.startswith("the data of genai-prices ")
    file = tmp_path / "own.toml"
    config = Config.model_validate(nowhere | {"prices": {"list_file": file}})
    file.write_text('[[price]]\nmodel = "m"\ninput_usd_per_mtok = 1\n')
    found = of(await examine(config), "prices")
    assert found.ok
    assert f"{file} (entries: 1)" in found.detail
    file.write_text('[[price]]\nmodel = "m"\n')
    found = of(await examine(config), "prices")
    assert found.ok is False
    assert "price[0]: needs input_usd_per_mtok" in found.detail


async def test_the_file_and_the_variables_are_named_and_no_secret_is_shown(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTOR_KAFKA__SASL_PASSWORD", "hunter2")
    config = kafka.config(create=False, privacy=KEY, kafka={"sasl_password": "hunter2"})
    findings = await examine(config, path="/etc/detector.toml")
    told = of(findings, "configuration").detail
    assert "/etc/detector.toml" in told
    assert "DETECTOR_KAFKA__SASL_PASSWORD" in told
    assert "hunter2" not in str(findings)
    assert KEY["pseudonym_key"] not in str(findings)


async def test_a_record_from_the_future_betrays_a_clock(kafka: Kafka) -> None:
    config = kafka.config(privacy=KEY)
    await produce(config, config.topics.calls, 1, at_s=time.time() + 60)
    found = of(await examine(config), "clock")
    assert not found.ok
    assert "newest record is dated" in found.detail
