"""What portfolio tells watch: how many calls a task of its type takes, and whether a team has a source of status."""

import json

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.model.baseline import FORMAT, VALID_AFTER_S, Baseline, Baselines, decode_baselines, encode_baselines
from detector.pipeline.intake import Intake, SourceRecord
from detector.state.whole import Whole
from tests.support.judged import T0, Event, call, in_order, judge, last, severities, status
from tests.support.prose import words

HOUR_S = 3600.0


def task(name: str, begin: float, calls: int, end: str | None = "completed", **fields: object) -> list[Event]:
    """A task of so many calls, a second apart, and how it ended."""
    made = [
        call(begin + k, run=name, task=name, cost_usd=0.001, output={"text": " ".join(words(20, k))}, **fields)
        for k in range(calls)
    ]
    return made + ([status(begin + calls, name, category=end)] if end else [])


def ended(count: int, calls: int, **fields: object) -> list[Event]:
    """So many tasks that ended, hours before T0."""
    tasks = (task(f"{fields}-{n}", -5 * HOUR_S + n * 60.0, calls, **fields) for n in range(count))
    return [event for made in tasks for event in made]


def inflation(events: list[Event], name: str = "now") -> str:
    alerts = [a for a in judge(in_order(events)) if a.task == name]
    (severity,) = severities(alerts, "run_inflation")
    return severity


def test_a_type_whose_tasks_take_many_calls_warns_from_what_most_stay_below() -> None:
    now = task("now", 0.0, 45, end=None, task_type="migration")
    assert inflation(ended(30, 40, task_type="migration") + now) == "warning"
    assert inflation(ended(30, 50, task_type="migration") + now) == "info"


def test_too_few_that_ended_say_nothing() -> None:
    now = task("now", 0.0, 45, end=None, task_type="migration")
    assert inflation(ended(29, 50, task_type="migration") + now) == "warning"


def test_other_types_and_short_tasks_change_nothing() -> None:
    now = task("now", 0.0, 20, end=None, task_type="bugfix")
    assert inflation(ended(40, 60, task_type="migration") + ended(40, 5, task_type="bugfix") + now) == "warning"


def test_turns_of_a_person_are_counted_beside_the_calls() -> None:
    events = [
        call(k * 60.0, task="now", turn=f"turn {k // 5}", cost_usd=0.01, output={"text": " ".join(words(20, k))})
        for k in range(20)
    ]
    (found,) = last(judge(events), "run_inflation")
    assert (found.evidence["interactions"], found.evidence["turns"]) == (20, 4)
    assert "20 calls in 4 turns" in found.summary


def test_a_baseline_counts_an_hour_after_it_was_made_and_the_one_before_it_until_then() -> None:
    old, new = Baseline(7200.0, 5.0, {}, {}), Baseline(10_800.0, 6.0, {"a": (30, 9)}, {"b": (50, 10)})
    told = Baselines(FORMAT, "acme", None, new, old)
    assert [told.at(t) for t in (10_799.0, 10_800.0, 14_399.0, 14_400.0)] == [None, old, old, new]
    assert decode_baselines(encode_baselines(told)) == told


@pytest.mark.parametrize("at_once", [False, True], ids=["as they happen", "in one backlog"])
def test_what_is_usual_is_looked_up_as_a_run_is_judged_not_as_it_comes(at_once: bool) -> None:
    whole, config = Whole(), Config()
    counts_from = T0 // HOUR_S * HOUR_S + HOUR_S
    usual = Baseline(counts_from - VALID_AFTER_S, 0.0, {"migration": (30, 50)}, {})
    whole.learn(encode_baselines(Baselines(FORMAT, "default", "team", usual)))
    before = [call(0.0, run="before", task_type="migration")]
    now = [event | {"time": event["time"] + counts_from - T0} for event in task("now", 5.0, 45, end=None)]
    now = [event | {"task_type": "migration"} for event in now]
    engine, intake, found = Engine(config, whole=whole), Intake(config, 1), []
    batches = [[*before, *now]] if at_once else [before, *([event] for event in now)]
    for offset, batch in enumerate([*batches, []]):
        intake.take(
            0, "any", [SourceRecord(offset * 100 + n, json.dumps(e).encode(), None) for n, e in enumerate(batch)]
        )
        mark = intake.forwarded(0) + (0.0 if batch else 600.0)
        for _, packed in intake.flush({0: mark}, everywhere=True).packed:
            found += engine.process(packed, engine.offset + 1).alerts
    assert {a.severity for a in found if a.task == "now" and a.rule == "run_inflation"} == {"info"}
