"""The table of docs/detection.md, the rows of spend (27 to 29, 32): what must fire, and what must not."""

import pytest

from detector.config import Config
from tests.support.judged import Event, call, in_order, judge, last, severities, status, steps, tool
from tests.support.prose import words

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
    """The tickets and pages of the rule: a line on a board is quiet."""
    return [s for s in severities(judge(in_order(events), config), "spend_spike") if s != "info"]


def test_row_27_ten_times_the_usual_is_quiet_where_the_task_is_merged_in_it() -> None:
    merges = [status(1200, "task", category="completed"), status(2400, "task", category="completed")]
    assert spikes(history(4.4) + hour_of_spend(44.4) + merges) == []


def test_row_28_ten_times_the_usual_pages_within_the_hour_where_nothing_moves() -> None:
    alerts = judge(in_order(history(4.4) + hour_of_spend(44.4)))
    (spike,) = [a for a in last(alerts, "spend_spike") if a.severity != "info"]
    assert (spike.severity, spike.level, spike.task, spike.spend_only) == ("critical", "task", "task", False)
    assert spike.opened_at - 1_790_000_000 < HOUR_S
    assert spike.usual_usd_per_hour == pytest.approx(4.4)


def test_row_28_a_weak_signal_does_not_keep_it_quiet_and_a_medium_one_does() -> None:
    weak = [status(k * 300, "task", "weak") for k in range(12)]
    assert spikes(history(4.4) + hour_of_spend(44.4) + weak) == ["critical"]
    assert spikes(history(4.4) + hour_of_spend(44.4) + [status(1000, "task", "medium")]) == []


def test_row_28_what_an_agent_says_of_itself_is_medium_at_most() -> None:
    said = [status(1200, "task", actor="agent")]
    looping = steps(*[tool("read", result="the same")] * 10, task="task")
    looped = judge(in_order([*looping, status(50, "task", actor="agent")]))
    assert spikes(history(4.4) + hour_of_spend(44.4) + said) == []
    assert severities(looped) == ["warning"]


def test_row_29_without_a_source_of_status_it_is_a_warning_marked_spend_only() -> None:
    events = [e for e in history(4.4) if e.get("type") != "status"] + hour_of_spend(44.4)
    alerts = judge(sorted(events, key=lambda e: e["time"]))
    (spike,) = [a for a in last(alerts, "spend_spike") if a.severity != "info"]
    assert (spike.severity, spike.spend_only, spike.since_status_change_s) == ("warning", True, None)


def test_row_29_spend_that_no_task_claims_is_spend_only_too() -> None:
    assert spikes(history(4.4) + hour_of_spend(44.4, task=None)) == ["warning"]


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
