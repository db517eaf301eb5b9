"""`no_task`: the share of a team's spend that no task claims, and what a link does to it."""

from detector.config import Config
from tests.support.judged import T0, Event, call, in_order, judge, last
from tests.support.prose import words

HOUR_S, DAY_S = 3600.0, 86_400.0


def days(first: int, end: int, task: str | None, usd_a_day: float, run: str = "run", team: str = "team") -> list[Event]:
    """Twelve calls a day in its first hours, from day `first` to before day `end` (T0 is day 0)."""
    more = {"task": task} if task else {}
    return [
        call(
            day * DAY_S + k * HOUR_S, run=f"{run}-{day}", team=team, cost_usd=usd_a_day / 12,
            output={"text": " ".join(words(20, day * 100 + k))}, **more,
        )
        for day in range(first, end)
        for k in range(12)
    ]  # fmt: skip


def told(events: list[Event], config: Config | None = None) -> list[tuple[str, str | None]]:
    return [(a.severity, a.team) for a in last(judge(in_order(events), config), "no_task")]


WEEK = days(-7, 1, "T", 100.0)


def test_a_share_that_jumps_is_a_ticket_for_the_team() -> None:
    (alert,) = last(judge(in_order(WEEK + days(0, 1, None, 80.0, "wild"))), "no_task")
    assert (alert.severity, alert.level, alert.team, alert.agent, alert.task) == ("warning", "team", "team", None, None)
    assert 0.3 <= alert.evidence["share"] <= 0.5
    assert alert.evidence["share_before"] == 0.0
    assert alert.evidence["decided_by"] == "nobody is stopped by a ticket that is missing: never a page"
    assert alert.spend_only is True


def test_less_is_a_line_on_a_board_or_nothing() -> None:
    assert told(WEEK + days(0, 1, None, 30.0, "wild")) == [("info", "team")]
    assert told(WEEK + days(0, 1, None, 15.0, "wild")) == []


def test_a_team_that_always_worked_so_is_left_alone() -> None:
    assert told(WEEK + days(-7, 1, None, 80.0, "wild")) == []
    assert told(days(-7, 1, None, 200.0, "wild")) == []


def test_a_young_team_is_not_judged() -> None:
    assert told(days(-2, 1, "T", 100.0) + days(0, 1, None, 80.0, "wild")) == []


def test_a_link_that_comes_in_time_claims_what_the_run_has_spent() -> None:
    wild = days(0, 1, None, 80.0, "wild")
    early = {"type": "link", "id": "l", "time": T0 + 1.5 * HOUR_S, "run": "wild-0", "task": "T"}
    assert told([*WEEK, *wild, early]) == []


def test_teams_are_judged_by_themselves() -> None:
    other = days(-7, 1, "U", 1000.0, "other", team="large")
    assert told(WEEK + other + days(0, 1, None, 80.0, "wild")) == [("warning", "team")]
