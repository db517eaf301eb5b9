"""The topics that a deployment needs: how many partitions, what is kept and for how long. No client in it."""

from typing import NamedTuple

from detector.config import Config

RECORD_OVERHEAD_BYTES = 65_536
"""Room for the key, headers and batch framing around a record of ingest.max_record_bytes."""

DAY_MS = 86_400_000
ALERTS_KEPT_MS = 30 * DAY_MS  # an episode of last month can still be read; older ones are history elsewhere
DEAD_LETTERS_KEPT_MS = 3 * DAY_MS  # the one place behind ingest where text can lie: long enough for a look
STATE_SEGMENT_BYTES = 67_108_864  # only closed segments are compacted: small ones keep recovery short
STATE_DIRTY_RATIO = 0.2  # the same: compact once a fifth is outdated, not half


class Topic(NamedTuple):
    """One topic as it should be; `settings` are the broker's topic settings that differ from its defaults.

    Producers write into those that are not `ours`: how these are sized and kept is theirs to say.
    """

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]
    ours: bool

    @property
    def cleanup(self) -> frozenset[str]:
        """The cleanup policies, as {"compact", "delete"}."""
        return frozenset(self.settings["cleanup.policy"].split(","))


def topics(config: Config) -> list[Topic]:
    """All topics, producers' first."""
    names, many = config.topics, config.topics.partitions
    compact = {"cleanup.policy": "compact"}
    delete = {"cleanup.policy": "delete"}
    # By a producer's clock a broker would delete what is uploaded late before it is read, and an event of a clock
    # that is ahead would vouch for itself.
    producers = delete | {"message.timestamp.type": "LogAppendTime"}
    state = compact | {
        "segment.bytes": str(STATE_SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": str(STATE_DIRTY_RATIO),
    }
    alerts = {"cleanup.policy": "compact,delete", "retention.ms": str(ALERTS_KEPT_MS)}
    return [
        *(_topic(config, name, many, producers) for name in config.producers_topics),
        _topic(config, names.observations, many, delete),
        # Changelogs of watch and portfolio: a partition belongs to the same partition of what the stage reads.
        _topic(config, names.state, many, state),
        _topic(config, names.rollups, many, delete),
        _topic(config, names.accounts, many, state),
        _topic(config, names.baselines, many, compact),
        # Every ingest worker reads it whole, so that one partition does, and keeps the order.
        _topic(config, names.links, 1, compact),
        _topic(config, names.alerts, many, alerts),
        # Every notify worker reads it whole, as those of links. An episode is asked for once, however long ago.
        _topic(config, names.stops, 1, compact),
        _topic(config, names.dead_letters, many, delete | {"retention.ms": str(DEAD_LETTERS_KEPT_MS)}),
    ]


def max_message_bytes(config: Config) -> int:
    """The largest record, in bytes: a dead letter holds what ingest was sent, with headers."""
    return config.ingest.max_record_bytes + RECORD_OVERHEAD_BYTES


def _topic(config: Config, name: str, partitions: int, settings: dict[str, str]) -> Topic:
    copies = config.topics.replication
    settings = settings | {"max.message.bytes": str(max_message_bytes(config))}
    if copies >= 3:
        # With one in-sync copy "acknowledged by all" means one disk; two survive the loss of a broker.
        settings["min.insync.replicas"] = "2"
    ours = name not in config.producers_topics
    return Topic(name, partitions, copies, settings, ours)
