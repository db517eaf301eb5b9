"""Records of another version's format are refused, with the way out: forwards and backwards are not the same."""

import msgspec
import pytest

from detector.model import baseline, packed, rollup

RECORDS = [
    (
        packed.FORMAT,
        packed.FORMAT - 1,
        lambda f: packed.Packed(f, {}, [], [], [], b"", b"", b"", b""),
        packed.decode_packed,
        "watch",
    ),
    (rollup.FORMAT, 0, lambda f: rollup.Rollup(f, 0, 1, 0.0, [], []), rollup.decode_rollup, "portfolio"),
    (
        baseline.FORMAT,
        baseline.FORMAT - 1,
        lambda f: baseline.Baselines(f, "acme", "a", baseline.Baseline(0.0, 0.0, {}, {})),
        baseline.decode_baselines,
        "watch",
    ),
]


@pytest.mark.parametrize(
    ("ours", "too_old", "make", "decode", "reader"), RECORDS, ids=["observations", "rollups", "baselines"]
)
def test_another_format_is_refused_with_what_to_do(ours, too_old, make, decode, reader) -> None:
    decode(msgspec.msgpack.encode(make(ours)))
    with pytest.raises(ValueError, match=f"of format {ours + 1}; this version reads {ours}: upgrade {reader} first"):
        decode(msgspec.msgpack.encode(make(ours + 1)))
    with pytest.raises(ValueError, match=f"let the version that wrote them run {reader} until none is left"):
        decode(msgspec.msgpack.encode(make(too_old)))
