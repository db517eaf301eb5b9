"""Compares a topic as it is with the topic as it should be: pure, each fault with its fix."""

from collections.abc import Mapping
from typing import NamedTuple

from detector.config import Config
from detector.kafka import plan

FOREVER_MS = -1


class Present(NamedTuple):
    """A topic as it is: the fewest copies and in-sync copies of a partition, settings where they are told."""

    partitions: int
    copies: int
    in_sync: int
    leaderless: int
    settings: dict[str, str] | None


class Fault(NamedTuple):
    """What is wrong and what to do."""

    detail: str
    fix: str


def faults(config: Config, topic: plan.Topic, present: Mapping[str, Present]) -> list[Fault]:
    """What keeps the detector from working with this topic, which is present."""
    found = present[topic.name]
    seen = []
    if found.leaderless:
        seen.append(Fault(f"{found.leaderless} partitions have no leader", "bring the missing brokers back"))
    observations = present.get(config.topics.observations)
    if topic.name == config.topics.state and observations and observations.partitions != found.partitions:
        seen.append(
            Fault(
                f"{found.partitions} partitions, and {config.topics.observations} has "
                f"{observations.partitions}: watch needs as many of both",
                f"stop watch, delete {topic.name} and make it anew with: detector topics "
                "(what is open is then seen anew)",
            )
        )
    if topic.ours and found.copies < topic.replication:
        seen.append(
            Fault(
                f"{found.copies} copies, and topics.replication is {topic.replication}",
                "add copies with kafka-reassign-partitions.sh, or set topics.replication to what is meant",
            )
        )
    if found.settings is not None:
        seen += _settings(config, topic, found.settings)
    return seen


def told(found: Present) -> str:
    """A healthy topic in a few words."""
    cleanup = (found.settings or {}).get("cleanup.policy", "settings are not told by this broker")
    return f"{_many(found.partitions, 'partition')}, {_many(found.copies, 'copy', 'copies')}, {cleanup}"


def _settings(config: Config, topic: plan.Topic, settings: Mapping[str, str]) -> list[Fault]:
    seen = []
    cleanup = settings.get("cleanup.policy", "")
    if topic.cleanup != frozenset(cleanup.split(",")):
        seen.append(_setting(config, topic, "cleanup.policy", cleanup, _harm(topic)))
    if topic.name == config.topics.dead_letters:
        kept, longest = int(settings.get("retention.ms", longest_ms(topic))), longest_ms(topic)
        if kept == FOREVER_MS or kept > longest:
            harm = "what producers sent is kept longer than promised"
            seen.append(_setting(config, topic, "retention.ms", str(kept), harm))
    if topic.ours:
        largest = int(settings.get("max.message.bytes", plan.max_message_bytes(config)))
        if largest < plan.max_message_bytes(config):
            harm = "records that ingest.max_record_bytes lets in may not fit"
            seen.append(_setting(config, topic, "max.message.bytes", str(largest), harm))
    return seen


def longest_ms(topic: plan.Topic) -> int:
    """How long records are to be kept, in milliseconds."""
    return int(topic.settings["retention.ms"])


def _harm(topic: plan.Topic) -> str:
    if "compact" in topic.cleanup:
        return "without compaction old state is deleted, or the topic grows for ever"
    return "with compaction records of the same key or none are lost"


def _setting(config: Config, topic: plan.Topic, key: str, value: str, harm: str) -> Fault:
    wanted = topic.settings[key]
    listed = f"[{wanted}]" if "," in wanted else wanted
    return Fault(
        f"{key} is {value or 'not set'}, not {wanted}: {harm}",
        f"kafka-configs.sh --bootstrap-server {config.kafka.bootstrap} --alter --entity-type topics "
        f"--entity-name {topic.name} --add-config '{key}={listed}'",
    )


def _many(count: int, one: str, more: str = "") -> str:
    return f"{count} {one if count == 1 else more or one + 's'}"
