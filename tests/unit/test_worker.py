"""The worker: order of starting and stopping, failing stages, health, signals."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import ClientSession, web

from detector.config import Config, load_config
from detector.errors import ConfigError, DeploymentError
from detector.pipeline.stage import STAGES, make_stage
from detector.pipeline.worker import Worker, serve
from tests.unit.fake_stages import Cast

CONFIG = load_config(web={"port": 0})


@pytest.fixture
def cast() -> Cast:
    return Cast()


def worker(cast: Cast, stages: tuple[str, ...] = STAGES, stop_s: float = 20.0) -> Worker:
    return Worker(CONFIG, stages, stage_factory=cast.make, stop_s=stop_s)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 (what is waited for has no event)
        await asyncio.sleep(0)


def is_running(cast: Cast, *names: str) -> Callable[[], bool]:
    return lambda: all(f"run {name}" in cast.diary for name in names or STAGES)


class Running:
    """A worker at work, and the task that holds its exit code."""

    def __init__(self, cast: Cast, made: Worker) -> None:
        self.cast, self.worker, self.stop = cast, made, asyncio.Event()
        self.code: asyncio.Task[int] | None = None

    async def start(self, *names: str) -> None:
        await self.worker.start()
        self.code = asyncio.create_task(self.worker.run(self.stop))
        await until(is_running(self.cast, *names))

    async def ended(self) -> int:
        assert self.code is not None
        return await self.code

    async def get(self, path: str) -> tuple[int, dict[str, dict[str, list[str]]]]:
        async with ClientSession() as client, client.get(self.worker.address + path) as answer:
            return answer.status, json.loads(await answer.text())


@pytest.fixture
async def running(cast: Cast) -> AsyncIterator[Running]:
    made = Running(cast, worker(cast))
    await made.start()
    yield made
    made.stop.set()
    await made.ended()


async def test_stages_start_in_order_and_stop_in_the_other(cast: Cast) -> None:
    made = Running(cast, worker(cast, ("notify", "pages", "ingest", "watch", "portfolio", "gateway", "ingest")))
    await made.start()
    made.stop.set()
    assert await made.ended() == 0
    assert cast.diary[: len(STAGES)] == [f"start {name}" for name in STAGES]
    assert cast.diary[-len(STAGES) :] == [f"stop {name}" for name in reversed(STAGES)]


async def test_what_a_stage_answers_is_served_before_any_stage_has_started(cast: Cast) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="a page")

    cast["pages"].routes = lambda: [web.get("/", page)]  # type: ignore[attr-defined]
    cast["gateway"].start_gate = asyncio.Event()
    made = worker(cast)
    starting = asyncio.create_task(made.start())
    await until(lambda: "start gateway" in cast.diary)
    async with ClientSession() as client, client.get(made.address) as answer:
        assert await answer.text() == "a page"
    cast["gateway"].start_gate.set()
    await starting
    await made.close()


async def test_a_stage_that_cannot_answer_ends_the_start_before_anything_listens(cast: Cast) -> None:
    def wrong() -> list[web.RouteDef]:
        raise ConfigError("policy.file: no such file")

    cast["pages"].routes = wrong  # type: ignore[attr-defined]
    made = worker(cast)
    with pytest.raises(ConfigError, match=r"policy\.file"):
        await made.start()
    assert cast.diary == []


async def test_only_the_stages_asked_for_are_made(cast: Cast) -> None:
    made = Running(cast, worker(cast, ("watch",)))
    await made.start("watch")
    made.stop.set()
    assert await made.ended() == 0
    assert cast.diary == ["start watch", "run watch", "stop watch"]


def test_an_unknown_stage_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="unknown stage 'wach'; the stages are gateway, ingest, watch"):
        Worker(CONFIG, ("wach",))


async def test_a_stage_that_fails_stops_the_rest_and_says_why(cast: Cast, caplog) -> None:
    made = Running(cast, worker(cast))
    await made.start()
    cast["watch"].end(DeploymentError("the broker is gone; start it"))
    assert await made.ended() == 1
    assert cast.diary[-len(STAGES) :] == [f"stop {name}" for name in reversed(STAGES)]
    (entry,) = [record for record in caplog.records if record.message == "stage failed"]
    assert (entry.stage, entry.reason) == ("watch", "the broker is gone; start it")
    assert entry.exc_info is None


async def test_a_bug_in_a_stage_is_logged_with_its_place(cast: Cast, caplog) -> None:
    made = Running(cast, worker(cast))
    await made.start()
    cast["ingest"].end(ZeroDivisionError("oops"))
    assert await made.ended() == 1
    (entry,) = [record for record in caplog.records if record.message == "stage failed"]
    assert entry.reason == "ZeroDivisionError: oops"
    assert entry.exc_info


async def test_a_stage_that_ends_unasked_has_failed(cast: Cast, caplog) -> None:
    made = Running(cast, worker(cast))
    await made.start()
    cast["portfolio"].end()
    assert await made.ended() == 1
    assert [r.reason for r in caplog.records if r.message == "stage failed"] == ["ended by itself"]


async def test_a_stage_that_cannot_start_stops_those_before_it(cast: Cast) -> None:
    cast["portfolio"].fail_start = DeploymentError("no such topic; run detector topics")
    made = worker(cast)
    with pytest.raises(DeploymentError, match="no such topic"):
        await made.start()
    assert cast.diary == [
        *("start gateway", "start ingest", "start watch", "start portfolio"),
        *("stop portfolio", "stop watch", "stop ingest", "stop gateway"),
    ]
    with pytest.raises(RuntimeError, match="not started"):
        _ = made.address


async def test_a_taken_port_starts_no_stage(cast: Cast, running: Running) -> None:
    other = Cast()
    port = int(running.worker.address.rsplit(":", 1)[1])
    with pytest.raises(DeploymentError, match=r"web\.port"):
        await Worker(load_config(web={"port": port}), stage_factory=other.make).start()
    assert other.diary == []


async def test_it_is_ready_when_every_stage_is(running: Running) -> None:
    assert await running.get("/readyz") == (200, {"status": "ok"})
    running.cast["watch"].reasons = ["recovering: 3 partitions left"]
    status, told = await running.get("/readyz")
    assert (status, told["reasons"]) == (503, {"watch": ["recovering: 3 partitions left"]})
    assert (await running.get("/healthz"))[0] == 200


async def test_its_metrics_tell_which_stages_are_ready(running: Running) -> None:
    running.cast["watch"].reasons = ["recovering: 3 partitions left"]
    async with ClientSession() as client, client.get(running.worker.address + "/metrics") as answer:
        told = [line for line in (await answer.text()).splitlines() if line.startswith("detector_stage_ready{")]
    assert sorted(told) == sorted(f'detector_stage_ready{{stage="{name}"}} {name != "watch":.1f}' for name in STAGES)


async def test_a_stage_that_is_starting_or_stopped_is_not_ready(cast: Cast) -> None:
    cast["watch"].start_gate = asyncio.Event()
    made = worker(cast)
    starting = asyncio.create_task(made.start())
    await until(lambda: "start watch" in cast.diary)
    assert made.unready() == {name: ["starting"] for name in ("watch", "portfolio", "notify", "pages")}
    cast["watch"].start_gate.set()
    await starting
    assert made.unready() == {}
    await made.close()
    assert made.unready() == {name: ["stopped"] for name in STAGES}


async def test_while_the_rest_stops_a_failed_stage_makes_it_unhealthy(cast: Cast) -> None:
    cast["ingest"].stop_gate = asyncio.Event()
    made = Running(cast, worker(cast))
    await made.start()
    cast["watch"].end(DeploymentError("gone"))
    await until(lambda: "stop ingest" in cast.diary)
    status, told = await made.get("/healthz")
    assert (status, told["reasons"]) == (503, {"watch": ["gone"]})
    cast["ingest"].stop_gate.set()
    assert await made.ended() == 1


async def test_health_that_raises_is_a_reason(running: Running, monkeypatch) -> None:
    def broken() -> list[str]:
        raise KeyError("x")

    monkeypatch.setattr(running.cast["watch"], "health", broken)
    assert running.worker.unready() == {"watch": ["health is unknown: KeyError"]}


async def test_a_stage_that_does_not_stop_is_cut_off_and_the_next_has_time(cast: Cast, caplog) -> None:
    cast["watch"].stop_gate = asyncio.Event()
    made = Running(cast, worker(cast, stop_s=0.05))
    await made.start()
    made.stop.set()
    assert await made.ended() == 1
    assert "stop ingest" in cast.diary
    assert [r.stage for r in caplog.records if r.message == "stage did not stop well"] == ["watch"]


async def test_a_stage_that_works_on_after_stop_is_cut_off(cast: Cast, caplog, monkeypatch) -> None:
    monkeypatch.setattr("detector.pipeline.worker.END_S", 0.01)
    cast["notify"].deaf = True
    made = Running(cast, worker(cast))
    await made.start()
    made.stop.set()
    assert await made.ended() == 1
    assert [r.stage for r in caplog.records if "works on" in r.message] == ["notify"]


async def test_a_stop_that_fails_does_not_keep_the_others_from_stopping(cast: Cast) -> None:
    cast["notify"].fail_stop = OSError("no")
    made = Running(cast, worker(cast))
    await made.start()
    made.stop.set()
    assert await made.ended() == 1
    assert cast.diary[-len(STAGES) :] == [f"stop {name}" for name in reversed(STAGES)]


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it_gracefully(self, number: signal.Signals, cast: Cast) -> None:
        code = asyncio.create_task(serve(worker(cast)))
        await until(is_running(cast))
        os.kill(os.getpid(), number)
        assert await code == 0
        assert cast.diary[-len(STAGES) :] == [f"stop {name}" for name in reversed(STAGES)]

    async def test_a_signal_while_it_starts_ends_it_too(self, cast: Cast) -> None:
        cast["watch"].start_gate = asyncio.Event()
        code = asyncio.create_task(serve(worker(cast)))
        await until(lambda: "start watch" in cast.diary)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await code == 0
        names = ("gateway", "ingest", "watch")
        assert cast.diary == [*(f"start {n}" for n in names), *(f"stop {n}" for n in reversed(names))]

    async def test_a_second_signal_does_not_wait(self, cast: Cast, caplog) -> None:
        cast["watch"].stop_gate = asyncio.Event()
        code = asyncio.create_task(serve(worker(cast)))
        await until(is_running(cast))
        os.kill(os.getpid(), signal.SIGTERM)
        await until(lambda: "stop watch" in cast.diary)
        os.kill(os.getpid(), signal.SIGINT)
        assert await code == 1
        assert "stop ingest" not in cast.diary
        assert any("without grace" in record.message for record in caplog.records)

    async def test_a_failing_start_is_raised(self, cast: Cast) -> None:
        cast["ingest"].fail_start = DeploymentError("no broker")
        with pytest.raises(DeploymentError, match="no broker"):
            await serve(worker(cast))

    async def test_the_handlers_are_given_back(self, cast: Cast) -> None:
        before = signal.getsignal(signal.SIGTERM)
        code = asyncio.create_task(serve(worker(cast)))
        await until(is_running(cast))
        assert signal.getsignal(signal.SIGTERM) != before
        os.kill(os.getpid(), signal.SIGTERM)
        await code
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_stage_is_found_by_its_name_and_only_then_imported(monkeypatch) -> None:
    class WatchStage:
        def __init__(self, *given: object) -> None:
            self.given = given

    module = type(sys)("detector.pipeline.watch")
    module.WatchStage = WatchStage  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "detector.pipeline.watch", module)
    config, metrics, clock = Config(), object(), lambda: 0.0
    made = make_stage("watch", config, metrics, clock)  # type: ignore[arg-type]
    assert isinstance(made, WatchStage)
    assert made.given == (config, metrics, clock)


async def test_what_it_does_is_logged(cast: Cast, caplog) -> None:
    caplog.set_level(logging.INFO, "detector")
    made = Running(cast, worker(cast, ("ingest",)))
    await made.start("ingest")
    address = made.worker.address
    made.stop.set()
    await made.ended()
    told = [(record.message, getattr(record, "stage", None)) for record in caplog.records]
    assert told == [
        ("serving metrics and health", None),
        ("stage started", "ingest"),
        ("stage stopped", "ingest"),
    ]
    assert caplog.records[0].address == address
