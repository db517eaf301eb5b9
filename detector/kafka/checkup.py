"""What detector doctor has to say of Kafka: brokers, topics, copies and the progress of the stages."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from detector.config import Config
from detector.kafka import admin, clients, lag, plan, reach
from detector.kafka.verify import Present


class Finding(NamedTuple):
    """One thing: `ok` is None where it could not be checked; `fix` is "" where there is nothing to do."""

    ok: bool | None
    what: str
    detail: str
    fix: str = ""


async def brokers(config: Config) -> list[Finding]:
    """Whether the addresses of kafka.bootstrap answer, and those that the brokers name to be reached at."""
    knocks = await reach.knock_all(config.kafka)
    found = [Finding(False, f"broker {each.address}", each.detail, each.fix) for each in knocks if not each.ok]
    named = {address for each in knocks for address in each.named}
    others = sorted(named - {each.address for each in knocks})
    for each in await asyncio.gather(*(reach.knock(config.kafka, address) for address in others)):
        if not each.ok:
            told = f"{each.detail}; the cluster names this address for one of its brokers"
            fix = "start that broker, or set its advertised.listeners to what this machine reaches"
            found.append(Finding(False, f"broker {each.address}", told, fix))
    return found or [Finding(True, "brokers", f"{len(named)} in the cluster, all in reach")]


async def topics(config: Config, client: AIOKafkaAdminClient) -> list[Finding]:
    """Whether the topics are there and as they must be, and how many copies of them."""
    reports = await admin.ensure_topics(config, create=False)
    found = [
        Finding(False, f"topic {each.topic}", f"{each.state}: {each.detail}", each.fix)
        for each in reports
        if not each.ok
    ]
    if not found:
        found.append(Finding(True, "topics", f"all {len(reports)} are there, as they must be"))
    present = await admin.look(client, plan.topics(config))
    if any(each.settings is None for each in present.values()):
        told = "not checked: this broker does not tell them to this login, or to nobody as the embedded one"
        found.append(Finding(None, "topic settings", told))
    return [*found, _copies(present)]


async def progress(config: Config, client: AIOKafkaAdminClient, wait_s: float) -> list[Finding]:
    """How far ingest and watch are behind, and whether somebody works on it.

    A stage that is behind is looked at again `wait_s` later: it should have moved.
    """
    stages = {"ingest": config.producers_topics, "watch": [config.topics.observations]}
    present = await admin.look(client, plan.topics(config))
    partitions = {
        stage: [TopicPartition(topic, n) for topic in read for n in range(present[topic].partitions)]
        for stage, read in stages.items()
        if all(topic in present for topic in read)
    }
    before = {
        stage: await lag.measure(config, client, clients.group_id(config, stage), each)
        for stage, each in partitions.items()
    }
    after = before
    if any(each.behind and each.begun and each.members != 0 for each in before.values()):
        await asyncio.sleep(wait_s)
        after = {
            stage: await lag.measure(config, client, clients.group_id(config, stage), each)
            for stage, each in partitions.items()
        }
    return [
        _moved(stage, before[stage], after[stage], wait_s)
        if stage in before
        else Finding(None, stage, "not checked: a topic that it reads is missing")
        for stage in stages
    ]


async def newest_s(config: Config, client: AIOKafkaAdminClient, within_s: float) -> float | None:
    """The newest timestamp among the last records of the topics that producers write, in s UTC."""
    present = await admin.look(client, plan.topics(config))
    return await lag.newest_s(config, _partitions(present, config.producers_topics), within_s)


def _partitions(present: Mapping[str, Present], topics: Iterable[str]) -> Sequence[TopicPartition]:
    return [TopicPartition(topic, n) for topic in topics if topic in present for n in range(present[topic].partitions)]


def _copies(present: Mapping[str, Present]) -> Finding:
    if not present:
        return Finding(None, "replication", "not checked: there are no topics")
    behind = [name for name, each in present.items() if each.in_sync < each.copies]
    if behind:
        told = f"copies are missing or behind of {', '.join(sorted(behind))}"
        return Finding(False, "replication", told, "bring the missing brokers back; see their logs")
    copies = min(each.copies for each in present.values())
    told = f"{copies} in-sync copies of every topic"
    if copies == 1:
        told = "one copy of some topics or all: the loss of a disk loses them; in production have 3"
    return Finding(True, "replication", told)


def _moved(stage: str, before: lag.Lag, after: lag.Lag, wait_s: float) -> Finding:
    start = f"start it: detector worker --stage {stage}"
    behind = f"{after.behind:,} records behind"
    if not after.begun and not after.members:
        return Finding(None, stage, f"has never run in this cluster, {behind}", start)
    if after.members == 0:
        return Finding(False, stage, f"no worker runs it, {behind}", start)
    workers = "" if after.members is None else f", {after.members} at work"
    if after.behind and after.committed <= before.committed:
        told = f"{behind}, and it did not move within {wait_s:g} s{workers}"
        return Finding(False, stage, told, f"see the log and /metrics of the worker that runs {stage}")
    return Finding(True, stage, f"{behind}{workers}")
