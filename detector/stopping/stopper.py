"""Asks for stops: once an episode, on record before it is asked, and asked again until that has an end."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import Any, get_args

import aiohttp
import msgspec
import tenacity

from detector.clock import Clock
from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.outbox import Out, Outbox
from detector.kafka.whole import Record, WholeTopic
from detector.metrics import Metrics
from detector.model.alert import Alert
from detector.stopping.asking import UnansweredError, ask
from detector.stopping.choosing import asks, outcome_of, target_of
from detector.stopping.known import Known
from detector.stopping.record import Mode, Outcome, Stop, decode_stop, encode_stop, stop_of, told
from detector.stopping.signing import signing_key

log = logging.getLogger(__name__)

POLL_S = 0.25
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 15.0
ENDS: tuple[str, ...] = tuple(outcome for outcome in get_args(Outcome) if outcome != "asking")
UNRECORDED = "unrecorded"
END_S = 8.0
"""Requests in hand at the end have this long to come to theirs; those that are cut off the next start asks again."""
AT_ONCE = 8
"""Requests that wait for an answer, at most."""


class Stopper:
    """Reads the alerts that notify reads, and keeps `detector.stops`.

    A worker that dies between a request and its record asks again with the same id, and so does each of several
    workers that run at once: who receives it acts once an id. `changed` is called with the ids of episodes of whose
    stop something new is known.
    """

    def __init__(
        self, config: Config, metrics: Metrics, clock: Clock, changed: Callable[[Iterable[str]], None]
    ) -> None:
        self._config, self._metrics, self._clock, self._changed = config, metrics, clock, changed
        self._settings = config.stop
        for outcome in (*ENDS, UNRECORDED):  # from 0 on: of what begins at 1 Prometheus sees no increase
            metrics.stop_requests.labels(outcome)
        self.topic = WholeTopic(config, config.topics.stops)
        self._outbox = Outbox(config)
        self._session: aiohttp.ClientSession | None = None
        self._stops = Known()
        self._open: dict[str, Alert] = {}
        self._asking: dict[str, asyncio.Event] = {}  # of the requests in hand: set once nothing more is to be asked
        self._tasks: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._places, self._writing = asyncio.Semaphore(AT_ONCE), asyncio.Lock()
        self._stopping = asyncio.Event()

    def told(self, id: str) -> str | None:
        """What came of an episode's request so far, in a few words; None where none was made."""
        return told(stop) if (stop := self._stops.get(id)) is not None else None

    async def start(self) -> None:
        """Connects to Kafka; raises DeploymentError or ConfigError. Whoever is asked may be down."""
        if self._settings.mode == "on":
            signing_key(self._settings)
        self._session = aiohttp.ClientSession()
        await self.topic.start()
        await self._outbox.start()

    def see(self, alert: Alert) -> None:
        """Takes the newest record of an episode."""
        if asks(alert, self._settings):
            self._open[alert.id] = alert
            self._begin(alert.id)
        else:
            self.ended(alert.id)

    def ended(self, id: str) -> None:
        """The episode is over, or nothing of it is known any more."""
        self._open.pop(id, None)
        if (over := self._asking.get(id)) is not None:
            over.set()

    async def catch_up(self) -> None:
        """Reads what was asked before."""
        while not (self.topic.caught_up or self._stopping.is_set()):
            self._take(await self.topic.read(POLL_S))
            await asyncio.sleep(0)

    async def run(self) -> None:
        """Asks until stop(), what is open first; raises where Kafka fails for good."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            unended = [id for id, stop in self._stops.items() if not stop.finished]
            for id in dict.fromkeys((*unended, *self._open)):
                self._begin(id)
            while not self._stopping.is_set():
                if records := await self.topic.read(POLL_S):
                    self._take(records)
                else:  # nothing comes that would say it
                    self._mend()
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """Ends run() after the requests in hand, and closes; those without an answer the next start asks again."""
        self._stopping.set()
        for over in self._asking.values():
            over.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=END_S)
            for task in late:
                task.cancel()

    async def close(self) -> None:
        """Closes the connections; idempotent, and allowed after a failed start."""
        await self.topic.stop()
        await self._outbox.stop()
        if self._session is not None:
            await self._session.close()

    def _take(self, records: Sequence[Record]) -> None:
        """Takes what this worker and others have written."""
        read = [stop for record in records if (stop := self._read(record)) is not None]
        changed = [stop.id for stop in read if self._stops.take(stop)]
        for id in changed:
            if self._stops[id].finished and (over := self._asking.get(id)) is not None:
                over.set()
        self._stops.forget(self._open.keys() | self._asking.keys(), len(self._open) + len(self._asking))
        if changed:
            self._changed(changed)

    def _read(self, record: Record) -> Stop | None:
        if record.value is None:
            return None
        try:
            return decode_stop(record.value)
        except msgspec.MsgspecError as error:
            log.error("skipped a record of %s that is no stop: offset %d: %s", record.topic, record.offset, error)
            return None

    def _mend(self) -> None:
        for stop in self._stops.contradicted(self._asking):
            self._spawn(self._say_again(stop))

    async def _say_again(self, stop: Stop) -> None:
        try:
            await self._write(stop)
        except DeploymentError as error:
            log.error("what became of the stop of episode %s cannot be recorded: %s", stop.id, error)

    def _begin(self, id: str) -> None:
        """Asks, or goes on to ask, unless it has an end already."""
        known = self._stops.get(id)
        if self._group is None or self._stopping.is_set() or id in self._asking:
            return
        if known is not None and known.finished:
            return
        over = asyncio.Event()
        if id not in self._open:  # it ended while nobody was here to ask on
            over.set()
        self._asking[id] = over
        self._spawn(self._whole(id, over))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None, "run() comes first"
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _whole(self, id: str, over: asyncio.Event) -> None:
        """One request from its first record to its last."""
        dry = self._settings.mode == "dry_run"
        try:
            if id not in self._stops and (alert := self._open.get(id)) is not None:
                mode: Mode = "dry_run" if dry else "on"
                await self._first(stop_of(alert, mode, target_of(self._settings), self._clock()))
            if (stop := self._stops.get(id)) is not None and not stop.finished:
                await (self._finish(id, "given_up") if dry else self._ask_on(id, over))
        except DeploymentError as error:  # what cannot be put on record is not asked, and pages go on
            self._metrics.stop_requests.labels(UNRECORDED).inc()
            log.error("the stop of episode %s cannot be recorded: %s", id, error)
        finally:
            del self._asking[id]

    async def _ask_on(self, id: str, over: asyncio.Event) -> None:
        ends_s = self._stops[id].asked_at + self._settings.give_up_s
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_result(lambda done: not done),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_RETRY_S, max=LONGEST_RETRY_S),
            stop=lambda _: over.is_set() or self._clock() >= ends_s,
            sleep=lambda seconds: self._pause(over, seconds),
            retry_error_callback=lambda _: False,
        )
        if not over.is_set() and await retrying(self._attempt, id, over):
            return
        if self._stopping.is_set() or self._stops[id].finished:
            return
        await self._finish(id, "resolved" if over.is_set() else "given_up")

    async def _attempt(self, id: str, over: asyncio.Event) -> bool:
        """Asks once; whether nothing more is to be asked."""
        assert self._session is not None, "start() comes first"
        status, error = None, None
        async with self._places:
            if over.is_set():
                return False
            try:
                status = await ask(self._session, self._settings, self._stops[id], self._clock)
            except UnansweredError as unanswered:
                error = str(unanswered)
        stop = self._stops[id]
        if stop.finished:  # another worker had its answer first
            return True
        self._stops[id] = stop = _with(stop, attempts=stop.attempts + 1, status=status, error=error)
        if status is not None and (outcome := outcome_of(status)) is not None:
            await self._finish(id, outcome)
            return True
        log.warning("%s was not reached to stop episode %s: %s", stop.target, id, error or f"status {status}")
        await self._record(stop)
        return False

    async def _finish(self, id: str, outcome: Outcome) -> None:
        await self._record(_with(self._stops[id], outcome=outcome, finished_at=self._clock()))

    async def _first(self, stop: Stop) -> None:
        """Puts a request on record; what cannot be is not remembered, and the next record of its alert tries anew."""
        await self._write(stop)
        self._stops.setdefault(stop.id, stop)
        self._tell(stop)

    async def _record(self, stop: Stop) -> None:
        self._stops[stop.id] = stop
        self._tell(stop)
        await self._write(stop)

    def _tell(self, stop: Stop) -> None:
        if stop.finished:
            self._metrics.stop_requests.labels(stop.outcome).inc()
            log.info("stop of episode %s: %s", stop.id, told(stop))
        self._changed([stop.id])

    async def _write(self, stop: Stop) -> None:
        async with self._writing:
            await self._outbox.deliver([Out(self._config.topics.stops, encode_stop(stop), key=stop.id.encode())])

    async def _pause(self, over: asyncio.Event, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), seconds)


def _with(stop: Stop, **fields: Any) -> Stop:
    return msgspec.structs.replace(stop, **fields)
