"""The ids that were seen: known again within their bound of time and number, and after a restart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.state.seen import CHUNK, Seen


def ids(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def some(start: int, n: int) -> np.ndarray:
    """`n` ids that look like hashes."""
    return np.arange(start, start + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=20), max_size=12))
def test_it_says_of_each_id_whether_it_came_before(batches: list[list[int]]) -> None:
    seen, known = Seen(1000, 100.0), set()
    for batch in batches:
        expected = []
        for value in batch:
            expected.append(value + 7 not in known)
            known.add(value + 7)
        assert seen.add(ids(*(v + 7 for v in batch)), 0.0).tolist() == expected
        assert len(seen) == len(known)


def test_ids_at_the_ends_of_their_range_are_known_too() -> None:
    seen = Seen(10, 100.0)
    assert seen.add(ids(0, 2**64 - 1, 2**63), 0.0).all()
    assert not seen.add(ids(0, 2**64 - 1, 2**63), 0.0).any()


def test_an_id_is_forgotten_after_its_time() -> None:
    seen = Seen(10 * CHUNK, 100.0)
    seen.add(some(1, CHUNK), 1000.0)
    seen.add(some(1 + CHUNK, CHUNK), 1050.0)
    seen.add(some(1 + 2 * CHUNK, 1), 1100.0)
    assert not seen.add(some(1, 1), 1100.0).any()
    seen.add(some(1 + 2 * CHUNK, 10), 1101.0)
    assert seen.add(some(1, 1), 1101.0).all()
    assert not seen.add(some(1 + CHUNK, CHUNK), 1101.0).any()
    assert seen.evicted == 0


def test_the_number_is_bounded_and_what_left_before_its_time_is_counted() -> None:
    seen = Seen(3 * CHUNK, 1e9)
    for n in range(10):
        seen.add(some(1 + n * CHUNK, CHUNK), float(n))
        assert len(seen) <= 4 * CHUNK
    assert seen.evicted == 10 * CHUNK - len(seen)
    assert not seen.add(some(1 + 9 * CHUNK, CHUNK), 10.0).any()
    assert seen.add(some(1, 1), 10.0).all()
    assert len(seen._table) * 8 <= 32 * (len(seen) + CHUNK)


@pytest.mark.parametrize("parts", [1, 5])
def test_a_restored_set_knows_what_the_first_one_knew(parts: int) -> None:
    seen = Seen(10 * CHUNK, 100.0)
    for n in range(parts):
        seen.add(some(1 + n * CHUNK, CHUNK - n), float(n))
    restored = Seen(10 * CHUNK, 100.0)
    restored.restore([seen.encode(n) for n in reversed(seen.numbers())])
    assert len(restored) == len(seen)
    assert restored.numbers() == seen.numbers()
    assert [restored.encode(n) for n in restored.numbers()] == [seen.encode(n) for n in seen.numbers()]
    for each in (seen, restored):
        fresh = each.add(some(1, parts * CHUNK), float(parts))
        assert int(fresh.sum()) == sum(range(parts))
    assert restored.numbers() == seen.numbers()


def test_only_chunks_that_grew_are_written_again() -> None:
    seen = Seen(10 * CHUNK, 100.0)
    seen.add(some(1, CHUNK), 0.0)
    seen.add(some(1 + CHUNK, 5), 0.0)
    assert seen.dirty == {0, 1}
    seen.dirty = set()
    seen.add(some(1, 100), 0.0)
    assert seen.dirty == set()
    seen.add(some(1 + 2 * CHUNK, 5), 0.0)
    assert seen.dirty == {1}


def test_a_chunk_that_left_is_not_written() -> None:
    seen = Seen(CHUNK, 1e9)
    for n in range(5):
        seen.add(some(1 + n * CHUNK, CHUNK), float(n))
    assert seen.dirty <= set(seen.numbers())


def test_nothing_is_nothing() -> None:
    seen = Seen(10, 10.0)
    assert seen.add(ids(), 0.0).tolist() == []
    empty = Seen(10, 10.0)
    empty.restore([])
    assert (len(empty), empty.numbers()) == (0, [])
    assert empty.add(ids(5), 1.0).all()
