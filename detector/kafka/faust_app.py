"""The Faust app of a stage with state: its settings, its table, and what the stage asks of it."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

import faust
import mode
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError
from faust.types import TP

from detector.config import Config
from detector.kafka import clients
from detector.kafka.clients import CHECK_CRCS, HEARTBEATS_PER_SESSION, MAX_HEARTBEAT_MS
from detector.kafka.faust_driver import Transport
from detector.kafka.membership import raise_if_over
from detector.kafka.plan import max_message_bytes

log = logging.getLogger(__name__)

BUFFERED_RECORDS = 256
"""Records that wait in memory, of up to a few hundred kB each; more only costs memory."""

COMMIT_S = 1.0
REQUEST_S = 40.0  # aiokafka's own default; Faust's 20 minutes would hide a dead connection for as long
RECOVERY_RECORDS = 100  # applied at once while the changelog is read; up to CHUNK_BYTES each


class StateTable(faust.Table):  # type: ignore[misc]
    """Faust reads the changelog into this at each assignment, always whole; our own writes pass it by.

    Usually a memory table is recovered only from where it was left, and keeps what others own now.
    """

    def persisted_offset(self, tp: TP) -> int:
        """Recovery begins before the first record."""
        return -1

    async def on_rebalance(self, *args: Any, **kwargs: Any) -> None:
        """A new assignment starts from nothing."""
        self.data._clear()
        self.data._key_partition.clear()
        await super().on_rebalance(*args, **kwargs)

    def pop_partition(self, partition: int) -> dict[bytes, bytes]:
        """Takes out the live records of a partition, so that their bytes are not held twice."""
        prefix = b"%d:" % partition
        keys = [key for key in self.data if key.startswith(prefix)]
        return {key: self.data.pop(key) for key in keys}


class App(faust.App):  # type: ignore[misc]
    """Faust with our driver. Attributes: source (topic that is read), table (of the changelog).

    `owned` is the generation whose table is recovered and whose partitions stand at their committed offsets,
    None while partitions are handed over. A record of another generation is not this worker's to process.
    `handovers` counts how often it got partitions, or none, because others have them all.
    """

    source: Any
    table: StateTable
    owned: int | None = None
    handovers: int = 0

    def _create_directories(self) -> None:
        """None: nothing is kept on a disk."""

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Any:
        return Transport(self.conf.broker_producer, self)

    def on_rebalance_start(self) -> None:
        """Called by the consumer's thread, before partitions are given back."""
        self.owned = None
        super().on_rebalance_start()

    def on_rebalance_end(self) -> None:
        """Called when the tables are recovered, the positions are set and old records are cleared away."""
        super().on_rebalance_end()
        self.owned = self.consumer_generation_id
        self.handovers += 1

    async def leave(self, starting: "asyncio.Task[None]", time_s: float) -> bool:
        """Ends the app that `starting` starts, and the membership in the group; False where it takes longer."""
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        stopping = asyncio.create_task(self.stop())  # it takes no cancellation
        done, _ = await asyncio.wait([stopping], timeout=time_s)
        if self._consumer is not None and self._consumer._thread._thread is None:
            self._consumer._thread.thread_loop.close()  # of a thread that was made and not begun
        return bool(done)

    async def produce(
        self, topic: str, key: bytes, value: bytes | None, partition: int | None = None
    ) -> Awaitable[Any]:
        """Hands a record to the producer; what comes back is done once all replicas have it.

        Raises KafkaError, here or there, where the brokers were away for longer than the producer bears.
        """
        try:
            acknowledged: Awaitable[Any] = await self.producer.send(topic, key, value, partition, None, None)
        except ProducerSendError as error:
            if isinstance(error.__cause__, KafkaError):
                raise error.__cause__ from None
            raise
        return acknowledged

    async def check_group(self) -> None:
        """Goes on after errors in the consumer group, which aiokafka keeps until somebody asks; Faust does not.

        Raises DeploymentError or KafkaError where membership cannot go on.
        """
        consumer = self.consumer._thread._consumer
        # Both are made one after the other by a thread of its own, which may take long where brokers are slow.
        coordinator = consumer._coordinator if consumer is not None else None
        if coordinator is not None:
            try:
                await self.consumer._thread.call_thread(coordinator.check_errors)
            except KafkaError as error:
                raise_if_over(consumer, error)
                log.warning("the consumer group had an error, joining goes on: %s", repr(error))

    def end(self, partition: int) -> int | None:
        """The offset that the next packed record will get, as far as the broker has told."""
        found: int | None = self.consumer.highwater(self._tp(partition))
        return found

    def answered(self, partition: int) -> float | None:
        """When the broker last told of the partition's end, s UTC; None where it has not."""
        consumer, tp = self.consumer._thread._consumer, TopicPartition(*self._tp(partition))
        state = consumer._subscription.subscription and consumer._subscription.subscription.assignment
        if not state or tp not in state.tps:
            return None
        told_ms = state.state_value(tp).timestamp
        return told_ms / 1000 if told_ms else None

    def committed(self, partition: int) -> int | None:
        """From where the partition is read; None where nothing was ever committed."""
        found: int | None = self.consumer._committed_offset.get(self._tp(partition))
        return found

    async def first(self, partition: int) -> int:
        """The offset of the first packed record that the broker still has."""
        tp = self._tp(partition)
        return int((await self.consumer.earliest_offsets(tp))[tp])

    @property
    def partitions(self) -> set[int]:
        """The partitions of the source that are assigned, recovered or not; none before the consumer has begun."""
        if self.consumer._thread._consumer is None:
            return set()
        topic = self.source.get_topic_name()
        return {tp.partition for tp in self.consumer.assignment() if tp.topic == topic}

    @property
    def recovering(self) -> int:
        """Records of the changelog that are still to be read."""
        return int(self.tables.recovery.active_remaining_total()) if self.in_recovery else 0

    def _tp(self, partition: int) -> TP:
        return TP(self.source.get_topic_name(), partition)


def make_app(config: Config, name: str, source: str, state: str, partitions: int) -> App:
    """The app of stage `name`, not started: raw records of `source` in, `state` as the changelog, all else our own.

    `partitions` is how many the source has; the state topic needs as many.
    """
    session_s = config.kafka.session_timeout_s
    app = App(
        clients.group_id(config, name),
        **clients.faust_settings(config),
        store="memory://",
        table_standby_replicas=0,
        web_enabled=False,
        topic_partitions=partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        agent_supervisor=mode.CrashingSupervisor,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=COMMIT_S,
        broker_session_timeout=session_s,
        broker_check_crcs=CHECK_CRCS,
        broker_request_timeout=max(REQUEST_S, session_s),
        broker_heartbeat_interval=min(MAX_HEARTBEAT_MS / 1000, session_s / HEARTBEATS_PER_SESSION),
        producer_linger=0.005,
        producer_max_batch_size=262_144,
        producer_max_request_size=max_message_bytes(config),
        producer_request_timeout=REQUEST_S,
        stream_buffer_maxsize=BUFFERED_RECORDS,
        stream_wait_empty=False,
    )
    raw = {
        "key_type": bytes,
        "key_serializer": "raw",
        "value_type": bytes,
        "value_serializer": "raw",
        "partitions": partitions,
    }
    changelog = app.topic(state, compacting=True, acks=False, internal=True, allow_empty=True, **raw)
    app.source = app.topic(source, **raw)
    app.table = StateTable(
        app,
        name="state",
        partitions=partitions,
        key_type=bytes,
        value_type=bytes,
        changelog_topic=changelog,
        recovery_buffer_size=RECOVERY_RECORDS,
    )
    app.tables.add(app.table)
    return app
