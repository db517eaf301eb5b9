"""Rows and rings as bytes: what is put back is what was written, and damage is refused before it is put anywhere."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.state.compact import Ring, Words, gather, keys_of, rows_of, scatter, spread, squeeze

RING = np.dtype([("a", "u2"), ("b", "u1")])
ROW = np.dtype([("key", "u8"), ("steps", "i8"), ("flag", "u1"), ("x", "f8", (9,)), ("ring", RING, (5,))])
HEAD_BYTES = ROW.itemsize - ROW["ring"].itemsize
PLACES = Ring.of(ROW, "ring")
BYTES = st.sampled_from([0, 0, 0, 1, 128, 255])


@st.composite
def rows(draw: st.DrawFn) -> Any:
    """Rows with many zeros, each with a key."""
    n = draw(st.integers(0, 9))
    drawn = draw(st.lists(BYTES, min_size=n * ROW.itemsize, max_size=n * ROW.itemsize))
    made = np.array(drawn, np.uint8).tobytes()
    found = np.frombuffer(made, ROW).copy()
    found["key"] = np.arange(1, n + 1)
    return found


@settings(max_examples=100, deadline=None)
@given(rows())
def test_whole_rows_come_back(given: Any) -> None:
    kept = squeeze(given)
    assert rows_of(kept, ROW).tobytes() == given.tobytes()
    assert keys_of(kept, ROW.itemsize) == given["key"].tolist()
    assert len(kept.words) == 8 * sum(
        word != 0 for row in given for word in np.frombuffer(row.tobytes().ljust(112, b"\0"), np.uint64)
    )


@settings(max_examples=100, deadline=None)
@given(rows(), st.randoms(use_true_random=False))
def test_heads_go_where_they_are_told_and_nowhere_else(given: Any, chance: Any) -> None:
    slots = np.array(chance.sample(range(len(given)), len(given) // 2), np.int64)
    into = np.full(len(given) * ROW.itemsize, 7, np.uint8).view(ROW)
    before = into.copy()
    spread(squeeze(given, slots, HEAD_BYTES), into, slots, HEAD_BYTES)
    expected = before.view(np.uint8).reshape(len(given), ROW.itemsize)
    expected[slots, :HEAD_BYTES] = given.view(np.uint8).reshape(len(given), ROW.itemsize)[slots, :HEAD_BYTES]
    assert into.tobytes() == expected.tobytes()


@settings(max_examples=100, deadline=None)
@given(rows(), st.data())
def test_new_places_of_rings_come_back(given: Any, data: st.DataObject) -> None:
    many = st.lists(st.integers(0, 12), min_size=len(given), max_size=len(given))
    begin, more = (np.array(data.draw(many), np.int64) for _ in range(2))
    slots, end = np.arange(len(given)), begin + more
    into = np.zeros(len(given), ROW)
    scatter(gather(given, slots, begin, end, PLACES), into, slots, begin, end, PLACES)
    for old, new, first, last in zip(given, into, begin, end, strict=True):
        told, empty = {number % 5 for number in range(first, last)}, np.zeros((), RING)
        assert [place.tobytes() for place in new["ring"]] == [
            (place if n in told else empty).tobytes() for n, place in enumerate(old["ring"])
        ]


KEPT = squeeze(np.ones(3, ROW))


@pytest.mark.parametrize(
    "damaged",
    [
        Words(2, KEPT.there, KEPT.words),
        Words(10**15, KEPT.there, KEPT.words),
        Words(-1, b"", b""),
        Words(3, KEPT.there, KEPT.words[:-8]),
        Words(3, KEPT.there, KEPT.words[:-3]),
        Words(3, KEPT.there[:-1] + b"\xff", KEPT.words + b"\0" * 16),
        Words(3, b"\x7f" + KEPT.there[1:], KEPT.words[:-8]),
    ],
)
def test_damaged_rows_are_refused(damaged: Words) -> None:
    with pytest.raises(ValueError, match=r"missing|multiple|without its key"):
        keys_of(damaged, ROW.itemsize)


@pytest.mark.parametrize(("begin", "end"), [([0], [3]), ([0, 0], [1, 1]), ([-9, -9], [2**62, -(2**62)])])
def test_damaged_rings_are_refused_or_stay_within_their_rows(begin: list[int], end: list[int]) -> None:
    into = np.zeros(2, ROW)
    with pytest.raises(ValueError, match="missing"):
        scatter(b"\1" * 4, into, np.arange(2), np.array(begin), np.array(end), PLACES)
    assert not into.view(np.uint8).any()
