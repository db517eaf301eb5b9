"""The measure of alerts measures what it says: episodes in their runs, rates, and what a guard would have stopped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.model.alert import SEVERITIES, Severity
from detector.rules.inquiry import Signal
from tests.bench import loop_alerts
from tests.bench.labelled import Run
from tests.bench.loop_alerts import PAGED, Judged, Kind, Loop
from tests.unit.alert_records import alert
from tests.unit.recorded_runs import run, step, worker


def judged(size: int, kind: Kind, *loops: Loop) -> Judged:
    return Judged(run(*[step()] * size), kind, [False] * size, list(loops))


def loop(severity: Severity = "critical", at: int = 3) -> Loop:
    reached = dict.fromkeys(SEVERITIES[: SEVERITIES.index(severity) + 1], at)
    return Loop("repeat", 0, 1, reached, 4)


@pytest.mark.parametrize(
    ("of", "in_labelled_file", "kind"),
    [
        (run(*[step()] * 5, labels="FRRR"), True, "stuck"),
        (run(*[step()] * 6, labels="RRFRR"), True, "not stuck"),
        (run(step()), True, "not stuck"),
        (run(step(), step()), True, "unlabelled"),
        (run(step(), step(), reward=1), False, "solved"),
        (run(step(), step(), reward=0.5), False, "failed"),
        (run(step(), step()), False, "unlabelled"),
    ],
)
def test_kind_of_a_run(of: Run, in_labelled_file: bool, kind: Kind) -> None:
    assert loop_alerts.kind_of(of, in_labelled_file) == kind


def test_an_episode_is_told_in_steps_of_its_run() -> None:
    t, s = 1_780_000_000.0, 20.0
    since = {"since": t + 4 * s, "calls": ["run-7/4"]}
    records = [
        alert(opened_at=t + 9 * s, updated_at=t + 9 * s, severity="info", evidence=since),
        alert(opened_at=t + 9 * s, updated_at=t + 12 * s, severity="critical", evidence=since, state="update", calls=9),
        alert(opened_at=t + 9 * s, updated_at=t + 99 * s, evidence=since, state="resolved", calls=9),
    ]
    signals = {
        f"run-7/{i}": Signal(f"run-7/{i}", "run-7", False, 0.0, 3 if i >= 7 else None, False, 0.25) for i in range(13)
    }
    found = loop_alerts.loop_of(records, t, s, signals)
    assert found == Loop("repeat", 4, 7, {"info": 9, "warning": 12, "critical": 12}, 9)
    assert loop_alerts.loop_of(records, t, s, {}).repeated == 5


def test_a_loop_that_holds_calls_of_two_runs_is_refused() -> None:
    assert loop_alerts.run_of(alert(evidence={"calls": ["run-7/1", "run-7/2"]})) == "run-7"
    with pytest.raises(RuntimeError, match="run-8"):
        loop_alerts.run_of(alert(evidence={"calls": ["run-7/1", "run-8/2"]}))


def test_runs_go_through_the_detector_and_keep_their_own_loops() -> None:
    runs = [worker("one", 1), worker("two/b", 9), worker("three", 0), worker("four", 6)]
    played = loop_alerts.play(runs, 20.0, 1.0)
    assert played.refused == 0
    assert [len(j.loops) for j in played.judged] == [0, 1, 0, 1]
    two = played.judged[1]
    assert [i for i, repeats in enumerate(two.repeats) if repeats] == list(range(6, 14))
    assert (two.severity, two.paged) == ("critical", 8)
    assert (two.loops[0].begun, two.loops[0].repeated, two.loops[0].calls) == (5, 6, 9)
    assert played.judged[0].severity is None
    assert played.judged[0].paged is None


def test_a_cheaper_step_pages_later() -> None:
    paged = [loop_alerts.play([worker("w", 20)], 20.0, usd).judged[0].paged for usd in (1.0, 0.1)]
    assert paged == [8, 14]


def test_a_cheap_loop_is_no_page() -> None:
    [one] = loop_alerts.play([worker("w", 12)], 20.0, 0.001).judged
    assert one.severity == "info"
    assert one.paged is None


@pytest.mark.parametrize(
    ("n", "low", "high"), [(0, 0.0, 2.9957), (1, 0.0253, 5.5716), (4, 1.0899, 10.2416), (100, 81.364, 121.627)]
)
def test_poisson_intervals_are_those_of_the_tables(n: int, low: float, high: float) -> None:
    assert loop_alerts.poisson_interval(n) == pytest.approx((low, high), abs=1e-3)


@given(st.integers(1, 300))
def test_a_poisson_interval_holds_its_count(n: int) -> None:
    low, high = loop_alerts.poisson_interval(n)
    assert 0 < low < n < high


@pytest.mark.parametrize(("usd", "last"), [(0.25, 19), (5.0, 0), (9.0, 0), (0.1, 49), (0.3, 16), (1.25, 3)])
def test_the_guard_stops_with_the_step_that_reaches_its_dollars(usd: float, last: int) -> None:
    assert loop_alerts.guard_step(usd) == last


def test_what_guards_stop_and_what_was_spent_after_it() -> None:
    found = loop_alerts.stopped(
        [judged(30, "stuck", loop(at=9), loop(at=25)), judged(20, "not stuck"), judged(24, "not stuck")], 0.25
    )
    assert found == {"$5 guard": (2, (10 + 4) * 0.25), "page": (1, 20 * 0.25), "both": (2, (20 + 4) * 0.25)}


def test_a_warning_stops_nothing() -> None:
    assert loop_alerts.stopped([judged(30, "stuck", loop("warning"))], 0.1)["page"] == (0, 0.0)


def test_a_page_that_no_label_supports_is_neither_saved_nor_cut() -> None:
    found = loop_alerts.by_worth([judged(9, "not stuck", loop()), judged(9, "not stuck"), judged(9, "stuck", loop())])
    assert {name: len(runs) for name, runs in found.items() if runs} == {"stuck": 1, PAGED: 1, "not stuck": 1}


def test_runs_are_counted_by_the_highest_severity() -> None:
    of = [judged(9, "stuck", loop("info"), loop()), judged(9, "not stuck", loop("warning")), judged(9, "not stuck")]
    found = loop_alerts.figures(of, runs_a_week=100.0, step_usd=0.25)
    everyone = found["groups"]["all"]
    assert [everyone[k] for k in ("runs", "critical", "warning", "info", "episodes")] == [3, 1, 1, 0, 3]
    assert found["groups"]["stuck"]["pages_a_week"][0] == 100_000
    assert found["groups"]["not stuck"]["pages_a_week"] == pytest.approx([0, 0, 2.9957 / 2 * 100_000], abs=5)
    assert found["steps_to"]["critical"] == {"median": 2, "most": 2, "episodes": 1}
    assert found["classes"] == {"repeat": {"info": 1, "critical": 1, "warning": 1}}
