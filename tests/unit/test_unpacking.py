"""Compressed batches: unpacked as ever, or passed over where they would fill the memory."""

import gzip
import logging
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.kafka import unpacking
from detector.kafka.clients import consumer  # noqa: F401, importing it is what sets the bound
from detector.kafka.unpacking import UnpackedTooLargeError, gunzip

PLACE = TopicPartition("llm.calls", 3)
PLAIN, GZIP = 0, 1


def batch(base: int, values: Sequence[bytes], codec: int = GZIP) -> bytes:
    """A batch as a broker answers it; its first offset is `base`."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 30)
    for n, value in enumerate(values):
        builder.append(n, timestamp=1_790_000_000_000, key=b"k", value=value, headers=[])
    return base.to_bytes(8, "big") + bytes(builder.build())[8:]


def read(*batches: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """(offset, value) of what a consumer gets of these batches, and where it goes on."""
    found = fetcher.PartitionRecords(PLACE, MemoryRecords(b"".join(batches)), [], 0, None, None, False, 0)
    return [(r.offset, r.value) for r in found], found.next_fetch_offset


def test_compressed_and_plain_batches_are_read_in_order() -> None:
    told, goes_on = read(batch(0, [b"a", b"b"]), batch(2, [b"c"], PLAIN), batch(3, [b"d" * 100_000]))
    assert told == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d" * 100_000)]
    assert goes_on == 4


def test_a_batch_that_would_fill_the_memory_is_passed_over_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = batch(1, [b"\0" * 500_000] * 40)
    assert len(bomb) < 50_000
    with caplog.at_level(logging.ERROR):
        told, goes_on = read(batch(0, [b"before"]), bomb, batch(41, [b"after"]))
    assert told == [(0, b"before"), (41, b"after")]
    assert goes_on == 42
    (line,) = caplog.records
    assert {name: line.__dict__[name] for name in ("topic", "partition", "offset", "next_offset")} == {
        "topic": "llm.calls", "partition": 3, "offset": 1, "next_offset": 41,
    }  # fmt: skip


def test_the_last_batch_too_may_be_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 1000)
    assert read(batch(0, [b"x" * 5000, b"y"])) == ([], 2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_all_members_are_unpacked_as_gzip_does(members: list[bytes]) -> None:
    packed = b"".join(map(gzip.compress, members))
    assert gunzip(packed) == gunzip(memoryview(packed)) == gzip.decompress(packed)
    with pytest.raises(EOFError):
        gunzip(packed[:-1])


def test_the_bound_is_exact_over_all_members(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"\0" * 600) + gzip.compress(b"\0" * 400)
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 1000)
    assert len(gunzip(packed)) == 1000
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 999)
    with pytest.raises(UnpackedTooLargeError):
        gunzip(packed)
