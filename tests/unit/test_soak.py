"""The soak: its traffic, and the verdict over its samples."""

import json
from collections import Counter
from itertools import takewhile

import pytest

from tests.soak.fleet import BAD_EVERY, traffic
from tests.soak.report import DAY_S, GROWS_MB_A_DAY, MB, Counted, Sample, growth, slope, verdict

START = 1_790_000_000.0


def test_traffic_has_the_rhythm_of_a_day_and_some_records_of_no_use() -> None:
    day = list(takewhile(lambda r: r.time < START + DAY_S, traffic(START, copies=1)))
    hours = Counter(int((r.time - START) // 3600) for r in day)
    assert max(hours.values()) > 500
    assert sum(hours[h] < 10 for h in range(24)) > 6
    assert [r.time for r in day] == sorted(r.time for r in day)
    kinds = Counter(r.kind for r in day)
    assert kinds["bad"] == (len(day) - kinds["bad"]) // BAD_EVERY > 2
    assert any("error" in tool for r in day for tool in json.loads(r.value).get("tools", ()))


def test_the_same_seed_gives_the_same_traffic() -> None:
    one, other = traffic(START, copies=1), traffic(START, copies=1)
    assert [next(one) for _ in range(500)] == [next(other) for _ in range(500)]


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(x, 3.0 * x + 7) for x in range(10)]) == pytest.approx(3.0)
    assert slope([(1.0, 5.0)]) == slope([(1.0, 5.0), (1.0, 6.0)]) == 0.0


def samples(days: float, grows_mb_a_day: float, **over: float) -> list[Sample]:
    def stages(day: float) -> dict[str, dict[str, float]]:
        done = {"events": 1000 * day / days, "calls": 900 * day / days, "refused": 2.0}
        zero = {"lag": 0.0, "behind_s": 0.2, "alerts": 1.0, "late": 0.0}
        size = {"rss_bytes": 200 * MB + grows_mb_a_day * day * MB}
        return {name: {**done, **zero, **size, **over} for name in ("ingest", "watch")}

    return [Sample(n * days / 20 * DAY_S, n * 10.0, stages(n * days / 20)) for n in range(21)]


SENT = Counted(calls=900, others=98, bad=2)


def test_all_accounted_for_and_steady_memory_has_no_fault() -> None:
    found = verdict(samples(7, 1.0), SENT)
    assert found["faults"] == []
    assert found["accepted"] + found["dead_letters"] == found["sent"] == 1000
    assert growth(samples(7, 1.0))["watch"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"events": 999.0}, "accounted for 999 of 1,000"),
        ({"calls": 899.0}, "metered 899 of 900"),
        ({"refused": 3.0}, "3 dead letters, and 2"),
    ],
)
def test_what_is_missing_is_a_fault(over: dict[str, float], says: str) -> None:
    assert any(says in fault for fault in verdict(samples(7, 0.0, **over), SENT)["faults"])


def test_memory_that_grows_is_a_fault_of_that_stage_once_the_run_is_long_enough() -> None:
    faults = verdict(samples(7, GROWS_MB_A_DAY + 1), SENT)["faults"]
    assert [fault.split()[0] for fault in faults] == ["ingest", "watch"]
    short = verdict(samples(0.5, 100.0), SENT)
    assert short["faults"] == []
    assert short["grown_mb_a_day"] is None
