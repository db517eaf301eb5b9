"""Reads topics as one of a consumer group, knows what it has seen the end of, and commits what is done."""

import asyncio
import logging
import time
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.clients import CHECK_CRCS, Consumer, consumer, group_id
from detector.kafka.gaps import Gaps
from detector.kafka.membership import raise_if_over
from detector.kafka.unpacking import hand_on

log = logging.getLogger(__name__)

Record: TypeAlias = ConsumerRecord
Source: TypeAlias = int
"""Index of the topic << 16 | partition."""

FETCH_WAIT_MS = 100
"""A broker without news answers this soon: what is known of an idle partition is never older."""

COMMIT_TRY_S = 5.0
POSITION_TRY_S = 1.0
SAMPLES = 2048
"""Readings of the clock that are kept, 20 s at least: of a broker silent for longer nothing is known."""


async def nothing_to_settle() -> None:
    """For a reader that has done everything it has fetched."""


def note_when_asked(reader: Consumer) -> None:
    """From now on `last_poll_timestamp` is when a fetch was asked for, which its answer is no older than.

    aiokafka notes when it came to read the answer. In a busy process, or one that stood still, that is long after the
    broker gave it, and what was written in between would seem to be not there.
    """
    fetcher = reader._fetcher
    fetch = fetcher._proc_fetch_request

    async def asked(assignment: Any, node_id: int, request: Any) -> Any:
        asked_ms = int(time.time() * 1000)
        try:
            return await fetch(assignment, node_id, request)
        finally:
            for state in map(assignment.state_value, assignment.tps):
                if state.timestamp is not None:
                    state.timestamp = min(state.timestamp, asked_ms)

    fetcher._proc_fetch_request = asked


class GroupReader(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of the group `<kafka.group>-<stage>`; `topics` by the number that its sources go by.

    `settle` is awaited before partitions are given back, and may call done(). `epoch` grows whenever they
    are: what was fetched in an earlier one is not committed. `assignments` counts how often they came.
    """

    def __init__(
        self,
        config: Config,
        topics: Mapping[int, str],
        stage: str,
        clock: Clock = system_clock,
        settle: Callable[[], Awaitable[None]] = nothing_to_settle,
    ) -> None:
        self.topics = dict(topics)
        self._numbers = {topic: number for number, topic in topics.items()}
        self.epoch = self.assignments = 0
        self._config, self._stage, self._clock, self._settle = config, stage, clock, settle
        self._consumer: Consumer | None = None
        self._done: dict[Source, int] = {}
        self._lag: dict[Source, int] = {}
        self._fresh: dict[Source, float] = {}
        self._until: dict[Source, float] = {}
        self._gaps = Gaps()
        self._wall: list[float] = []
        self._told: list[float] = []

    async def start(self) -> None:
        """Connects and begins to join the group; raises DeploymentError with a fix."""
        self._consumer = consumer(
            self._config,
            group=group_id(self._config, self._stage),
            fetch_max_wait_ms=FETCH_WAIT_MS,
            check_crcs=CHECK_CRCS,
            value_deserializer=hand_on,
        )
        try:
            await self._consumer.start()
        except KafkaError as error:
            raise DeploymentError(
                f"cannot read {', '.join(self.topics.values())} at {self._config.kafka.bootstrap} ({error}); "
                "check kafka.bootstrap and the brokers"
            ) from error
        note_when_asked(self._consumer)
        self._consumer.subscribe([*self.topics.values()], listener=self)

    async def fetch(self, timeout_s: float, max_records: int) -> dict[Source, list[Record]]:
        """The next records, in order within each source; none after `timeout_s` without any.

        For a batch that cannot be read there is an UnreadBatch among them.
        Raises DeploymentError or KafkaError where reading cannot go on.
        """
        reader = self._connected()
        self._wall.append(time.time())
        self._told.append(self._clock())
        del self._wall[:-SAMPLES], self._told[:-SAMPLES]
        try:
            got = await reader.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except KafkaError as error:
            raise_if_over(reader, error)
            log.warning("the consumer group had an error, reading goes on: %s", repr(error))
            await asyncio.sleep(timeout_s)
            return {}
        epoch = self.epoch
        for tp, records in got.items():
            self._until[self._source(tp)] = records[-1].timestamp / 1000
        try:
            async with asyncio.timeout(POSITION_TRY_S):
                await self._look(reader, got)
        except (TimeoutError, IllegalStateError):
            pass  # the assignment changes: what is not known now will be at the next fetch
        if self.epoch != epoch:
            return {}  # taken away meanwhile, with what came before them: all of it is read again
        return {self._source(tp): records for tp, records in got.items()}

    async def _look(self, reader: Consumer, got: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Notes for each source how much is left to read, and when its end was seen."""
        # At once, since behind each await a partition may no more be ours.
        ends = {tp: (reader.highwater(tp), reader.last_poll_timestamp(tp)) for tp in reader.assignment()}
        for tp, (end, polled_ms) in ends.items():
            if end is None:
                continue
            epoch, position = self.epoch, await self._gaps.follow(reader, tp, got.get(tp, ()))
            if self.epoch != epoch:
                return
            source = self._source(tp)
            lag = self._lag[source] = max(0, end - position)
            # The end was there when the broker said so, which is not now if it has been silent since.
            at = bisect_right(self._wall, polled_ms / 1000) - 1
            if lag == 0:
                self._until[source] = polled_ms / 1000
            if lag == 0 and at >= 0:
                self._fresh[source] = self._told[at]
            else:
                self._fresh.pop(source, None)

    @property
    def assigned(self) -> list[Source]:
        """The sources that this member reads."""
        return sorted(self._source(tp) for tp in self._connected().assignment())

    def fresh(self, source: Source) -> float | None:
        """The clock's time at which nothing was left to fetch; None where something is, or may be."""
        return self._fresh.get(source)

    @property
    def until(self) -> Mapping[Source, float]:
        """The broker's time (s UTC) up to which everything was fetched, of the sources of which it is known."""
        return self._until

    @property
    def lag(self) -> Mapping[Source, int]:
        """Records not yet fetched, of the sources whose end is known."""
        return self._lag

    @property
    def missed(self) -> Mapping[str, int]:
        """Records that the broker deleted before they were read, by topic."""
        return self._gaps.missed

    @property
    def at_end(self) -> bool:
        """Whether everything there is was fetched."""
        return not any(self._lag.values())

    def done(self, offsets: Mapping[Source, int], epoch: int) -> None:
        """All before these offsets is finished and may be committed, if it was fetched in this epoch."""
        if epoch == self.epoch:
            self._done.update(offsets)

    async def commit(self) -> None:
        """Commits what is done; what fails now is tried again with the next."""
        done, self._done = self._done, {}
        if not done:
            return
        epoch = self.epoch
        try:
            async with asyncio.timeout(COMMIT_TRY_S):
                await self._connected().commit({self._tp(source): offset for source, offset in done.items()})
        except (CommitFailedError, IllegalStateError) as error:
            log.info("offsets of partitions that are given back were not committed: %s", repr(error))
        except (TimeoutError, KafkaError) as error:
            log.warning("offsets could not be committed yet: %s", repr(error))
            if epoch == self.epoch:
                self._done = {**done, **self._done}

    async def stop(self) -> None:
        """Leaves the group and closes; idempotent, and allowed after a failed start."""
        reader, self._consumer = self._consumer, None
        if reader is not None:
            await reader.stop()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance, which takes everything away for a moment."""
        try:
            if revoked:
                await self._settle()
                await self.commit()
        finally:
            self.epoch += 1
            for known in (self._done, self._lag, self._fresh, self._until):
                known.clear()
            self._gaps.forget()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance."""
        self.assignments += 1

    def name(self, source: Source) -> tuple[str, int]:
        """Topic and partition."""
        return self.topics[source >> 16], source & 0xFFFF

    def _source(self, tp: TopicPartition) -> Source:
        partition: int = tp.partition
        return self._numbers[tp.topic] << 16 | partition

    def _tp(self, source: Source) -> TopicPartition:
        return TopicPartition(*self.name(source))

    def _connected(self) -> Consumer:
        assert self._consumer is not None, "start() comes first"
        return self._consumer
