"""No text of prompts and answers, and no user id, is in anything that the detector writes, but for dead letters."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from detector.config import Config
from detector.model.alert import decode_alert
from detector.pipeline.stage import STAGES
from tests.integration.fake_alertmanager import FakeAlertmanager, alertmanagers
from tests.support.brokers import Kafka
from tests.support.marked import LOOPING, MARKER, PERSON, calls, forms, malformed, statuses, traces
from tests.support.stages import Reader, producing, until
from tests.support.worker import Worker, worker

PARTITIONS = 4
WRITTEN = ("observations", "state", "rollups", "baselines", "accounts", "links", "alerts")


def parts(record: Any) -> list[bytes | str | None]:
    """Everything in a record that somebody wrote."""
    return [record.key, record.value, *(part for header in record.headers for part in header)]


def files(directory: Path) -> dict[Path, bytes]:
    """What was left in a directory."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def leaked(*blobs: bytes | str | None) -> list[str]:
    return [trace for blob in blobs for marker in (MARKER, PERSON) for trace in traces(blob, marker)]


def test_the_search_finds_every_form_that_is_planted() -> None:
    now_s = time.time()
    assert all(traces(form, MARKER) for form in forms())
    assert all(traces(json.dumps(e), MARKER) for e in [*calls(now_s), *statuses(now_s)])
    assert all(leaked(record) for record in malformed(now_s))
    assert all(traces(MARKER.encode(code), MARKER) for code in ("utf-16", "utf-32-be"))
    assert traces(MARKER.encode().hex().upper(), MARKER)
    assert not leaked(b"nothing of it", Path(__file__).read_bytes())


async def send(config: Config) -> int:
    """Sends everything, with marked keys and headers; how many records cannot be used."""
    now_s = time.time()
    told = sorted(calls(now_s), key=lambda e: e["time"])
    good = [(config.topics.calls, json.dumps(e, ensure_ascii=n % 2 == 0).encode()) for n, e in enumerate(told)]
    good += [(config.topics.status, json.dumps(e).encode()) for e in statuses(now_s)]
    bad = [(topic, record) for topic in (config.topics.calls, config.topics.status) for record in malformed(now_s)]
    async with producing(config) as producer:
        sending = [
            await producer.send(
                topic,
                record,
                key=f"{MARKER} {n}".encode(),
                partition=n % PARTITIONS,
                headers=[(MARKER, PERSON.encode())],
            )
            for n, (topic, record) in enumerate(good + bad)
        ]
        await asyncio.gather(*sending)
    return len(bad)


async def opened(workers: list[Worker], told: dict[str, Reader], fake: FakeAlertmanager, bad: int) -> None:
    """Until every stage has written all that it has to write."""

    def rules() -> list[str]:
        newest = {a.id: a for a in (decode_alert(r.value) for r in told["alerts"].records)}
        return sorted(a.rule for a in newest.values() if a.rule in ("loop", "redundant_work"))

    await until(lambda: len(told["dead_letters"].records) >= bad, "dead letters")
    await until(lambda: rules().count("loop") >= LOOPING and "redundant_work" in rules(), "alerts")
    for name in WRITTEN:
        await until(lambda name=name: bool(told[name].records), name)  # type: ignore[misc]
    await until(lambda: len(fake.firing) >= LOOPING, "pages")
    assert all(each.process.poll() is None for each in workers)


@pytest.mark.parametrize("bytes_kept", [True, False])
async def test_a_marker_in_every_text_is_found_in_dead_letters_alone(
    kafka: Kafka, tmp_path: Path, bytes_kept: bool
) -> None:
    async with alertmanagers(1) as (fake,), AsyncExitStack() as opened_here:
        config = kafka.config(
            watch={"checkpoint_s": 0.4},
            time={"heartbeat_s": 0.2},
            ingest={"batch_wait_s": 0.05, "dead_letter_bytes": bytes_kept, "max_record_bytes": 100_000},
            privacy={"pseudonym_key": "of this test"},
            notify={"alertmanagers": [fake.address]},
            log={"level": "debug", "format": "text" if bytes_kept else "json"},
            web={"port": 0},
        )
        bad = await send(config)
        told = {
            name: await opened_here.enter_async_context(Reader(config, getattr(config.topics, name)))
            for name in (*WRITTEN, "dead_letters")
        }
        workers = [
            opened_here.enter_context(worker(config, tmp_path / stage, "worker", "--stage", stage)) for stage in STAGES
        ]
        answers = [await asyncio.to_thread(each.get, "/readyz") for each in workers]
        await opened(workers, told, fake, bad)
        for each, path in [(each, path) for each in workers for path in ("/metrics", "/healthz", "/readyz")]:
            answers.append(await asyncio.to_thread(each.get, path))
        codes = await asyncio.gather(*(asyncio.to_thread(each.end) for each in workers))
        await asyncio.sleep(0.5)  # what was written at the end is read too

    assert codes == [0] * len(STAGES)
    for name in WRITTEN:
        for record in told[name].records:
            assert not leaked(*parts(record)), name
    assert not leaked(*answers)
    assert fake.bodies
    assert not leaked(*fake.bodies)
    left = files(tmp_path)
    assert {path.name for path in left} >= {"out", "err"}
    for path, content in left.items():
        assert not leaked(str(path), content), path
    assert "u-" in told["alerts"].records[0].value.decode()
    # A record of several bad events is kept with the first of them.
    letters: dict[tuple[bytes, ...], bool] = {}
    for record in told["dead_letters"].records:
        place = tuple(value for name, value in record.headers if name in ("topic", "partition", "offset"))
        letters[place] = letters.get(place, False) or bool(leaked(*parts(record)))
    assert sum(letters.values()) == (len(letters) - 2 if bytes_kept else 0)  # those too large are references always
