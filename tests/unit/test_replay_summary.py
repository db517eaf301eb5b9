"""What `detector replay` says of prices at its end: models that have none, service tiers that have none."""

from pathlib import Path
from typing import Any

from tests.support.judged import call
from tests.unit.test_replay import replayed, write


def unpriced(t: float, model: str, **fields: Any) -> dict[str, Any]:
    return call(t, model=model, cost_usd=None, **fields)


def last_lines(tmp_path: Path, *events: Any) -> list[str]:
    """What follows the summary's first line on standard error."""
    lines = replayed(write(tmp_path / "calls", list(events)), "--alerts", "/dev/null").stderr.splitlines()
    assert "events" in lines[0]
    return lines[1:]


def test_models_without_a_price_are_told_with_their_calls_the_most_first(tmp_path: Path) -> None:
    events = [unpriced(float(n), "bar" if n % 6 == 5 else "foo-1") for n in range(12)]
    events += [unpriced(12.0, "gpt-5-mini"), call(13.0, model="told"), unpriced(14.0, "no-counts", usage={})]
    assert last_lines(tmp_path, *events, events[0]) == ["12 calls of 2 models have no price: foo-1 (10), bar (2)"]


def test_a_single_one_is_told_as_such(tmp_path: Path) -> None:
    assert last_lines(tmp_path, unpriced(0.0, "foo")) == ["1 call of 1 model has no price: foo (1)"]


def test_of_many_models_those_with_the_most_calls_are_named(tmp_path: Path) -> None:
    events = [unpriced(float(n), f"m{n % 12}") for n in range(35)]
    (line,) = last_lines(tmp_path, *events)
    assert line.startswith("35 calls of 12 models have no price: m0 (3), m1 (3), ")
    assert line.endswith(" (3) and 2 more")


def test_calls_of_a_service_tier_without_a_price_are_told(tmp_path: Path) -> None:
    events = [unpriced(float(n), "gpt-5-mini", service_tier="turbo" if n else "standard") for n in range(3)]
    assert last_lines(tmp_path, *events) == ["2 calls priced as standard, for want of a price of the service tier"]


def test_where_all_has_a_price_nothing_more_is_said(tmp_path: Path) -> None:
    assert last_lines(tmp_path, unpriced(0.0, "gpt-5-mini"), call(1.0)) == []
