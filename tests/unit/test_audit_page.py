"""The page, the screen and the sheet of an audit: no name of the input becomes more than text."""

import csv
import io
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from detector.audit.figures import Figures, to_json
from detector.audit.page import page
from detector.audit.table import to_csv
from detector.audit.terminal import show
from tests.support.judged import Event, call, in_order, status
from tests.support.pages import ATTRIBUTES, EVIL, TAGS, loads_nothing, seen
from tests.support.plain_audit import audit_of


def made(team: str | None = "blue", task: str | None = "T-1", **fields: Any) -> Figures:
    events: list[Event] = [call(60.0 * n, task=task, team=team, run=f"r{n % 3}", **fields) for n in range(9)]
    events += [call(86_400.0 * n, task="T-2", team="red") for n in range(10)]
    return audit_of(
        in_order([*events, status(700_000, "T-2", category="completed"), status(900, "T-3", deliverable="d")])
    )


def screen(figures: Figures) -> str:
    out = io.StringIO()
    show(figures, Console(file=out, width=100))
    return out.getvalue()


def test_a_page_has_no_script_and_loads_nothing() -> None:
    loads_nothing(page(made()))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=80) | st.just(EVIL))
def test_a_name_is_text_wherever_it_stands(name: str) -> None:
    figures = made()
    figures.teams[0].team = figures.shipped_nothing[0].task = figures.shipped_nothing[0].team = name
    told = seen(page(figures))
    assert told.tags <= set(TAGS.split())
    assert told.attributes <= set(ATTRIBUTES.split())
    assert "\x1b" not in screen(figures)


def test_its_pictures_are_xml_with_a_title_and_hold_every_week_and_team() -> None:
    html = page(made())
    for name in ("weeks", "flow"):
        begin = html.index(f'<svg class="{name}"')
        end, depth = begin, 0
        while True:
            depth += html.startswith("<svg", end) - html.startswith("</svg>", end)
            end += 1
            if not depth:
                break
        picture = ElementTree.fromstring(html[begin : end + 5])
        assert picture.find("title") is not None
    assert "blue" in html
    assert "red" in html


@pytest.mark.parametrize(
    "events", [[status(0, "T-1")], [call(0, task=None, cost_usd=0.0)], [call(0, task="T", usage={})]]
)
def test_windows_with_little_in_them_are_shown_all_the_same(events: list[Event]) -> None:
    figures = audit_of(events)
    assert seen(page(figures)).tags <= set(TAGS.split())
    assert screen(figures)
    assert len(list(csv.DictReader(io.StringIO(to_csv(figures))))) >= 1


def test_the_sheet_tells_what_the_figures_do_and_no_formula() -> None:
    figures = made(team="=1+1", task="@T")
    rows = list(csv.DictReader(io.StringIO(to_csv(figures))))
    whole = next(row for row in rows if row["kind"] == "all")
    assert float(whole["spend_usd"]) == pytest.approx(figures.spend_usd)
    assert {row["team"] for row in rows if row["kind"] == "team"} == {"'=1+1", "red"}
    assert [row["task"] for row in rows if row["kind"] == "shipped_nothing"] == ["'@T"]


def test_each_dollar_goes_to_one_end() -> None:
    figures = made(task=None)
    went = msgspec.structs.astuple(figures.went)
    assert sum(went) == pytest.approx(figures.spend_usd)
    assert sum(sum(msgspec.structs.astuple(team.went)) for team in figures.teams) == pytest.approx(figures.spend_usd)
    assert figures.went.unclaimed_usd == pytest.approx(figures.no_task_usd) == 9.0


def test_equal_figures_give_equal_bytes() -> None:
    assert page(made()) == page(made())
    assert to_json(made()) == to_json(made())
