"""Makes the topics that a deployment needs, and checks those that are there. Changes none."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, TopicAlreadyExistsError, for_code

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka import clients, plan, reach, verify
from detector.kafka.verify import Present

REQUEST_MS = 20_000  # making topics on a busy cluster takes seconds
APPEAR_S = 15.0  # a topic just made is told of by every broker within about a second

State = Literal["ok", "created", "missing", "wrong"]


class TopicReport(NamedTuple):
    """One topic: `partitions` is 0 where it is missing, `detail` is what was seen, `fix` what to do or ""."""

    topic: str
    partitions: int
    state: State
    detail: str
    fix: str

    @property
    def ok(self) -> bool:
        """Whether the detector can work with it."""
        return self.state in ("ok", "created")


async def ensure_topics(config: Config, *, create: bool) -> list[TopicReport]:
    """Checks every topic, with `create` after making the missing ones; existing ones are never changed.

    A broker that cannot make topics by request (the embedded one) makes them as they are first named, with a
    number of partitions of its own. Raises DeploymentError where no broker answers, ConfigError.
    """
    wanted = plan.topics(config)
    async with connected(config) as admin:
        present = await look(admin, wanted)
        missing = [topic for topic in wanted if topic.name not in present]
        refused: dict[str, str] = {}
        by_request = await _has_controller(admin)
        if create and missing:
            if by_request:
                refused = await _make(admin, missing)
            else:
                await admin.describe_topics([topic.name for topic in missing])
            present = await _appeared(admin, wanted, {topic.name for topic in missing} - refused.keys())
    made = {topic.name for topic in missing} & present.keys()
    return [_report(config, topic, present, topic.name in made, by_request, refused) for topic in wanted]


async def partitions_of(config: Config, topic: str) -> int:
    """How many partitions a topic has; raises DeploymentError where it or every broker is missing."""
    async with connected(config) as admin:
        found = await _described(admin)
    if topic not in found:
        raise DeploymentError(f"topic {topic} is missing; make it with: detector topics")
    return len(found[topic]["partitions"])


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client that is started; raises DeploymentError with reason and fix where no broker answers."""
    await reach.require(config)
    admin = clients.admin(config, request_timeout_ms=REQUEST_MS)
    try:
        await admin.start()
        yield admin
    except (KafkaError, TimeoutError) as error:
        raise DeploymentError(
            f"the brokers at {config.kafka.bootstrap} do not answer as they should ({error or 'timeout'}); "
            "detector doctor says more"
        ) from error
    finally:
        await admin.close()


async def look(admin: AIOKafkaAdminClient, wanted: Iterable[plan.Topic]) -> dict[str, Present]:
    """What of the wanted topics is there; settings are None where the broker does not tell them."""
    described = await _described(admin)
    names = [topic.name for topic in wanted if topic.name in described]
    settings = await _settings(admin, names)
    return {
        name: Present(
            partitions=len(described[name]["partitions"]),
            copies=min(len(each["replicas"]) for each in described[name]["partitions"]),
            in_sync=min(len(each["isr"]) for each in described[name]["partitions"]),
            leaderless=sum(each["leader"] < 0 for each in described[name]["partitions"]),
            settings=settings.get(name) if settings is not None else None,
        )
        for name in names
    }


async def _described(admin: AIOKafkaAdminClient) -> dict[str, Any]:
    # All of them: to ask for one by name makes it, on brokers with auto.create.topics.enable.
    return {
        topic["topic"]: topic
        for topic in await admin.describe_topics()
        if topic["error_code"] == 0 and topic["partitions"]
    }


async def _settings(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]] | None:
    """Settings by topic, without those that this login may not read; None where the broker tells none."""
    if not names:
        return {}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        answers = await admin.describe_configs(asked)
    except (IncompatibleBrokerVersion, KafkaError):
        return None
    return {
        name: {entry[0]: entry[1] for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if code == 0
    }


async def _has_controller(admin: AIOKafkaAdminClient) -> bool:
    """Whether topics are made by request; the embedded broker names a controller that does not exist."""
    cluster = await admin.describe_cluster()
    return any(broker["node_id"] == cluster["controller_id"] for broker in cluster["brokers"])


async def _make(admin: AIOKafkaAdminClient, topics: list[plan.Topic]) -> dict[str, str]:
    """Why some could not be made, by name."""
    response = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.settings) for topic in topics],
        timeout_ms=REQUEST_MS,
    )
    return {
        name: message or for_code(code).description
        for name, code, message in response.topic_errors
        if code not in (0, TopicAlreadyExistsError.errno)  # somebody else was quicker
    }


async def _appeared(admin: AIOKafkaAdminClient, wanted: list[plan.Topic], expected: set[str]) -> dict[str, Present]:
    """As look(), once the expected ones are there with leaders, or after APPEAR_S."""
    try:
        async with asyncio.timeout(APPEAR_S):
            while True:
                present = await look(admin, wanted)
                if all(name in present and not present[name].leaderless for name in expected):
                    return present
                await asyncio.sleep(0.1)
    except TimeoutError:
        return await look(admin, wanted)


def _report(
    config: Config,
    topic: plan.Topic,
    present: Mapping[str, Present],
    made: bool,
    by_request: bool,
    refused: Mapping[str, str],
) -> TopicReport:
    found = present.get(topic.name)
    if found is None:
        why = refused.get(topic.name, "")
        fix = "see topics.replication and topics.partitions" if why else "make it with: detector topics"
        return TopicReport(topic.name, 0, "missing", why or "it is not there, or hidden from this login", fix)
    faults = verify.faults(config, topic, present)
    if faults:
        details, fixes = zip(*faults, strict=True)
        return TopicReport(topic.name, found.partitions, "wrong", "; ".join(details), "; ".join(fixes))
    detail = verify.told(found)
    if made and not by_request:
        detail += "; made by naming it, since this broker does not make topics by request: its own defaults"
    return TopicReport(topic.name, found.partitions, "created" if made else "ok", detail, "")
