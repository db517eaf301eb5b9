"""The page and the terminal of a report: no name of the input becomes more than text."""

import io
import re
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from detector.markup import svg
from detector.markup.axes import nice
from detector.markup.words import duration, share, short, shown
from detector.report.choosing import chosen
from detector.report.facts import Facts, Flag, Ranking, Rest, Row, decode, to_json
from detector.report.page import page
from detector.report.terminal import show
from tests.support.pages import EVIL, loads_nothing, seen
from tests.unit.report_facts import made, renamed


def test_a_page_has_no_script_and_loads_nothing() -> None:
    told = loads_nothing(page(made()))
    (policy,) = (meta["content"] for meta in told.metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; form-action 'none'", policy
    )


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.just(EVIL))
def test_no_name_becomes_more_than_text(name: str) -> None:
    plain, html = seen(page(made())), page(renamed(made(), name))
    told = seen(html)
    assert told.tags <= plain.tags
    assert told.attributes <= plain.attributes
    html.encode()
    told_name = shown(name)
    assert not name.strip() or any(told_name in text for text in told.texts)
    assert all(c.isprintable() or c == "\n" for text in told.texts for c in text)


def screen(facts: Facts) -> str:
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    show(facts, console)
    told = console.file.getvalue()
    assert isinstance(told, str)
    return told


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.just(EVIL))
def test_no_name_moves_the_cursor_of_a_terminal_or_colours_it(name: str) -> None:
    assert all(c.isprintable() or c == "\n" for c in screen(renamed(made(), name)))


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "[bold]fixer[/bold]" in screen(renamed(made(), "[bold]fixer[/bold]"))


def test_a_screen_tells_what_the_page_tells() -> None:
    told = screen(made())
    assert "$10.00 in 10 calls of 2 runs; $6.00 (60%) went round in 1 loop; 40% of the dollars moved their task" in told
    assert "PAGE       $6.00  loop repeat: fixer repeats read with the same result, 7 times" in told
    assert "no agent named" in told
    assert len(told.splitlines()) <= 24


def test_the_same_figures_give_the_same_page_also_from_their_json() -> None:
    facts = made()
    assert page(facts) == page(decode(to_json(facts)))


def test_a_page_says_what_it_does_not_know_and_not_that_it_is_nothing() -> None:
    facts = made()
    facts.total.usd, facts.total.unpriced, facts.total.unmetered = 0.0, 9, 1
    facts.unpriced_models = {"own-model": 9}
    facts.by_agent = Ranking([Row(10, 0.0, 9, 1, name="fixer", tenant="default")], Rest())
    facts.status_source, facts.moved_share, facts.came = False, None, []
    for flag in facts.flags:
        flag.usd = 0.0
    texts = " ".join(seen(page(facts)).texts)
    assert "9 calls of 1 model without a price, whose dollars are in no figure: own-model (9)" in texts
    assert "no status source: spend only" in texts
    assert "no dollars are known" in texts
    assert "not known" in texts
    assert "$0.00" not in texts


def test_pages_are_drawn_with_the_stretch_that_the_alert_is_about() -> None:
    html = page(made())
    assert html.count('<svg class="strip"') == 1
    assert 'aria-label="run r-1: dollars by 15 seconds, most $2.00; loop, 7 rounds from' in html


def flag(n: int, rule: str, severity: str, **fields: object) -> Flag:
    base = made().flags[0]
    told = {"rule": rule, "severity": severity, "id": str(n), "task": f"T{n}", "run": f"r{n}"} | fields
    return msgspec.structs.replace(base, **told)


def test_where_there_is_room_for_few_one_rule_does_not_hide_the_others() -> None:
    flags = [flag(0, "spend_spike", "critical"), *(flag(n, "run_inflation", "warning") for n in range(1, 9))]
    flags += [flag(9, "loop", "warning"), flag(10, "context_bloat", "warning", task="T0")]
    flags += [flag(n, "loop", "info") for n in range(11, 16)]
    assert [f.id for f in chosen(flags, 20)] == ["0", "1", "2", "3", "9", "11", "12", "13"]
    assert [f.id for f in chosen(flags, 2)] == ["0", "1"]


@given(st.floats(1e-6, 1e12))
def test_an_axis_holds_what_is_shown_and_little_more(most: float) -> None:
    assert most <= nice(most) * (1 + 1e-6)
    assert nice(most) <= 2.01 * most


numbers = st.lists(st.floats(0, 1e6), min_size=3, max_size=3)


@given(st.lists(numbers, min_size=1, max_size=4), st.text(max_size=20))
def test_pictures_are_well_formed_whatever_the_figures(series: list[list[float]], text: str) -> None:
    text = shown(text)
    marks = [svg.Mark(1, True, text)]
    of = [("s0", values) for values in series]
    ElementTree.fromstring(svg.stacked(text, of, 1.79e9, 3600.0, marks, [text] * 3, "$"))
    ElementTree.fromstring(svg.whole(text, [svg.Part("s0", sum(v), text) for v in series]))
    ElementTree.fromstring(svg.small(text, of, sum(map(sum, series))))
    ElementTree.fromstring(svg.strip(text, series[0], 1.79e9, 15.0, 1.79e9 + 5, 1.79e9 + 20, text))


def test_bars_stand_on_each_other_and_reach_the_height_of_their_sum() -> None:
    picture = svg.stacked("x", [("s0", [1.0, 0.0]), ("s1", [3.0, 4.0])], 0.0, 60.0, [], ["", ""], "$")
    assert 'class="s0" d="M0 750h1v250h-1z"' in picture
    assert 'class="s1" d="M0 0h1v750h-1zM1 0h1v1000h-1z"' in picture


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 5, "0%"), (0.001, 5, "<1%"), (1, 3, "33%"), (4.999, 5, ">99%"), (5, 5, "100%"), (0, 0, "–")],
)
def test_shares_do_not_tell_something_as_nothing(part: float, whole: float, told: str) -> None:
    assert share(part, whole) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "a moment"), (59, "59 seconds"), (3_660, "1 hour 1 minute"), (86_400, "1 day"), (90_061, "1 day 1 hour")],
)
def test_a_length_of_time_is_told_in_its_two_largest_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("n", "told"), [(0, "0"), (999, "999"), (1_000, "1 k"), (999_950, "1 M"), (1_194_666_106, "1.19 bn")]
)
def test_large_numbers_are_told_in_three_digits(n: int, told: str) -> None:
    assert short(n) == told


def test_long_names_keep_their_ends() -> None:
    assert shown("a" * 100 + "-17", 20) == "aaaaaaaaaaa…aaaaa-17"
    assert shown("x\u202ey\x00") == "x\ufffdy\ufffd"


def test_a_facts_object_of_nothing_has_a_page() -> None:
    empty = Facts(
        version=1, began_t=None, ended_t=None, events=0, refused={}, runs=0, tasks=0, total=made().total,
        unpriced_models={}, priced_as_standard=0, status_source=False, moved_share=None, came=[],
        by_agent=Ranking([], Rest()), by_model=Ranking([], Rest()), by_team=Ranking([], Rest()),
        by_task=Ranking([], Rest()), spend=None, loops=made().loops, counted=[], flags=[], tenants=0,
    )  # fmt: skip
    assert "No call was read" in page(empty)
