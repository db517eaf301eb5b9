"""Where the soak runs: a broker, a process for each stage, an Alertmanager's stand-in, and the way to send events.

Events come to the broker at their own times, as those of a real week would: its topics keep what the sender says. The
processes live on a clock that is moved on once the broker has taken all events up to it, so that nothing is late,
however slow the machine is.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from confluent_kafka import Producer

from detector.config import Config, Kafka, Log, Notify, Topics, Web
from detector.demo.desk import DAY_S
from detector.kafka import plan
from detector.kafka.embedded import EmbeddedBroker
from tests.bench.children import Child
from tests.bench.receiver import receiver
from tests.soak.fleet import PARTITIONS, Record, partition_of
from tests.support.apache import apache_if_any
from tests.support.brokers import MADE_UP_TIMES, Real

STAGES = ("ingest", "watch", "portfolio", "notify")
FLUSH_S = 1.0
EMBEDDED = "the embedded broker keeps 5 MB a partition: a stage that is further behind loses events there"


class Site:
    """`broker` is apache or embedded; `send` and `clock` move the world on, `sample` tells what came of it."""

    def __init__(self, stack: ExitStack, t: float, cores: int | None = None) -> None:
        self.broker, bootstrap = _broker(stack)
        held = {"hold_back_s": 1000 * DAY_S, "heartbeat_s": 0.5}
        self.config = Config(
            kafka=Kafka(bootstrap=bootstrap, group="soak"),
            topics=Topics(partitions=PARTITIONS),
            notify=Notify(alertmanagers=[stack.enter_context(receiver())]),
            web=Web(port=0),
            log=Log(level="warning"),
        )
        self.config = self.config.model_copy(update={"time": self.config.time.model_copy(update=held)})
        if self.broker == "apache":
            _make_topics(self.config)
        settings = self.config.model_dump_json()
        with _on(cores):
            self.stages = {n: stack.enter_context(Child("tests.bench.stage", settings, str(t), n)) for n in STAGES}
        for child in self.stages.values():
            child.ready()
        self._topics = (self.config.topics.calls, self.config.topics.status)
        self._failed: list[Any] = []
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000, "log_level": 2}
        )

    def send(self, records: Iterable[Record]) -> None:
        """Returns when the broker has them all, each at its own time."""
        for n, record in enumerate(records):
            self._producer.produce(
                self._topics[record.topic],
                record.value,
                record.key,
                partition_of(record.key),
                on_delivery=self._told,
                timestamp=int(record.time * 1000),
            )
            if n % 1000 == 0:
                self._producer.poll(0)
        while self._producer.flush(FLUSH_S):
            pass
        if self._failed:
            raise RuntimeError(f"the broker refuses events: {self._failed[0]}")

    def clock(self, t: float) -> None:
        """The present of all stages, s UTC."""
        for child in self.stages.values():
            child.ask("clock", t=t)

    def sample(self) -> dict[str, dict[str, float]]:
        """By stage what it counts, its memory and its CPU."""
        return {name: child.sample() for name, child in self.stages.items()}

    def _told(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)


@contextmanager
def site(t: float, cores: int | None = None) -> Iterator[Site]:
    """A site whose clock stands at `t`, s UTC, until the end of the block; its stages share so many cores."""
    with ExitStack() as stack:
        yield Site(stack, t, cores)


@contextmanager
def _on(cores: int | None) -> Iterator[None]:
    """Processes that are started in the block share so many cores, where the system can see to it."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _broker(stack: ExitStack) -> tuple[str, str]:
    """Apache Kafka where Java and Maven are there, else the embedded broker."""
    if server := stack.enter_context(apache_if_any()):
        return "apache", server.bootstrap
    return "embedded", stack.enter_context(EmbeddedBroker(PARTITIONS)).bootstrap


def _make_topics(config: Config) -> None:
    """Those of producers keep the times of the events."""
    broker = Real(config.kafka.bootstrap)
    for topic in plan.topics(config):
        broker.create_topic(topic.name, topic.partitions, topic.settings | ({} if topic.ours else MADE_UP_TIMES))
