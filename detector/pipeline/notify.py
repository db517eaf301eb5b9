"""The notify stage: reads detector.alerts whole and keeps every Alertmanager up to date with it."""

import asyncio
import logging
import math
from collections.abc import Iterable, Sequence
from contextlib import suppress

import aiohttp
import msgspec

from detector.alerts.alertmanager import Notice, notice_of
from detector.alerts.book import Book
from detector.alerts.cap import critical_since
from detector.alerts.delivery import Courier
from detector.alerts.dressing import Dresser
from detector.alerts.due import Policy
from detector.alerts.endpoint import Endpoint, UnreachableError
from detector.alerts.onward import onward_of
from detector.clock import Clock, system_clock
from detector.config import Config
from detector.kafka.whole import Record, WholeTopic
from detector.metrics import Metrics
from detector.model.alert import Alert, decode_alert
from detector.reasons import Unready, waiting
from detector.stopping.stopper import Stopper

log = logging.getLogger(__name__)

POLL_S = 0.25  # how soon stop() is noticed, and what everyone was told of is let go
AWAY_MARGIN_S = 900.0
"""On top of notify.ends_s: how long ago an episode may have ended that a start still resolves."""
BROKERS_S = 5.0
"""Brokers that do not say within this what is there are away."""
BEHIND_S = 60.0
"""A record of the alert topic is read within a second; one that waits for this long is a page that does not come."""
RECALL_S = 2.0
"""An Alertmanager that does not show within this what it holds has no say in what has paged before a start."""
KEEP_ENDED_S = 86_400.0
"""An Alertmanager may be away this long and still be told at its return what has ended."""


class NotifyStage:
    """Tells Alertmanagers what fires and what is over, and asks for stops.

    Its only state is the topics. `clock` is the wall clock: Alertmanager compares our times with its own.
    Where several workers run it, each tells everything, and Alertmanager takes equal labels as one alert.
    """

    name = "notify"

    def __init__(self, config: Config, metrics: Metrics, clock: Clock = system_clock) -> None:
        self._config, self._metrics, self._clock = config, metrics, clock
        metrics.episodes.follow(clock)
        settings = config.notify
        self._policy = Policy(settings.min_severity, settings.resend_s, settings.ends_s)
        self._topic = WholeTopic(config, config.topics.alerts)
        self._book = Book()
        self._onward = onward_of(config)
        self._stopper: Stopper | None = None
        if config.stop.mode != "off":
            self._stopper = Stopper(config, metrics, clock, self._stops_changed)
        self._dresser = Dresser(config, metrics, self._book, clock, self._stop_told)
        self._session: aiohttp.ClientSession | None = None
        self._couriers: list[Courier] = []
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._live = False
        self._live_s = float("inf")

    async def start(self) -> None:
        """Connects to Kafka; raises DeploymentError or ConfigError. An Alertmanager may be down."""
        settings = self._config.notify
        self._session = aiohttp.ClientSession()
        for base in dict.fromkeys(settings.alertmanagers):
            endpoint = Endpoint(base, settings, self._session, self._metrics.notify_requests, self._clock)
            courier = Courier(endpoint, self._book, self._policy, self._clock, self._on_delivered, self._seen_all)
            self._couriers.append(courier)
        await self._topic.start()
        if self._stopper is not None:
            await self._stopper.start()

    async def run(self) -> None:
        """Works until stop(); raises where Kafka fails for good."""
        self._ended.clear()
        try:
            await self._catch_up()
            await self._begin()
            async with asyncio.TaskGroup() as group:
                for courier in self._couriers:
                    group.create_task(courier.run())
                group.create_task(self._follow())
                if self._stopper is not None:
                    group.create_task(self._stopper.run())
        except ExceptionGroup as group_error:
            raise group_error.exceptions[0] from None
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Ends run() after the requests in hand, and closes. What is still owed the next start finds anew."""
        self._stopping.set()
        for courier in self._couriers:
            courier.stop()
        if self._stopper is not None:
            await self._stopper.stop()
        await self._ended.wait()
        try:
            await self._topic.stop()
        finally:
            if self._stopper is not None:
                await self._stopper.close()
            if self._session is not None:
                await self._session.close()

    def health(self) -> list[str]:
        """Reasons why it is not ready: the topic cannot be read, an Alertmanager is out of reach."""
        if not self._live:
            reading = self._topic
            if reading.caught_up and self._stopper is not None:
                reading = self._stopper.topic
            return [Unready.READING.format(topic=reading.topic, left=reading.left)]
        lag = {(self._topic.topic, partition): records for partition, records in self._topic.lag().items()}
        troubles = [trouble for courier in self._couriers if (trouble := courier.endpoint.trouble)]
        return [*troubles, *waiting(self._metrics.behind.of(self.name), lag, BEHIND_S)]

    async def _catch_up(self) -> None:
        """Reads what is there before anything is sent, since its last record may end what its first opens."""
        while not (self._topic.caught_up or self._stopping.is_set()):
            self._apply(await self._topic.read(POLL_S))
            self._close_old()
            await asyncio.sleep(0)  # getmany does not yield while it has records in hand

    async def _begin(self) -> None:
        """Decides what pages of what is there, which then is what Alertmanagers are sent."""
        if self._stopper is not None:
            await self._stopper.catch_up()
        self._dresser.dress(self._book.notices, shown=await self._paging(), counted=False)
        self._close_old()
        self._live_s = math.floor(self._clock() * 1000) / 1000  # a record's time is of whole milliseconds
        self._live = self._topic.caught_up

    def _close_old(self) -> None:
        self._book.close_before(self._clock() - self._policy.ends_s - AWAY_MARGIN_S)

    async def _paging(self) -> set[str]:
        """Ids of the episodes that an Alertmanager shows as critical: what has paged pages on, whatever comes late."""
        paging = set[str]()
        for courier in self._couriers if self._config.notify.pages_a_day else ():
            with suppress(UnreachableError, TimeoutError):
                async with asyncio.timeout(RECALL_S):
                    shown = await courier.endpoint.firing()
                paging |= {id for id, found in shown.items() if any(one.get("severity") == "critical" for one in found)}
        return paging

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            self._owe(self._dresser.dress(changed) if (changed := self._apply(await self._topic.read(POLL_S))) else ())
            self._owe(self._dresser.tick())
            self._let_go()
            self._measure()
            await asyncio.sleep(0)

    def _owe(self, changed: Iterable[str]) -> None:
        for courier in self._couriers if changed else ():
            courier.owe(changed)

    def _stops_changed(self, ids: Iterable[str]) -> None:
        if self._live:
            self._owe(self._dresser.dress(set(ids)))

    def _stop_told(self, id: str) -> str | None:
        return None if self._stopper is None else self._stopper.told(id)

    async def _seen_all(self) -> None:
        """Before anything is sent, the newest is known: who has slept must not open again what others have ended.

        Without brokers nobody can have written anything, and what fires has to be kept alive.
        """
        await self._topic.seen_all(BROKERS_S)

    def _apply(self, records: Sequence[Record]) -> set[str]:
        """Takes records into the book; the ids of which something new is known."""
        changed = set()
        for record in records:
            written_s = record.timestamp / 1000 if record.timestamp >= 0 else self._clock()
            if record.value is None:
                id = (record.key or b"").decode("utf-8", "replace")
                self._metrics.episodes.bury(id)
                if self._book.bury(id, written_s):
                    changed.add(id)
                    if self._stopper is not None:
                        self._stopper.ended(id)
            elif (alert := self._read(record)) is not None and self._book.take(self._noticed(alert, written_s)):
                changed.add(alert.id)
                if self._stopper is not None:
                    self._stopper.see(alert)
        self._dresser.see(changed)
        return changed

    def _noticed(self, alert: Alert, written_s: float) -> Notice:
        return notice_of(alert, written_s, self._onward)._replace(critical_s=critical_since(alert))

    def _read(self, record: Record) -> Alert | None:
        try:
            alert = decode_alert(record.value)
        except msgspec.MsgspecError as error:
            self._metrics.notify_bad_records.inc()
            log.error(
                "skipped a record of %s that is no alert: partition %d, offset %d: %s",
                record.topic,
                record.partition,
                record.offset,
                error,
            )
            return None
        self._metrics.episodes.take(alert)
        return alert

    def _let_go(self) -> None:
        """Forgets what has ended and was told to everyone, or that nobody can have kept."""
        told = [id for id in self._book.ended if all(courier.settled(id) for courier in self._couriers)]
        for id in told:
            self._book.close(id)
        self._book.close_before(self._clock() - KEEP_ENDED_S)

    def _measure(self) -> None:
        owed: set[str] = set().union(*(courier.owed for courier in self._couriers))
        self._metrics.notify_pending.set(len(owed))
        topic = self._topic.topic
        for partition, records in self._topic.lag().items():
            self._metrics.lag_records.labels(self.name, topic, str(partition)).set(records)
        for partition, time_s in self._topic.until().items():
            self._metrics.behind.reached(self.name, (topic, partition), time_s)

    def _on_delivered(self, notice: Notice) -> None:
        # What was there at the start has waited for a worker, which says nothing of delivery.
        if notice.written_s >= self._live_s:
            self._metrics.notify_seconds.observe(max(0.0, self._clock() - notice.written_s))
