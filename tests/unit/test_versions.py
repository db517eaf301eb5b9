"""What an earlier version has stored or sent is refused in words that help, and never misread."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from detector.errors import StateError
from detector.kafka.checkpoint import Ledger
from detector.model import baseline, packed, rollup
from detector.model.baseline import decode_baselines
from detector.model.packed import decode_packed
from detector.model.rollup import decode_rollup
from detector.pipeline.owned import Owned
from detector.state.layout import VERSION
from detector.state.stored import store
from tests.unit.test_recovery import CONFIG, Watching

OLD_SEGMENT = store(4, [[{0: 1.0}, {0: 0.0}, 0.0, 0.0], {0: 7}, {}, 1.0, [0, [], []], 0.0])
"""Segment 0 as the version before wrote it: sources, taken, statuses, watermark, the minute under way, and a time."""
OLD_LOG = {
    b"0:0:3:0:0": OLD_SEGMENT,
    b"0:manifest:3": b'{"format":1,"offset":9,"segments":{"0":["0:0:3:0:0"]}}',
}


def load(log: dict[bytes, bytes]) -> Owned:
    return Owned.load(Watching(CONFIG, []), "detector.observations", "detector.state", 0, 4, log, None)


def test_a_checkpoint_of_the_version_before_is_refused_with_its_place_and_what_to_do() -> None:
    with pytest.raises(StateError) as refused:
        load(OLD_LOG)
    assert str(refused.value) == (
        "detector.state, partition 0: the checkpoint of generation 3 has format 1, this version reads 2: "
        "run the older version that wrote it, or make the topic again from what its source still holds "
        "(docs/operations.md, Restoring)"
    )


def test_so_is_a_segment_of_the_version_before_in_a_checkpoint_of_this_one() -> None:
    plan = Ledger(0, 3, []).plan(9, {0: OLD_SEGMENT}, {}, [0])
    with pytest.raises(
        StateError, match=f"detector.state, partition 0: .* format 4, this version reads {VERSION}: run"
    ):
        load(dict([*plan.segments, plan.manifest]))


@pytest.mark.parametrize(
    "kept",
    [b"", b"\x92", b"\x92%c\x90" % VERSION, b"\x92%c" % VERSION, b"\xc1", store(VERSION, 7), store(VERSION, [])[:-1]],
)
def test_a_segment_that_is_damaged_is_refused_with_its_place(kept: bytes) -> None:
    plan = Ledger(0, 3, []).plan(9, {1: kept}, {}, [1])
    with pytest.raises(StateError, match=r"detector.state, partition 0: .* damaged"):
        load(dict([*plan.segments, plan.manifest]))


@pytest.mark.parametrize(
    ("decode", "reader", "ours", "rest"),
    [
        (decode_packed, "watch", packed.FORMAT, [{}, [], [], [], b"", b"", b"", b""]),
        (decode_packed, "watch", packed.FORMAT, [{}, "another layout"]),
        (decode_rollup, "portfolio", rollup.FORMAT, [0, 1, 0.0, [], []]),
        (decode_rollup, "portfolio", rollup.FORMAT, ["another layout"]),
        (decode_baselines, "watch", baseline.FORMAT, ["acme", None, [0.0, 0.0, {}, {}]]),
        (decode_baselines, "watch", baseline.FORMAT, [1]),
    ],
)
def test_a_record_of_another_version_is_refused_whatever_its_layout(
    decode: Callable[[bytes], Any], reader: str, ours: int, rest: list[Any]
) -> None:
    until = f"let the version that wrote them run {reader} until none is left"
    for format, way_out in (
        (ours + 1, f"upgrade {reader} first"),
        (ours + 7, f"upgrade {reader}"),
        (ours - 1, until),
    ):
        with pytest.raises(ValueError, match=f"format {format}; this version reads {ours}: {way_out}"):
            decode(msgspec.msgpack.encode([format, *rest]))


@pytest.mark.parametrize("decode", [decode_packed, decode_rollup, decode_baselines])
@pytest.mark.parametrize("value", [b"", b"\x90", b"\x91\xa1x", b"\x80", b"\xc1", b"\x93\x01\x01"])
def test_what_is_no_record_is_refused(decode: Callable[[bytes], Any], value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(value)
