"""Reading open tasks: one reading at a time, kept for a while, and never in the loop of the stages."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from detector.config import Config
from detector.errors import DeploymentError, StateError
from detector.incidents import tasks_read
from detector.incidents.tasks_read import TaskReader
from detector.ledger.books import Books
from tests.support.worked import spent
from tests.unit.test_boards import books_of


class Topics:
    """What stands in for the topics: says how often they were read, and waits where it is told to."""

    def __init__(self) -> None:
        self.read, self.threads = 0, set[int]()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.error: Exception | None = None
        self.cancelled = False

    async def books(self, config: Config) -> list[Books]:
        self.read += 1
        self.threads.add(threading.get_ident())
        try:
            while not self.goes_on.is_set():  # noqa: ASYNC110 (what is waited for is set by another thread)
                await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.error is not None:
            raise self.error
        return [books_of([spent(0, 1.0, f"T-{self.read}")])]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Iterator[Topics]:
    topics = Topics()
    monkeypatch.setattr(tasks_read, "read_books", topics.books)
    yield topics
    topics.goes_on.set()


def reader(wait_s: float = 30.0) -> TaskReader:
    return TaskReader(Config(), lambda: 1000.0, wait_s)


async def names(reader: TaskReader) -> list[str]:
    return [row.task for row in (await reader.newest()).rows]


async def test_it_is_read_in_a_thread_and_says_when(topics: Topics) -> None:
    assert (await reader().newest()).read_s == 1000.0
    assert threading.get_ident() not in topics.threads


async def test_who_asks_at_the_same_time_waits_for_one_reading(topics: Topics) -> None:
    mine = reader()
    assert await asyncio.gather(*(names(mine) for _ in range(5))) == [["T-1"]] * 5
    assert topics.read == 1


async def test_it_is_kept_for_a_while_and_read_anew_then(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = reader()
    assert [await names(mine), await names(mine)] == [["T-1"], ["T-1"]]
    monkeypatch.setattr(mine, "_fresh_until", 0.0)
    assert await names(mine) == ["T-2"]


async def test_a_first_reading_that_takes_long_is_said_so_and_goes_on(topics: Topics) -> None:
    mine = reader(0.05)
    topics.goes_on.clear()
    with pytest.raises(DeploymentError, match="still being read"):
        await mine.newest()
    topics.goes_on.set()
    mine._wait_s = 30.0
    assert await names(mine) == ["T-1"]


async def test_meanwhile_what_was_read_before_is_shown(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = reader(30.0)
    await mine.newest()
    monkeypatch.setattr(mine, "_fresh_until", 0.0)
    mine._wait_s = 0.05
    topics.goes_on.clear()
    assert await names(mine) == ["T-1"]
    await mine.stop()


async def test_an_error_is_told_to_who_asks_and_the_next_one_reads_again(
    topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    mine, topics.error = reader(), DeploymentError("the brokers do not answer")
    with pytest.raises(DeploymentError, match="do not answer"):
        await mine.newest()
    assert "open tasks cannot be read: the brokers do not answer" in caplog.text
    topics.error = ValueError("no rollup")
    with pytest.raises(StateError, match="cannot be read: no rollup"):
        await mine.newest()
    topics.error = None
    assert await names(mine) == ["T-3"]


async def test_stopping_ends_a_reading_and_may_be_said_twice(topics: Topics) -> None:
    mine = reader(0.05)
    topics.goes_on.clear()
    with pytest.raises(DeploymentError):
        await mine.newest()
    async with asyncio.timeout(10.0):
        await mine.stop()
        await mine.stop()
    assert topics.cancelled
    await reader().stop()
