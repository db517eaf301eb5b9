"""The pages stage: reads alerts and stops whole, the last hours of rollups, and open tasks when they are asked for."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack

import msgspec
from aiohttp import web

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.forgetting import forgotten
from detector.incidents.book import IncidentBook
from detector.incidents.live import Live
from detector.incidents.spend import HOURS, Spend
from detector.incidents.tasks_read import TaskReader
from detector.kafka.whole import Record, WholeTopic
from detector.metrics import Metrics
from detector.model.rollup import decode_rollup
from detector.policy.grants import Policy
from detector.reasons import Unready, waiting
from detector.web.pages import routes

log = logging.getLogger(__name__)

POLL_S = 0.25  # how soon stop() is noticed
SETTLE_S = 2.0
"""What is flagged is reckoned anew so often, at most: rollups come from each source by itself."""
BEHIND_S = 60.0
"""A record is read within a second; one that waits for this long is a page that shows the past."""
ROLLUPS_AT_ONCE = 100
LET_GO_S = 60.0


class PagesStage:
    """Reads what pages show; the worker's web server serves it.

    Its only state is the topics, which are read in no group: of several workers that run it each shows everything.
    """

    name = "pages"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        self._config, self._metrics, self._clock = config, metrics, clock
        self._alerts = WholeTopic(config, config.topics.alerts)
        self._stops = WholeTopic(config, config.topics.stops)
        self._rollups = WholeTopic(config, config.topics.rollups, lambda: clock() - HOURS * 3600.0)
        self._topics = (self._alerts, self._stops, self._rollups)
        self._book = IncidentBook()
        self._spend = Spend(config.portfolio.max_teams, config.time.hold_back_s)
        self.source = Live(self._book, self._spend, clock, self._left)
        self._tasks = TaskReader(config, clock)
        self._unsettled = False
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    def routes(self) -> list[web.RouteDef]:
        """What the web server answers by this stage; raises ConfigError where the policy's file is wrong."""
        return routes(self.source, self._tasks, Policy.configured(self._config), self._config, self._clock)

    async def start(self) -> None:
        """Connects to Kafka; raises DeploymentError."""
        for topic in self._topics:
            await topic.start()

    async def run(self) -> None:
        """Works until stop(); raises where Kafka fails for good."""
        self._ended.clear()
        try:
            while not (self._alerts.caught_up or self._stopping.is_set()):
                await self._read_alerts()  # first, since they say which dollars are flagged
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_alerts())
                group.create_task(self._follow_stops())
                group.create_task(self._follow_rollups())
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Ends run(), and closes."""
        self._stopping.set()
        await self._ended.wait()
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._tasks.stop)
            for topic in self._topics:
                closing.push_async_callback(topic.stop)

    def health(self) -> list[str]:
        """Reasons why it is not ready: a topic is not read yet, or cannot be."""
        for topic in self._topics:
            if not topic.caught_up:
                return [Unready.READING.format(topic=topic.topic, left=topic.left)]
        lag = {(t.topic, p): records for t in self._topics for p, records in t.lag().items()}
        return [*waiting(self._metrics.behind.of(self.name), lag, BEHIND_S)]

    def _left(self) -> int:
        """Records that are still to be read until figures are whole; 1 at least while there may be any."""
        left = sum(topic.left for topic in self._topics)
        return left if all(topic.caught_up for topic in self._topics) else max(1, left)

    async def _follow_stops(self) -> None:
        while not self._stopping.is_set():
            for record in await self._stops.read(POLL_S):
                try:
                    if record.value is not None:
                        self._book.take_stop(record.value)
                except msgspec.MsgspecError as error:
                    self._skip(record, error)
            self._measure(self._stops)
            await asyncio.sleep(0)

    async def _follow_alerts(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = 0.0
        while not self._stopping.is_set():
            await self._read_alerts()
            if loop.time() >= due_s:
                due_s = loop.time() + LET_GO_S
                self._book.let_go(self._clock())

    async def _read_alerts(self) -> None:
        records = await self._alerts.read(POLL_S)
        for record in records:
            self._unsettled |= self._take_alert(record)
        self._measure(self._alerts)
        await asyncio.sleep(0)  # getmany does not yield while it has records in hand

    async def _follow_rollups(self) -> None:
        loop = asyncio.get_running_loop()
        due_s = 0.0
        while not self._stopping.is_set():
            await self._take_rollups(await self._rollups.read(POLL_S, ROLLUPS_AT_ONCE))
            if self._unsettled and (self._spend.crowded or loop.time() >= due_s):
                self.source.settle()
                self._unsettled = False
                due_s = loop.time() + SETTLE_S
            self._measure(self._rollups)
            await asyncio.sleep(0)

    def _take_alert(self, record: Record) -> bool:
        if record.value is None:
            return self._book.bury((record.key or b"").decode("utf-8", "replace"))
        try:
            return self._book.take(record.value, record.timestamp / 1000 if record.timestamp >= 0 else self._clock())
        except msgspec.MsgspecError as error:
            self._skip(record, error)
            return False

    async def _take_rollups(self, records: Sequence[Record]) -> None:
        for record in records:
            if record.value is None or forgotten(record.value) is not None:
                continue  # of people nothing is kept here
            try:
                told = self._spend.take(record.partition, decode_rollup(record.value), max(0, record.timestamp) / 1000)
                self._unsettled |= told
            except (msgspec.MsgspecError, ValueError) as error:
                self._skip(record, error)
            await asyncio.sleep(0)  # one may hold some ten thousand rows

    def _skip(self, record: Record, error: Exception) -> None:
        self._metrics.pages_bad_records.labels(record.topic).inc()
        log.error(
            "skipped a record of %s that cannot be read: partition %d, offset %d: %s",
            record.topic,
            record.partition,
            record.offset,
            error,
        )

    def _measure(self, topic: WholeTopic) -> None:
        for partition, records in topic.lag().items():
            self._metrics.lag_records.labels(self.name, topic.topic, str(partition)).set(records)
        for partition, time_s in topic.until().items():
            self._metrics.behind.reached(self.name, (topic.topic, partition), time_s)
