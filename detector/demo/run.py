"""Runs the demo: the embedded broker, the worker, the fleet, the terminal and the verdict."""

import asyncio
import logging
import signal
import socket
import time
from contextlib import AsyncExitStack, suppress
from typing import Any

from rich.console import Console

from detector import logs
from detector.clock import scaled_clock
from detector.config import Config, Gateway, Kafka, Notify, Topics
from detector.demo.board import Board
from detector.demo.desk import DAY_S, HOUR_S
from detector.demo.feed import Feed
from detector.demo.fleet import Fleet, Times, fleet
from detector.demo.screen import Moment, summary
from detector.demo.show import Lines, Screen, Show
from detector.errors import DeploymentError, DetectorError
from detector.kafka import clients
from detector.kafka.embedded import EmbeddedBroker
from detector.model.alert import decode_alert
from detector.pipeline.worker import Worker

log = logging.getLogger(__name__)

PARTITIONS = 4
"""Two cores have no use for more."""
HISTORY_STEP_S = 4 * HOUR_S
"""Of history so much is sent at once: about 1 MB, where the broker keeps 5 MB a partition."""
LIVE_ENDS_S = 50.0
"""The compressed clock meets the present this long after the start, …"""
LIVE_LASTS_S = 36.0
"""… but plays for so long at least, where loading history took its time."""
STEP_S = 0.5
"""Seconds of the wall clock that the event clock makes up for in one step, at most."""
TICK_S = 0.1
SHOW_S = 0.25
READY_S = 60.0
LINES_WIDTH = 120
"""Columns of the summary where there is no terminal."""


def run_demo(config: Config, seconds: float | None) -> int:
    """Shows the detector at work until Ctrl-C, SIGTERM or the end of `seconds`; the exit code.

    0: passed, or ended too early to tell; 1: a runaway was missed, an innocent one paged, or something broke.
    Raises DetectorError where it cannot start.
    """
    console = Console()
    if not console.is_terminal:
        console.width = LINES_WIDTH
    started = time.monotonic()
    # On a terminal the screen is the log; what goes wrong is told after it.
    logs.setup(config.log.model_copy(update={"level": "error" if console.is_terminal else "warning"}))
    with suppress(KeyboardInterrupt), EmbeddedBroker(PARTITIONS) as broker:
        demo = Demo(demo_config(config, broker.bootstrap), console, seconds, started)
        return asyncio.run(demo.run())
    return 0


def demo_config(config: Config, bootstrap: str) -> Config:
    """The user's rules and overrides, on the demo's own broker; nothing of it reaches a real pager."""
    return config.model_copy(
        update={
            "kafka": Kafka(bootstrap=bootstrap, group="detector-demo"),
            "topics": Topics(partitions=PARTITIONS),
            # History is read in order, however far behind it lies.
            "time": config.time.model_copy(update={"hold_back_s": 9 * DAY_S, "heartbeat_s": 0.2}),
            "ingest": config.ingest.model_copy(update={"batch_wait_s": 0.02}),
            "notify": Notify(),
            "web": config.web.model_copy(update={"port": _free(config.web.host, config.web.port)}),
            "gateway": Gateway(port=_free(Gateway().host, config.gateway.port)),
        }
    )


def _free(host: str, port: int) -> int:
    """The port, or 0 (any) where another program has it."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError:
        return 0
    return port


class Demo:
    """One showing: `started` by the monotonic clock, ended `seconds` after it."""

    def __init__(self, config: Config, console: Console, seconds: float | None, started: float) -> None:
        self._config, self._console, self._seconds, self._started = config, console, seconds, started
        self._times = Times.ending(time.time() + LIVE_ENDS_S - self._elapsed())
        self._fleet: Fleet = fleet(self._times)
        self._board = Board(self._fleet.planted)
        begins = self._times.history
        self._feed = Feed(config, self._fleet.events, begins, self._board.flow.add, self._taken, self._behind)
        self._worker = Worker(config, clock=self._feed.clock)
        self._show: Show = (Screen if console.is_terminal else Lines)(console, self._board)
        self._story = "starting"
        self._settled_s: float | None = None

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _taken(self) -> int:
        """Events that ingest has accepted or refused so far, by its own metrics."""
        metrics = self._worker.metrics
        families = [*metrics.events.collect(), *metrics.dead_letters.collect()]
        return int(sum(s.value for family in families for s in family.samples if s.name.endswith("_total")))

    def _behind(self) -> float:
        """How far what is judged lies behind the clock, by the stages' own metrics."""
        families = self._worker.metrics.watermark_lag_seconds.collect()
        return max((sample.value for family in families for sample in family.samples), default=0.0)

    async def run(self) -> int:
        """Until it is told to stop, its time is over or something breaks; then the summary. The exit code."""
        broken: DetectorError | None = None
        try:
            await self._until_told()
        except DetectorError as error:
            broken = error
        finally:
            self._show.end()
        verdict = self._board.verdict(self._feed.now)
        self._console.print(summary(self._board, verdict, self._settled_s))
        if broken is not None:
            log.error("the demo broke off", extra={"reason": str(broken)})
        return 1 if broken else verdict.exit_code

    async def _until_told(self) -> None:
        """Plays until SIGINT or SIGTERM, or until the time is over; a second signal ends it without grace."""
        loop = asyncio.get_running_loop()
        told = loop.create_future()
        play = asyncio.create_task(self._play(), name="play")

        def on_signal() -> None:
            if told.done():
                play.cancel()
            else:
                told.set_result(None)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal)
        left = None if self._seconds is None else max(0.0, self._seconds - self._elapsed())
        await asyncio.wait([told, play], timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not play.done():
            play.cancel()
        with suppress(asyncio.CancelledError):
            await play

    async def _play(self) -> None:
        """Starts everything and plays until it is cancelled; then stops everything in the other order."""
        async with AsyncExitStack() as opened:
            await self._feed.start()
            opened.push_async_callback(self._feed.stop)
            await self._worker.start()
            stop = asyncio.Event()
            worker = asyncio.create_task(self._worker.run(stop), name="worker")
            opened.push_async_callback(_ended, worker, stop)
            self._show.begin(self._worker.address, self._config.kafka.bootstrap, self._seconds)
            parts = [self._tell(), self._watch_alerts(), self._keep_showing()]
            tasks = [asyncio.create_task(part) for part in parts]
            opened.push_async_callback(_cancelled, tasks)
            done, _ = await asyncio.wait([*tasks, worker], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {worker}:
                task.result()

    async def _tell(self) -> None:
        """A week of history, four hours in half a minute, then the present."""
        await self._ready()
        times = self._times
        while self._feed.now < times.live:
            share = (self._feed.now - times.history) / (times.live - times.history)
            self._story = f"loading a week of history, {share:.0%}"
            await self._feed.advance(min(self._feed.now + HISTORY_STEP_S, times.live))
        lasts = max(LIVE_LASTS_S, LIVE_ENDS_S - self._elapsed())
        speed = (times.present - times.live) / lasts
        clock = scaled_clock(times.present, time.time() + lasts, speed)
        while True:
            behind = clock() - self._feed.now
            playing = self._feed.now < times.present
            self._story = f"playing {speed:.0f} times as fast" if playing else "at the pace of the clock"
            step = min(behind, STEP_S * speed) if playing else behind
            await self._feed.advance(self._feed.now + max(0.0, step))
            await asyncio.sleep(TICK_S)

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(READY_S):
                while self._worker.unready():  # noqa: ASYNC110 - readiness is asked for, not told
                    await asyncio.sleep(TICK_S)
        except TimeoutError:
            raise DeploymentError(f"the worker is not ready after {READY_S:g} s: {self._worker.unready()}") from None

    async def _watch_alerts(self) -> None:
        consumer = clients.consumer(self._config, self._config.topics.alerts)
        try:
            await consumer.start()
            async for record in consumer:
                if record.value is None:
                    continue
                alert = decode_alert(record.value)
                if self._board.take(alert):
                    self._show.news(alert)
        finally:
            await consumer.stop()

    async def _keep_showing(self) -> None:
        events, at = 0, self._elapsed()
        while True:
            await asyncio.sleep(SHOW_S)
            elapsed, told = self._elapsed(), self._board.flow.events
            rate = (told - events) / (elapsed - at)
            events, at = told, elapsed
            broker = self._config.kafka.bootstrap
            self._show.tick(elapsed, Moment(self._feed.now, self._story, rate, self._worker.address, broker))
            if self._settled_s is None and self._board.verdict(self._feed.now).outcome == "passed":
                self._settled_s = elapsed


async def _ended(worker: asyncio.Task[int], stop: asyncio.Event) -> None:
    """Stops the worker and waits for it; raises DeploymentError where it did not end well."""
    stop.set()
    if await worker:
        raise DeploymentError("the worker failed; its log says why")


async def _cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
