"""Odd loops, and what only looks like one: cases that an independent test of the detection table found."""

import pytest

from tests.support.judged import GAP_S, answers, call, is_quiet, judge, last, loops, severities, steps, tool
from tests.support.prose import words

A = tool("read", result="the same", path="/src/main.py")


def test_names_of_tools_alone_are_never_more_than_a_line_on_a_board() -> None:
    (loop,) = last(judge(steps(*[[{"name": "bash"}]] * 30)), "loop")
    assert (loop.severity, loop.evidence["known"]) == ("info", "tool names")


@pytest.mark.parametrize("shift", [0, 1])
def test_answers_of_which_every_tenth_word_is_another_are_a_loop_wherever_it_stands(shift: int) -> None:
    base = words(300)
    texts = [
        " ".join(words(1, 1000 * n + k)[0] if (k + n * shift) % 10 == 0 else w for k, w in enumerate(base))
        for n in range(8)
    ]
    assert [severities(judge(answers(*texts[:n]))) for n in (5, 6, 8)] == [[], ["warning"], ["critical"]]


@pytest.mark.parametrize("between", [{"status": "error"}, {"status": "error", "error": "context too long"}])
def test_compactions_with_the_same_failed_call_between_are_thrash(between: dict[str, str]) -> None:
    events = []
    for i in range(10):
        events += [call(i * GAP_S, operation="compaction"), call(i * GAP_S + 9, **between)]
    (loop,) = last(judge(events), "loop")
    assert (loop.severity, loop.class_) == ("critical", "thrash")
    assert "has shortened its context" in loop.summary


def test_an_edit_and_the_same_failing_test_in_one_step_are_no_progress() -> None:
    told = [
        tool("edit", result=f"applied at {words(1, i)[0]}", line=i, text=" ".join(words(8, i)))
        + tool("bash", result="FAILED test_vat: 1 failed, 11 passed", command="pytest")
        for i in range(8)
    ]
    assert loops(steps(*told[:7])) == []
    assert loops(steps(*told)) == [("warning", "no_progress")]


@pytest.mark.parametrize("text", [" ".join(["I will now check the configuration file once more"] * 10), "the " * 200])
def test_a_phrase_is_counted_without_what_divides_it_and_short_ones_are_counted_too(text: str) -> None:
    (loop,) = last(judge(answers(text)), "loop")
    assert (loop.severity, loop.class_) == ("warning", "degenerate")
    assert "hour" not in loop.summary


def test_a_plain_no_that_looks_like_an_error_is_quiet() -> None:
    where = {"db": "main", "sql": "select id, name, price from products where name = '{}' and shop = 'main' limit 1"}
    for no in ({"error": "not found"}, {"status_code": 404, "error": "Not Found"}, "NotFoundError: no such key"):
        told = [tool("query", result=no, db=where["db"], sql=where["sql"].format(w)) for w in words(10)]
        assert is_quiet(steps(*told))


def test_short_templates_over_named_targets_are_quiet() -> None:
    names = ("auth.py", "billing.py", "cart.py", "search.py", "mail.py", "login.py", "audit.py", "queue.py", "cache.py")
    for text in (
        "I have processed {}.",
        "Done with {}, moving on to the next one.",
        '{{"target":"{}","label":"fine"}}',
    ):
        assert is_quiet(answers(*[text.format(name) for name in names]))


def test_tools_of_a_step_in_another_order_are_the_same_step() -> None:
    one, other = tool("read", result="x", path="a"), tool("list", result="y", path="b")
    assert loops(steps(one + other, other + one, one + other, other + one)) == [("critical", "repeat")]


def test_a_rate_that_is_just_the_floor_pages() -> None:
    assert severities(judge(steps(*[A] * 8, gap_s=108.0, cost_usd=0.3))) == ["critical"]


def test_a_loop_over_text_about_rate_limits_or_running_servers_is_a_loop() -> None:
    for result in ("src/limits.py:41: raise RateLimitError(429)", "server is running on port 8080"):
        assert loops(steps(*[tool("bash", result=result, command="./run.sh")] * 5)) == [("critical", "repeat")]
