"""The ingest stage on a broker: everything that was sent comes out packed once, whatever happens in between."""

import asyncio
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from detector.config import Config
from detector.enrich.identity import subject_hash
from detector.errors import DeploymentError
from detector.kafka import admin, clients
from detector.metrics import Metrics
from detector.model.packed import decode_packed
from detector.pipeline.ingest import IngestStage
from tests.support.brokers import Kafka
from tests.support.stages import (
    Reader,
    leaving_connections,
    process,
    producing,
    running,
    several_workers,
    until,
)

PARTITIONS = 4
SOURCES = {*range(PARTITIONS), *(1 << 16 | p for p in range(PARTITIONS))}
"""Numbers of the sources: the topic's index << 16 | partition."""


@pytest.fixture
def forgiving() -> Iterator[None]:
    with leaving_connections():
        yield


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(
        time={"heartbeat_s": 0.2}, ingest={"batch_wait_s": 0.05}, privacy={"pseudonym_key": "of this test"}
    )


def stage(config: Config, **known: Any) -> IngestStage:
    return IngestStage(config, known.get("metrics") or Metrics(config.metrics), known.get("clock", time.time))


class Feed:
    """Sends calls and statuses, and remembers their ids."""

    def __init__(self, config: Config, producer: Any) -> None:
        self.sent: list[str] = []
        self._topics, self._producer, self._number = config.topics, producer, itertools.count()

    async def send(self, calls: int, **fields: Any) -> None:
        """Calls of 7 runs in turn, over all partitions; every tenth is followed by a status of its task."""
        sending = []
        for _ in range(calls):
            n = next(self._number)
            sending.append(await self._call(n, **fields))
            if n % 10 == 0:
                event = {"id": f"s{n}", "time": time.time(), "task": f"task-{n % 7}", "strength": "weak"}
                sending.append(await self._send(self._topics.status, event, n % PARTITIONS))
        await asyncio.gather(*sending)

    async def _call(self, n: int, **fields: Any) -> Any:
        event = {"id": f"c{n}", "time": time.time(), "model": "gpt-5-mini", "run": f"run-{n % 7}"}
        usage = {"input_tokens": 100, "output_tokens": 10}
        event |= {"usage": usage, "output": {"text": f"An answer, the {n}th."}} | fields
        return await self._send(self._topics.calls, event, n % PARTITIONS)

    async def _send(self, topic: str, event: dict[str, Any], partition: int) -> Any:
        self.sent.append(event["id"])
        return await self._producer.send(topic, json.dumps(event).encode(), partition=partition)


class Row(NamedTuple):
    """An observation where it came out: the partition it is packed for, and where it came from."""

    partition: int
    source: int
    seq: int
    id: str
    run: str | None
    task: str | None


class Packed(Reader):
    """Reads the packed records of a configuration."""

    def rows(self) -> list[Row]:
        """All observations, in the order in which each partition has them."""
        rows = []
        for record in self.records:
            columns = decode_packed(record.value)
            for row, id in zip(columns.rows, columns.ids, strict=True):
                ident = columns.idents[row["ident"]]
                where = record.partition, int(row["source"]), int(row["seq"])
                rows.append(Row(*where, id, ident.run, ident.task))
        return rows

    def seen(self) -> list[Row]:
        """What watch takes of them: of each source what is above the highest before, in its partition."""
        highest: dict[tuple[int, int], int] = {}
        taken = []
        for row in self.rows():
            key = row.partition, row.source
            if row.seq > highest.get(key, -1):
                highest[key] = row.seq
                taken.append(row)
        return taken

    def ids(self) -> list[str]:
        return sorted(row.id for row in self.seen())

    def marks(self) -> dict[int, dict[int, float]]:
        """By partition the highest mark of each source."""
        marks: dict[int, dict[int, float]] = {}
        for record in self.records:
            held = marks.setdefault(record.partition, {})
            for source, mark in decode_packed(record.value).marks.items():
                held[source] = max(mark, held.get(source, 0.0))
        return marks


@pytest.fixture
async def feed(config: Config) -> AsyncIterator[Feed]:
    async with producing(config) as producer:
        yield Feed(config, producer)


@pytest.fixture
async def packed(config: Config) -> AsyncIterator[Packed]:
    async with Packed(config, config.topics.observations) as reader:
        yield reader  # type: ignore[misc]


async def committed(config: Config) -> dict[tuple[str, int], int | None]:
    """The offsets that the group has committed, by topic and partition."""
    reader = clients.consumer(config, group=clients.group_id(config, "ingest"))
    await reader.start()
    try:
        topics = (config.topics.calls, config.topics.status)
        every = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
        return {(tp.topic, tp.partition): await reader.committed(tp) for tp in every}
    finally:
        await reader.stop()


async def test_every_event_comes_out_once_and_a_run_stays_in_one_partition(
    feed: Feed, packed: Packed, config: Config
) -> None:
    ingest = stage(config)
    assert ingest.health() == ["not connected"]
    await feed.send(300)
    async with running(ingest):
        await until(lambda: len(packed.rows()) == len(feed.sent))
        assert ingest.health() == []
    assert sorted(row.id for row in packed.rows()) == sorted(feed.sent)
    partitions = {(row.run, row.partition) for row in packed.rows() if row.run}
    assert len(partitions) == len({run for run, _ in partitions}) == 7
    assert sum(filter(None, (await committed(config)).values())) == len(feed.sent)


async def test_without_traffic_every_partition_learns_that_all_sources_are_read(packed: Packed, config: Config) -> None:
    async with running(stage(config)):
        await until(lambda: len(packed.marks()) == PARTITIONS)
        now = time.time()
        await until(lambda: all(min(marks.values()) > now for marks in packed.marks().values()))
    assert all(set(marks) == SOURCES for marks in packed.marks().values())
    assert packed.rows() == []


async def test_a_source_that_lags_is_marked_no_further_than_it_was_forwarded(
    feed: Feed, packed: Packed, kafka: Kafka, config: Config
) -> None:
    slow = config.model_copy(update={"ingest": config.ingest.model_copy(update={"batch_records": 20})})
    await feed.send(400)
    newest = time.time()
    seen: list[float] = []
    async with running(stage(slow)):
        await until(lambda: len(packed.rows()) == len(feed.sent))
        for record in packed.records:
            columns = decode_packed(record.value)
            if len(columns.rows) and columns.marks:
                seen.append(min(columns.marks.values()))
    # Calls of some partition were still to come in all but the last few batches.
    assert sum(mark < newest for mark in seen) > len(seen) / 2
    assert min(seen) == 0.0


async def test_what_cannot_be_used_is_a_dead_letter_with_its_bytes_and_the_reason(
    feed: Feed, packed: Packed, config: Config
) -> None:
    metrics = Metrics(config.metrics)
    async with (
        Reader(config, config.topics.dead_letters) as letters,
        producing(config) as producer,
        running(stage(config, metrics=metrics)),
    ):
        await feed.send(5)
        await producer.send_and_wait(
            config.topics.calls, b"no JSON", key=b"key", partition=1, headers=[("trace", b"\x00")]
        )
        await producer.send_and_wait(config.topics.calls, b'{"id": "x"}', partition=2)
        await feed.send(5)
        await until(lambda: len(letters.records) == 2)
        await until(lambda: len(packed.rows()) == len(feed.sent))
    letter = next(record for record in letters.records if record.value == b"no JSON")
    assert letter.key == b"key"
    assert letter.headers[0] == ("trace", b"\x00")
    told = dict(letter.headers)
    assert told["reason"] == b"not_json"
    assert (told["topic"], told["partition"]) == (config.topics.calls.encode(), b"1")
    assert metrics.registry.get_sample_value("detector_dead_letters_total", {"reason": "not_json"}) == 1
    assert metrics.registry.get_sample_value("detector_events_total", {"kind": "call"}) == 10
    for topic, events in ((config.topics.calls, 10), (config.topics.status, 1)):
        assert metrics.registry.get_sample_value("detector_source_events_total", {"topic": topic}) == events


@pytest.mark.parametrize("ingest", [{"dead_letter_bytes": False}, {"max_record_bytes": 5000}])
async def test_a_reference_without_key_and_value_stops_nothing(
    feed: Feed, packed: Packed, config: Config, ingest: Any
) -> None:
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update=ingest)})
    async with (
        Reader(config, config.topics.dead_letters) as letters,
        producing(config) as producer,
        running(stage(config)),
    ):
        await producer.send_and_wait(config.topics.calls, b"n" * 6000, partition=1)
        await feed.send(5)
        await until(lambda: len(letters.records) == 1 and len(packed.rows()) == len(feed.sent))
    (letter,) = letters.records
    assert (letter.key, letter.value) == (None, b"")
    assert [name for name, _ in letter.headers] == ["reason", "field", "detail", "topic", "partition", "offset"]


async def test_a_link_holds_for_workers_that_start_later(feed: Feed, packed: Packed, config: Config) -> None:
    link = {"type": "link", "id": "l1", "time": time.time(), "run": "run-3", "task": "task-9"}
    async with producing(config) as producer, Reader(config, config.topics.links) as links:
        async with running(stage(config)):
            await producer.send_and_wait(config.topics.status, json.dumps(link).encode(), partition=0)
            await until(lambda: len(links.records) == 1)
        await feed.send(7)
        async with running(stage(config)):
            await until(lambda: set(feed.sent) <= set(packed.ids()))
    calls = {row.run: row for row in packed.rows() if row.id.startswith("c")}
    home, before = (subject_hash("default", *of) % PARTITIONS for of in (("task-9", None), (None, "run-3")))
    assert (calls["run-3"].task, calls["run-3"].partition) == ("task-9", home)
    assert next(row.partition for row in packed.rows() if row.id == "l1") == before  # where its earlier calls went
    assert calls["run-2"].task is None


async def test_a_restart_goes_on_where_the_last_one_stopped(feed: Feed, packed: Packed, config: Config) -> None:
    for _ in range(3):
        await feed.send(150)
        async with running(stage(config)):
            await until(lambda: len(packed.seen()) == len(feed.sent))
    assert len(packed.rows()) == len(feed.sent)  # a graceful stop leaves nothing to repeat


async def test_a_killed_worker_loses_nothing(feed: Feed, packed: Packed, config: Config) -> None:
    with process("ingest", config) as worker:
        await feed.send(100)
        await until(lambda: len(packed.rows()) > 0)
        await feed.send(100)
        worker.send_signal(signal.SIGKILL)
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: len(packed.seen()) >= len(feed.sent))
    assert packed.ids() == sorted(feed.sent)


async def test_records_deleted_before_they_were_read_are_counted(
    kafka: Kafka, feed: Feed, packed: Packed, config: Config
) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the embedded broker deletes nothing on request")
    await feed.send(8)
    async with running(stage(config)):
        await until(lambda: len(packed.seen()) == len(feed.sent))
    await feed.send(20)
    calls = TopicPartition(config.topics.calls, 0)
    async with admin.connected(config) as client:
        await client.delete_records({calls: RecordsToDelete(before_offset=6)})
    metrics = Metrics(config.metrics)

    def missed() -> float:
        labels = {"stage": "ingest", "topic": config.topics.calls}
        found = metrics.registry.get_sample_value("detector_missed_records_total", labels)
        assert found is not None
        return found

    async with running(stage(config, metrics=metrics)):
        await until(lambda: missed() > 0)
        await until(lambda: len(packed.seen()) == len(feed.sent) - 4)
    assert missed() == 4


async def test_workers_share_the_partitions_and_give_them_back(
    kafka: Kafka, feed: Feed, packed: Packed, config: Config
) -> None:
    several_workers(kafka)
    async with AsyncExitStack() as workers:
        for _ in range(2):
            await workers.enter_async_context(running(stage(config)))
            await feed.send(200)
            await until(lambda: len(packed.seen()) == len(feed.sent))
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: len(packed.seen()) == len(feed.sent))
    assert packed.ids() == sorted(feed.sent)


@pytest.mark.usefixtures("forgiving")
async def test_an_outage_of_the_brokers_is_waited_for(kafka: Kafka, feed: Feed, packed: Packed, config: Config) -> None:
    async with running(stage(config)) as task:
        await feed.send(100)
        await until(lambda: len(packed.rows()) > 0)
        with kafka.broker.outage():
            sending = asyncio.create_task(feed.send(100))
            await asyncio.sleep(2)
            assert not task.done()
        await sending
        await until(lambda: len(packed.seen()) == len(feed.sent))
    assert packed.ids() == sorted(feed.sent)


@pytest.mark.usefixtures("forgiving")
async def test_it_stops_while_the_brokers_are_away(
    kafka: Kafka, feed: Feed, packed: Packed, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.pipeline.ingest.SETTLE_S", 0.5)
    monkeypatch.setattr("detector.kafka.group.COMMIT_TRY_S", 0.5)
    with ExitStack() as outage:
        async with running(stage(config)):
            await feed.send(100)
            await until(lambda: len(packed.rows()) > 0)
            outage.enter_context(kafka.broker.outage())
    await feed.send(50)
    async with running(stage(config)):
        await until(lambda: len(packed.seen()) == len(feed.sent))
    assert packed.ids() == sorted(feed.sent)


async def test_a_record_that_the_topic_refuses_ends_the_stage_and_is_not_passed_over(
    kafka: Kafka, feed: Feed, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detector.kafka.clients.max_message_bytes", lambda config: 2000)
    await feed.send(300)
    with pytest.raises(DeploymentError, match=r"refuses.*max\.message\.bytes"):
        async with running(stage(config)) as task:
            await asyncio.wait([task])
    monkeypatch.undo()
    assert not any((await committed(config)).values())


async def test_a_missing_topic_is_told_with_what_makes_it(kafka: Kafka, config: Config) -> None:
    other = config.model_copy(update={"topics": config.topics.model_copy(update={"calls": kafka.name("gone")})})
    with pytest.raises(DeploymentError, match="is missing; make it with: detector topics"):
        async with running(stage(other)):
            pass
