"""Incidents in a terminal: the hour as bars with marks, the cycle of steps, and names that do nothing to it."""

from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from detector.config import Web
from detector.incidents import chart, drawn, words
from detector.incidents.drawn import Step
from detector.incidents.terminal import show, show_all
from detector.incidents.view import Incident
from detector.model.alert import Alert, Mark
from tests.unit.alert_records import alert

T0 = 1_795_165_200.0  # 20 Nov 2026 09:00 UTC
HOSTILE = "\x1b[31mred\x1b[0m \u202eevil\u2066 \x07[bold]bell[/bold]\r\nnew line"


def step(action: str, **fields: Any) -> dict[str, Any]:
    return {"t": T0, "usd": 0.1, "name": f"tool {action}", "action": action, "result": "00", "same": True} | fields


def incident(**fields: Any) -> Incident:
    history = [Mark(T0 + 60, "open", "warning", 0.4), Mark(T0 + 240, "update", "critical", 2.0)]
    evidence = {
        "since": T0,
        "period": 2,
        "rounds": 14,
        "decided_by": "burnt: $2.00, needs at least $1.00",
        "page_needs": {"rounds": 4, "burnt_usd": 1.0, "calm_s": 3600.0, "not_interactive": True},
        "usd_by_minute": [[T0, 0.1], [T0 + 60, 0.4], [T0 + 240, 0.8]],
        "moves": [{"t": T0 - 120, "strength": "strong"}],
        "steps": [step("aa" if n % 2 else "bb", failed=n == 3, similarity=0.9 + n / 100) for n in range(6)],
    }
    told = {"opened_at": T0 + 60, "updated_at": T0 + 240, "history": history, "evidence": evidence, **fields}
    return Incident(alert(**told), T0 + 241)


def printed(told: Incident | list[Incident], width: int = 100, **web: Any) -> str:
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=False, color_system=None)
    show_all(told, console) if isinstance(told, list) else show(told, Web(**web), console)
    return out.getvalue()


def test_a_list_says_whose_it_is_since_when_what_it_burnt_and_burns_and_its_id() -> None:
    over = incident(id="0123456789abcdef", severity="warning", state="resolved", resolved_at=T0 + 900)
    head, first, second = printed([incident(id="fedcba9876543210"), over], width=120).splitlines()
    assert head.split() == ["rule", "who", "since", "(UTC)", "burnt", "an", "hour", "task", "moved", "id"]
    for said in (
        "PAGE",
        "loop repeat",
        "search: run run-7 of indexer",
        "20 Nov 09:00",
        "$12.50",
        "$40.00",
        "6 min ago",
    ):
        assert said in first
    assert "fedcba9876 " in first + " "
    assert "TICKET" in second
    assert "ended" in second
    assert "$40.00" not in second


@pytest.mark.parametrize(
    ("level", "who"),
    [
        ("run", "search: run run-7 of indexer"),
        ("task", "search: task T of indexer"),
        ("agent", "search: indexer"),
        ("key", "search: key k"),
        ("team", "team search"),
        ("model", "search: model m"),
    ],
)
def test_who_it_is_is_told_as_narrow_as_it_is_known(level: Any, who: str) -> None:
    assert words.who(alert(level=level, task="T", key="k", model="m")) == who


def test_one_incident_says_all_that_its_page_does() -> None:
    web: dict[str, Any] = {
        "public_url": "https://detector.example/",
        "trace_url": "https://traces.example/{tenant}/{run}?f={since_ms}",
    }
    text = printed(incident(), 100, **web)
    assert text.startswith("The agent indexer repeats a failing call.\npage, loop repeat; open since 20 Nov 09:01")
    for said in (
        "20 Nov 09:01  opened as a ticket, $0.40",
        "20 Nov 09:04  goes on as a page, $2.00",
        "20 Nov 08:58  its task moved (strong)",
        "AB Ab AB  6 steps, of 14 rounds so far",
        "It is a page. What keeps it from more: burnt: $2.00, needs at least $1.00.",
        "condition               a page needs     found",
        "no status moved for     at least 1 hour  not known",
        "burnt                   at least $1.00   $12.50",
        "no person is before it  yes              yes",
        "https://detector.example/incidents/e1",
        f"https://traces.example/acme/run-7?f={round(T0 * 1000)}",
        "https://example.org/runbooks/loop.md",
        "its task moved  6 min ago",
    ):
        assert said in text, said


def test_one_that_has_ended_says_when_and_why() -> None:
    over = incident(state="resolved", resolved_at=T0 + 900, evidence={"resolved_by": "quiet"})
    text = printed(over)
    assert "ended 20 Nov 09:15 when it became quiet" in text
    assert "no dollars by minute are told of it" in text
    assert "an hour, when told last" in text


def test_what_became_of_its_stop_is_told() -> None:
    assert "stop: state" in printed(incident()._replace(stop={"state": "sent"}))


class TestBars:
    def test_the_highest_column_is_as_high_as_there_is_room_and_marks_stand_below(self) -> None:
        bars = chart.bars(incident().alert)
        assert bars is not None
        assert (bars.top_usd, bars.column_min, bars.began_t) == (0.8, 1, T0 - 120)
        assert bars.lines == ["      █", "      █", "   █  █", "  ▄█  █"]
        assert bars.marks == "M  O  !"

    def test_a_cent_beside_a_fortune_is_seen(self) -> None:
        bars = chart.bars(alert(evidence={"usd_by_minute": [[T0, 0.01], [T0 + 60, 5000.0], [T0 + 120, 0.0]]}))
        assert bars is not None
        assert bars.lines[-1] == "▁█"

    def test_a_status_of_the_day_before_takes_no_room_from_the_hour(self) -> None:
        told = incident()
        told.alert.evidence["moves"] = [{"t": T0 - 86_400.0, "strength": "strong"}]
        bars = chart.bars(told.alert)
        assert bars is not None
        assert (bars.began_t, bars.column_min, bars.marks) == (T0, 1, " O  !")

    def test_many_minutes_share_columns_and_no_dollar_is_lost(self) -> None:
        minutes = [[T0 + 60 * n, 1.0] for n in range(150)]
        bars = chart.bars(alert(evidence={"usd_by_minute": minutes}, history=[Mark(T0 - 9e6, "open", "info", 0.0)]))
        assert bars is not None
        assert bars.column_min > 1
        assert bars.top_usd == bars.column_min
        assert len(bars.lines[-1]) <= chart.WIDE
        assert bars.marks == ""

    def test_an_end_long_after_makes_the_picture_no_wider(self) -> None:
        bars = chart.bars(incident(history=[Mark(T0 + 9e5, "resolved", "info", 1.0)]).alert)
        assert bars is not None
        assert len(bars.lines[-1]) < 10

    @given(
        st.lists(st.tuples(st.floats(-1e10, 1e10), st.floats(-1e9, 1e9)), max_size=80),
        st.lists(st.builds(Mark, st.floats(-1e10, 1e10), st.sampled_from(["open", "update", "resolved"]),
                           st.just("critical"), st.just(1.0)), max_size=5),
    )  # fmt: skip
    def test_whatever_is_told_fits(self, minutes: list[Any], history: list[Mark]) -> None:
        bars = chart.bars(alert(evidence={"usd_by_minute": [list(m) for m in minutes]}, history=history))
        if bars is not None:
            assert max(map(len, [*bars.lines, bars.marks])) <= chart.WIDE + 1


class TestSteps:
    def test_the_same_action_has_the_same_letter_and_the_newest_round_is_whole(self) -> None:
        steps = [Step(action=action) for action in "cabab"]
        assert chart.cycle(steps, 2) == "A BC BC"
        assert chart.cycle(steps, 1) == "ABCBC"

    def test_one_that_failed_is_small(self) -> None:
        assert chart.cycle([Step(action="x"), Step(action="x", failed=True)], 1) == "Aa"

    def test_without_a_fingerprint_the_tool_tells_actions_apart(self) -> None:
        assert chart.cycle([Step(name="read"), Step(name="edit"), Step(name="read")], 1) == "ABA"

    def test_kinds_are_counted_with_their_results_failures_and_likeness(self) -> None:
        steps = [
            Step(name="read", action="x", result="1", similarity=0.9),
            Step(name="read", action="x", result="2", failed=True, similarity=0.95),
            Step(name="edit", action="y"),
        ]
        assert chart.kinds(steps) == [
            chart.Kind("A", "read", "x", 2, 1, 2, 0.9, 0.95),
            chart.Kind("B", "edit", "y", 1, 0, 0, None, None),
        ]


class TestHostile:
    def test_names_do_nothing_to_a_terminal(self) -> None:
        names = dict.fromkeys(("agent", "team", "run", "rule", "summary", "id", "runbook_url", "class_"), HOSTILE)
        evidence = incident().alert.evidence | {
            "decided_by": HOSTILE,
            "resolved_by": HOSTILE,
            "page_needs": {HOSTILE: HOSTILE},
            "steps": [step(HOSTILE, name=HOSTILE)],
            "moves": [{"t": T0, "strength": HOSTILE}],
        }
        told = incident(**names, evidence=evidence)._replace(stop={HOSTILE: HOSTILE})
        for text in (printed([told]), printed(told, public_url="https://d.example", trace_url="https://t/{run}")):
            assert all(c.isprintable() or c == "\n" for c in text)
        assert "[bold]bell[/bold]" in text

    def test_very_long_names_are_cut(self) -> None:
        long = "x" * 10_000
        told = incident(agent=long, run=long, summary=long, rule=long, evidence={"decided_by": long})
        assert len(printed(told)) < 4000
        assert max(map(len, printed([told]).splitlines())) <= 120

    @pytest.mark.parametrize(
        "evidence",
        [
            {},
            {"usd_by_minute": 7, "steps": {"a": 1}, "moves": "no", "page_needs": [1], "rounds": "x", "period": "2"},
            {"usd_by_minute": [["a"], [1.0], None], "steps": [7, {"t": "x"}, {}], "moves": [{}], "period": True},
            {"decided_by": 7, "resolved_by": [1], "since": 5.0},
        ],
    )
    def test_evidence_of_another_shape_is_left_out(self, evidence: dict[str, Any]) -> None:
        told: Alert = alert(evidence=evidence)
        assert drawn.usd_by_minute(told) == []
        assert drawn.moves(told) == []
        assert printed(Incident(told, T0))
        assert printed([Incident(told, T0)])
