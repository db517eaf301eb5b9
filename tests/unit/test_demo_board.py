"""What the demo's screen sums up and what it calls news."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from detector.demo.board import Board
from detector.demo.desk import Sent
from detector.demo.flow import Flow
from detector.demo.screen import Moment, news, render, span, summary
from detector.demo.show import Lines
from detector.demo.verdict import Planted
from tests.unit.alert_records import OPENED_S, alert

PLANTED = Planted("indexer", "search", "loop", "repeats itself", OPENED_S - 60, OPENED_S + 600, OPENED_S + 600)


def call(time: float, usd: float, task: str = "T-1") -> Sent:
    return Sent(time, "calls", task, {"type": "call", "user": "mara"}, "search", "indexer", usd, tokens=100)


def status(time: float, task: str = "T-1", **fields: Any) -> Sent:
    event = {"type": "status", "strength": "strong", "to": "merged", **fields}
    return Sent(time, "status", task, event, "search", "indexer", 0.0, 0)


def flow_of(*events: Sent) -> Flow:
    flow = Flow()
    for sent in events:
        flow.add(sent)
    return flow


def test_a_team_sums_its_calls_and_the_dollars_of_the_last_hour():
    flow = flow_of(call(0.0, 1.0), call(3000.0, 2.0), call(5000.0, 4.0))
    team = flow.teams["search"]
    assert (flow.calls, flow.tokens, team.calls, team.usd) == (3, 300, 3, 7.0)
    assert team.usd_per_hour(5000.0) == 6.0
    assert team.usd_per_hour(7000.0) == 4.0


def test_a_strong_status_starts_a_tasks_money_anew_and_a_completed_task_is_gone():
    flow = flow_of(call(0.0, 1.0), status(10.0), call(20.0, 0.25))
    (name, task), *rest = flow.dearest(5)
    assert (name, task.usd, task.said, task.moved_at, rest) == ("T-1", 0.25, "merged", 10.0, [])
    flow.add(status(30.0, category="completed"))
    assert flow.dearest(5) == []
    assert flow.teams["search"].moved == 2


def test_a_weak_status_is_shown_and_moves_nothing():
    flow = flow_of(call(0.0, 1.0), status(10.0, strength="weak", to="files edited"))
    task = flow.tasks["T-1"]
    assert (task.usd, task.said, flow.teams["search"].moved) == (1.0, "files edited", 0)


@pytest.mark.parametrize(
    ("record", "is_news"),
    [
        ({"version": 2, "severity": "critical"}, True),
        ({"version": 2, "severity": "warning", "cost_usd": 3.0, "state": "update"}, False),
        ({"version": 2, "severity": "warning", "state": "resolved"}, True),
        ({"version": 1, "severity": "critical"}, False),
    ],
    ids=["escalates", "grows", "ends", "is repeated"],
)
def test_news_of_a_warning(record: dict[str, Any], is_news: bool):
    board = Board([PLANTED])
    assert board.take(alert(severity="warning"))
    assert board.take(alert(**record)) is is_news


def test_info_is_no_news_and_many_calls_are_counted_only():
    board = Board([PLANTED])
    assert not board.take(alert(severity="info"))
    assert not board.take(alert(id="n", rule="run_inflation", severity="warning"))
    assert len(board.tickets) == 1
    assert not board.take(alert(id="n", rule="run_inflation", severity="warning", state="resolved", version=2))
    assert not board.tickets
    assert board.flagged() == []


def test_what_is_open_and_worst_comes_first():
    board = Board([PLANTED])
    for record in (
        alert(id="over", state="resolved", cost_usd=99.0),
        alert(id="ticket", severity="warning", cost_usd=50.0),
        alert(id="page", cost_usd=1.0),
    ):
        board.take(record)
    assert [a.id for a in board.flagged()] == ["page", "ticket", "over"]


def drawn(what: Any) -> str:
    console = Console(width=160, height=50, record=True, file=StringIO())
    console.print(what)
    return console.export_text()


def test_the_screen_shows_what_flows_what_is_flagged_and_no_person():
    board = Board([PLANTED])
    board.flow.add(call(OPENED_S - 50, 3.21))
    board.take(alert(user="u-1f3a"))
    text = drawn(render(board, Moment(OPENED_S, "playing", 120.0, "http://127.0.0.1:9464", "127.0.0.1:29092")))
    for part in (
        "T-1",
        "3.21",
        "PAGE",
        "repeats a failing call",
        "caught 1 of 1",
        "pages at",
        "120 events/s",
    ):
        assert part in text
    assert "mara" not in text
    assert "u-1f3a" not in text


def test_the_summary_says_when_and_at_what_cost_it_was_caught():
    board = Board([PLANTED])
    board.take(alert(cost_usd=2.5))
    board.take(alert(cost_usd=12.0, state="resolved", version=2, resolved_at=OPENED_S + 300))
    text = drawn(summary(board, board.verdict(OPENED_S + 900), settled_s=31.0))
    for part in ("indexer", "caught", "60 s", "$2.50", "$12.00", "passed", "innocent paged 0", "31 s after"):
        assert part in text


def test_the_summary_names_the_innocent_that_was_paged():
    board = Board([PLANTED])
    board.take(alert(agent="reader", team="data"))
    text = drawn(summary(board, board.verdict(OPENED_S), settled_s=None))
    assert "failed" in text
    assert "reader" in text


def test_a_line_of_news_says_why_and_at_its_end_what_was_burnt():
    assert "PAGE   loop · indexer: The agent indexer repeats a failing call." in news(alert())
    over = alert(state="resolved", resolved_at=OPENED_S + 600, updated_at=OPENED_S + 600)
    assert "over   loop · indexer: $12.50 burnt in 10 min" in news(over)


@pytest.mark.parametrize(("seconds", "text"), [(45, "45 s"), (600, "10 min"), (12_600, "3.5 h")])
def test_spans_are_for_people(seconds: float, text: str):
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "ends"), [(None, "; Ctrl-C ends"), (90.0, "; it ends after 90 s, or by Ctrl-C")])
def test_the_first_lines_say_where_to_look_and_how_long_there_is_anything(
    seconds: float | None, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/detector", "demo"])
    out = StringIO()
    Lines(Console(file=out), Board([PLANTED])).begin("http://127.0.0.1:9464", "127.0.0.1:29092", seconds)
    pages, terminal = out.getvalue().splitlines()
    assert pages.startswith("open http://127.0.0.1:9464/ to see which agents burn what")
    assert pages.endswith(ends)
    told = "the same in a terminal: DETECTOR_KAFKA__BOOTSTRAP=127.0.0.1:29092 .venv/bin/detector incidents --open"
    assert terminal == told
