"""The table of docs/detection.md, row by row: what must fire, and what must not. `A:r` is action A with result r."""

import random

import pytest

from detector.config import Config
from tests.support.judged import Event, call, judge, last, severities, status, tool
from tests.support.prose import varied, words

GAP_S = 20.0


def steps(*told: list[Event], gap_s: float = GAP_S, **fields: object) -> list[Event]:
    """One run of steps, each with its tools, `gap_s` apart."""
    return [call(i * gap_s, tools=tools, **fields) for i, tools in enumerate(told)]


def answers(*texts: list[str], **fields: object) -> list[Event]:
    """One run of answers without tools."""
    return [call(i * GAP_S, output={"text": " ".join(text)}, **fields) for i, text in enumerate(texts)]


def in_order(events: list[Event]) -> list[Event]:
    return sorted(events, key=lambda e: e["time"])


A, B, C = (tool(name, result="the same", path="/src/main.py") for name in ("read", "grep", "list"))


def is_quiet(events: list[Event]) -> bool:
    """No warning and no page, of any rule but run_inflation."""
    return all(a.severity == "info" for a in judge(events) if a.rule != "run_inflation")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_row_1_an_action_with_the_same_result_up_to_three_times_is_quiet(times: int) -> None:
    assert is_quiet(steps(*[A] * times))


@pytest.mark.parametrize("times", [4, 5, 9, 40])
def test_row_1_four_times_and_more_is_one_loop(times: int) -> None:
    (loop,) = last(judge(steps(*[A] * times)), "loop")
    assert (loop.severity, loop.class_, loop.calls, loop.cost_usd) == ("critical", "repeat", times, times)
    assert loop.evidence["since"] == pytest.approx(1_790_000_000)


def test_row_2_a_failure_that_is_overcome_is_quiet() -> None:
    failing = tool("build", error="no such file", target="all")
    assert is_quiet(steps(failing, failing, failing, tool("build", result="done", target="lib")))


def test_row_3_other_thoughts_with_each_repeat_are_still_a_loop() -> None:
    events = steps(*[A] * 6)
    for i, event in enumerate(events):
        event["output"] = {"text": " ".join(words(60, seed=i))}
    assert severities(judge(events)) == ["critical"]


def test_row_4_paging_with_other_results_each_time_is_quiet() -> None:
    assert is_quiet(steps(*[tool("scroll", result=" ".join(words(80, seed=i))) for i in range(11)]))


@pytest.mark.parametrize(("times", "expected"), [(2, []), (3, []), (4, ["critical"]), (6, ["critical"])])
def test_row_5_two_steps_in_turn_loop_from_the_fourth_round(times: int, expected: list[str]) -> None:
    assert severities(judge(steps(*[A, B] * times))) == expected


@pytest.mark.parametrize(("times", "expected"), [(3, []), (4, []), (5, ["critical"])])
def test_row_6_three_steps_in_turn_loop_from_the_fifth_round(times: int, expected: list[str]) -> None:
    assert severities(judge(steps(*[A, B, C] * times))) == expected


def test_row_7_a_cycle_of_eight_steps_loops_in_its_fourth_round() -> None:
    cycle = [tool("step", result=f"result {n}", number=n) for n in range(8)]
    assert severities(judge(steps(*cycle * 3))) == []
    (loop,) = last(judge(steps(*cycle * 4)), "loop")
    assert (loop.class_, loop.evidence["period"], loop.calls) == ("cycle", 8, 32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("times", "expected"), [(3, []), (5, []), (6, ["warning"]), (7, ["warning"]), (8, ["critical"]), (12, ["critical"])]
)
def test_row_9_answers_alike_warn_from_six_and_page_from_eight(times: int, expected: list[str], seed: int) -> None:
    base = words(300, seed)
    assert severities(judge(answers(*[varied(base, 0.1, seed * 100 + i) for i in range(times)]))) == expected


def test_row_9_holds_where_each_answer_varies_the_one_before() -> None:
    text = words(300)
    texts = [text := varied(text, 0.1, i) for i in range(8)]
    (loop,) = last(judge(answers(*texts)), "loop")
    assert (loop.severity, loop.class_) == ("critical", "near")


def test_row_10_answers_alike_to_a_new_request_each_are_quiet() -> None:
    base = words(300)
    events = [call(i * GAP_S, output={"text": " ".join(varied(base, 0.1, i))}, turn=f"request {i}") for i in range(6)]
    assert is_quiet(events)


def test_row_12_edits_and_tests_with_other_results_are_quiet() -> None:
    events = []
    for i in range(8):
        events.append(tool("edit", result=f"line {i} changed", line=i, text=" ".join(words(8, seed=i))))
        events.append(tool("test", result=" ".join(words(30, seed=100 + i))))
    assert is_quiet(steps(*events))


def test_row_15_the_looping_one_of_two_sub_agents_is_named() -> None:
    looping = [call(i * 40.0, tools=A, agent="reviewer") for i in range(5)]
    working = [call(i * 40.0 + 20, tools=tool("read", result=f"{words(9, i)}", n=i), agent="writer") for i in range(5)]
    (loop,) = last(judge(in_order(looping + working)), "loop")
    assert loop.agent == "reviewer"


def test_row_16_three_repeats_told_twice_each_are_quiet() -> None:
    events = steps(A, A, A)
    assert is_quiet([e for event in events for e in (event, event)])
    assert is_quiet(events + events)


@pytest.mark.parametrize("seed", range(8))
def test_row_17_events_out_of_order_within_the_lateness_give_the_same(seed: int) -> None:
    base = words(300)
    in_order = [
        *steps(*[A] * 6, run="one", gap_s=4.0),
        *steps(*[A, B] * 5, run="two", gap_s=3.0),
        *[call(i * 5.0, run="three", output={"text": " ".join(varied(base, 0.1, i))}) for i in range(9)],
    ]
    in_order.sort(key=lambda e: e["time"])
    chance = random.Random(seed)
    shuffled = sorted(in_order, key=lambda e: e["time"] + chance.uniform(0, 9.5))
    assert last(judge(shuffled)) == last(judge(in_order))


def test_row_24_waiting_for_a_status_at_a_few_cents_stays_on_the_board() -> None:
    running = tool("status", result="running", job="nightly")
    assert is_quiet([call(i * 30.0, tools=running, cost_usd=0.004) for i in range(10)])


def test_row_25_fast_and_slow_loops_are_both_found() -> None:
    assert severities(judge(steps(*[A] * 5, gap_s=16.0))) == ["critical"]
    slow = severities(judge(steps(*[A] * 12, gap_s=600.0, cost_usd=3.0)))
    assert 1 <= len(slow) <= 4
    assert "critical" in slow


def test_row_26_twenty_repeats_for_two_cents_are_never_a_page() -> None:
    assert severities(judge(steps(*[A] * 20, cost_usd=0.001))) in (["info"], ["warning"])


HOUR_S, DAY_S = 3600.0, 86_400.0


def history(usd_an_hour: float, hours: int = 40, task: str = "before") -> list[Event]:
    """Ordinary work of a week: active hours of one agent, ten calls each, and a status now and then."""
    events: list[Event] = []
    for n in range(hours):
        start = -7 * DAY_S + n * 4 * HOUR_S
        for k in range(10):
            events.append(
                call(start + k * 300, run=f"old-{n}", task=task, cost_usd=usd_an_hour / 10, output={"text": f"{n} {k}"})
            )
        events.append(status(start + 3500, task))
    return events


def hour_of_spend(usd: float, task: str | None = "task", **fields: object) -> list[Event]:
    """Sixty calls within an hour from T0, each with an answer of its own."""
    more = {"task": task} if task else {}
    return [
        call(k * 60.0, run="now", cost_usd=usd / 60, output={"text": " ".join(words(40, seed=k))}, **more, **fields)
        for k in range(60)
    ]


def spikes(events: list[Event], config: Config | None = None) -> list[str]:
    return severities(judge(in_order(events), config), "spend_spike")


def test_row_27_ten_times_the_usual_is_quiet_where_the_task_is_merged_in_it() -> None:
    merges = [status(1200, "task", category="completed"), status(2400, "task", category="completed")]
    assert spikes(history(4.4) + hour_of_spend(44.4) + merges) == []


def test_row_28_ten_times_the_usual_pages_within_the_hour_where_nothing_moves() -> None:
    alerts = judge(in_order(history(4.4) + hour_of_spend(44.4)))
    (spike,) = last(alerts, "spend_spike")
    assert (spike.severity, spike.level, spike.task, spike.spend_only) == ("critical", "task", "task", False)
    assert spike.opened_at - 1_790_000_000 < HOUR_S
    assert spike.usual_usd_per_hour == pytest.approx(4.4)


def test_row_28_a_weak_signal_does_not_keep_it_quiet_and_a_medium_one_does() -> None:
    weak = [status(k * 300, "task", "weak") for k in range(12)]
    assert spikes(history(4.4) + hour_of_spend(44.4) + weak) == ["critical"]
    assert spikes(history(4.4) + hour_of_spend(44.4) + [status(1000, "task", "medium")]) == []


def test_row_28_what_an_agent_says_of_itself_is_medium_at_most() -> None:
    said = [status(1200, "task", actor="agent")]
    looped = judge(in_order([*steps(*[A] * 10, task="task"), status(50, "task", actor="agent")]))
    assert spikes(history(4.4) + hour_of_spend(44.4) + said) == []
    assert severities(looped) == ["warning"]


def test_row_29_without_a_source_of_status_it_is_a_warning_marked_spend_only() -> None:
    events = [e for e in history(4.4) if e.get("type") != "status"] + hour_of_spend(44.4)
    alerts = judge(sorted(events, key=lambda e: e["time"]))
    (spike,) = last(alerts, "spend_spike")
    assert (spike.severity, spike.spend_only, spike.since_status_change_s) == ("warning", True, None)


def test_row_29_spend_that_no_task_claims_is_spend_only_too() -> None:
    assert spikes(history(4.4) + hour_of_spend(44.4, task=None)) == ["warning"]


def test_row_30_a_loop_is_a_loop_though_files_are_edited_all_the_while() -> None:
    weak = [status(i * GAP_S + 1, "task", "weak") for i in range(6)]
    assert severities(judge(in_order(steps(*[A] * 6, task="task") + weak))) == ["critical"]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [(9, []), (10, ["info"]), (19, ["info"]), (20, ["warning"]), (60, ["warning"])],
)
def test_row_32_calls_without_a_status_change(calls: int, expected: list[str]) -> None:
    events = [call(i * 60.0, task="task", output={"text": " ".join(words(30, seed=i))}) for i in range(calls)]
    assert severities(judge(events), "run_inflation") == expected


def test_row_32_a_strong_status_starts_the_count_anew() -> None:
    events = [call(i * 60.0, task="task", output={"text": " ".join(words(30, seed=i))}) for i in range(28)]
    alerts = judge(in_order([*events, status(14 * 60.0 + 1, "task")]))
    episodes = last(alerts, "run_inflation")
    assert [(e.severity, e.calls) for e in episodes] == [("info", 15), ("info", 13)]
    assert episodes[0].resolved_at == 1_790_000_000 + 14 * 60.0 + 1


def test_an_interactive_run_is_its_owners_to_stop_and_never_a_page() -> None:
    assert severities(judge(steps(*[A] * 8, interactive=True))) == ["warning"]


def test_a_task_that_moved_since_the_loop_began_is_not_a_page() -> None:
    events = [*steps(*[A] * 5, task="task"), status(30.0, "task")]
    assert "critical" not in severities(judge(sorted(events, key=lambda e: e["time"])))


@pytest.mark.parametrize(("times", "expected"), [(7, []), (8, ["warning"]), (11, ["warning"]), (12, ["critical"])])
def test_actions_whose_results_nobody_tells_need_more_rounds(times: int, expected: list[str]) -> None:
    events = steps(*[tool("deploy", target="staging")] * times)
    assert severities(judge(events)) == expected


def test_new_actions_between_speak_against_a_loop_though_nobody_tells_their_results() -> None:
    events = [tool("deploy", target="staging") if i % 2 else tool("edit", line=i) for i in range(24)]
    assert severities(judge(steps(*events))) == []


def test_token_counts_alone_are_never_a_loop() -> None:
    assert severities(judge([call(i * GAP_S) for i in range(30)])) == []
