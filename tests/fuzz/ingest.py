"""The whole of ingest without a broker: every event is either in what goes out or a dead letter, and never both."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from detector.config import Config, Source
from detector.model.events import TYPES, Link
from detector.model.packed import decode_packed
from detector.pipeline.intake import NATIVE, Intake, SourceRecord
from detector.sources.native import MAX_IN_RECORD
from detector.sources.reading import of_native, of_source
from tests.fuzz.corpus import MARK

PARTITIONS = 4
RENEWED = 20_000
BROKER_S = (None, 1_790_000_100.0, 1_795_165_200.0)


def ingest(feeds: Sequence[str] = NATIVE) -> Callable[[bytes], bool]:
    """Tries an input as a record of each of these feeds in turn, together with a good one and one without a value."""
    held: list[Any] = []
    sources = [Source.model_validate({"topic": feed, "format": feed}) for feed in feeds if feed not in NATIVE]
    config = Config(sources=sources)
    reads = {feed: of_native(feed) for feed in NATIVE} | {source.topic: of_source(source) for source in sources}
    good = b'{"id":"good","time":1790000000,"run":"good","model":"m","usage":{},"output":{"text":"fine"}}'

    def once(data: bytes) -> bool:
        if not held or held[1] >= RENEWED:
            held[:] = [Intake(config, PARTITIONS), 0]
        intake, n = held[:2]
        held[1] += 1
        feed, broker_s = feeds[n % len(feeds)], BROKER_S[n // len(feeds) % 3]
        before = sum(v for k, v in intake.counts.items() if k in TYPES)
        intake.take(0, feed, [SourceRecord(7, data, broker_s), SourceRecord(8, None, None)])
        accepted = sum(v for k, v in intake.counts.items() if k in TYPES) - before
        flushed = intake.flush({0: 1.0})
        dead = [d for d in flushed.dead_letters if d.offset == 7]
        assert [d.offset for d in flushed.dead_letters if d.offset != 7] == [8], "a record without value is told once"
        read = reads[feed](data, ())
        assert accepted + len(dead) == len(read), f"{len(read)} in, {accepted} accepted, {len(dead)} dead letters"
        # A link to the run above may concern ingest alone.
        kept = sum(isinstance(event, Link) and event.task is None for event in read)
        _check(flushed.packed, range(accepted - kept, accepted + 1), flushed.links)
        assert all(MARK not in d.field + d.detail for d in dead), "a reason that repeats what was sent"
        if n % 16:
            return accepted > 0
        # Whatever came before, the next event is taken as ever, and the same is made of it.
        intake.take(0, "calls", [SourceRecord(9, good, None)])
        ((_, value),) = intake.flush({}).packed
        assert held[2:] in ([], [value]), "an input changed what is made of the next event"
        held[2:] = [value]
        return accepted > 0

    return once


def _check(packed: list[tuple[int, bytes]], accepted: range, links: list[tuple[bytes, bytes]]) -> None:
    """All that went out can be read again, and holds what was accepted and nothing else."""
    seqs: list[int] = []
    for partition, value in packed:
        columns = decode_packed(value)
        rows = columns.rows
        assert 0 <= partition < PARTITIONS
        assert len(columns.idents) <= len(rows), "identities of events that were refused"
        assert np.isfinite(rows["cost_usd"]).all()
        seqs += rows["seq"].tolist()
    assert len(seqs) == len(set(seqs)), "an event goes out twice"
    assert len(seqs) in accepted, "what was accepted is not what goes out"
    assert all(7 << 16 <= seq < (7 << 16) + MAX_IN_RECORD for seq in seqs)
    for _, value in links:
        link = msgspec.json.decode(value)
        assert {"tenant", "run"} <= link.keys() <= {"tenant", "run", "task", "parent_run", "time", "learned"}
        assert ("task" in link) != ("parent_run" in link)
