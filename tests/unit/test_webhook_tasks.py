"""Which tasks a branch, a title or a message names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.webhooks.tasks import MAX_TASKS, Finder, trailers

FINDER = Finder("[A-Z][A-Z0-9]+-[0-9]+", "{repository}#{number}")
HOME = "https://github.com/"


def closed(text: str) -> list[str]:
    return FINDER.closed(text, "acme/shop", HOME)


@pytest.mark.parametrize(
    ("text", "tickets"),
    [
        ("PAY-1312-round-cents", ["PAY-1312"]),
        ("feature/PAY-1312_OPS-9", ["PAY-1312", "OPS-9"]),
        ("fix(PAY-1312): PAY-1312", ["PAY-1312"]),
        ("xPAY-1312", []),
        ("PAY-1312x", []),
        ("pay-1312", []),
        (None, []),
    ],
)
def test_tickets_of_a_line(text: str | None, tickets: list[str]) -> None:
    assert FINDER.tickets(text) == tickets


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("closes #12", ["acme/shop#12"]),
        ("Fixes: acme/api#3", ["acme/api#3"]),
        ("resolved PAY-1312.", ["PAY-1312"]),
        ("Closing #4, #5, and #6", ["acme/shop#4", "acme/shop#5", "acme/shop#6"]),
        ("implements https://github.com/acme/web/issues/4", ["acme/web#4"]),
        ("fix https://gitlab.example/acme/web/issues/4", []),
        ("fixes nothing, see #12", []),
        ("prefixes #12", []),
        ("closes pay-1312", []),
    ],
)
def test_what_a_text_closes(text: str, tasks: list[str]) -> None:
    assert closed(text) == tasks


def test_a_pattern_may_have_groups() -> None:
    finder = Finder("(?P<project>PAY|OPS)-([0-9]+)", "{number}")
    assert finder.tickets("x/PAY-1312 UTF-8") == ["PAY-1312"]
    assert finder.closed("closes OPS-1, PAY-2 and #3", "a/b", HOME) == ["OPS-1", "PAY-2", "3"]


def test_a_pattern_that_matches_nothing_names_none() -> None:
    finder = Finder("[A-Z]*", "{number}")
    assert finder.tickets("x-Y") == ["Y"]
    assert finder.closed("closes x", "a/b", HOME) == []


def test_a_list_of_everything_is_cut() -> None:
    assert len(closed(", ".join(f"closes #{n}" for n in range(1, 99)))) == MAX_TASKS
    assert len(closed("closes " + ", ".join(f"#{n}" for n in range(1, 99)))) == MAX_TASKS


@pytest.mark.parametrize(
    "part", ["A", "close ", "closes A", "#", "closes #1, ", "https://", "A-", "a/", " ", "\nAgent-Run:"]
)
def test_long_texts_take_no_long_time(part: str) -> None:
    # Does not end within a test's time where a pattern looks at the rest of a text from each of its letters on.
    text = part * (1_000_000 // len(part))
    closed(text)
    FINDER.tickets(text)
    trailers(text, "Agent-Run")


@given(st.text())
def test_any_text_is_looked_at(text: str) -> None:
    for keyword in ("", "closes "):
        assert all(closed(keyword + text))
    trailers(text, "Agent-Run")


def test_lines_that_name_a_run() -> None:
    text = "Round\n\nAgent-Run: s-481 \nagent-run:\ts-482\r\nAgent-Run:\nX-Agent-Run: no\nAgent-Run: s-481"
    assert trailers(text, "Agent-Run") == ["s-481", "s-482"]
