"""Rows by key: slots that stay, are handed out again, and are written in an order of their own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.state.table import Table

DTYPE = np.dtype([("key", "u8"), ("used", "u1"), ("segment", "i4"), ("heard", "f8"), ("x", "f8", (3,))])


def filled(*keys: int, segment: int = 1) -> Table:
    table = Table(DTYPE, 2)
    for key in keys:
        slot = table.add(key, segment)
        table.rows["x"][slot] = float(key % 97)
    return table


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=120))
def test_it_holds_what_a_dictionary_would(moves: list[tuple[bool, int]]) -> None:
    table, expected = Table(DTYPE, 2), {}
    for n, (add, key) in enumerate(moves):
        if add and key not in expected:
            slot = table.add(key, key % 3)
            assert table.rows["x"][slot].tolist() == [0.0, 0.0, 0.0]
            table.rows["x"][slot] = expected[key] = float(n)
        elif not add and key in expected:
            table.remove(key)
            del expected[key]
        assert len(table) == len(expected)
        assert {k: float(table.rows["x"][table.get(k), 0]) for k in table} == expected
        assert all((key in table) == (table.get(key) >= 0) for key in range(31))
    assert len({table.get(k) for k in expected}) == len(expected)
    assert int(table.rows["used"].sum()) == len(expected)


def test_slots_stay_while_the_table_grows_and_are_used_again() -> None:
    table = filled(*range(100, 200))
    before = table.slots(list(range(100, 200)))
    table.add(5, 1)
    assert table.slots(list(range(100, 200))) == before
    gone = table.remove(150)
    assert table.add(6, 1) == gone
    assert table.slots([150, 6]) == [-1, gone]


def test_keys_of_64_bits_are_kept_whole() -> None:
    table = filled(2**64 - 1, 2**63, 0)
    assert sorted(table) == [0, 2**63, 2**64 - 1]
    assert sorted(table.rows["key"][table.slots(list(table))].tolist()) == [0, 2**63, 2**64 - 1]


def test_who_was_unheard_for_how_long() -> None:
    table = filled(1, 2, 3, 4)
    table.heard(np.array([table.get(1), -1, table.get(2), table.get(1)]), np.array([5.0, 99.0, 7.0, 3.0]))
    table.heard(np.array([table.get(3)]), np.array([9.0]))
    assert sorted(table.idle_since(5.0)) == [1, 4]
    assert table.idle_since(-1.0) == []
    assert table.longest_unheard(3) == [4, 1, 2]
    assert table.longest_unheard(0) == []


def test_rows_of_a_segment_come_by_key_whatever_the_order_of_their_coming() -> None:
    def written(*keys: int) -> bytes:
        table = filled(*keys, segment=2)
        table.add(77, 3)
        return table.rows[table.slots_of_segment(2)].tobytes()

    assert written(9, 3, 5) == written(5, 9, 3)
    assert np.frombuffer(written(9, 3, 5), DTYPE)["key"].tolist() == [3, 5, 9]


def test_rows_are_put_back_as_they_were_written() -> None:
    table = filled(9, 3, 5)
    table.remove(3)
    rows = table.rows[table.slots_of_segment(1)]
    again = filled(1)
    slots = again.put(rows)
    assert again.rows[slots].tobytes() == rows.tobytes()
    assert again.slots([5, 9]) == slots
