"""What watch and portfolio have in common: a Faust app that runs an engine over the partitions it owns.

Effects are acknowledged before the state that implies them is written, and the state before the source.
Nothing is written or acknowledged for a generation that is over; what a frozen worker can still do, and why
it harms nothing, stands in detector.kafka.checkpoint.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError

from detector.config import Config
from detector.errors import DeploymentError, DetectorError
from detector.kafka.admin import partitions_of
from detector.kafka.faust_app import App, make_app
from detector.kafka.outbox import PERMANENT
from detector.kafka.reach import knock_all
from detector.model.alert import Alert
from detector.pipeline.checkpoints import Checkpoints
from detector.pipeline.owned import EngineLike, Event, Owned, give_up
from detector.pipeline.standstill import Standstill
from detector.pipeline.stateful_metrics import StatefulMetrics
from detector.reasons import SILENT_S, Failed, Unready, waiting

log = logging.getLogger(__name__)

TAKE_RECORDS = 32
"""Packed records taken at once, of some hundred observations each."""
TAKE_S = 0.05
"""How long a take waits to be filled: latency for fewer wake-ups."""
POLL_S = 0.25  # how soon a failure is noticed
LAST_CHECKPOINT_S = 10.0
"""A stop waits this long for the last checkpoint; without it the next start repeats some seconds."""
CLOSE_S = 5.0
LEAVE_S = 60.0  # a first answer may come before the group's coordinator is there again
GROUP_S = 10.0  # a consumer's thread that does not answer within this is none to wait for
KNOCK_AGAIN_S = 1.0


class Effect(NamedTuple):
    """A record that follows from what was processed; `alert` where it is one."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None
    alert: Alert | None = None


class StatefulStage:
    """Owns partitions of `source` as Faust assigns them; effects out, state in the changelog `state`.

    A stage says which engine it runs, and what follows from an outcome.
    """

    name: str

    def __init__(self, config: Config, metrics: StatefulMetrics, source: str, state: str) -> None:
        self._config, self._metrics = config, metrics
        self._source, self._state = source, state
        self._app: App | None = None
        self._starting: asyncio.Task[None]
        self._looking: asyncio.Task[None] | None = None
        self._partitions = 0
        self._owned: dict[int, Owned] = {}
        self._checkpoints = Checkpoints(state, self._owned, metrics, self._timed)
        self._lock = asyncio.Lock()
        self._busy: dict[object, float] = {}  # what waits for the brokers, with when it began by the monotonic clock
        self._lag: dict[tuple[str, int], int] = {}
        self._standstill = Standstill()
        self._failure: Exception | None = None
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    def make(self, partition: int) -> EngineLike:
        """An engine with an empty state."""
        raise NotImplementedError

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        """An engine as it was after the record at `offset`; raises StateError."""
        raise NotImplementedError

    def effects(self, outcome: Any, partition: int) -> Iterable[Effect]:
        """What follows from an outcome of a partition's engine."""
        raise NotImplementedError

    async def prepare(self, partitions: int) -> None:
        """What has to be there before the app starts; `partitions`: of the source. Raises DeploymentError."""

    async def start(self) -> None:
        """Starts the Faust app; raises DeploymentError where topics or brokers are not as they must be."""
        source, state = self._source, self._state
        partitions = await partitions_of(self._config, source)
        if (have := await partitions_of(self._config, state)) != partitions:
            raise DeploymentError(
                f"{state} has {have} partitions and {source} has {partitions}, it must be "
                f"as many; delete {state} and make it anew with: detector topics"
            )
        await self.prepare(partitions)
        self._partitions = partitions
        self._open()

    def _open(self) -> None:
        """Makes the Faust app and begins to start it."""
        app = make_app(self._config, self.name, self._source, self._state, self._partitions)

        async def work(stream: Any) -> None:
            await self._work(app, stream)

        def drop(*_: Any, **__: Any) -> None:
            if self._app is app:
                self._drop()

        app.on_partitions_revoked.connect(drop)
        app.agent(app.source, name=self.name)(work)
        app.finalize()
        # It returns once partitions are assigned and their state is read, which may take long: see health().
        self._app, self._starting = app, asyncio.create_task(app.start())

    async def run(self) -> None:
        """Writes checkpoints and looks after the app until stop(); raises what made it fail."""
        if self._app is None:  # stopped before it began
            return
        self._ended.clear()
        self._looking = asyncio.create_task(self._keep_working())
        try:
            await self._looking
        except asyncio.CancelledError:
            if not self._closing.is_set():  # else stop() has lost its patience
                raise
        finally:
            self._ended.set()

    async def _keep_working(self) -> None:
        """Works until stop(), with a new app where Kafka was away for longer than the clients bear."""
        while self._app is not None and not self._closing.is_set():
            app = self._app
            try:
                await self._look_after(app)
            except KafkaError as error:
                if isinstance(error, PERMANENT):
                    raise
                log.warning("Kafka failed, the stage begins anew once it answers: %s", repr(error))
                await self._begin_anew(app, error)

    async def _begin_anew(self, app: App, error: KafkaError) -> None:
        """Drops all state and joins the group with an app of its own, which reads it back as after a restart.

        Raises `error` where the old app does not end: a restart of the process helps then.
        """
        self._app = app.owned = None  # what is still in its hands is not ours any more
        self._drop()
        while not any(each.ok for each in await knock_all(self._config.kafka)):
            await self._sleep(KNOCK_AGAIN_S)
            if self._closing.is_set():
                break
        if not await app.leave(self._starting, LEAVE_S):
            raise error
        if not self._closing.is_set():
            self._failure, self._busy, self._lock = None, {}, asyncio.Lock()
            self._open()

    async def _look_after(self, app: App) -> None:
        """Looks around and writes checkpoints until stop(); a checkpoint that hangs hides nothing."""
        writing = asyncio.create_task(self._write_checkpoints(app))
        looking = asyncio.create_task(self._look(app))
        try:
            done, _ = await asyncio.wait([writing, looking], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await asyncio.wait([writing, looking])  # told to stop: a checkpoint in hand is finished
        finally:
            for task in (writing, looking):
                task.cancel()
            await asyncio.gather(writing, looking, return_exceptions=True)

    async def _write_checkpoints(self, app: App) -> None:
        while not self._closing.is_set():
            await self._sleep(self._config.watch.checkpoint_s)
            until_s = time.monotonic() + self._config.watch.checkpoint_s
            while self._checkpoints.loading and time.monotonic() < until_s and not self._closing.is_set():
                await self._sleep(POLL_S)
            if self._closing.is_set():
                return
            await self._checkpoint(app)

    async def _checkpoint(self, app: App) -> None:
        try:
            await self._checkpoints.write(app, self._lock, lambda: self._failure is None)
        except BaseException as error:
            # The engines take it for written: a later checkpoint would lack what this one has not.
            self._failure = error if isinstance(error, Exception) else DetectorError(Failed.CUT_OFF)
            raise

    async def _look(self, app: App) -> None:
        while not self._closing.is_set():
            await self._sleep(POLL_S)
            self._raise_failure(app)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GROUP_S):
                    await app.check_group()
            self._look_around(app)
            if stuck := self._standstill.reasons():
                if any(each.ok for each in await knock_all(self._config.kafka)):
                    raise DetectorError("; ".join(stuck))
                self._standstill.forget()  # without a broker nothing can move

    async def stop(self) -> None:
        """Finishes the batch in hand, writes a last checkpoint, commits and leaves the group; idempotent."""
        self._closing.set()
        app, self._app = self._app, None
        if app is not None:
            try:
                async with asyncio.timeout(LAST_CHECKPOINT_S):
                    await self._ended.wait()
                    if not app.crashed:
                        await self._checkpoint(app)
                        await app.consumer.commit()
            except TimeoutError:
                log.warning("stopped without a last checkpoint; the next start repeats what is not in one")
            finally:
                if self._looking is not None:
                    self._looking.cancel()
                self._drop()
                if not await app.leave(self._starting, CLOSE_S):
                    log.warning("left without a word to the brokers, which takes them the session timeout")
        elif self._looking is not None:  # it was about to begin anew
            await asyncio.wait([self._looking], timeout=LAST_CHECKPOINT_S)
            self._looking.cancel()

    def health(self) -> list[str]:
        """Reasons why it is not ready."""
        app = self._app
        if app is None:
            return [Unready.NOT_CONNECTED if self._ended.is_set() else Unready.AWAY]
        if not app.handovers:
            return [Unready.UNASSIGNED]
        if app.owned is None:
            return [Unready.RECOVERING.format(left=app.recovering)]
        reasons = []
        if self._busy and (waited := time.monotonic() - min(self._busy.values())) > SILENT_S:
            reasons.append(Unready.UNACKNOWLEDGED.format(waited=waited))
        return [*reasons, *waiting(self._metrics.behind(), self._lag, self._config.time.hold_back_s)]

    async def _sleep(self, time_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), time_s)

    def check(self) -> None:
        """Raises what made something fail that runs beside; asked four times a second."""

    def _raise_failure(self, app: App) -> None:
        if self._failure is not None:
            raise self._failure
        self.check()
        if self._starting.done():
            self._starting.result()
        if app.crashed:
            raise DetectorError(Failed.CRASHED.format(error=repr(app.crash_reason)))

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """What is done in it ends once the brokers have acknowledged it."""
        busy, mine = self._busy, object()
        busy[mine] = time.monotonic()
        try:
            yield
        finally:
            del busy[mine]

    async def _work(self, app: App, stream: Any) -> None:
        """The Faust agent: packed records in the order of each partition's offsets."""
        async for events in stream.noack_take(TAKE_RECORDS, within=TAKE_S):
            async with self._lock:
                # After a failure nothing more is processed: run() raises it, and a restart repeats.
                if self._app is not app or self._failure is not None or self._closing.is_set():
                    continue
                try:
                    with self._timed():
                        await self._take(app, events)
                except Exception as error:
                    self._failure = error
                except BaseException:
                    self._failure = DetectorError(Failed.CUT_OFF)
                    raise

    async def _take(self, app: App, events: Sequence[Event]) -> None:
        sent: list[tuple[Alert | None, Awaitable[Any]]] = []
        taken: set[Owned] = set()
        for event in events:
            owned = await self._owner(app, event.message)
            if owned is None:
                continue
            taken.add(owned)
            for topic, key, value, partition, alert in self.effects(owned.process(event), owned.partition):
                sent.append((alert, await app.produce(topic, key, value, partition)))
            await asyncio.sleep(0)
        for alert, acknowledged in sent:
            await acknowledged
            if alert is not None:
                self._metrics.written(alert)
        for owned in taken:
            owned.settle()
        self._metrics.taken(len(events))

    async def _owner(self, app: App, message: Any) -> Owned | None:
        """Who processes this record; None where it is of a generation that is over."""
        if message.generation_id != app.owned:
            return None
        partition: int = message.partition
        owned = self._owned.get(partition)
        if owned is None:
            data = app.table.pop_partition(partition)
            place = (partition, message.generation_id)
            owned = Owned.load(self, self._source, self._state, *place, data, app.end(partition))
            owned.expect(app.committed(partition))
            self._owned[partition] = owned
            self._checkpoints.loaded()
        if message.offset > owned.next_offset:
            await self._explain_gap(app, owned, message.offset)
            return owned if self._checkpoints.holds(app, owned) else None
        return owned

    async def _explain_gap(self, app: App, owned: Owned, offset: int) -> None:
        """Records that the broker has deleted are lost and said so; others were skipped on the way here."""
        gap = f"records {owned.next_offset} to {offset - 1} of {self._source}, partition {owned.partition}"
        if offset > await app.first(owned.partition):
            raise DetectorError(Failed.SKIPPED.format(gap=gap))
        log.error("the broker deleted records before they were read: %s", gap)
        self._metrics.missed(offset - owned.next_offset)

    def _drop(self, *_: Any, **__: Any) -> None:
        """Partitions are given back: their state belongs to whoever gets them next."""
        for owned in self._owned.values():
            self._metrics.processed(owned)
        self._metrics.drop(self._owned)
        give_up(self._owned)
        self._lag.clear()
        self._standstill.forget()

    def _look_around(self, app: App) -> None:
        """Whether every partition with work before it moves; and gauges."""
        now_s = time.monotonic()
        for partition in app.partitions:
            owned, end = self._owned.get(partition), app.end(partition)
            if app.owned is None or end is None:
                self._standstill.see(partition, -1 - app.recovering, app.recovering, now_s)
                continue
            next_offset = owned.next_offset if owned else app.committed(partition) or 0
            behind = max(0, end - next_offset)
            self._standstill.see(partition, next_offset, behind, now_s)
            self._metrics.lag(partition, behind)
            settled = (owned.settled_offset, owned.settled_s) if owned else (next_offset, None)
            self._lag[self._source, partition] = max(0, end - settled[0])  # what is under way waits too, for no broker
            until = app.answered(partition) if settled[0] >= end else settled[1]
            if until is not None:
                self._metrics.reached(partition, until)
        self._metrics.show(self._owned.values())
