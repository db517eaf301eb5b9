"""Variants of the detection table: other texts, periods, counts and sources; and what each alert of `loop` says."""

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.judged import (
    GAP_S,
    T0,
    Event,
    answers,
    call,
    in_order,
    is_quiet,
    judge,
    last,
    loops,
    severities,
    status,
    steps,
    tool,
)
from tests.support.prose import varied, words

A = tool("read", result="the same", path="/src/main.py")


def cycle(period: int) -> list[list[Event]]:
    return [tool(f"step-{n}", result=f"result {n}", number=n) for n in range(period)]


@pytest.mark.parametrize("period", range(1, 13))
def test_a_cycle_of_any_period_up_to_twelve_loops_at_its_round_and_not_before(period: int) -> None:
    rounds = 5 if 3 <= period <= 7 else 4
    whole = cycle(period) * rounds
    assert severities(judge(steps(*whole[:-1]))) == []
    (loop,) = last(judge(steps(*whole)), "loop")
    assert (loop.severity, loop.evidence["period"], loop.calls) == ("critical", period, len(whole))


@pytest.mark.parametrize("period", [3, 5, 9])
def test_a_cycle_that_is_interrupted_by_what_is_not_new_is_a_cycle(period: int) -> None:
    failing = tool("refresh", error="permission denied")
    whole: list[list[Event]] = []
    for n in range(6):
        whole += cycle(period) + [failing] * (n % 2)
    assert "critical" in severities(judge(steps(*whole[:46])))


def test_a_cycle_in_which_something_new_succeeds_each_round_is_work() -> None:
    whole = [s for n in range(8) for s in (*cycle(4), tool("write", result=f"saved {n}", chapter=n))]
    assert is_quiet(steps(*whole))


def test_new_results_of_a_known_action_between_are_work() -> None:
    whole = [s for n in range(8) for s in (A, tool("next_page", result=" ".join(words(30, n))))]
    assert is_quiet(steps(*whole))


def near_edit(n: int, error: bool, seed: int = 0) -> list[Event]:
    """One edit of ninety words, one of which is another each time, refused in the same way."""
    text = " ".join([*words(89, seed), words(1, 1000 + n)[0]])
    answer: dict[str, Any] = {"error" if error else "result": "Error: the text to replace was not matched in the file"}
    return tool("edit", path="/src/app/settings/main.py", old=text, new="x = 1", **answer)


@pytest.mark.parametrize("error", [True, False])
@pytest.mark.parametrize(("times", "expected"), [(3, []), (4, [("critical", "near")]), (12, [("critical", "near")])])
def test_near_copies_of_a_failing_action_are_a_loop_from_the_fourth(
    times: int, expected: list[object], error: bool
) -> None:
    assert loops(steps(*[near_edit(n, error) for n in range(times)])) == expected


def test_near_copies_that_succeed_or_fail_otherwise_or_with_work_between_are_no_loop() -> None:
    applied = [tool("edit", path="/a.py", old=" ".join(varied(words(40), 0.03, n)), result="applied") for n in range(9)]
    assert is_quiet(steps(*applied))
    other = [[near_edit(n, True)[0] | {"error": f"Error: {' '.join(words(6, n))} is missing"}] for n in range(9)]
    assert is_quiet(steps(*other))
    worked = [s for n in range(6) for s in (near_edit(n, True), tool("read", result=" ".join(words(9, n)), line=n))]
    assert loops(steps(*worked[:12])) == []


@pytest.mark.parametrize("times", [3, 10, 30])
def test_a_check_of_many_long_arguments_that_says_no_is_quiet(times: int) -> None:
    where = {"path": "/srv/projects/shop/services/checkout", "recursive": True, "case_sensitive": False, "limit": 100}
    for no in ("not found", "No matches.", "no such key", "the file does not exist", "[]", "0 results"):
        assert is_quiet(steps(*[tool("search", result=no, pattern=w, **where) for w in words(times)]))


@pytest.mark.parametrize("gap_s", [1.0, 20.0, 290.0])
def test_severity_follows_the_money(gap_s: float) -> None:
    dear = last(judge(steps(*[A] * 8, gap_s=gap_s, cost_usd=3.0)), "loop")[0]
    assert dear.severity == "critical"
    assert severities(judge(steps(*[A] * 8, gap_s=gap_s, cost_usd=0.05))) == ["warning"]
    assert severities(judge(steps(*[A] * 8, gap_s=gap_s, cost_usd=0.01))) == ["info"]


def test_a_dollar_burnt_slowly_is_no_page_and_twenty_are() -> None:
    slow = {"gap_s": 800.0}
    assert severities(judge(steps(*[A] * 6, cost_usd=1.0, **slow))) == ["warning"]  # $4.50 an hour
    assert severities(judge(steps(*[A] * 6, cost_usd=4.0, **slow))) == ["critical"]


@pytest.mark.parametrize(
    ("tools", "times", "expected"),
    [
        (tool("deploy", target="staging"), 7, []), (tool("deploy", target="staging"), 8, ["warning"]),
        (tool("deploy", target="staging"), 12, ["critical"]), ([{"name": "deploy", "arguments": {}}], 12, ["critical"]),
    ],
)  # fmt: skip
def test_actions_whose_results_nobody_tells_need_more_rounds(
    tools: list[Event], times: int, expected: list[str]
) -> None:
    alerts = judge(steps(*[tools] * times))
    assert severities(alerts) == expected
    assert all(a.evidence["known"] == "action" for a in last(alerts, "loop"))


def test_token_counts_alone_are_never_more_than_a_line_on_a_board() -> None:
    for growth in (0, 350):
        calls = [call(i * GAP_S, usage={"input_tokens": 5000 + growth * i, "output_tokens": 212}) for i in range(40)]
        (loop,) = last(judge(calls), "loop")
        assert (loop.severity, loop.evidence["known"]) == ("info", "token counts")
    chance = random.Random(1)
    honest = [call(i * GAP_S, usage={"input_tokens": chance.randrange(9999), "output_tokens": 9}) for i in range(60)]
    assert judge(honest) == []


def test_failed_calls_that_say_the_same_are_a_loop_and_those_that_say_nothing_need_more_rounds() -> None:
    said = [call(i * GAP_S, status="error", error="context length exceeded: 210000 tokens") for i in range(4)]
    (loop,) = last(judge(said), "loop")
    assert (loop.severity, loop.evidence["what"], loop.evidence["known"]) == (
        "critical",
        "model call",
        "action and result",
    )
    assert severities(judge([call(i * GAP_S, status="error") for i in range(7)])) == []
    assert severities(judge([call(i * GAP_S, status="error") for i in range(8)])) == ["warning"]


def test_key_order_empty_fields_and_json_in_a_string_do_not_make_an_action_another() -> None:
    told = [
        '{"b":[1,2],"a":"x"}',
        {"a": "x", "b": [1, 2], "c": None},
        {"b": [1, 2], "a": "x", "d": {}},
        {"a": "x", "b": [1, 2]},
    ]
    assert severities(judge(steps(*[[{"name": "f", "arguments": a, "result": "r"}] for a in told]))) == ["critical"]


@pytest.mark.parametrize(
    "volatile",
    [
        {"request_id": "a{i}f3"}, {"nonce": "{i}"}, {"attempt": "{i}"}, {"path": "/tmp/tmpk{i}x9a/out.txt"},
        {"trace_id": "{i}"}, {"object": "<Session at 0x7f3a{i}b2c4d0>"},
    ],
)  # fmt: skip
def test_what_names_only_the_request_does_not_make_an_action_another(volatile: dict[str, str]) -> None:
    told = [tool("get", result="r", q="x", **{k: v.format(i=i) for k, v in volatile.items()}) for i in range(4)]
    assert severities(judge(steps(*told))) == ["critical"]


def test_a_time_in_arguments_that_is_about_now_is_that_of_the_request() -> None:
    now = [dt.datetime.fromtimestamp(T0 + i * GAP_S + 3, dt.UTC) for i in range(4)]
    for told in (now, [t.isoformat(" ", "seconds") for t in now], [int(t.timestamp()) for t in now]):
        events = [tool("post", result="same", at=str(t) if told is now else t, body="hello") for t in told]
        assert severities(judge(steps(*events))) == ["critical"]
    days = [tool("book", result="booked", at=f"2026-09-2{i}T10:00:00Z") for i in range(2, 10)]
    assert is_quiet(steps(*days))


@pytest.mark.parametrize("key", ["page", "id", "user_id", "offset", "date", "line"])
def test_what_names_a_target_makes_an_action_another(key: str) -> None:
    assert is_quiet(steps(*[tool("get", result="none", **{key: f"2026-11-{i + 10}"}) for i in range(12)]))
    assert is_quiet(steps(*[tool("get", result="none", **{key: i}) for i in range(12)]))


def test_a_calculators_results_differ() -> None:
    told = [tool("evaluate", result=f"{i * 17}", cell="total") for i in range(8)]
    assert is_quiet(steps(*told))
    assert is_quiet(steps(*[tool("evaluate", result={"sum": i * 3}, cell="total") for i in range(8)]))


def test_progress_in_percent_is_news() -> None:
    told = [tool("status", result=f"The copy of the table is {i * 9} % done", job="x") for i in range(10)]
    assert is_quiet(steps(*told))


def test_many_runs_that_loop_in_the_same_way_carry_the_same_group() -> None:
    events = [e for n in range(5) for e in steps(*cycle(3)[n % 3 :], *cycle(3) * 5, run=f"run-{n}")]
    events += steps(*[A] * 5, run="other")
    events += [e | {"id": e["id"] + "x", "agent": "another"} for e in steps(*cycle(3) * 5, run="of another")]
    by_run = {a.run: a.group for a in last(judge(in_order(events)), "loop")}
    assert len({by_run[f"run-{n}"] for n in range(5)}) == 1
    assert len(set(by_run.values())) == 3


def test_the_summary_says_what_repeats_how_often_since_when_what_it_burnt_and_will_burn() -> None:
    (loop,) = last(judge(steps(*[tool("edit_file", error="no match", path="a.py")] * 5, agent="fixer")), "loop")
    assert loop.summary == (
        "fixer repeats edit_file with the same failure, 5 times since 21 Sep 14:13 UTC in run run: "
        "5 calls burnt $5.00, $180.00 in another hour; no source of status is connected"
    )


@pytest.mark.parametrize(
    ("events", "words_of_it"),
    [
        (steps(*cycle(3) * 5), "goes round in 3 steps (step-0, step-1, step-2), 5 rounds"),
        (steps(*[near_edit(n, True) for n in range(5)]), "repeats edit in near copies that fail in the same way"),
        (answers(*[" ".join(varied(words(90), 0.1, i)) for i in range(8)]), "gives nearly the same answer again"),
        ([call(i * 9.0, operation="compaction") for i in range(10)], "has shortened its context 10 times"),
        (answers("I will check the configuration file once more. " * 20), "repeats a phrase of its own"),
        ([call(i * 9.0, status="rate_limited", error="429") for i in range(6)], "is refused by a rate limit"),
        (steps(*[tool("job_status", result="queued", id=7)] * 6), "job_status says that it is still under way"),
    ],
)  # fmt: skip
def test_each_class_has_words_of_its_own(events: list[Event], words_of_it: str) -> None:
    (loop,) = last(judge(events), "loop")
    assert words_of_it in loop.summary
    assert loop.evidence["calls"]
    assert loop.evidence["decided_by"]


def test_an_interactive_run_is_its_owners_to_stop_and_never_a_page() -> None:
    assert severities(judge(steps(*[A] * 8, interactive=True))) == ["warning"]


def test_a_task_that_moved_since_the_loop_began_is_not_a_page() -> None:
    events = [*steps(*[A] * 5, task="task"), status(30.0, "task")]
    assert "critical" not in severities(judge(in_order(events)))


def test_a_loop_goes_on_from_near_copies_to_the_same_and_is_one_episode() -> None:
    events = steps(*[near_edit(n, True) for n in range(5)], *[near_edit(4, True)] * 5)
    (loop,) = last(judge(events), "loop")
    assert (loop.severity, loop.class_, loop.calls) == ("critical", "repeat", 10)


def test_a_test_that_comes_nearer_each_time_is_work_whatever_else_is_the_same() -> None:
    told = []
    for i in range(12):
        told.append(tool("edit", result="applied", line=i, text=" ".join(words(8, i))))
        told.append(tool("test", result=f"FAILED tests/test_total.py: {20 - i} failed, {30 + i} passed in 0.{i}3s"))
    assert is_quiet(steps(*told))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_of_arrival_within_the_lateness_decides_nothing(
    period: int, seed: int, chance: random.Random
) -> None:
    told = [tool(f"t{n}", result=" ".join(words(5, seed + n)), n=n) for n in range(period)] * 5
    events = steps(*told, gap_s=3.0) + answers(*[" ".join(varied(words(80, seed), 0.1, i)) for i in range(9)], run="b")
    shuffled = sorted(events, key=lambda e: e["time"] + chance.uniform(0, 9.9))
    assert last(judge(shuffled)) == last(judge(in_order(events)))
    assert min(e["time"] for e in events) == T0
