"""schemas/asyncapi.yaml tells of every topic, and every reference in it leads somewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from detector import __version__
from detector.config import Config
from detector.kafka.plan import Topic, topics
from tests.contract import walking as w

API: dict[str, Any] = yaml.safe_load((w.SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
CHANNELS = {channel["address"]: channel for channel in API["channels"].values()}


def references(part: Any) -> Iterator[str]:
    """Every $ref below `part`."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def target(reference: str) -> Any:
    """What a reference leads to; raises KeyError where that is nothing."""
    file, _, pointer = reference.partition("#")
    found: Any = w.schema(file.removeprefix("./").removesuffix(".json")) if file else API
    for step in filter(None, pointer.split("/")):
        found = found[step]
    return found


def test_every_reference_resolves() -> None:
    found = list(references(API))
    assert len(found) > len(CHANNELS)
    for reference in found:
        assert isinstance(target(reference), dict), reference


def test_every_schema_is_the_payload_or_the_headers_of_a_message() -> None:
    files = {reference for reference in references(API) if not reference.startswith("#")}
    assert files == {f"./{path.name}" for path in w.SCHEMAS.glob("*.*.json")}
    for message in API["components"]["messages"].values():
        for part in filter(None, (message.get("payload"), message.get("headers"))):
            assert part["schemaFormat"] == "application/schema+json;version=draft-2020-12"
            assert target(part["schema"]["$ref"])["$schema"].endswith("/2020-12/schema")


def test_the_channels_are_the_topics() -> None:
    assert set(CHANNELS) == {topic.name for topic in topics(Config())}
    assert API["asyncapi"] == "3.0.0"
    assert API["info"]["version"] == __version__


@pytest.mark.parametrize("topic", topics(Config()), ids=lambda topic: topic.name)
def test_a_channel_is_kept_as_the_topic_is_made(topic: Topic) -> None:
    bindings = CHANNELS[topic.name]["bindings"]
    kafka = (target(bindings["$ref"]) if "$ref" in bindings else bindings)["kafka"]
    made = kafka["topicConfiguration"]
    assert set(made["cleanup.policy"]) == topic.cleanup
    kept = made.get("retention.ms")
    assert (None if kept is None else str(kept)) == topic.settings.get("retention.ms")
    assert kafka.get("partitions", Config().topics.partitions) == topic.partitions


def test_operations_use_messages_of_their_channel() -> None:
    for operation in API["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        assert [m["$ref"].rpartition("/messages/")[0] for m in operation["messages"]] == [channel]


def test_what_producers_send_is_received_and_what_readers_take_is_sent() -> None:
    by_channel = {target(op["channel"]["$ref"])["address"]: op["action"] for op in API["operations"].values()}
    assert by_channel == {
        "llm.calls": "receive",
        "task.status": "receive",
        "detector.alerts": "send",
        "detector.dead-letters": "send",
        "detector.links": "send",
        "detector.stops": "send",
    }
