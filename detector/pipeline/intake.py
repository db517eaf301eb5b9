"""The pure part of ingest: records of source topics in; packed observations, dead letters and links out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from detector.config import Config
from detector.decoding import decoded, require
from detector.enrich.identity import Identities, hash64
from detector.enrich.observe import Observer
from detector.enrich.packing import Pack
from detector.enrich.pricing import Prices
from detector.enrich.pseudonyms import Pseudonyms
from detector.errors import BadInput, Reason
from detector.model.events import Call, Event, Link
from detector.model.packed import MOST_OF_A_ROW
from detector.sources.reading import Headers, Read, of_native, of_source
from detector.sources.times import seconds, taken_at

NATIVE: tuple[str, ...] = ("calls", "status", "any")
"""Feeds of native events; every other is a topic of `sources`."""


class SourceRecord(NamedTuple):
    """A record as Kafka has it; `broker_s` is its timestamp in s UTC, None where there is no broker.

    `bad` where it stands for `records` records that could not be read.
    """

    offset: int
    value: bytes | None
    broker_s: float | None
    bad: BadInput | None = None
    records: int = 1
    headers: Headers = ()


class DeadLetter(NamedTuple):
    """One event that cannot be used; the stage looks its bytes up by source and offset."""

    source: int
    offset: int
    reason: Reason
    field: str
    detail: str


class Flushed(NamedTuple):
    """What goes out: (partition, value) of packed records, dead letters, (key, value) of links."""

    packed: list[tuple[int, bytes]]
    dead_letters: list[DeadLetter]
    links: list[tuple[bytes, bytes]]


class Linked(msgspec.Struct, omit_defaults=True):
    """A record of `detector.links`: from `time` (s UTC) on this run works on that task, or is part of that run.

    One of both. `learned`: calls say so, no link; see `Identities.learn`.
    """

    tenant: str
    run: str
    task: str | None = None
    time: float = 0.0
    parent_run: str | None = None
    learned: bool = False


_link = msgspec.json.Decoder(Linked)
_linked = msgspec.json.Encoder().encode


class Intake:
    """Takes records, gives packed observations; keeps caches and links, but no state that could be lost."""

    def __init__(self, config: Config, partitions: int) -> None:
        self._config, self._partitions = config.ingest, partitions
        pseudonyms = Pseudonyms.configured(config)
        self._identities = Identities(
            partitions, pseudonyms, config.ingest.max_links,
            meters=config.identity.meters, clocks_s=config.time.lateness_s,
        )  # fmt: skip
        self._observer = Observer(self._identities, Prices.of(config.prices))
        fit = config.ingest.max_record_bytes // MOST_OF_A_ROW
        self._pack_rows = max(1, min(config.ingest.pack_observations, fit))
        self._read: dict[str, Read] = {feed: of_native(feed) for feed in NATIVE}
        self._read |= {source.topic: of_source(source) for source in config.sources}
        self._full: list[tuple[int, Pack]] = []
        self._dead: list[DeadLetter] = []
        self._links: list[tuple[bytes, bytes]] = []
        self._forwarded: dict[int, float] = {}
        self.counts = self._observer.counts
        self.taken: Counter[str] = Counter()
        """Events that could be used, by feed."""

    @property
    def links(self) -> int:
        """How many links are held."""
        return self._identities.links

    @property
    def pending(self) -> int:
        """Observations that wait for the next flush."""
        return sum(len(p.rows) for p in self._observer.packs.values()) + sum(len(p.rows) for _, p in self._full)

    def forwarded(self, source: int) -> float:
        """How far a source was taken (s UTC), 0 before the first: by its broker's clock, which no producer turns.

        Where there is no broker, by the highest event time.
        """
        return self._forwarded.get(source, 0.0)

    def take(self, source: int, feed: str, records: Sequence[SourceRecord]) -> None:
        """Takes records of one source, in the order of their offsets; `feed`: of NATIVE, or a topic of `sources`."""
        newest, read, good = self._forwarded.get(source, 0.0), self._read[feed], 0
        for record in records:
            if record.broker_s is not None and record.broker_s > newest:
                newest = record.broker_s
            if record.bad is not None:
                self._refuse(source, record, record.bad)
                continue
            if record.value is None:
                self._refuse(source, record, BadInput(Reason.NOT_JSON, "", "is empty"))
                continue
            if len(record.value) > self._config.max_record_bytes:
                self._refuse(source, record, BadInput(Reason.TOO_LARGE, "", f"has {len(record.value)} bytes"))
                continue
            seq = record.offset << 16
            for event in read(record.value, record.headers):
                t = self._one(source, record, seq, event)
                good += t > 0.0
                if record.broker_s is None and t > newest:
                    newest = t
                seq += 1
        self._forwarded[source] = newest
        self.taken[feed] += good

    def _one(self, source: int, record: SourceRecord, seq: int, event: Event | BadInput) -> float:
        """Takes one event; its time where it can be used, else 0."""
        try:
            if isinstance(event, BadInput):
                raise event
            told = seconds(event.time)
            t = taken_at(told, record.broker_s, self._config)
            if t != told:
                self.counts["clock_ahead"] += 1
            partition: int | None
            if isinstance(event, Call):
                partition = self._observer.call(event, t, source, seq)
            else:
                partition = self._observer.observe(event, t, source, seq)
        except BadInput as bad:
            self._refuse(source, record, bad)
            return 0.0
        self.counts[event.type] += 1
        if partition is not None and len(self._observer.packs[partition].rows) >= self._pack_rows:
            self._full.append((partition, self._observer.packs.pop(partition)))
        if isinstance(event, Link):
            self._tell_link(event, t)
        return t

    def _tell_link(self, event: Link, t: float) -> None:
        """What it says of the task and of the parent are records of their own: the topic keeps the newest of each."""
        tenant, run = event.tenant or "default", event.run
        if event.task is not None:
            self._links.append((b"%016x" % hash64(tenant, run), _linked(Linked(tenant, run, event.task, t))))
        if event.parent_run is not None:
            told = Linked(tenant, run, time=t, parent_run=event.parent_run)
            self._links.append((b"%016x" % hash64(tenant, run, "parent"), _linked(told)))

    def _refuse(self, source: int, record: SourceRecord, bad: BadInput) -> None:
        self.counts[f"bad:{bad.reason}"] += record.records
        self._dead.append(DeadLetter(source, record.offset, bad.reason, bad.field, bad.detail))

    def learn_link(self, key: bytes, value: bytes | None) -> None:
        """Applies a record of `detector.links`; one that cannot be read is counted."""
        if value is None:
            return
        try:
            link = decoded(_link, value)
            require(link.task is not None or link.parent_run is not None, "a link to nothing")
        except msgspec.DecodeError:
            self.counts["bad_links"] += 1
            return
        known = self._identities
        if link.parent_run is not None:
            known.start(link.tenant, link.run, link.parent_run, link.time)
        elif not (link.learned and known.knows(link.tenant, link.run)):
            known.link(link.tenant, link.run, link.task, link.time)

    def flush(self, marks: Mapping[int, float], everywhere: bool = False) -> Flushed:
        """Packs what was taken. `marks`: source -> event time (s UTC) up to which it has been forwarded.

        everywhere: a record for every partition, so that each learns the marks.
        """
        read = self._observer.texts.read()
        told = dict(marks)
        packs = [*self._full, *self._observer.packs.items()]
        if everywhere:
            have = set(self._observer.packs)
            packs += [(p, Pack()) for p in range(self._partitions) if p not in have]
        # Marks of this flush hold only once all of it has been sent: the full packs before carry none.
        last = {partition: i for i, (partition, _) in enumerate(packs)}
        packed = [
            (partition, pack.encode(told if last[partition] == i else {}, read))
            for i, (partition, pack) in enumerate(packs)
        ]
        learned = [
            (b"%016x" % hash64(tenant, run, "learned"), _linked(Linked(tenant, run, task, t, learned=True)))
            for tenant, run, task, t in self._observer.learned
        ]
        self._observer.learned.clear()
        out = Flushed(packed, self._dead, self._links + learned)
        self._full, self._observer.packs, self._dead, self._links = [], {}, [], []
        return out
