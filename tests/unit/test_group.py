"""The group reader: what it knows of the ends of its sources, and which offsets it commits."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
)

from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.group import GroupReader, note_when_asked

TP = TopicPartition("status", 2)
SOURCE = 1 << 16 | 2


class Task:
    def __init__(self) -> None:
        self.over = False

    def done(self) -> bool:
        return self.over


class FakeConsumer:
    """One partition, whose end, position and last answer a test sets."""

    def __init__(self) -> None:
        self.end: int | None = None
        self.at = 0
        self.polled_s = 0.0
        self.commits: list[dict[TopicPartition, int]] = []
        self.errors: list[BaseException] = []
        self.records: list[Any] = []
        self.begins = 0
        self.acknowledged: int | None = None
        self._coordinator = type("Coordinator", (), {"_coordination_task": Task()})()

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[Any]]:
        if self.errors:
            raise self.errors.pop(0)
        records, self.records = self.records, []
        return {TP: records} if records else {}

    def deliver(self, *offsets: int) -> None:
        """The next fetch brings these records."""
        self.records = [SimpleNamespace(offset=offset, timestamp=1_000_000) for offset in offsets]
        self.at = self.end = offsets[-1] + 1

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(tps, self.begins)

    def assignment(self) -> set[TopicPartition]:
        return {TP}

    def highwater(self, tp: TopicPartition) -> int | None:
        return self.end

    async def position(self, tp: TopicPartition) -> int:
        return self.at

    def last_poll_timestamp(self, tp: TopicPartition) -> int:
        return int(self.polled_s * 1000)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.commits.append(offsets)

    async def committed(self, tp: TopicPartition) -> int | None:
        return self.acknowledged


@pytest.fixture
def consumer() -> FakeConsumer:
    return FakeConsumer()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wall clock, in its only element."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.fixture
def reader(consumer: FakeConsumer, wall: list[float]) -> GroupReader:
    """Its clock runs ten times as fast as the wall clock."""
    reader = GroupReader(Config(), {0: "calls", 1: "status"}, "ingest", lambda: wall[0] * 10)
    reader._consumer = consumer  # type: ignore[assignment]
    return reader


async def test_before_the_broker_has_answered_nothing_is_known(reader: GroupReader) -> None:
    await reader.fetch(0.0, 10)
    assert reader.fresh(SOURCE) is None
    assert reader.lag == {}
    assert reader.assigned == [SOURCE]


async def test_a_source_whose_end_is_reached_is_fresh_as_of_the_brokers_answer(
    reader: GroupReader, consumer: FakeConsumer, wall: list[float]
) -> None:
    consumer.end = consumer.at = 7
    for now in (1000.0, 1001.0, 1002.0):
        wall[0] = now
        consumer.polled_s = 1001.5
        await reader.fetch(0.0, 10)
    assert reader.fresh(SOURCE) == 10010.0
    assert reader.at_end


async def test_a_broker_that_falls_silent_makes_nothing_fresher(
    reader: GroupReader, consumer: FakeConsumer, wall: list[float]
) -> None:
    consumer.end = consumer.at = 7
    consumer.polled_s = 1000.0
    for now in range(1000, 1060):
        wall[0] = float(now)
        await reader.fetch(0.0, 10)
    assert reader.fresh(SOURCE) == 10000.0


async def test_a_source_with_something_left_is_not_fresh(reader: GroupReader, consumer: FakeConsumer) -> None:
    consumer.end = consumer.at = 7
    consumer.polled_s = 1000.0
    await reader.fetch(0.0, 10)
    consumer.end = 9
    await reader.fetch(0.0, 10)
    assert reader.fresh(SOURCE) is None
    assert reader.lag == {SOURCE: 2}
    assert not reader.at_end


async def test_only_what_is_done_in_this_epoch_is_committed(reader: GroupReader, consumer: FakeConsumer) -> None:
    reader.done({SOURCE: 5}, reader.epoch)
    await reader.commit()
    await reader.commit()
    assert consumer.commits == [{TP: 5}]
    before = reader.epoch
    await reader.on_partitions_revoked({TP})
    reader.done({SOURCE: 9}, before)
    await reader.commit()
    assert consumer.commits == [{TP: 5}]


async def test_before_partitions_are_given_back_what_settles_is_committed(consumer: FakeConsumer) -> None:
    async def settle() -> None:
        reader.done({SOURCE: 8}, reader.epoch)

    reader = GroupReader(Config(), {0: "calls", 1: "status"}, "ingest", settle=settle)
    reader._consumer = consumer  # type: ignore[assignment]
    await reader.on_partitions_revoked({TP})
    assert consumer.commits == [{TP: 8}]


async def test_a_settling_that_fails_still_ends_the_epoch(consumer: FakeConsumer) -> None:
    async def settle() -> None:
        raise DeploymentError("no")

    reader = GroupReader(Config(), {0: "calls", 1: "status"}, "ingest", settle=settle)
    reader._consumer = consumer  # type: ignore[assignment]
    with pytest.raises(DeploymentError):
        await reader.on_partitions_revoked({TP})
    assert reader.epoch == 1


async def test_a_commit_that_fails_is_tried_again_unless_the_partitions_are_gone(
    reader: GroupReader, consumer: FakeConsumer
) -> None:
    consumer.errors = [KafkaConnectionError("away")]
    reader.done({SOURCE: 5}, reader.epoch)
    await reader.commit()
    await reader.commit()
    assert consumer.commits == [{TP: 5}]
    consumer.errors = [CommitFailedError("already rebalanced")]
    reader.done({SOURCE: 6}, reader.epoch)
    await reader.commit()
    await reader.commit()
    assert consumer.commits == [{TP: 5}]


async def test_errors_of_the_group_are_borne_until_membership_is_over(
    reader: GroupReader, consumer: FakeConsumer
) -> None:
    consumer.errors = [KafkaError("odd")]
    assert await reader.fetch(0.0, 10) == {}
    consumer._coordinator._coordination_task.over = True
    consumer.errors = [KafkaError("over")]
    with pytest.raises(KafkaError, match="over"):
        await reader.fetch(0.0, 10)


async def test_access_that_is_refused_is_told_with_the_fix(reader: GroupReader, consumer: FakeConsumer) -> None:
    consumer.errors = [GroupAuthorizationFailedError("detector-ingest")]
    with pytest.raises(DeploymentError, match="grant it"):
        await reader.fetch(0.0, 10)


async def test_records_deleted_before_they_were_read_are_counted(
    reader: GroupReader, consumer: FakeConsumer, caplog: pytest.LogCaptureFixture
) -> None:
    consumer.deliver(0, 1, 2)
    await reader.fetch(0.0, 10)
    consumer.begins = 7
    consumer.deliver(7, 8)
    await reader.fetch(0.0, 10)
    assert reader.missed == {"status": 4}
    [told] = caplog.records
    assert (told.levelname, told.__dict__["from"], told.__dict__["records"]) == ("ERROR", 3, 4)


async def test_what_was_deleted_while_nobody_read_is_counted_though_nothing_follows(
    reader: GroupReader, consumer: FakeConsumer
) -> None:
    consumer.acknowledged = 10
    consumer.begins = consumer.at = consumer.end = 71
    await reader.fetch(0.0, 10)
    await reader.fetch(0.0, 10)
    assert reader.missed == {"status": 61}


async def test_offsets_that_never_had_a_record_are_not_missed(reader: GroupReader, consumer: FakeConsumer) -> None:
    consumer.deliver(0, 1)
    await reader.fetch(0.0, 10)
    consumer.deliver(3, 4)  # 2 ended a transaction
    await reader.fetch(0.0, 10)
    assert reader.missed == {}


async def test_a_group_that_begins_misses_nothing(reader: GroupReader, consumer: FakeConsumer) -> None:
    consumer.begins = 500
    consumer.deliver(500, 501)
    await reader.fetch(0.0, 10)
    assert reader.missed == {}


async def test_what_others_read_meanwhile_is_not_missed(reader: GroupReader, consumer: FakeConsumer) -> None:
    consumer.deliver(0, 1)
    await reader.fetch(0.0, 10)
    await reader.on_partitions_revoked({TP})
    consumer.acknowledged = consumer.begins = 90
    consumer.deliver(90)
    await reader.fetch(0.0, 10)
    assert reader.missed == {}


async def test_partitions_that_are_taken_away_meanwhile_are_no_failure(
    reader: GroupReader, consumer: FakeConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken_away(tp: TopicPartition) -> int | None:
        await reader.on_partitions_revoked({TP})
        monkeypatch.setattr(consumer, "highwater", None)  # aiokafka knows of no assignment
        return 0

    monkeypatch.setattr(consumer, "committed", taken_away)
    consumer.deliver(0, 1)
    assert await reader.fetch(0.0, 10) == {}  # whoever has them now reads them
    assert reader.lag == {}
    assert reader.fresh(SOURCE) is None


async def test_an_answer_that_is_read_late_is_as_old_as_its_question(wall: list[float]) -> None:
    """A process that stood still reads what the broker said before."""
    state = SimpleNamespace(timestamp=None)

    async def fetch(assignment: Any, node_id: int, request: Any) -> bool:
        wall[0] = 1060.0
        state.timestamp = int(wall[0] * 1000)
        return True

    fetcher = SimpleNamespace(_proc_fetch_request=fetch)
    note_when_asked(SimpleNamespace(_fetcher=fetcher))  # type: ignore[arg-type]
    assignment = SimpleNamespace(tps=[TP], state_value=lambda tp: state)
    assert await fetcher._proc_fetch_request(assignment, 0, None)
    assert state.timestamp == 1_000_000
