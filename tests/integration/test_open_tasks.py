"""The page of open tasks on a broker: from portfolio's checkpoints and what came after them, as its gauges count."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession

from detector.audit.topics import read_books
from detector.config import Config
from detector.incidents import tasks_read
from detector.incidents.tasks_read import TaskReader
from detector.kafka.admin import partitions_of
from detector.kafka.checkpoint import choose
from detector.kafka.rest import rest_of
from detector.pipeline.worker import Worker
from tests.support.audited import rollups, work
from tests.support.brokers import Kafka
from tests.support.judged import Event
from tests.support.stages import process, producing
from tests.unit.test_boards import reckoned

pytestmark = pytest.mark.kafka


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.3}, web={"port": 0})


async def write(config: Config, told: Sequence[tuple[int, bytes]]) -> None:
    async with producing(config) as producer:
        sent = [await producer.send(config.topics.rollups, value, partition=p) for p, value in told]
        await asyncio.gather(*sent)


async def checkpointed(config: Config) -> bool:
    """Whether portfolio has written a whole checkpoint of any partition."""
    kept: dict[int, dict[bytes, bytes]] = {}
    partitions = range(await partitions_of(config, config.topics.accounts))
    async for record in rest_of(config, config.topics.accounts, dict.fromkeys(partitions, 0)):
        kept.setdefault(record.partition, {})[record.key] = record.value
    return any(choose(records) is not None for records in kept.values())


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[str]:
    worker, stop = Worker(config, ("pages",)), asyncio.Event()
    await worker.start()
    running = asyncio.create_task(worker.run(stop))
    try:
        yield worker.address
    finally:
        stop.set()
        assert await running == 0


async def get(address: str, path: str) -> tuple[int, str]:
    async with ClientSession() as client, client.get(address + path) as answer:
        return answer.status, await answer.text()


async def test_what_it_lists_is_what_the_gauges_count_across_checkpoints_and_what_follows(config: Config) -> None:
    events: list[Event] = work()
    told = rollups(config, events)
    cut = len(told) // 2
    await write(config, told[:cut])
    with process("portfolio", config):
        async with asyncio.timeout(60.0):
            while not await checkpointed(config):  # noqa: ASYNC110 (what is waited for happens in a process)
                await asyncio.sleep(0.2)
    await write(config, told[cut:])
    counted = dict[tuple[str, str | None], int]()
    for books in await read_books(config):
        for team, of in reckoned(books).open_tasks.items():
            counted[team] = counted.get(team, 0) + of.by_age[-1]
    listed = await TaskReader(config, lambda: 0.0).newest()
    assert {team: of.tasks for team, of in listed.teams.items()} == counted
    assert sum(counted.values()) == len(listed.rows) > 10
    async with serving(config) as address:
        status, html = await get(address, "/tasks?tenant=tenant-0")
    assert status == 200
    mine = [row for row in listed.rows if row.tenant == "tenant-0"]
    assert f"<h1>{len(mine)} open tasks for " in html
    assert all(f"<bdi>{row.task}</bdi>" in html for row in mine)


async def test_what_comes_is_listed_once_the_minute_is_over(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_read, "KEPT_S", 0.0)
    monkeypatch.setattr(tasks_read, "_TIMES", 0)
    told = rollups(config, work())
    async with serving(config) as address:
        assert "<h1>0 open tasks</h1>" in (await get(address, "/tasks"))[1]
        await write(config, told)
        assert "open tasks for $" in (await get(address, "/tasks"))[1]


async def test_while_kafka_is_out_the_page_says_why(config: Config, kafka: Kafka) -> None:
    async with serving(config) as address:
        with kafka.outage():
            async with asyncio.timeout(60.0):
                status, html = await get(address, "/tasks")
        assert status == 503
        assert "The open tasks cannot be read now" in html
