"""Measures stages by rounds: slices of events are put before each while it is held, then it may work them off.

So one process works at a time, and each at full speed. A round's CPU of a stage is all that its process has used
since the round before: waiting and committing too, and of watch one checkpoint. Portfolio and notify run while ingest
and watch do. The first round warms up.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from detector.config import Config, Kafka, Log, Notify, Topics, Watch, Web
from detector.kafka.embedded import EmbeddedBroker
from tests.bench import idiomatic
from tests.bench.children import Child
from tests.bench.feed import Feed
from tests.bench.load import START_S, Load, Sent
from tests.bench.receiver import receiver

STAGES = ("ingest", "watch", "portfolio", "notify")
PARTITIONS = 8
SLICE_BYTES = 20_000_000
"""Put before a stage at once: 2.5 MB a partition, where the embedded broker keeps about 5."""
SLICES = 4
"""After so many watch has its turn: its packed records must not be more than the broker keeps either."""
SETTLE_S = 0.5
"""Notify's metrics have caught up with its topic within this."""
BY_COMMAND_S = 1e6
"""Checkpoints come when the bench says so."""
PACE, TICK_S = 2000, 0.1
"""Events a second of the steady flow, and how often some are sent."""
CLOCK_BEHIND_S = 30.0
"""Of event time: half a second of the steady flow, so that nothing that is still on its way is late."""

Say = Callable[[str], None]


class Measured(NamedTuple):
    """CPU microseconds an event by process, of all rounds but the first; `checkpoint` is part of `watch`.

    `counts` are what the processes have counted since they began; `paced` is the same in a steady flow.
    """

    rounds: list[dict[str, float]]
    events: int
    event_bytes: float
    counts: dict[str, dict[str, float]]
    paced: dict[str, float] | None = None


def bench_config(bootstrap: str, *alertmanagers: str) -> Config:
    """The defaults, on the bench's own broker."""
    return Config(
        kafka=Kafka(bootstrap=bootstrap, group="bench"),
        topics=Topics(partitions=PARTITIONS),
        notify=Notify(alertmanagers=list(alertmanagers)),
        watch=Watch(checkpoint_s=BY_COMMAND_S),
        web=Web(port=0),
        log=Log(level="error"),
    )


class Pipeline:
    """A broker, the processes that are measured, and the way to send them something."""

    def __init__(self, stack: ExitStack, names: tuple[str, ...]) -> None:
        broker = stack.enter_context(EmbeddedBroker(PARTITIONS))
        self.config = bench_config(broker.bootstrap, stack.enter_context(receiver()))
        settings = self.config.model_dump_json()
        self.feed = Feed(self.config)
        stack.callback(self.feed.close)
        self.children = {
            name: stack.enter_context(Child("tests.bench.stage", settings, str(START_S), name)) for name in names
        }
        self.children["floor"] = stack.enter_context(Child("tests.bench.floor", settings))
        for child in self.children.values():
            child.ready()
            child.hold()
        self.sent = self.sent_bytes = 0
        self._before = self._cpu()

    def _cpu(self) -> dict[str, float]:
        return {name: child.sample()["cpu_s"] for name, child in self.children.items()}

    def round(self, load: Load, parts: int, slices: int, events: int) -> dict[str, float]:
        """Sends slices of so many events through all stages; CPU microseconds an event by process."""
        checkpoint_s = 0.0
        for _ in range(parts):
            for _ in range(slices):
                self._slice(load.take(events))
            if "watch" in self.children:
                self._work("watch", packed=self.feed.records(self.config.topics.observations))
        if "watch" in self.children:
            checkpoint_s = self._checkpoint()
            self.children["notify"].go()
            time.sleep(SETTLE_S)
            self.children["notify"].until(settled=1)
            self.children["notify"].hold()
        after, total = self._cpu(), parts * slices * events
        cpu_s = {name: after[name] - self._before[name] for name in after} | {"checkpoint": checkpoint_s}
        self._before = after
        return {name: each / total * 1e6 for name, each in cpu_s.items()}

    def _slice(self, sent: list[Sent]) -> None:
        self.feed.send(sent)
        self.sent += len(sent)
        self.sent_bytes += sum(len(event.value) for event in sent)
        for name in ("ingest", "floor"):
            self._work(name, events=self.sent)
        # The clock follows what was taken: nothing is late, and idle partitions do not run ahead.
        for name in STAGES:
            if name in self.children:
                self.children[name].ask("clock", t=sent[-1].time)

    def _work(self, name: str, **reached: float) -> None:
        """A process works until its counts say so; beside it those that have little to do."""
        beside = [self.children[n] for n in ("portfolio", "notify") if n in self.children and name != "floor"]
        for child in (self.children[name], *beside):
            child.go()
        self.children[name].until(**reached)
        for child in (self.children[name], *beside):
            child.hold()

    def _checkpoint(self) -> float:
        """Watch writes a checkpoint; the seconds of CPU of that."""
        watch = self.children["watch"]
        watch.go()
        before = watch.sample()
        watch.ask("checkpoint")
        after = watch.sample()
        watch.hold()
        return after["cpu_s"] - before["cpu_s"]

    def flow(self, load: Load) -> dict[str, float]:
        """All stages at once and PACE events a second; CPU microseconds an event by stage."""
        for name in STAGES:
            self.children[name].go()
        self._steady(load)
        before = self._cpu()
        events = sum(self._steady(load) for _ in range(2))
        after = self._cpu()
        return {name: (after[name] - before[name]) / events * 1e6 for name in STAGES}

    def _steady(self, load: Load) -> int:
        """Sends for as long as lies between two checkpoints, then has one written; how many events."""
        ticks, events = round(Watch().checkpoint_s / TICK_S), round(PACE * TICK_S)
        begun = time.monotonic()
        for n in range(1, ticks + 1):
            sent = load.take(events)
            self.feed.send(sent)
            for name in STAGES:
                self.children[name].ask("clock", t=sent[-1].time - CLOCK_BEHIND_S)
            time.sleep(max(0.0, begun + n * TICK_S - time.monotonic()))
        self.children["watch"].ask("checkpoint")
        return ticks * events


def measure(
    say: Say, load: Load, rounds: int, parts: int = 1, names: tuple[str, ...] = STAGES, paced: bool = False
) -> Measured:
    """`rounds` rounds of `parts` times SLICES slices, after one that is not told; `paced`: then a steady flow."""
    first = load.take(64)
    slices = SLICES if "watch" in names else 1
    events = max(PARTITIONS, int(SLICE_BYTES * len(first) / sum(len(s.value) for s in first)))
    with ExitStack() as stack:
        say("starting a broker and the processes to be measured")
        pipeline = Pipeline(stack, names)
        done: list[dict[str, float]] = []
        for n in range(rounds + 1):
            found = pipeline.round(load, parts, slices, events)
            told = ", ".join(f"{name} {us:.1f}" for name, us in found.items() if us)
            which = f"round {n} of {rounds}" if n else "warming up"
            say(f"{which}, {parts * slices * events:,} events; µs: {told}")
            done.append(found)
        counts = {name: child.sample() for name, child in pipeline.children.items()}
        size = pipeline.sent_bytes / pipeline.sent
        if paced:
            say(f"a steady flow of {PACE:,} events a second")
        flow = pipeline.flow(load) if paced else None
        return Measured(done[1:], rounds * parts * slices * events, size, counts, flow)


def measure_idiomatic(say: Say, load: Load, rounds: int, events: int) -> Measured:
    """The same of the idiomatic app, in rounds of `events` events."""
    with ExitStack() as stack:
        say("starting a broker and the idiomatic app")
        broker = stack.enter_context(EmbeddedBroker(PARTITIONS))
        for topic in (idiomatic.TOPIC, idiomatic.ALERTS, *map(idiomatic.changelog, idiomatic.TABLES)):
            broker.create_topic(topic)
        config = bench_config(broker.bootstrap)
        feed = Feed(config)
        stack.callback(feed.close)
        app = stack.enter_context(Child("tests.bench.idiomatic", config.model_dump_json()))
        app.ready()
        done: list[dict[str, float]] = []
        size = 0
        for n in range(rounds + 1):
            sent = load.take(events)
            before = app.sample()["cpu_s"]
            feed.send(sent, (idiomatic.TOPIC, idiomatic.TOPIC))
            us = (app.until(events=(n + 1) * events)["cpu_s"] - before) / events * 1e6
            say(f"{'warming up' if n == 0 else f'round {n} of {rounds}'}, {events:,} events; µs: idiomatic {us:.0f}")
            if n:
                done.append({"idiomatic": us})
                size += sum(len(event.value) for event in sent)
        return Measured(done, rounds * events, size / rounds / events, {"idiomatic": app.sample()})
