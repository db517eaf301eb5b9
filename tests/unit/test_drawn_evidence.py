"""What an alert carries for a picture of it: steps with fingerprints, dollars by minute, and when its task moved."""

from typing import Any

import pytest

from detector.model.alert import Alert
from tests.support.judged import T0, Event, answers, call, judge, status, tool


def newest(alerts: list[Alert], rule: str) -> dict[str, Any]:
    """The evidence of the last record of a rule."""
    return [a for a in alerts if a.rule == rule][-1].evidence


def cycle(n: int) -> list[Event]:
    """`n` rounds of two steps: a file is read, and an edit of it fails."""
    read, edit = tool("read", result="text", path="/a"), tool("edit", error="no match", path="/a")
    return [
        call(40.0 * k + 20.0 * j, tools=t, cost_usd=0.5, task="T", run="r")
        for k in range(n)
        for j, t in enumerate((read, edit))
    ]


class TestACycle:
    @pytest.fixture
    def told(self) -> dict[str, Any]:
        return newest(judge(cycle(20)), "loop")

    def test_is_seen_by_fingerprints_that_come_again(self, told: dict[str, Any]) -> None:
        steps = told["steps"]
        names = {s["name"]: (s["action"], s["result"]) for s in steps[-8:]}
        assert set(names) == {"read", "edit"}
        assert names["read"] != names["edit"]
        assert [(s["action"], s["result"]) for s in steps[-8:]] == [names[s["name"]] for s in steps[-8:]]
        assert all(len(s["action"]) == len(s["result"]) == 8 for s in steps)

    def test_tells_which_steps_failed_and_that_none_is_new(self, told: dict[str, Any]) -> None:
        assert {(s["name"], s["failed"]) for s in told["steps"][-8:]} == {("read", False), ("edit", True)}
        assert not any(s["new"] for s in told["steps"][2:])

    def test_compares_each_step_with_that_of_the_round_before(self, told: dict[str, Any]) -> None:
        assert told["period"] == 2
        assert {s["similarity"] for s in told["steps"][2:]} == {1.0}

    def test_shows_24_steps_at_most_and_dollars_by_minute(self, told: dict[str, Any]) -> None:
        assert len(told["steps"]) <= 24
        assert {usd for _, usd in told["usd_by_minute"][1:-1]} == {1.5}
        assert all(t % 60.0 == 0.0 for t, _ in told["usd_by_minute"])


def test_the_minutes_before_the_loop_are_shown_too() -> None:
    before = [
        call(60.0 * n, tools=tool("read", result=f"text {n}", path=f"/{n}"), cost_usd=0.25, task="T", run="r")
        for n in range(5)
    ]
    looping = [
        call(300.0 + 20.0 * n, tools=tool("edit", error="no match", path="/a"), cost_usd=0.5, task="T", run="r")
        for n in range(8)
    ]
    told = newest(judge([*before, *looping]), "loop")
    assert [usd for _, usd in told["usd_by_minute"][:5]] == [0.25] * 5
    assert all(s["name"] == "edit" for s in told["steps"])


def test_it_is_told_when_the_task_moved_last_and_nothing_where_it_never_did() -> None:
    moved = [status(-50.0, "T"), status(-20.0, "T", "medium")]
    told = newest(judge([*moved, *cycle(10)]), "loop")
    assert [(m["t"] - T0, m["strength"]) for m in told["moves"]] == [(-50.0, "strong"), (-20.0, "medium")]
    assert newest(judge(cycle(10)), "loop")["moves"] == []


def test_answers_that_are_nearly_the_same_show_how_near() -> None:
    text = "The index is stale because the nightly job reads the old shard map, so queries miss the new shards. "
    told = newest(judge(answers(*(f"{text * 6} Attempt {n} differs a bit here." for n in range(14)))), "loop")
    likes = [s["similarity"] for s in told["steps"] if s["similarity"] is not None]
    assert likes
    assert all(0.8 < like <= 1.0 for like in likes)
    assert {s["action"] for s in told["steps"]} == {None}
