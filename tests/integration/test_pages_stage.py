"""The pages stage on a broker, behind a worker's web server: what was written is what pages get."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from detector.config import Config
from detector.errors import DeploymentError
from detector.forgetting import word
from detector.incidents.asked import choose, read_book
from detector.incidents.live import Live
from detector.incidents.view import Wanted
from detector.kafka.clients import producer
from detector.kafka.forget import forget
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.model.rollup import encode_rollup
from detector.pipeline import pages
from detector.pipeline.pages import PagesStage
from detector.pipeline.worker import Worker
from detector.policy.scope import TEAMS
from detector.stopping.record import encode_stop, stop_of
from tests.support.brokers import Kafka
from tests.support.stages import running, until
from tests.unit.alert_records import alert
from tests.unit.test_incident_spend import rollup, row

SOMEBODY = "u-bca97d83f2de"


class Scene:
    """The topics of one test, and stages that read them."""

    def __init__(self, kafka: Kafka, **sections: dict[str, Any]) -> None:
        self.config: Config = kafka.config(True, web={"port": 0}, **sections)
        self.metrics = Metrics(self.config.metrics)
        self.minute = int(time.time() // 60) - 5
        """The first that is told."""

    async def write(
        self,
        topic: str,
        *records: tuple[str | None, bytes | None],
        partition: int | None = None,
        ago_s: float = 0.0,
    ) -> None:
        stamp = int((time.time() - ago_s) * 1000)
        async with producer(self.config) as sender:
            for key, value in records:
                at = None if key is None else key.encode()
                await sender.send_and_wait(topic, value, key=at, partition=partition, timestamp_ms=stamp)

    async def alert(self, id: str = "e1", **fields: Any) -> None:
        now = {"opened_at": time.time() - 30, "updated_at": time.time() - 20}
        told = alert(**{"id": id, **now, **fields})
        await self.write(self.config.topics.alerts, (id, encode_alert(told)))

    async def spend(self, minute: int, *rows: Any, ago_s: float = 0.0) -> None:
        """A minute of one source, told to every partition; all that spent is in the first. Written so long ago."""
        for partition in range(4):
            value = encode_rollup(rollup(self.minute + minute, *(rows if partition == 0 else ())))
            await self.write(self.config.topics.rollups, (None, value), partition=partition, ago_s=ago_s)

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[PagesStage]:
        stage = PagesStage(self.config, self.metrics)
        async with running(stage):
            yield stage

    @asynccontextmanager
    async def worker(self, *stages: str) -> AsyncIterator[Worker]:
        worker, stop = Worker(self.config, stages), asyncio.Event()
        await worker.start()
        work = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            assert await work == 0

    def shows(self, worker: Worker, id: str) -> bool:
        """Whether a worker's stage knows this incident."""
        stage = worker._stages["pages"]
        assert isinstance(stage, PagesStage)
        return ids(stage.source) == [id]

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"detector_{name}", labels) or 0.0


def whole(stage: PagesStage, flagged_usd: float) -> bool:
    return stage.health() == [] and stage.source.overview(TEAMS).flagged_hour_usd == flagged_usd


def ids(source: Live) -> list[str]:
    return [incident.alert.id for incident in source.incidents(TEAMS)]


async def get(worker: Worker, path: str, **headers: str) -> tuple[int, str, str]:
    async with ClientSession() as client, client.get(worker.address + path, headers=headers) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_it_shows_what_was_there_and_what_comes(kafka: Kafka) -> None:
    scene = Scene(kafka)
    await scene.alert("before", severity="warning")
    await scene.spend(0, row("red", 2.0), row("blue", 1.0))
    async with scene.stage() as stage:
        await until(lambda: stage.health() == [] and stage.source.overview(TEAMS).hour_usd == 3.0)
        assert ids(stage.source) == ["before"]
        await scene.alert("after")
        await scene.alert("before", version=2, state="resolved", resolved_at=time.time())
        await scene.spend(1, row("red", 4.0, flagged_usd=4.0))
        await until(lambda: stage.source.overview(TEAMS).hour_usd == 7.0)
        await until(lambda: ids(stage.source) == ["after", "before"])
        overview = stage.source.overview(TEAMS)
        assert [team.team for team in overview.teams] == ["red", "blue"]
        assert (overview.flagged_hour_usd, overview.reading) == (4.0, 0)
        assert overview.until_s == (scene.minute + 2) * 60.0
        assert [incident.alert.id for incident in overview.open] == ["after"]
        topic = scene.config.topics.rollups
        assert scene.counted("lag_records", stage="pages", topic=topic, partition="0") == 0
        assert scene.counted("behind_seconds", stage="pages", topic=topic, partition="0") < 10


async def test_what_became_of_a_request_to_stop_stands_with_its_incident(kafka: Kafka) -> None:
    scene = Scene(kafka)
    await scene.alert("e1", agent=SOMEBODY)
    asked = stop_of(alert(id="e1", agent=SOMEBODY, key="k-7"), "on", "stopper.example:443", time.time())
    stops = scene.config.topics.stops
    await scene.write(stops, ("e1", encode_stop(asked)), ("e1", b"no stop"))
    async with scene.stage() as stage:
        await until(lambda: stage.health() == [])
        incident = stage.source.incident(TEAMS, "e1")
        assert incident is not None
        assert incident.stop is not None
        assert (incident.stop["outcome"], incident.stop["mode"]) == ("asking", "on")
        assert SOMEBODY not in str(incident)
        assert "k-7" not in str(incident.stop)
        ended = msgspec.structs.replace(asked, outcome="accepted", attempts=1, status=202, finished_at=time.time())
        await scene.write(stops, ("e1", encode_stop(ended)))
        await until(lambda: "accepted" in str(stage.source.incident(TEAMS, "e1")))
    assert scene.counted("pages_bad_records_total", topic=stops) == 1
    stop = (await asyncio.to_thread(read_book, scene.config)).stop_of("e1")
    assert stop == ended


async def test_a_restart_shows_the_same_and_a_second_one_beside_it_too(kafka: Kafka) -> None:
    scene = Scene(kafka)
    since = scene.minute * 60.0
    async with scene.stage() as stage:
        await scene.spend(0, row("red", 8.0))
        await scene.alert("spike", rule="spend_spike", level="team", team="red", evidence={"since": since})
        for n in range(30):
            await scene.alert(f"e{n}", cost_usd=float(n))
        await scene.spend(1, row("red", 1.0))
        await until(lambda: len(ids(stage.source)) == 31)
        await until(lambda: stage.source.overview(TEAMS).flagged_hour_usd == 9.0)
        told = stage.source.overview(TEAMS)
    async with scene.stage() as first, scene.stage() as second:
        for stage in (first, second):
            await until(partial(whole, stage, 9.0))
            assert stage.source.overview(TEAMS)._replace(now_s=told.now_s) == told


async def test_rollups_that_were_written_before_the_hours_that_are_shown_are_not_read(kafka: Kafka) -> None:
    if kafka.kind == "embedded":
        pytest.skip("the embedded broker finds no record by its time")
    scene = Scene(kafka)
    await scene.spend(0, row("red", 1.0), ago_s=10 * 3600.0)
    await scene.spend(1, row("red", 2.0), ago_s=5 * 3600.0)
    await scene.spend(2, row("red", 4.0))
    async with scene.stage() as stage:
        await until(lambda: stage.health() == [] and stage.source.overview(TEAMS).hour_usd > 4.0)
        assert stage.source.overview(TEAMS).hour_usd == 6.0


async def test_a_tombstone_takes_an_incident_away(kafka: Kafka) -> None:
    scene = Scene(kafka)
    async with scene.stage() as stage:
        await scene.alert("gone")
        await scene.alert("stays")
        await until(lambda: len(ids(stage.source)) == 2)
        await scene.write(scene.config.topics.alerts, ("gone", None))
        await until(lambda: ids(stage.source) == ["stays"])
    assert [i.alert.id for i in choose(await asyncio.to_thread(read_book, scene.config), TEAMS, Wanted())] == ["stays"]


async def test_a_person_who_is_forgotten_is_in_no_record_that_is_kept(kafka: Kafka) -> None:
    scene = Scene(kafka)
    await scene.alert(user=SOMEBODY, summary=f"{SOMEBODY} repeats", state="resolved", resolved_at=time.time())
    async with scene.stage() as stage:
        await until(lambda: ids(stage.source) == ["e1"])
        entry = stage._book.get("e1")
        assert entry is not None
        assert entry.alert.user == SOMEBODY
        await forget(scene.config, SOMEBODY, 0.0, lambda _: None)
        await until(lambda: SOMEBODY not in str([entry.alert for entry in stage._book.ended()]))
        await until(lambda: stage.health() == [])
    assert scene.counted("pages_bad_records_total", topic=scene.config.topics.rollups) == 0


async def test_what_cannot_be_read_is_skipped_and_counted(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(kafka)
    bad = [b"", b"not json", b'"\xff"', b"[" * 5000]
    for topic in (scene.config.topics.alerts, scene.config.topics.rollups):
        await scene.write(topic, *(("key", value) for value in bad), partition=0)
    await scene.write(scene.config.topics.rollups, (None, word(SOMEBODY)), ("key", None), partition=0)
    await scene.alert()
    await scene.spend(0, row(usd=2.0))
    async with scene.stage() as stage:
        await until(lambda: stage.source.overview(TEAMS).hour_usd == 2.0)
        await until(lambda: ids(stage.source) == ["e1"])
    for topic in (scene.config.topics.alerts, scene.config.topics.rollups):
        assert scene.counted("pages_bad_records_total", topic=topic) == len(bad)
    assert sum("that cannot be read" in message for message in caplog.messages) == 2 * len(bad)


async def test_while_it_reads_it_says_so(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(kafka)
    await scene.alert()
    stage = PagesStage(scene.config, scene.metrics)
    try:
        assert stage.source.overview(TEAMS).reading == 1
        await stage.start()
        [reason] = stage.health()
        assert reason == f"still reading {scene.config.topics.alerts}: 1 records left"
    finally:
        await stage.stop()


async def test_without_its_topics_it_says_what_to_do(kafka: Kafka) -> None:
    config = kafka.config(create=False)
    stage = PagesStage(config, Metrics(config.metrics))
    with pytest.raises(DeploymentError, match="is missing; make it with: detector topics"):
        await stage.start()
    await stage.stop()


async def test_a_brokers_outage_is_told_and_over_with_it(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(kafka)
    monkeypatch.setattr("detector.reasons.SILENT_S", 0.5)
    async with scene.stage() as stage:
        await scene.alert()
        await until(lambda: stage.health() == [] and ids(stage.source) == ["e1"])
        with kafka.outage():
            await until(lambda: any("Kafka has not answered about" in reason for reason in stage.health()))
            assert ids(stage.source) == ["e1"], "what is known is shown meanwhile"
        await until(lambda: stage.health() == [])


class TestServed:
    async def test_a_worker_serves_an_incident_to_whom_the_policy_lets(self, kafka: Kafka, tmp_path: Path) -> None:
        token, policy = tmp_path / "token", tmp_path / "policy.toml"
        token.write_text("a token of twenty characters")
        grant = f'[[grant]]\ntoken_file = "{token}"\nscope = "team"\ntenant = "acme"\nteam = "search"\n'
        policy.write_text(f'default = "nothing"\n{grant}')
        scene = Scene(kafka, policy={"file": policy})
        await scene.alert(user=SOMEBODY)
        async with scene.worker("pages") as worker:
            await until(lambda: worker.unready() == {})
            assert (await get(worker, "/incidents/e1.json"))[0] == 404
            bearer = {"Authorization": f"Bearer {token.read_text()}"}
            status, kind, text = await get(worker, "/incidents/e1.json", **bearer)
            assert (status, kind) == (200, "application/json; charset=utf-8")
            told = json.loads(text)["alert"]
            assert (told["id"], told["user"]) == ("e1", "person")
            for path in ("/", "/incidents", "/incidents/e1"):
                status, kind, text = await get(worker, path, **bearer)
                assert (status, kind) == (200, "text/html; charset=utf-8")
                assert told["summary"] in text
                assert SOMEBODY not in text
            assert (await get(worker, "/incidents/e2.json", **bearer))[0] == 404
            assert (await get(worker, "/metrics"))[0] == (await get(worker, "/readyz"))[0] == 200

    async def test_two_workers_serve_the_same(self, kafka: Kafka) -> None:
        scene = Scene(kafka)
        async with scene.worker("pages") as first, scene.worker("pages") as second:
            await scene.alert()
            for worker in (first, second):
                await until(partial(scene.shows, worker, "e1"))
            answers = [await get(worker, "/incidents/e1.json") for worker in (first, second)]
            assert answers[0] == answers[1]
            assert answers[0][0] == 200

    @pytest.mark.parametrize(
        ("public", "where"),
        [({}, "ask a worker that runs the stage pages"), ({"public_url": "https://d.example"}, "https://d.example")],
    )
    async def test_a_worker_without_the_stage_says_whom_to_ask(
        self, public: dict[str, str], where: str, kafka: Kafka
    ) -> None:
        scene = Scene(kafka)
        web = scene.config.web.model_copy(update=public)
        scene.config = scene.config.model_copy(update={"web": web})
        async with scene.worker("notify") as worker:
            for path in ("/", "/incidents", "/incidents/e1"):
                status, kind, text = await get(worker, path)
                assert (status, kind) == (404, "text/plain; charset=utf-8")
                assert where in text


def test_rollups_are_read_a_few_at_a_time() -> None:
    assert pages.ROLLUPS_AT_ONCE <= 100, "each may hold some ten thousand rows, which wait to be settled"
