"""A segment of a checkpoint: read as it was written, or refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import StateError
from detector.state.stored import open_stored, store

KEPT: list[Any] = [{"a": 1, "rows": b"\0\1" * 20}, "text", 2**64 - 1, None, [1.5]]


def test_what_was_stored_comes_back() -> None:
    assert open_stored(store(7, KEPT), 7, list[Any]) == KEPT


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_damage_is_refused(data: st.DataObject) -> None:
    raw = bytearray(store(7, KEPT))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(StateError):
        open_stored(bytes(raw), 7, list[Any])
    with pytest.raises(StateError, match="damaged"):
        open_stored(store(7, KEPT)[:at], 7, list[Any])


def test_what_has_no_checksum_is_refused() -> None:
    with pytest.raises(StateError, match="damaged"):
        open_stored(msgspec.msgpack.encode([7, KEPT]), 7, list[Any])


def test_another_version_is_refused_by_its_name() -> None:
    with pytest.raises(StateError, match="has format 6, this version reads 7"):
        open_stored(store(6, KEPT), 7, dict[int, bool])
