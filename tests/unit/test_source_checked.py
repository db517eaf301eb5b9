"""Attributes as checked values: in which forms a number and a time may come, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import BadInput, Reason
from detector.model.events import MAX_TOKENS
from detector.sources import checked
from detector.sources.otlp import Record


@pytest.mark.parametrize(("value", "count"), [(0, 0), ("12", 12), (12.0, 12), ("12.0", 12), (None, None), ("", None)])
def test_a_count_may_be_a_number_or_a_string(value: Any, count: int | None) -> None:
    assert checked.tokens({"n": value}, "n") == count


@given(count=st.integers(0, MAX_TOKENS))
def test_each_count_within_bounds_is_taken_as_it_is(count: int) -> None:
    assert checked.tokens({"n": count}, "n") == checked.tokens({"n": str(count)}, "n") == count


@pytest.mark.parametrize("value", ["1_000", "\u0661", "0x10", "9" * 41, True, b"1", [1], {"n": 1}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    for read in (checked.tokens, checked.dollars, checked.seconds):
        with pytest.raises(BadInput) as refused:
            read({"n": value}, "n")
        assert (refused.value.reason, refused.value.field) == (Reason.WRONG_TYPE, "n")


@pytest.mark.parametrize("value", [-1, "-1", 10**400, "1e30", "inf", float("nan")])
def test_a_number_out_of_bounds_is_refused(value: Any) -> None:
    for read in (checked.tokens, checked.dollars, checked.seconds):
        with pytest.raises(BadInput) as refused:
            read({"n": value}, "n")
        assert (refused.value.reason, refused.value.field) == (Reason.OUT_OF_RANGE, "n")


def test_durations_are_in_seconds() -> None:
    assert checked.seconds({"ms": "1500"}, "ms") == 1.5
    assert checked.seconds({"s": 1.5}, "s", 1.0) == 1.5


@pytest.mark.parametrize("told", ["2027-01-15T08:00:00", "soon", "", 5, None])
def test_a_time_without_offset_or_that_is_none_is_left_for_the_record_s_own(told: Any) -> None:
    assert checked.time(Record({}, "", "n", {"event.timestamp": told}, 7.0)) == 7.0


def test_a_time_that_is_told_counts_before_the_record_s_own() -> None:
    said = {"event.timestamp": "2027-01-15T09:00:00.5+01:00"}
    assert checked.time(Record({}, "", "n", said, 7.0)) == 1_800_000_000.5
