"""`context_bloat`: contexts far larger than an agent's calls need, or growing with nothing new."""

from typing import Any

import pytest

from detector.config import Config
from tests.support.judged import Event, call, in_order, judge, last, status, tool
from tests.support.prose import words

HOUR_S = 3600.0


def worker(hours: int = 4, tokens: int = 10_000, agent: str = "agent") -> list[Event]:
    """Ordinary calls of an agent before T0, each with an answer of its own: twenty an hour."""
    return [
        call(
            -hours * HOUR_S + k * 180.0, run="before", agent=agent, cost_usd=0.05,
            output={"text": " ".join(words(30, k))}, usage={"input_tokens": tokens, "output_tokens": 300},
        )
        for k in range(20 * hours)
    ]  # fmt: skip


def contexts(*tokens: int, cached: float = 0.0, gap_s: float = 60.0, **fields: Any) -> list[Event]:
    """One run of calls with so many input tokens each, at $3 a million, that says something new each time."""
    return [
        call(
            k * gap_s, run="now", cost_usd=n * 3e-6, output={"text": " ".join(words(30, 1000 + k))},
            usage={"input_tokens": n, "output_tokens": 300, "cached_input_tokens": int(n * cached)}, **fields,
        )
        for k, n in enumerate(tokens)
    ]  # fmt: skip


def bloats(events: list[Event], config: Config | None = None) -> list[tuple[str, str | None]]:
    return [(a.severity, a.class_) for a in last(judge(in_order(events), config), "context_bloat")]


def test_ten_times_the_usual_input_five_times_in_a_row_is_told_in_dollars() -> None:
    (told,) = last(judge(in_order(worker() + contexts(*[400_000] * 12))), "context_bloat")
    assert (told.severity, told.class_, told.level, told.run) == ("warning", "large", "run", "now")
    assert told.evidence["input_tokens_before"] == pytest.approx(10_000, rel=0.01)
    # Of a call's $1.20 nearly all is input; 390 of 400 thousand tokens are above usual.
    assert told.cost_usd <= 12 * 1.2
    assert told.evidence["excess_usd"] >= 4 * 1.1
    assert told.evidence["decided_by"] == "the work may be getting on: never a page"
    assert "40 times its usual 10,000" in told.summary


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([400_000] * 4, []),  # too few in a row
        ([400_000, 10_000] * 6, []),  # not in a row
        ([60_000] * 12, []),  # six times: not an order
        ([100_000] * 6, [("info", "large")]),  # too few dollars for a ticket
    ],
)
def test_less_is_less(tokens: list[int], expected: list[tuple[str, str]]) -> None:
    assert bloats(worker() + contexts(*tokens)) == expected


def test_an_agent_of_which_little_is_known_is_not_judged_by_it() -> None:
    assert bloats(worker(hours=1, agent="other") + contexts(*[400_000] * 12)) == []
    assert bloats(worker(hours=2) + contexts(*[400_000] * 12)) == []  # what is usual counts an hour later only


GROWING = [20_000 + 12_000 * k for k in range(30)]
SAME = tool("search", result="nothing was found in this place")


def growing(cached: float = 0.0, **fields: Any) -> list[Event]:
    """A context that grows while the same search brings the same."""
    usage = [{"input_tokens": n, "output_tokens": 300, "cached_input_tokens": int(n * cached)} for n in GROWING]
    return [
        call(k * 60.0, run="now", cost_usd=u["input_tokens"] * 3e-6, usage=u, **fields) for k, u in enumerate(usage)
    ]


def test_a_context_that_grows_with_nothing_new_and_little_cached_is_told() -> None:
    assert bloats(growing(tools=SAME)) == [("warning", "growing")]


def test_where_most_of_it_is_cached_growth_is_how_agents_work() -> None:
    assert bloats(growing(cached=0.8, tools=SAME)) == []


def test_where_something_new_is_done_growth_is_honest() -> None:
    events = growing()
    for k, event in enumerate(events):
        event["tools"] = tool("read", result=f"text of file {k}", path=f"{k}.py")
    assert bloats(events) == []


def test_an_override_leaves_an_agent_its_large_contexts() -> None:
    config = Config.model_validate(
        {"overrides": [{"agent": "agent", "rules": {"context_bloat": {"times_usual": 100.0}}}]}
    )
    assert bloats(worker() + contexts(*[400_000] * 12), config) == []


def test_how_long_the_task_has_stood_still_is_told_whatever_was_found_before() -> None:
    """Another run loops all the while, whose task moved at another time."""
    bloated = contexts(*[100_000] * 20, task="ours", agent="agent")
    refused = tool("edit", error="refused", path="a.py")
    looping = [call(k * 50.0 + 7.0, run="other", task="theirs", agent="other", tools=refused) for k in range(24)]
    moved = [status(-300.0, "ours"), status(-20.0, "theirs")]
    [found] = last(judge(in_order([*worker(), *bloated, *looping, *moved])), "context_bloat")
    assert found.task == "ours"
    assert found.since_status_change_s is not None
    # It is told with one of the calls, which come once a minute from T0 on.
    minutes, rest = divmod(found.since_status_change_s - 300.0, 60.0)
    assert 0 <= minutes < 20
    assert rest == 0.0
