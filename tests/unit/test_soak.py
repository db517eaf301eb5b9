"""The soak: its traffic, and the verdict over its samples."""

import json
from collections import Counter
from itertools import islice, takewhile

import pytest

from tests.soak import overload
from tests.soak.fleet import BAD_EVERY, arrays, partition_of, traffic
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


def test_arrays_hold_all_events_of_a_partition_in_their_order_and_come_in_the_order_of_their_last_events() -> None:
    events = list(islice(traffic(START, copies=1), 3000))
    sent = list(arrays(events, 50))
    assert [a.time for a in sent] == sorted(a.time for a in sent)
    for place in {(e.topic, partition_of(e.key)) for e in events}:
        held = [json.loads(a.value) for a in sent if (a.topic, partition_of(a.key)) == place]
        assert [e for array in held for e in array] == [
            json.loads(e.value) for e in events if (e.topic, partition_of(e.key)) == place
        ]
        assert all(len(array) == 50 for array in held[:-1])
        assert 0 < len(held[-1]) <= 50


def test_the_slope_is_that_of_the_line() -> None:
    assert slope([(x, 3.0 * x + 7) for x in range(10)]) == pytest.approx(3.0)
    assert slope([(1.0, 5.0)]) == slope([(1.0, 5.0), (1.0, 6.0)]) == 0.0


def samples(days: float, grows_mb_a_day: float, **over: float) -> list[Sample]:
    def stages(day: float) -> dict[str, dict[str, float]]:
        done = {"events": 1000 * day / days, "calls": 900 * day / days, "refused": 2.0}
        zero = {"lag": 0.0, "behind_s": 0.2, "alerts": 1.0, "late": 0.0, "unjudged_s": 90.0, "live_runs": 5.0}
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
        ({"late": 7.0}, "7 observations came late"),
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


def taken(sent_s: float = 0.5, **over: float) -> overload.Taken:
    def stages(t: float) -> overload.Counts:
        done = {"events": 100 * t, "calls": 90 * t, "refused": 2.0, "lag": 40 - 4 * t, "behind_s": t % 10}
        return {
            name: {**done, "rss_bytes": (200 + t) * MB, "live_runs": 0.0, "late": 0.0, **over}
            for name in ("ingest", "watch")
        }

    return overload.Taken(sent_s, [(float(t), stages(t)) for t in range(11)])


def test_a_load_of_more_than_ten_times_that_is_worked_off_has_no_fault() -> None:
    found = overload.verdict(taken(), SENT)
    assert found["faults"] == []
    assert found["times_too_much"] == 20.0
    assert (found["events_a_second_in"], found["events_a_second_out"]) == (2000.0, 100.0)
    assert found["grown_mb"] == {"ingest": 10.0, "watch": 10.0}
    assert found["behind_s_highest"] == {"ingest": 9.0, "watch": 9.0}


@pytest.mark.parametrize(
    ("sent_s", "over", "says"),
    [
        (1.1, {}, "the load was 9.1 times"),
        (0.5, {"events": 999.0}, "all but 1"),
        (0.5, {"calls": 899.0}, "metered all but 1"),
        (0.5, {"refused": 1.0}, "1 dead letters, and 2"),
        (0.5, {"late": 3.0}, "3 observations came late"),
        (0.5, {"lag": 1.0}, "2 records are not worked off"),
        (0.5, {"behind_s": 8.9}, "ingest was 9.0 s behind, and said 8.9"),
    ],
)
def test_what_an_overload_must_not_do_is_a_fault(sent_s: float, over: dict[str, float], says: str) -> None:
    assert any(says in fault for fault in overload.verdict(taken(sent_s, **over), SENT)["faults"])


def test_a_stage_that_grows_beyond_its_bound_in_an_overload_is_a_fault() -> None:
    grown = taken()
    last = {name: counts | {"rss_bytes": 451 * MB} for name, counts in grown.samples[-1][1].items()}
    faults = overload.verdict(grown._replace(samples=[*grown.samples[:-1], (10.0, last)]), SENT)["faults"]
    assert faults == ["ingest grew by 251 MB, more than 250", "watch grew by 251 MB, more than 250"]
