"""Odd but possible input around the rows of the detection table: the verdict stays what the table says."""

import random
from typing import Any

import pytest

from detector.config import Config, Statuses
from tests.support.judged import T0, Event, call, judge, last, run_through, severities, status, tool
from tests.support.prose import varied, words

A, B = (tool(name, result="the same", path="/a") for name in ("read", "grep"))


def loop(times: int = 4, gap_s: float = 20.0, **fields: Any) -> list[Event]:
    return [call(i * gap_s, tools=A, **fields) for i in range(times)]


def in_order(*parts: list[Event]) -> list[Event]:
    return sorted((e for part in parts for e in part), key=lambda e: e["time"])


@pytest.mark.parametrize(
    "who",
    [
        {"agent": None}, {"team": None}, {"run": None, "task": "T"}, {"run": None, "task": "T", "agent": None},
        {"agent": "", "team": "", "turn": ""}, {"run": "r" * 512, "agent": "a" * 512, "task": "t" * 512},
        {"run": "\0", "agent": "\U0001f600" * 100, "model": "\n"}, {"model": ""}, {"parent_run": "p", "user": "ann"},
    ],
)  # fmt: skip
def test_rows_1_and_5_hold_whoever_calls(who: Event) -> None:
    assert severities(judge(loop(3, **who))) == []
    (found,) = last(judge(loop(4, **who)), "loop")
    assert (found.severity, found.calls, found.cost_usd) == ("critical", 4, 4.0)
    assert severities(judge([call(i * 20.0, tools=(A, B)[i % 2], **who) for i in range(8)])) == ["critical"]


def test_calls_of_one_moment_are_judged_in_the_order_of_their_coming() -> None:
    assert severities(judge(loop(3, gap_s=0.0))) == []
    (found,) = last(judge(loop(4, gap_s=0.0)), "loop")
    assert (found.calls, found.opened_at, found.burn_usd_per_hour) == (4, T0, 3.0 * 3600)


def test_two_tenants_with_the_same_names_are_never_mixed() -> None:
    mixed = [call(i * 20.0, tools=A, tenant=("acme", "beta")[i % 2], task="T", user="ann") for i in range(6)]
    assert severities(judge(mixed)) == []
    more = [call(200 + i * 20.0, tools=A, tenant="beta", task="T") for i in range(2)]
    (found,) = last(judge([*mixed, *more]), "loop")
    assert (found.tenant, found.calls) == ("beta", 5)
    moved = status(90.0, "T", tenant="acme")
    assert severities(judge(in_order([*mixed, *more], [moved]))) == ["critical"]


@pytest.mark.parametrize("seed", range(5))
def test_interleaved_sub_agents_are_judged_each_by_itself(seed: int) -> None:
    chance = random.Random(seed)
    events, looped = [], {"a": 0, "b": 0, "c": 0}
    for i in range(60):
        agent = chance.choice("abc")
        looped[agent] += 1
        tools = A if agent == "b" else tool("read", result=f"result {i}", path=f"/{i}")
        events.append(call(i * 5.0, agent=agent, tools=tools))
    (found,) = last(judge(events), "loop")
    assert (found.agent, found.calls) == ("b", looped["b"])


def test_sub_agents_in_runs_of_their_own_under_one_parent_are_told_apart() -> None:
    events = [call(i * 20.0, run=f"child-{i % 3}", parent_run="parent", tools=A) for i in range(9)]
    assert severities(judge(events)) == []


@pytest.mark.parametrize("strength", ["weak", "medium", "strong"])
def test_a_status_before_the_first_call_says_that_there_is_a_source_and_resets_nothing(strength: str) -> None:
    (found,) = last(judge(in_order([status(-7200.0, "T", strength)], loop(5, task="T"))), "loop")
    assert (found.severity, found.calls) == ("critical", 5)
    assert found.spend_only == (strength == "weak")
    assert (found.since_status_change_s is None) == (strength == "weak")


def test_a_status_of_a_task_that_nobody_works_on_is_taken() -> None:
    assert judge([status(float(i), f"T{i}") for i in range(50)]) == []


def test_a_loop_whose_run_is_linked_to_a_task_is_recognised_anew_under_the_task() -> None:
    link = {"type": "link", "id": "l", "time": T0 + 85, "run": "run", "task": "T"}
    before, after = last(judge(in_order(loop(12), [link])), "loop")
    assert (before.task, before.calls) == (None, 5)
    assert (after.task, after.run, after.calls, after.opened_at) == ("T", "run", 7, T0 + 160)


def test_unpriced_and_unmetered_calls_loop_at_info_with_their_calls_counted() -> None:
    unpriced = {"model": "nobody-knows-this", "cost_usd": None}
    for more in (unpriced, {"usage": {}, "cost_usd": None}):
        (found,) = last(judge(loop(9, **more)), "loop")
        assert (found.severity, found.calls, found.cost_usd) == ("info", 9, 0.0)


def test_huge_calls_are_summed_without_overflow() -> None:
    usage = {"input_tokens": 10**8, "output_tokens": 10**8}
    (found,) = last(judge(loop(60, usage=usage, cost_usd=100_000)), "loop")
    assert (found.tokens, found.cost_usd) == (60 * 2 * 10**8, 6_000_000.0)


@pytest.mark.parametrize("text", ["a", "12345678", "abcdefgh", "\0\0\0\0\0\0\0\0", "\U0001f600", "7 8 9", "positive"])
def test_the_same_answer_of_a_few_letters_warns_from_six_and_never_pages(text: str) -> None:
    answers = [call(i * 20.0, output={"text": text}) for i in range(30)]
    assert [severities(judge(answers[:n])) for n in (5, 6, 30)] == [[], ["warning"], ["warning"]]


@pytest.mark.parametrize("output", [{"text": "Let me look at this once more."}, {"fingerprint": "27a6f619cc4dc658"}])
def test_the_same_answer_of_any_other_kind_warns_from_six_and_pages_from_eight(output: dict[str, str]) -> None:
    answers = [call(i * 20.0, output=output) for i in range(8)]
    assert [severities(judge(answers[:n])) for n in (5, 6, 8)] == [[], ["warning"], ["critical"]]


def test_no_answer_is_no_answer_and_leaves_the_token_counts() -> None:
    for output in ({"text": ""}, {}, {"text": None}, None):
        (found,) = last(judge([call(i * 20.0, output=output) for i in range(20)]), "loop")
        assert (found.severity, found.evidence["known"]) == ("info", "token counts")


def test_short_answers_that_differ_are_no_loop() -> None:
    assert severities(judge([call(i * 20.0, output={"text": t}) for i, t in enumerate("abcdefghijklmnop")])) == []


def test_twenty_tools_in_a_step_are_one_action() -> None:
    def step(last_result: str) -> list[Event]:
        results = ["the same"] * 19 + [last_result]
        return [{"name": "ls", "arguments": {"n": n}, "result": r} for n, r in enumerate(results)]

    assert severities(judge([call(i * 20.0, tools=step("the same")) for i in range(4)])) == ["critical"]
    assert severities(judge([call(i * 20.0, tools=step(f"{i}")) for i in range(12)])) == []


@pytest.mark.parametrize(("honest", "expected"), [(0, ["critical"]), (1, ["critical"]), (2, ["critical"]), (3, [])])
def test_row_3_holds_within_twelve_steps(honest: int, expected: list[str]) -> None:
    """Between two repeats lie `honest` failures of other actions: nothing new that succeeded, but it takes steps."""
    tools = []
    for i in range(4):
        tools.append(A)
        tools += [tool(f"try-{i}-{k}", error=f"no {i} {k}") for k in range(honest + (i > 1 and honest == 3))]
    assert severities(judge([call(i * 20.0, tools=t) for i, t in enumerate(tools)])) == expected


@pytest.mark.parametrize("new", [tool("edit", result="applied", line=7), tool("edit", error="refused", line=7)])
def test_a_new_action_that_succeeds_between_the_rounds_makes_it_work(new: list[Event]) -> None:
    events = [call(i * 20.0, tools=t) for i, t in enumerate([A, A, new, A, A])]
    assert severities(judge(events)) == ([] if "result" in new[0] else ["critical"])


@pytest.mark.parametrize(("changed", "expected"), [(0.0, ["warning"]), (0.1, ["warning"]), (0.6, []), (1.0, [])])
def test_row_9_is_about_answers_that_are_nearly_the_same(changed: float, expected: list[str]) -> None:
    base = words(300)
    events = [call(i * 20.0, output={"text": " ".join(varied(base, changed, i))}) for i in range(6)]
    assert severities(judge(events)) == expected


def test_an_action_between_answers_starts_their_row_anew() -> None:
    events = [call(i * 20.0, output={"text": "the same answer " * 9}) for i in range(10)]
    events[5] |= {"tools": tool("read", result="x")}
    assert severities(judge(events)) == []


@pytest.mark.parametrize(
    ("connected", "expected"), [("yes", (False, "critical")), ("no", (True, "critical")), ("auto", (True, "critical"))]
)
def test_a_loop_may_page_without_a_source_of_status_and_says_so(connected: Any, expected: tuple[bool, str]) -> None:
    config = Config(statuses=Statuses(connected=connected))
    (found,) = last(judge(loop(4, task="T"), config), "loop")
    assert (found.spend_only, found.severity) == expected
    assert ("no source of status is connected" in found.summary) == expected[0]


def test_ten_megabytes_of_text_are_sketched_in_part() -> None:
    text = " ".join(words(50_000)) + " and so on" * 1_000_000
    events = [call(i * 20.0, output={"text": text}) for i in range(3)]
    _, signals = run_through([*events, call(60.0, output={"text": text + "!"})])
    assert [s.similarity for s in signals] == [0.0, 1.0, 1.0, 1.0]
    assert [s.repeats for s in signals] == [False, True, True, True]


@pytest.mark.parametrize("rounds", [1, 2, 3, 6])
def test_fewer_or_more_rounds_can_be_configured_for_all_and_for_one(rounds: int) -> None:
    rules = {"loop": {"rounds_short": rounds}}
    for config in ({"rules": rules}, {"overrides": [{"agent": "agent", "rules": rules}]}):
        (found,) = last(judge(loop(9), Config.model_validate(config)), "loop")
        assert (found.opened_at, found.calls) == (T0 + 20.0 * (rounds - 1), 9)


@pytest.mark.parametrize("first", [True, False])
def test_each_agent_of_a_task_goes_by_its_own_thresholds(first: bool) -> None:
    patient = {"agent": "patient", "rules": {"run_inflation": {"info_calls": 50, "warning_calls": 100}}}
    config = Config.model_validate({"overrides": [patient]})
    agents = ["patient", *["agent"] * 30] if first else [*["agent"] * 9, *["patient"] * 3, *["agent"] * 20]
    events = [call(i * 60.0, task="T", agent=a, output={"text": " ".join(words(30, i))}) for i, a in enumerate(agents)]
    opened, *_ = (a for a in judge(events, config) if a.rule == "run_inflation")
    assert (opened.calls, opened.severity) == (10 if first else 13, "info")
    assert severities(judge(events, config), "run_inflation") == ["warning"]
    assert severities(judge([e | {"agent": "patient"} for e in events], config), "run_inflation") == []
