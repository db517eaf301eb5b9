"""What arrives is read beside the workers: from now on for connect, the newest of the hour for doctor."""

import asyncio
import time

import msgspec
import pytest

from detector.config import Config
from detector.connect import listening
from detector.connect.arrivals import Arrivals
from detector.connect.listening import lately, listen
from detector.connect.reach import listens
from detector.connect.shares import shares
from detector.errors import Reason
from detector.kafka import clients
from detector.pipeline.intake import Linked
from tests.support import told
from tests.support.brokers import Kafka
from tests.support.services import free_port
from tests.support.stages import producing, until


@pytest.fixture
def config(kafka: Kafka) -> Config:
    return kafka.config(sources=[{"topic": kafka.name(name), "format": name} for name in ("otlp_logs", "otlp_spans")])


def call(n: int, **changed: object) -> bytes:
    event = {"id": f"c{n}", "time": time.time(), "run": f"r{n}", "model": "gpt-5-mini", "usage": {"input_tokens": 5}}
    return msgspec.json.encode(event | {"cost_usd": 1.0} | changed)


async def send(config: Config, *sent: tuple[str, bytes]) -> None:
    async with producing(config) as producer:
        for topic, value in sent:
            await producer.send_and_wait(topic, value, key=b"k")  # compacted ones want some


async def test_what_comes_from_now_on_is_taken_and_what_was_there_is_not(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "QUIET_S", 1.0)
    calls, logs = config.topics.calls, config.sources[0].topic
    await send(config, (calls, call(0)))
    arrivals = Arrivals(config)
    listened = asyncio.create_task(listen(config, arrivals, 60))
    sent = told.codex("run-1", range(4), at=time.time() - 10)
    n = 0
    while not arrivals.calls:  # until it has begun to listen
        n += 1
        await send(config, (calls, call(n)))
        await asyncio.sleep(0.1)
    await send(config, (logs, sent.body), (logs, b"hello"), (calls, b"{}"))
    async with producing(config) as producer:
        for topic in (logs, "gateway/v1/logs"):  # one of ingest, of what is in a topic, and one of the gateway
            told_of = {"topic": topic, "reason": "wrong_type", "field": "model", "detail": "must be a string"}
            headers = [(name, value.encode()) for name, value in told_of.items()]
            await producer.send_and_wait(config.topics.dead_letters, b"", headers=headers)
    await until(lambda: "codex" in arrivals.by_source and arrivals.refused.total() == 3)
    assert await listened == []
    assert arrivals.refused["gateway/v1/logs", Reason.WRONG_TYPE, "model"] == 1
    assert arrivals.by_source["codex"].calls == 4
    assert ("default", "r0") not in arrivals.by_source[calls].runs


async def test_nothing_is_told_within_its_time_and_missing_topics_are_named(config: Config, kafka: Kafka) -> None:
    arrivals, absent = Arrivals(config), kafka.name("absent")
    with_absent = config.model_copy(update={"sources": [config.sources[0].model_copy(update={"topic": absent})]})
    assert await listen(with_absent, arrivals, 1) == [absent]
    assert arrivals.calls == 0


async def test_the_newest_records_are_read_and_no_older_ones(config: Config) -> None:
    calls = config.topics.calls
    async with producing(config) as producer:
        for n in range(40):
            await producer.send_and_wait(calls, call(n), partition=n % 2)
    arrivals = Arrivals(config)
    await lately(config, arrivals, time.time() - 3600, records=5, max_bytes=1 << 20, within_s=30)
    assert {run for _, run in arrivals.by_source[calls].runs} == {f"r{n}" for n in range(30, 40)}
    arrivals = Arrivals(config)
    await lately(config, arrivals, time.time() + 3600, records=5, max_bytes=1 << 20, within_s=30)
    assert arrivals.calls == 0


async def test_doctor_tells_by_source_of_what_share_a_task_is_known(config: Config) -> None:
    topics = config.topics
    spans = told.spans("run-1", range(4), at=time.time() - 60)
    await send(
        config,
        *[(topics.calls, call(n, source="codex")) for n in range(4)],
        (topics.calls, call(4, source="codex", task="PAY-1")),
        (topics.calls, call(5, source="codex", usage={}, cost_usd=None)),
        (topics.calls, call(6, source="codex", model="in-house-7b", cost_usd=None)),
        (config.sources[1].topic, spans.body),
        (topics.links, msgspec.json.encode(Linked("default", "r0", "PAY-2"))),
    )
    codex, by_spans = await shares(config, time.time)
    assert (codex.what, codex.ok) == ("tasks of codex", None)
    assert codex.detail.startswith(
        "a task is known of 2 of 7 runs (29%) and of $2.00 of $5.00 (40%); unmetered 1 of 7 calls (14%); "
        "unpriced 1 of 7 calls (14%)"
    )
    assert "detector link" in codex.fix
    assert "prices.list_file" in codex.fix
    assert (by_spans.what, by_spans.ok, by_spans.fix) == ("tasks of spans", True, "")


async def test_doctor_says_where_no_call_came(config: Config) -> None:
    (found,) = await shares(config, time.time)
    assert (found.ok, found.detail) == (None, "no call came within the hour")


async def test_it_joins_no_group(config: Config, kafka: Kafka) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the mock cluster does not tell which groups there are")
    await send(config, (config.topics.calls, call(0)))
    await lately(config, Arrivals(config), 0, records=5, max_bytes=1 << 20, within_s=30)
    client = clients.admin(config)
    await client.start()
    try:
        groups = [name for name, *_ in await client.list_consumer_groups()]
    finally:
        await client.close()
    assert not [name for name in groups if name.startswith(config.kafka.group)]


async def test_whether_something_listens() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await listens(f"http://127.0.0.1:{port}")
    assert await listens(f"http://127.0.0.1:{free_port()}") is False
    assert await listens("nonsense") is None
