"""Packed batches: unpacked as ever, or handed on as they came where they cannot be, and never over the memory."""

import contextlib
import gzip
import logging
import random
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import Reason
from detector.kafka import codecs, unpacking
from detector.kafka.clients import consumer  # noqa: F401, importing it is what sets the bound
from detector.kafka.codecs import UnpackedTooLargeError, gunzip, unlz4, unsnappy, unzstd
from detector.kafka.unpacking import UnreadBatch, hand_on

PLACE = TopicPartition("llm.calls", 3)
PLAIN, GZIP, SNAPPY, LZ4, ZSTD = range(5)
CODECS = [GZIP, SNAPPY, LZ4, ZSTD]
HEADER_BYTES, ATTRIBUTES_AT, COUNT_AT = 61, 22, 57
AT_MS = 1_790_000_000_000


def raw_snappy(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(data))


PACKED: dict[str, tuple[Callable[[bytes], bytes], Callable[[Any], bytes]]] = {
    "gzip": (gzip_encode, gunzip),
    "snappy": (raw_snappy, unsnappy),
    "snappy of Java": (snappy_encode, unsnappy),
    "lz4": (lz4_encode, unlz4),
    "zstd": (zstd_encode, unzstd),
}
each_codec = pytest.mark.parametrize("codec", PACKED)


def batch(base: int, values: Sequence[bytes], codec: int = GZIP) -> bytes:
    """A batch as a broker answers it; its first offset is `base`."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 30)
    for n, value in enumerate(values):
        builder.append(n, timestamp=AT_MS, key=b"k", value=value, headers=[])
    return base.to_bytes(8, "big") + bytes(builder.build())[8:]


def holding(base: int, records: int, payload: bytes, codec: int) -> bytes:
    """A batch that says it holds so many records, and has this behind its header; for once no CRC."""
    head = bytearray(batch(base, [b""] * records, PLAIN)[:HEADER_BYTES])
    head[8:12] = struct.pack(">i", HEADER_BYTES - 12 + len(payload))
    head[ATTRIBUTES_AT] = codec
    return bytes(head) + payload


def found(*batches: bytes, at: int = 0, keeps: bool = True, crcs: bool = False) -> Any:
    value = hand_on if keeps else None
    return fetcher.PartitionRecords(PLACE, fetcher.MemoryRecords(b"".join(batches)), [], at, None, value, crcs, 0)


def read(*batches: bytes, **how: Any) -> tuple[list[tuple[int, bytes]], int]:
    """(offset, value) of what a consumer gets of these batches, and where it goes on."""
    records = found(*batches, **how)
    return [(r.offset, r.value) for r in records], records.next_fetch_offset


def lone(records: Any) -> UnreadBatch:
    (unread,) = [r for r in records if isinstance(r, UnreadBatch)]
    return unread


@pytest.mark.parametrize("codec", CODECS)
def test_packed_and_plain_batches_are_read_in_order(codec: int) -> None:
    packed, long = batch(0, [b"a" * 90, b"b" * 90], codec), batch(3, [b"d" * 100_000], codec)
    assert packed[ATTRIBUTES_AT] == long[ATTRIBUTES_AT] == codec
    told, goes_on = read(packed, batch(2, [b"c"], PLAIN), long, keeps=False, crcs=True)
    assert told == [(0, b"a" * 90), (1, b"b" * 90), (2, b"c"), (3, b"d" * 100_000)]
    assert goes_on == 4


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_would_fill_the_memory_is_handed_on_as_it_came(
    monkeypatch: pytest.MonkeyPatch, codec: int
) -> None:
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 1_000_000)
    bomb = batch(1, [b"\0" * 500_000] * 40, codec)
    assert len(bomb) < 1_000_000
    told, goes_on = read(batch(0, [b"before"]), bomb, batch(41, [b"after"]))
    assert told == [(0, b"before"), (40, bomb), (41, b"after")]
    assert goes_on == 42
    unread = lone(found(bomb))
    assert (unread.topic, unread.partition, unread.first, unread.offset) == ("llm.calls", 3, 1, 40)
    assert (unread.timestamp, unread.key, unread.headers) == (AT_MS, None, ())
    assert unread.bad.reason is Reason.TOO_LARGE
    assert unread.bad.detail == "a batch that unpacks to more than 1000000 bytes"


def test_who_does_not_ask_for_it_passes_over_what_is_too_large_and_stops_at_what_is_damaged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 1000)
    with caplog.at_level(logging.ERROR):
        told, goes_on = read(batch(0, [b"before"]), batch(1, [b"x" * 5000, b"y"]), batch(3, [b"after"]), keeps=False)
    assert (told, goes_on) == ([(0, b"before"), (3, b"after")], 4)
    (line,) = caplog.records
    assert {name: line.__dict__[name] for name in ("topic", "partition", "offset", "next_offset")} == {
        "topic": "llm.calls", "partition": 3, "offset": 1, "next_offset": 3,
    }  # fmt: skip
    with pytest.raises(cramjam.DecompressionError):
        read(holding(0, 2, b"no zstd", ZSTD), keeps=False)
    broken = bytearray(batch(0, [b"x"], PLAIN))
    broken[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="CRC"):
        read(bytes(broken), keeps=False, crcs=True)


@pytest.mark.parametrize("codec", range(8))
@pytest.mark.parametrize("payload", [b"", b"\0", b"garbage that no codec has made", b"\xff" * 300])
def test_a_batch_of_garbage_is_handed_on_and_its_neighbours_pass(codec: int, payload: bytes) -> None:
    bad = holding(1, 5, payload, codec)
    told, goes_on = read(batch(0, [b"before"]), bad, batch(6, [b"after"]))
    assert told == [(0, b"before"), (5, bad), (6, b"after")]
    assert goes_on == 7
    unread = lone(found(bad))
    assert (unread.first, unread.offset, unread.bad.reason) == (1, 5, Reason.UNREADABLE_BATCH)
    assert payload == b"" or payload.decode("latin-1") not in unread.bad.detail
    if codec > ZSTD:
        assert unread.bad.detail == f"a batch packed by a codec that is not known ({codec})"


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_is_cut_off_is_handed_on(codec: int) -> None:
    whole = batch(0, [random.Random(n).randbytes(200) * 3 for n in range(9)], codec)
    for end in (HEADER_BYTES, HEADER_BYTES + 1, len(whole) // 2, len(whole) - 5, len(whole) - 1):
        bad = holding(0, 9, whole[HEADER_BYTES:end], codec)
        assert read(bad) == ([(8, bad)], 9)


def test_what_could_be_read_before_the_damage_counts_and_the_rest_is_handed_on_once() -> None:
    bad = bytearray(batch(10, [b"a", b"b", b"c", b"d"], PLAIN))
    third = bad.index(b"c")
    bad[third - 1] = 0x7E  # the third value says it is 63 bytes long, which are not there
    value = bytes(bad)
    told, goes_on = read(value, at=10)
    assert told == [(10, b"a"), (11, b"b"), (13, value)]
    assert goes_on == 14
    assert lone(found(value, at=10)).first == 12
    # Begun anew in the middle, as after a commit there, it is told of the same offsets, and behind them of none.
    assert (lone(found(value, at=12)).first, lone(found(value, at=13)).first) == (12, 13)
    assert read(value, at=14) == ([], 14)


def test_garbage_behind_all_records_takes_nothing_from_them() -> None:
    whole = batch(0, [b"a", b"b"], PLAIN)
    assert read(holding(0, 2, whole[HEADER_BYTES:] + b"more", PLAIN)) == ([(0, b"a"), (1, b"b")], 2)


@each_codec
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=3000), times=st.integers(1, 400))
def test_what_was_packed_is_unpacked(codec: str, data: bytes, times: int) -> None:
    pack, unpack = PACKED[codec]
    packed = pack(data * times)
    assert unpack(packed) == unpack(memoryview(packed)) == data * times


@each_codec
@settings(max_examples=60, deadline=None)
@given(data=st.binary(min_size=1, max_size=2000), garbage=st.binary(max_size=40), where=st.floats(0, 1))
def test_what_is_damaged_is_refused_by_name_or_unpacked(codec: str, data: bytes, garbage: bytes, where: float) -> None:
    pack, unpack = PACKED[codec]
    packed = pack(data)
    at = int(where * len(packed))
    for bad in (packed[:at], packed[:at] + garbage, packed[:at] + garbage + packed[at + len(garbage) :], garbage):
        with contextlib.suppress(*codecs.UNREADABLE):
            assert len(unpack(bad)) <= codecs.MAX_UNPACKED_BYTES


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_all_members_are_unpacked_as_gzip_does(members: list[bytes]) -> None:
    packed = b"".join(map(gzip.compress, members))
    assert gunzip(packed) == gunzip(memoryview(packed)) == gzip.decompress(packed)
    with pytest.raises(EOFError):
        gunzip(packed[:-1])


@each_codec
def test_the_bound_is_exact(monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    pack, unpack = PACKED[codec]
    packed = pack(b"\0" * 100_000)
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 100_000)
    assert len(unpack(packed)) == 100_000
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 99_999)
    with pytest.raises(UnpackedTooLargeError):
        unpack(packed)


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_the_bound_is_over_all_members(monkeypatch: pytest.MonkeyPatch, codec: str) -> None:
    pack, unpack = PACKED[codec]
    packed = pack(b"\0" * 600) + pack(b"\0" * 400)
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 1000)
    assert len(unpack(packed)) == 1000
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 999)
    with pytest.raises(UnpackedTooLargeError):
        unpack(packed)


class Assigned:
    """As much of an assignment as a result of a fetch asks for: one partition, and where it is read."""

    active, paused, position = True, False, 0

    def state_value(self, tp: TopicPartition) -> "Assigned":
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position


def test_of_many_batches_up_to_the_bound_little_is_taken_at_once_and_in_the_end_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unpacking, "MAX_TAKEN_BYTES", 2500)
    results = []
    for _ in range(2):
        records = found(*(batch(n * 3, [b"x" * 1000] * 3, ZSTD) for n in range(2)))
        results.append(fetcher.FetchResult(PLACE, assignment=Assigned(), partition_records=records, backoff=0))
    turns = []
    while any(result.has_more() for result in results):
        with unpacking.little_at_once():
            turns.append([[r.offset for r in result.getall(100)] for result in results])
    # A batch takes room when it is unpacked, and its records when they are taken; what one leaves is the next one's.
    assert turns == [[[0], []], [[1, 2, 3], []], [[4, 5], [0]], [[], [1, 2, 3]], [[], [4, 5]]]
    assert [result._assignment.position for result in results] == [6, 6]


@pytest.mark.parametrize(
    "payload", [b"no zstd", zstd_encode(b"\0" * 5000)], ids=["damaged", "too large"]
)  # fmt: skip
def test_after_a_batch_that_fails_others_have_their_turn(monkeypatch: pytest.MonkeyPatch, payload: bytes) -> None:
    monkeypatch.setattr(codecs, "MAX_UNPACKED_BYTES", 1000)
    records = found(*(holding(n, 1, payload, ZSTD) for n in range(3)), batch(3, [b"a", b"b"], PLAIN))
    result = fetcher.FetchResult(PLACE, assignment=Assigned(), partition_records=records, backoff=0)
    turns = []
    while result.has_more():
        with unpacking.little_at_once():
            turns.append([r.offset for r in result.getall(100)])
    assert turns == [[0], [1], [2], [3, 4]]


def test_keys_and_headers_take_room_too() -> None:
    record = found(batch(0, [b"abc"], PLAIN)).__next__()
    assert unpacking.size_of(record) == len(b"k") + len(b"abc")
    record.headers, record.key, record.value = [("name", b"told"), ("none", None)], b"", None
    assert unpacking.size_of(record) == len("name") + len("told") + len("none")


def test_no_more_records_are_taken_than_were_asked_for() -> None:
    assigned = Assigned()
    result = fetcher.FetchResult(
        PLACE, assignment=assigned, partition_records=found(batch(0, [b"a", b"b", b"c"], PLAIN)), backoff=0
    )
    with unpacking.little_at_once():
        assert [r.offset for r in result.getall(2)] == [0, 1]
    assert assigned.position == 2
    assert [r.offset for r in result.getall(2)] == [2]
    assert not result.has_more()


def endless_zstd() -> bytes:
    """A frame of 4 bytes a block, each of which is 128 KiB of one byte, with the largest window that is taken."""
    block = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"x"
    return b"\x28\xb5\x2f\xfd\x00\x88" + block * 50_000


def blocks_of_snappy(count: int) -> bytes:
    one = raw_snappy(b"\0" * (8 << 20))
    return codecs._XERIAL + (struct.pack(">i", len(one)) + one) * count


BOMBS: dict[str, Callable[[], tuple[Callable[[Any], bytes], bytes]]] = {
    "gzip": lambda: (gunzip, gzip.compress(b"\0" * (64 << 20)) * 40),
    "snappy": lambda: (unsnappy, raw_snappy(b"\0" * (300 << 20))),
    "snappy that lies": lambda: (unsnappy, b"\xff\xff\xff\xff\x0f" + b"\0" * 100),
    "snappy of Java": lambda: (unsnappy, blocks_of_snappy(40)),
    "lz4": lambda: (unlz4, lz4_encode(b"\0" * (64 << 20)) * 40),
    "zstd": lambda: (unzstd, endless_zstd()),
    "zstd of many frames": lambda: (unzstd, zstd_encode(b"\0" * (64 << 20)) * 1000),
}


def peak_bytes_of(bomb: str) -> int:
    """What unpacking takes at its peak, over what the process has before; it ends by the bound."""
    unpack, packed = BOMBS[bomb]()
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # the peak counts from here
    before = _status("VmHWM")
    try:
        unpack(packed)
    except UnpackedTooLargeError:
        return _status("VmHWM") - before
    raise AssertionError(f"{bomb} was unpacked")


def _status(name: str) -> int:
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name)) << 10


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of a process is read in /proc")
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_takes_no_more_than_the_bound_and_its_window(bomb: str) -> None:
    code = f"from tests.unit.test_unpacking import peak_bytes_of; print(peak_bytes_of({bomb!r}))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < (codecs.MAX_UNPACKED_BYTES * 2) + (16 << 20), ran.stdout
