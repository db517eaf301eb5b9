"""Final outputs of runs: when they are final, what is kept of them, and that nothing else decides."""

import random

import pytest

from detector.config import Config
from detector.engine import Engine
from detector.model.alert import Alert
from detector.state.finals import KEPT, Final, Finals
from tests.support.judged import T0, Event, call, in_order, judge, last, status, tool
from tests.support.prose import varied, words
from tests.support.stored import whole
from tests.unit.test_engine import packed

BASE = words(120)


def drafts(runs: int, apart_s: float = 300.0, **fields: object) -> list[Event]:
    """Runs of one task, each of which reads, answers nearly as the others do, and cleans up by a tool."""
    events = []
    for n in range(runs):
        who = {"run": f"run-{n}", "task": "T", **fields}
        t = n * apart_s
        events.append(call(t, tools=tool("read", result=f"page {words(9, n)}", n=n), **who))
        events.append(call(t + 20, output={"text": " ".join(varied(BASE, 0.08, n))}, **who))
        events.append(call(t + 40, tools=tool("clean_up", result=f"freed {words(2, n)}", n=n), **who))
    return events


def redundant(events: list[Event]) -> list[Alert]:
    return last(judge(in_order(events)), "redundant_work")


def test_a_completed_task_makes_its_runs_answers_final_at_once() -> None:
    completed = status(5 * 300.0, "T", category="completed")
    (alert,) = redundant([*drafts(5), completed])
    assert (alert.opened_at, alert.severity) == (T0 + 1500, "warning")
    assert alert.state == "resolved"
    assert (alert.resolved_at or 0) > T0 + 86_400


def test_other_statuses_leave_the_half_hour() -> None:
    (alert,) = redundant([*drafts(5), status(1500.0, "T", category="started")])
    assert alert.opened_at == T0 + 4 * 300 + 40 + 1800


def test_a_run_that_goes_on_has_given_no_final_answer_yet_and_its_last_one_counts() -> None:
    goes_on = [call(1000.0 + 600 * k, run="run-0", task="T", output={"text": " ".join(words(90, k))}) for k in range(9)]
    assert redundant([*drafts(5), *goes_on]) == []


def test_how_long_a_run_is_idle_first_can_be_set_for_one_agent_alone() -> None:
    rules = {"redundant_work": {"idle_s": 60.0}}
    config = Config.model_validate({"overrides": [{"agent": "hasty", "rules": rules}]})
    (patient,) = last(judge(drafts(5), config), "redundant_work")
    (hasty,) = last(judge(drafts(5, agent="hasty"), config), "redundant_work")
    assert (patient.opened_at, hasty.opened_at) == (T0 + 4 * 300 + 40 + 1800, T0 + 4 * 300 + 40 + 60)


def test_runs_without_a_task_are_not_compared() -> None:
    assert redundant([{k: v for k, v in e.items() if k != "task"} for e in drafts(6)]) == []


def test_sub_agents_of_one_run_are_one_run() -> None:
    events = [e | {"run": "run", "agent": e["run"]} for e in drafts(6)]
    assert redundant(events) == []


def test_cheap_answers_are_a_line_on_a_board() -> None:
    (alert,) = redundant(drafts(5, cost_usd=0.001))
    assert alert.severity == "info"
    assert alert.evidence["decided_by"] == "spent: $0.01, needs $0.10"


@pytest.mark.parametrize("seed", range(6))
def test_alerts_do_not_depend_on_packing_or_restarts(seed: int) -> None:
    chance = random.Random(seed)
    events = [*drafts(9, apart_s=chance.choice((100.0, 1900.0, 7000.0))), status(9000.0, "T", category="completed")]
    events += [call(i * 600.0, run="other", task="U", output={"text": f"note {words(8, i)}"}) for i in range(40)]
    events = in_order(events)
    expected = last(judge(events))
    engine, told = Engine(Config()), []
    for n, record in enumerate(packed(events, [chance.choice((1, 7, 50))])):
        told += engine.process(record, n).alerts
        if chance.random() < 0.3:
            engine = Engine.restore(Config(), 0, n, whole(engine))
    assert last(told) == expected
    assert "redundant_work" in {a.rule for a in expected}


def test_of_a_task_so_many_are_kept_and_no_more() -> None:
    finals = Finals()
    for n in range(3 * KEPT):
        one = Final(n, f"run-{n}", "a", float(n), b"\1" * 128, 128, 0, 1.0, 1, 10)
        like = finals.add(7, one, 1000.0, 0.5)
        assert len(like) == min(n, KEPT) + 1
    assert [f.lane for f in finals.of([7])[7]] == list(range(2 * KEPT, 3 * KEPT))
