"""What notify keeps of episodes: the highest version, and nothing of what everyone was told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from detector.alerts.alertmanager import Notice, notice_of
from detector.alerts.book import Book
from tests.unit.alert_records import OPENED_S, alert


def notice(version: int = 1, state: str = "open", written_s: float = OPENED_S, **fields: Any) -> Notice:
    return notice_of(alert(version=version, state=state, **fields), written_s)


@given(st.permutations([notice(1), notice(2, "update"), notice(3, "resolved"), notice(3, "resolved")]))
def test_the_highest_version_holds_in_whatever_order_records_come(notices: list[Notice]) -> None:
    book = Book()
    for told in notices:
        book.take(told)
    assert book.notices["e1"].version == 3
    assert book.ended == {"e1"}


def test_a_repeated_first_record_does_not_reopen_what_was_let_go() -> None:
    book = Book()
    book.take(notice(2, "resolved"))
    book.close("e1")
    assert not book.take(notice(1))
    assert (book.notices, book.ended) == ({}, set())


def test_a_higher_version_reopens() -> None:
    book = Book()
    book.take(notice(2, "resolved"))
    book.close("e1")
    assert book.take(notice(3, "update"))
    assert book.notices["e1"].firing
    assert not book.ended


def test_versions_of_ended_episodes_are_bounded() -> None:
    book = Book(max_closed=2)
    for id in ("e1", "e2", "e3"):
        book.take(notice(2, "resolved", id=id))
        book.close(id)
    assert book.take(notice(1, id="e1"))
    assert not book.take(notice(1, id="e3"))


def test_what_ended_long_ago_is_let_go_and_what_is_open_stays() -> None:
    book = Book()
    book.take(notice(2, "resolved", OPENED_S))
    book.take(notice(1, "open", OPENED_S, id="e2"))
    book.take(notice(2, "resolved", OPENED_S + 10, id="e3"))
    book.close_before(OPENED_S + 10)
    assert set(book.notices) == {"e2", "e3"}


def test_a_tombstone_ends_what_is_open() -> None:
    book = Book()
    book.take(notice(2))
    assert book.bury("e1", OPENED_S + 60)
    assert not book.notices["e1"].firing
    assert book.notices["e1"].changed_s == OPENED_S + 60
    assert not book.bury("e1", OPENED_S + 61)
    assert not book.bury("never heard of", OPENED_S)
