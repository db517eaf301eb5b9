"""The bench of pages measures what it says: the longest records, and pages that hold them."""

import msgspec
import pytest

from detector.model.alert import MAX_MARKS
from tests.bench import pages


def test_its_loop_has_the_longest_record_that_usual_names_give() -> None:
    loop = pages.long_loop()
    assert {name: len(loop.evidence[name]) for name in ("steps", "usd_by_minute", "calls")} == {
        "steps": 24,
        "usd_by_minute": 47,  # of as many steps as a run remembers, one in each
        "calls": 50,
    }
    told = list(pages.records(20))
    assert {len(alert.history) for alert in told} == {MAX_MARKS}
    assert len({alert.id for alert in told}) == 20
    assert [alert.rule for alert in told].count("spend_spike") == 4
    assert [alert.severity for alert in told].count("critical") == 2


def test_it_tells_of_each_page_and_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_TASKS", 10)
    found = [pages.measure(count) for count in (10, 200)]
    few, many = (of.requests for of in found)
    assert set(few) == {"overview", "incidents", "one incident", "its record", "open tasks"}
    assert many["incidents"].answer_kb > 2 * few["incidents"].answer_kb
    assert all(of.cpu_ms > 0.0 and of.peak_mb > 0.0 for of in many.values())
    assert found[1].in_its_stage > found[1].record > found[1].in_pages > 1000.0
    lines = list(pages.tell((10, 200), found))
    assert lines[0].split() == ["open", "episodes", "10", "200"]
    assert {len(line) for line in lines} == {58}
    size = len(msgspec.json.encode(next(iter(pages.records(1)))))
    assert 7_000 < size < 9_500
