"""`python -m tests.bench.replay PATH…`: recorded runs or traffic through ingest and watch on the embedded broker.

As fast as it goes, each file by itself: labelled runs (tests.bench.labelled), Azure and Mooncake traffic
(tests.bench.traffic, which say what of it is made up), or native events, a line each. `.gz` is unpacked.
"""

import json
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from detector.clock import clock_time
from detector.config import Config
from detector.kafka.embedded import EmbeddedBroker
from detector.model.alert import Alert, decode_alert
from tests.bench import labelled, traffic
from tests.bench.children import Child
from tests.bench.feed import Feed
from tests.bench.load import Sent
from tests.bench.rounds import PARTITIONS, bench_config

CHUNK_BYTES = 1_000_000
"""Sent at once, of one partition at most; two such chunks are on their way."""
ENDS_S = 3 * 86_400.0
"""At the end of the input event time runs on by this, past every timeout."""
POLL_S = 0.05

Event = dict[str, Any]


class Played(NamedTuple):
    """What came of it: `seconds` and `cpu_s` of ingest and watch until the last event was judged or waits for its
    watermark; `alerts` are all records in the order of reading, those of the end too.
    """

    events: int
    refused: int
    seconds: float
    cpu_s: float
    alerts: list[Alert]

    def episodes(self, rule: str | None = None) -> list[Alert]:
        """The record that holds of each episode (of a rule), in the order of their opening."""
        held: dict[str, Alert] = {}
        for alert in self.alerts:
            if rule in (None, alert.rule) and (alert.id not in held or alert.version > held[alert.id].version):
                held[alert.id] = alert
        return sorted(held.values(), key=lambda alert: (alert.opened_at, alert.id))


def events_of(path: Path | str) -> Iterator[Event]:
    """Native events of a file, by what is in it."""
    with traffic.opened(path) as f:
        first = f.readline()
    if first.startswith("TIMESTAMP,"):
        return traffic.azure(path)
    fields = json.loads(first)
    if "steps" in fields:
        return labelled.events(path)
    return traffic.mooncake(path) if "hash_ids" in fields else _native(path)


def _native(path: Path | str) -> Iterator[Event]:
    with traffic.opened(path) as f:
        yield from map(json.loads, f)


class _Alerts:
    """Reads detector.alerts in a thread while it grows, since the embedded broker keeps only so much."""

    def __init__(self, config: Config) -> None:
        self._records: list[Alert] = []
        self._consumer = Consumer(
            {"bootstrap.servers": config.kafka.bootstrap, "group.id": "replay", "enable.auto.commit": False}
        )
        self._next = dict.fromkeys(range(config.topics.partitions), 0)
        self._consumer.assign([TopicPartition(config.topics.alerts, p, 0) for p in self._next])
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._closing.is_set():
            for message in self._consumer.consume(1000, POLL_S):
                if message.error() is None:
                    if (value := message.value()) is not None:
                        self._records.append(decode_alert(value))
                    self._next[message.partition()] = message.offset() + 1

    def all(self, written: int) -> list[Alert]:
        """Waits until so many records were read, tombstones included."""
        while sum(self._next.values()) < written:
            if not self._thread.is_alive():
                raise RuntimeError("alerts cannot be read")
            time.sleep(POLL_S)
        return self._records

    def close(self) -> None:
        """Closes."""
        self._closing.set()
        self._thread.join()
        self._consumer.close()


def play(config: Config, events: Iterable[Event]) -> Played:
    """Sends events through ingest and watch on the brokers and topics of `config`, and waits for all that follows.

    They come in the order of their times, which are the only clock.
    """
    # History is read in order, however far behind it lies.
    held = config.time.model_copy(update={"hold_back_s": 1e9})
    config = config.model_copy(update={"time": held})
    events = iter(events)
    first = next(events)
    with ExitStack() as stack:
        start = str(_time(first))
        child = stack.enter_context(Child("tests.bench.stage", config.model_dump_json(), start, "ingest", "watch"))
        feed, alerts = Feed(config), _Alerts(config)
        stack.callback(feed.close)
        stack.callback(alerts.close)
        child.ready()
        began, before = time.monotonic(), child.sample()["cpu_s"]
        sent = taken = packed = 0
        newest = 0.0
        for chunk in _chunks(chain([first], events), config.topics.partitions):
            feed.send(chunk)
            child.until(events=taken, packed=packed)
            if newest:
                child.ask("clock", t=newest)
            taken, packed = sent, feed.records(config.topics.observations)
            sent, newest = sent + len(chunk), chunk[-1].time
        child.until(events=sent)
        counts = child.until(packed=feed.records(config.topics.observations))
        seconds, cpu_s = time.monotonic() - began, counts["cpu_s"] - before
        for ends in (newest, newest + ENDS_S):
            child.ask("clock", t=ends)
            # Of before this one heartbeat may still be on its way and the next one prepared; the third is of now.
            beats = 3 * config.topics.partitions
            child.until(packed=feed.records(config.topics.observations) + beats)
        records = alerts.all(feed.records(config.topics.alerts))
        return Played(sent, int(child.sample()["refused"]), seconds, cpu_s, records)


def _time(event: Event) -> float:
    return float(event["time"])


def _chunks(events: Iterable[Event], partitions: int) -> Iterator[list[Sent]]:
    """Events on their way: those of a run, or its task, go to one partition."""
    chunk: list[Sent] = []
    size: Counter[int] = Counter()
    for event in events:
        key = event.get("run") or event["task"]
        partition = zlib.crc32(key.encode()) % partitions
        value = json.dumps(event).encode()
        if size[partition] + len(value) > CHUNK_BYTES:
            yield chunk
            chunk, size = [], Counter()
        size[partition] += len(value)
        chunk.append(Sent(int(event.get("type") in ("status", "link")), partition, _time(event), value))
    if chunk:
        yield chunk


def tell(path: str, played: Played) -> None:
    """What came of a file."""
    rate, us = played.events / played.seconds, played.cpu_s / played.events * 1e6
    print(
        f"{path}: {played.events:,} events ({played.refused} refused) in {played.seconds:.1f} s, {rate:,.0f} a second"
    )
    print(f"  ingest and watch: {us:.1f} µs of CPU an event, runs that begin included")
    every = played.episodes()
    for (rule, severity), n in sorted(Counter((e.rule, e.severity) for e in every).items()):
        print(f"  {n:6} episodes of {rule}, {severity}")
    for run, loops in _by_run(played.episodes("loop")).items():
        print(f"  {run}: {len(loops)} {'episode' if len(loops) == 1 else 'episodes'}")
        for e in loops:
            print(f"    {e.severity}, {e.state}, {clock_time(e.opened_at)}, {e.calls} calls: {e.summary}")


def _by_run(episodes: list[Alert]) -> dict[str, list[Alert]]:
    runs: dict[str, list[Alert]] = {}
    for episode in episodes:
        runs.setdefault(episode.run or "", []).append(episode)
    return runs


def main(paths: list[str]) -> int:
    """The exit code."""
    if not paths or paths[0].startswith("-"):
        print(__doc__)
        return 2
    for path in paths:
        with EmbeddedBroker(PARTITIONS) as broker:
            tell(path, play(bench_config(broker.bootstrap), events_of(path)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
