"""Every reason why a stage is not ready, or has failed: one sentence each, explained in docs/operations.md."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from detector.behind import Source

SILENT_S = 10.0
"""A broker answers within a tenth of a second, with news or without; a new leader is there within seconds."""


class Unready(StrEnum):
    """What /readyz says; a restart does not help."""

    STARTING = "starting"
    STOPPED = "stopped"
    NOT_CONNECTED = "not connected"
    READING = "still reading {topic}: {left} records left"
    UNASSIGNED = "no partition assigned yet"
    RECOVERING = "partitions are being handed over, and their state is read: {left} records left"
    UNACKNOWLEDGED = "Kafka has not acknowledged what was written {waited:.0f} s ago"
    SILENT = "Kafka has not answered about {topic} for {waited:.0f} s (partitions: {partitions})"
    BEHIND = "{topic} is {records} records behind, the oldest waits for {waited:.0f} s (partitions: {partitions})"
    AWAY = "Kafka was out of reach, and the stage begins anew once it answers"
    ALERTMANAGER = "alertmanager {name} unreachable since {since}: {error}"
    UNKNOWN = "health is unknown: {error}"


class Failed(StrEnum):
    """What /healthz says of a stage that works no more; a restart goes on where it stopped."""

    STANDSTILL = "partition {partition} has not moved for {waited:.0f} s and is {records} records behind"
    CRASHED = "the Faust app has crashed: {error}"
    SKIPPED = "{gap} were skipped; a restart reads them again"
    UNREADABLE = "the record {offset} of partition {partition} cannot be read: {error}"
    CUT_OFF = "processing was cut off in the midst of a batch"
    ENDED = "ended by itself"


def waiting(behind: Mapping[Source, float], lag: Mapping[Source, int], limit_s: float) -> Iterator[str]:
    """Of each topic that is behind for too long why: the broker is silent, or there is more than is worked off.

    `limit_s`: how long a record may wait.
    """
    for topic in sorted({topic for topic, _ in behind}):
        slow = {s: t for s, t in behind.items() if s[0] == topic and lag.get(s, 0) and t > limit_s}
        silent = {s: t for s, t in behind.items() if s[0] == topic and not lag.get(s, 0) and t > SILENT_S}
        if slow:
            records, waited = sum(lag[s] for s in slow), max(slow.values())
            yield Unready.BEHIND.format(topic=topic, records=records, partitions=len(slow), waited=waited)
        if silent:
            yield Unready.SILENT.format(topic=topic, partitions=len(silent), waited=max(silent.values()))
