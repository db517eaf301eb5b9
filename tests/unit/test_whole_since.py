"""From where a topic is read that is no table: from the first record of a time on, or the newest ones."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndTimestamp

from detector.config import Config
from detector.kafka import whole
from detector.kafka.whole import WholeTopic

SINCE_S = 1000.5
FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


class FakeConsumer:
    """Two partitions; `found`: what the broker answers of a time."""

    def __init__(self, begins: int, ends: int, found: OffsetAndTimestamp | None) -> None:
        self.begins, self.ends, self.found = begins, ends, found
        self.sought: dict[TopicPartition, int] = {}
        self.asked: dict[TopicPartition, int] = {}

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def assignment(self) -> set[TopicPartition]:
        return {FIRST, SECOND}

    async def beginning_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, self.begins)

    async def end_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, self.ends)

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[TopicPartition, Any]:
        self.asked = times
        return dict.fromkeys(times, self.found)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.sought[place] = offset


async def started(monkeypatch: pytest.MonkeyPatch, fake: FakeConsumer, *, since: bool = True) -> WholeTopic:
    async def partitions_of(config: Config, name: str) -> int:
        return 2

    monkeypatch.setattr(whole, "partitions_of", partitions_of)
    monkeypatch.setattr(whole, "consumer", lambda *_: fake)
    topic = WholeTopic(Config(), "t", (lambda: SINCE_S) if since else None)
    await topic.start()
    return topic


async def test_it_begins_at_the_first_record_of_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeConsumer(5, 90, OffsetAndTimestamp(70, 1_000_600))
    topic = await started(monkeypatch, fake)
    assert fake.asked == {FIRST: 1_000_500, SECOND: 1_000_500}
    assert fake.sought == {FIRST: 70, SECOND: 70}
    assert (topic.left, topic.caught_up) == (40, False)


@pytest.mark.parametrize(("begins", "ends", "at"), [(5, 90, 5), (5, 50_000, 40_000), (45_000, 50_000, 45_000)])
async def test_where_the_broker_finds_none_it_begins_with_the_newest(
    begins: int, ends: int, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeConsumer(begins, ends, None)
    topic = await started(monkeypatch, fake)
    assert fake.sought == {FIRST: at, SECOND: at}
    assert topic.left == 2 * (ends - at)


async def test_a_table_is_read_from_its_first_record(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeConsumer(5, 90, OffsetAndTimestamp(70, 1_000_600))
    await started(monkeypatch, fake, since=False)
    assert fake.sought == fake.asked == {}
