"""The table of docs/detection.md, row by row: what must fire, and what must not. `A:r` is action A with result r.

Its rows of spend (27 to 29, 32) are in test_detection_table_spend.py, variants of these rows in test_loop_variants.py.
"""

import random

import pytest

from detector.model.alert import Alert
from tests.support.judged import (
    GAP_S,
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

A, B, C = (tool(name, result="the same", path="/src/main.py") for name in ("read", "grep", "list"))


def prose(n: int, seed: int = 0) -> str:
    return " ".join(words(n, seed))


def rewordings(times: int, seed: int = 0) -> list[str]:
    """Answers of 300 words, a tenth of the words changed each time."""
    base = words(300, seed)
    return [" ".join(varied(base, 0.1, seed * 100 + i)) for i in range(times)]


def one_loop(events: list[Event]) -> Alert:
    (loop,) = last(judge(events), "loop")
    return loop


@pytest.mark.parametrize("times", [1, 2, 3])
def test_row_1_an_action_with_the_same_result_up_to_three_times_is_quiet(times: int) -> None:
    assert is_quiet(steps(*[A] * times))


@pytest.mark.parametrize("times", [4, 5, 9, 40])
def test_row_1_four_times_and_more_is_one_loop(times: int) -> None:
    loop = one_loop(steps(*[A] * times))
    assert (loop.severity, loop.class_, loop.calls, loop.cost_usd) == ("critical", "repeat", times, times)
    assert loop.evidence["since"] == pytest.approx(1_790_000_000)


def test_row_2_a_failure_that_is_overcome_is_quiet() -> None:
    failing = tool("build", error="no such file", target="all")
    assert is_quiet(steps(failing, failing, failing, tool("build", result="done", target="lib")))


def test_row_3_other_thoughts_with_each_repeat_are_still_a_loop() -> None:
    events = steps(*[A] * 6)
    for i, event in enumerate(events):
        event["output"] = {"text": prose(60, seed=i)}
    assert loops(events) == [("critical", "repeat")]


def test_row_4_paging_with_other_results_each_time_is_quiet() -> None:
    assert is_quiet(steps(*[tool("scroll", result=prose(80, seed=i)) for i in range(11)]))


@pytest.mark.parametrize(("times", "expected"), [(2, []), (3, []), (4, ["critical"]), (6, ["critical"])])
def test_row_5_two_steps_in_turn_loop_from_the_fourth_round(times: int, expected: list[str]) -> None:
    assert severities(judge(steps(*[A, B] * times))) == expected


@pytest.mark.parametrize(("times", "expected"), [(3, []), (4, []), (5, ["critical"])])
def test_row_6_three_steps_in_turn_loop_from_the_fifth_round(times: int, expected: list[str]) -> None:
    assert severities(judge(steps(*[A, B, C] * times))) == expected


def test_row_7_a_cycle_of_eight_steps_loops_in_its_fourth_round() -> None:
    cycle = [tool("step", result=f"result {n}", number=n) for n in range(8)]
    assert severities(judge(steps(*cycle * 3))) == []
    loop = one_loop(steps(*cycle * 4))
    assert (loop.class_, loop.evidence["period"], loop.calls) == ("cycle", 8, 32)


@pytest.mark.parametrize(
    "result",
    [
        "Deploy failed at 2026-11-22T10:{i:02}:07Z: the quota is used up",
        "request 3f2b8c1e-0a4d-4c55-9e1b-{i:012x} was refused",
        "No changes. Finished in {i}.{i}2 seconds.",
        "Attempt {i} of 20: connection refused by the host",
        '{{"request_id": "req_01{i}CSHoEeqs5C35K2UUqR7", "status": "no match", "elapsed_ms": {i}7}}',
    ],
)
def test_row_8_a_result_that_differs_in_a_time_an_id_a_duration_or_a_counter_is_the_same(result: str) -> None:
    events = steps(*[tool("deploy", result=result.format(i=i + 1), target="shop") for i in range(5)])
    assert loops(events) == [("critical", "repeat")]
    assert is_quiet(events[:3])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("times", "expected"), [(3, []), (5, []), (6, ["warning"]), (7, ["warning"]), (8, ["critical"]), (12, ["critical"])]
)
def test_row_9_answers_alike_warn_from_six_and_page_from_eight(times: int, expected: list[str], seed: int) -> None:
    assert severities(judge(answers(*rewordings(times, seed)))) == expected


def test_row_9_holds_where_each_answer_varies_the_one_before() -> None:
    text = words(300)
    texts = [" ".join(text := varied(text, 0.1, i)) for i in range(8)]
    assert loops(answers(*texts)) == [("critical", "near")]


def test_row_10_answers_alike_to_a_new_request_each_are_quiet() -> None:
    events = [call(i * GAP_S, output={"text": t}, turn=f"request {i}") for i, t in enumerate(rewordings(6))]
    assert is_quiet(events)


TARGETS = ("billing", "checkout", "search", "mail", "ledger", "catalogue", "login", "audit", "queue", "cache")
TARGETS += ("gateway", "invoices", "profiles", "reports")


def review(target: str) -> str:
    """A template's answer for one target."""
    return (
        f"Review of {target}. The module {target} reads its settings once and keeps them. No query is built from raw "
        f"input. The tests of {target} cover the main path, and the error path in part. Verdict for {target}: sound, "
        "with two small remarks on naming and one on the order of the checks."
    )


@pytest.mark.parametrize("shown", ["answer", "result"])
def test_row_11_one_template_over_fourteen_targets_is_quiet(shown: str) -> None:
    if shown == "answer":
        assert is_quiet(answers(*[review(t) for t in TARGETS]))
    else:
        asked = [tool("ask", result=review(t), prompt=f"Review the module {t} for security.") for t in TARGETS]
        assert is_quiet(steps(*asked))


def test_row_12_edits_and_tests_with_other_results_are_quiet() -> None:
    events = []
    for i in range(8):
        events.append(tool("edit", result=f"line {i} changed", line=i, text=prose(8, seed=i)))
        events.append(tool("test", result=f"{8 - i} failed, {i} passed in 0.{i}1s"))
    assert is_quiet(steps(*events))


@pytest.mark.parametrize(
    ("times", "expected"), [(7, []), (8, [("warning", "no_progress")]), (14, [("warning", "no_progress")])]
)
def test_row_13_different_edits_and_the_same_failing_test_warn_from_eight(times: int, expected: list[object]) -> None:
    events = []
    for i in range(times):
        events.append(tool("edit", result="applied", line=i, text=prose(8, seed=i)))
        events.append(tool("test", result=f"FAILED test_total: assert 3 == 4. 1 failed, 11 passed in 0.{i}3s"))
    assert loops(steps(*events)) == expected


@pytest.mark.parametrize("told", ["status", "tool error", "tool result"])
def test_row_14_the_same_rate_limit_with_growing_pauses_is_a_line_on_a_board(told: str) -> None:
    text = "429 Too Many Requests: rate limit reached, retry after {} s"
    pauses = [sum(2.0**k for k in range(i)) for i in range(10)]
    if told == "status":
        events = [call(t, status="rate_limited", error=text.format(i)) for i, t in enumerate(pauses)]
    else:
        how = "error" if told == "tool error" else "result"
        events = [call(t, tools=tool("search", q="x", **{how: text.format(i)})) for i, t in enumerate(pauses)]
    assert loops(events) == [("info", "rate_limited")]


def test_row_15_the_looping_one_of_two_sub_agents_is_named() -> None:
    looping = [call(i * 40.0, tools=A, agent="reviewer") for i in range(5)]
    working = [call(i * 40.0 + 20, tools=tool("read", result=f"{words(9, i)}", n=i), agent="writer") for i in range(5)]
    assert one_loop(in_order(looping + working)).agent == "reviewer"


def test_row_16_three_repeats_told_twice_each_are_quiet() -> None:
    events = steps(A, A, A)
    assert is_quiet([e for event in events for e in (event, event)])
    assert is_quiet(events + events)


@pytest.mark.parametrize("seed", range(8))
def test_row_17_events_out_of_order_within_the_lateness_give_the_same(seed: int) -> None:
    events = in_order(
        [
            *steps(*[A] * 6, run="one", gap_s=4.0),
            *steps(*[A, B] * 5, run="two", gap_s=3.0),
            *answers(*rewordings(9), run="three", gap_s=5.0),
        ]
    )
    chance = random.Random(seed)
    shuffled = sorted(events, key=lambda e: e["time"] + chance.uniform(0, 9.5))
    assert last(judge(shuffled)) == last(judge(events))


PHRASE = "I will now check the configuration file once more. "


@pytest.mark.parametrize(
    ("times", "expected"), [(9, []), (10, [("warning", "degenerate")]), (60, [("warning", "degenerate")])]
)
def test_row_18_an_answer_that_repeats_a_phrase_warns_from_ten(times: int, expected: list[object]) -> None:
    assert loops(answers(prose(40), f"{prose(30, 1)} {PHRASE * times}{prose(20, 2)}", prose(40, 3))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            f"{i}. Check that the service is up and answers within a second: {words(2, i)[0]}" for i in range(15)
        ),
        "\n".join(f"- The settings of region {i} are the same as before" for i in range(15)),
        "| name | value |\n|---|---|\n" + "| 0.00 | 0.00 |\n" * 40,
        ("-" * 60 + "\n") * 20,
        "=" * 900,
        "\n".join("| " + " | ".join(words(3, i)) + " |" for i in range(30)),
    ],
)
def test_row_19_lists_tables_and_dividers_are_quiet(text: str) -> None:
    assert judge(answers(text)) == []


@pytest.mark.parametrize("result", ["not found", "Key does not exist.", "No results found for your query.", "false"])
def test_row_20_different_arguments_with_the_same_no_are_quiet(result: str) -> None:
    assert is_quiet(steps(*[tool("lookup", result=result, user=f"{name}@shop.example") for name in words(10)]))
    numbered = [tool("lookup", result=result, table="customers_of_the_shop", key=f"user-{n}") for n in range(10)]
    assert is_quiet(steps(*numbered))


@pytest.mark.parametrize("between", ["nothing", "failed calls"])
def test_row_21_ten_compactions_with_nothing_done_between_are_a_loop(between: str) -> None:
    events = []
    for i in range(10):
        events.append(call(i * GAP_S, operation="compaction"))
        if between == "failed calls":
            events.append(call(i * GAP_S + 9, tools=tool("read", error=f"cannot read {words(1, i)}", n=i)))
    loop = one_loop(events)
    assert (loop.severity, loop.class_) == ("critical", "thrash")
    assert (loop.calls, loop.cost_usd) == ((10, 10.0) if between == "nothing" else (19, 19.0))
    assert loop.evidence["calls"][:1] == [events[0]["id"]]


def test_row_21_compactions_with_work_between_are_quiet() -> None:
    events = []
    for i in range(12):
        events.append(call(i * GAP_S, operation="compaction"))
        events.append(call(i * GAP_S + 9, tools=tool("read", result=prose(20, i), n=i)))
    assert is_quiet(events)


def test_row_22_the_pages_of_a_listing_are_quiet() -> None:
    pages = [[f"item {20 * i + k}: {words(1, 20 * i + k)[0]}" for k in range(20)] for i in range(12)]
    assert is_quiet(steps(*[tool("list", result=page, page=i + 1) for i, page in enumerate(pages)]))
    numbers = [[20 * i + k for k in range(20)] for i in range(12)]
    assert is_quiet(steps(*[tool("list", result=page, page=i + 1) for i, page in enumerate(numbers)]))


def test_row_23_prose_alike_but_for_a_counter_is_a_loop() -> None:
    texts = [f"Attempt {12 + i} of 50: the upload did not go through, so I will try it once more." for i in range(8)]
    assert severities(judge(answers(*texts))) == ["critical"]


@pytest.mark.parametrize("result", ["running", {"status": "pending"}, "Job 4711 is still in progress."])
def test_row_24_waiting_for_a_status_stays_on_the_board(result: object) -> None:
    waiting = tool("status", result=result, job="nightly")
    for usd in (0.004, 1.0):
        assert loops([call(i * 30.0, tools=waiting, cost_usd=usd) for i in range(10)]) == [("info", "waiting")]


def test_row_25_fast_and_slow_loops_are_both_found() -> None:
    assert severities(judge(steps(*[A] * 5, gap_s=16.0))) == ["critical"]
    slow = severities(judge(steps(*[A] * 12, gap_s=600.0, cost_usd=3.0)))
    assert 1 <= len(slow) <= 4
    assert "critical" in slow


def test_row_26_twenty_repeats_for_two_cents_are_never_a_page() -> None:
    assert severities(judge(steps(*[A] * 20, cost_usd=0.001))) in (["info"], ["warning"])


def test_row_30_a_loop_is_a_loop_though_files_are_edited_all_the_while() -> None:
    weak = [status(i * GAP_S + 1, "task", "weak") for i in range(6)]
    assert severities(judge(in_order(steps(*[A] * 6, task="task") + weak))) == ["critical"]


def draft(run: int, at_s: float, text: str) -> list[Event]:
    """A run that reads something and gives its final answer."""
    read = call(at_s, run=f"run-{run}", task="task", tools=tool("read", result=prose(20, run), n=run))
    return [read, call(at_s + 60, run=f"run-{run}", task="task", output={"text": text})]


@pytest.mark.parametrize(("runs", "expected"), [(4, []), (5, ["warning"]), (7, ["warning"])])
@pytest.mark.parametrize("apart_s", [200.0, 3 * 3600.0])
def test_row_31_five_runs_of_a_task_with_nearly_the_same_answer_warn(
    runs: int, expected: list[str], apart_s: float
) -> None:
    events = [e for n, text in enumerate(rewordings(runs)) for e in draft(n, n * apart_s, text)]
    alerts = last(judge(in_order(events)), "redundant_work")
    assert [a.severity for a in alerts] == expected
    for alert in alerts:
        assert (alert.level, alert.task, alert.cost_usd) == ("task", "task", 2.0 * runs)
        assert {r["run"] for r in alert.evidence["runs"]} == {f"run-{n}" for n in range(runs)}


def test_row_31_different_answers_other_tasks_and_another_day_are_quiet() -> None:
    others = [e for n in range(6) for e in draft(n, n * 200.0, prose(200, n))]
    assert last(judge(in_order(others)), "redundant_work") == []
    texts = rewordings(6)
    tasks = [e | {"task": f"task-{n}"} for n, text in enumerate(texts) for e in draft(n, n * 200.0, text)]
    assert last(judge(in_order(tasks)), "redundant_work") == []
    weekly = [e for n, text in enumerate(texts) for e in draft(n, n * 7 * 3600.0, text)]
    assert last(judge(in_order(weekly)), "redundant_work") == []
