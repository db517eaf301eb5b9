"""`detector audit` of what portfolio has kept, on a broker: what was killed changes no figure, to the cent."""

import asyncio
import json
import signal
import sys
from typing import Any

import pytest

from detector.audit.topics import audit_books, read_books, window_of
from detector.config import Config
from detector.errors import DeploymentError
from tests.support.audited import rollups, work
from tests.support.brokers import Kafka
from tests.support.plain_audit import audit_of, compared
from tests.support.stages import process, producing


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(watch={"checkpoint_s": 0.3})


async def test_it_equals_an_audit_of_the_events_after_a_kill_in_the_middle(config: Config) -> None:
    events = work()
    told, expected = rollups(config, events), audit_of(events)
    cut = len(told) // 2
    async with producing(config) as producer:

        async def send(some: list[tuple[int, bytes]]) -> None:
            sent = [await producer.send(config.topics.rollups, value, partition=p) for p, value in some]
            await asyncio.gather(*sent)

        with process("portfolio", config) as worker:
            await send(told[:cut])
            await asyncio.sleep(8.0)  # some checkpoints
            await send(told[cut : cut + 200])
            worker.send_signal(signal.SIGKILL)
        await send(told[cut + 200 :])
        after_kill = await read_books(config)  # from the checkpoints of the dead, and what came after them
        with process("portfolio", config):
            await asyncio.sleep(8.0)
        after_all = await read_books(config)
    for books in (after_kill, after_all):
        figures = audit_books(books, window_of(books, 30.0), None)
        assert compared(figures) == compared(expected)
        assert (figures.tasks_completed, figures.flagged_usd) == (expected.tasks_completed, expected.flagged_usd)
        of_one = audit_books(books, window_of(books, 30.0), None, "tenant-1")
        alone = audit_of([e for e in events if e["tenant"] == "tenant-1"])
        assert compared(of_one) == compared(alone)
        assert figures.cost_per_completed_task_usd == pytest.approx(expected.cost_per_completed_task_usd)


async def test_the_command_tells_them(config: Config, tmp_path: Any) -> None:
    told = rollups(config, work())
    async with producing(config) as producer:
        for partition, value in told:
            await producer.send(config.topics.rollups, value, partition=partition)
        await producer.flush()
    settings = tmp_path / "detector.toml"
    names = [f'{name} = "{value}"' for name, value in config.topics.model_dump().items() if isinstance(value, str)]
    settings.write_text("\n".join(["[kafka]", f'bootstrap = "{config.kafka.bootstrap}"', "[topics]", *names]))
    asked = ["--config", str(settings), "audit", "--format", "json", "--days", "90"]
    command = [sys.executable, "-c", "from detector.cli import main; main()", *asked]
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await running.communicate()
    figures = json.loads(out)
    assert (running.returncode, figures["calls"], figures["corrected"]) == (0, 60 * 12, [])


async def test_without_its_topic_it_says_what_to_do(kafka: Kafka, config: Config) -> None:
    other = config.model_copy(update={"topics": config.topics.model_copy(update={"accounts": kafka.name("gone")})})
    with pytest.raises(DeploymentError, match="make it with: detector topics"):
        await read_books(other)


async def test_an_empty_ledger_is_an_empty_audit(config: Config) -> None:
    books = await read_books(config)
    figures = audit_books(books, window_of(books, 30.0), None)
    assert (figures.calls, figures.teams, figures.shipped_nothing) == (0, [], [])
