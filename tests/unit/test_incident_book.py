"""The newest record of each episode: what holds, what is let go, and what comes again."""

from typing import Any

import msgspec
import pytest

from detector.incidents.book import KEPT_S, IncidentBook
from detector.model.alert import encode_alert
from tests.unit.alert_records import OPENED_S, alert

NOW_S = OPENED_S + 100.0


def take(book: IncidentBook, written_s: float = NOW_S, **fields: Any) -> bool:
    return book.take(encode_alert(alert(**fields)), written_s)


def over(book: IncidentBook, id: str, t: float, **fields: Any) -> bool:
    return take(book, id=id, state="resolved", resolved_at=t, **fields)


def ids(book: IncidentBook) -> list[str]:
    return [entry.id for entry in [*book.open(), *book.ended()]]


def test_a_record_is_given_back_as_it_came() -> None:
    book, told = IncidentBook(), alert(evidence={"steps": [{"t": 1.5, "usd": 0.25}] * 24})
    assert book.take(encode_alert(told), NOW_S)
    [entry] = book.open()
    assert (entry.alert, entry.written_s) == (told, NOW_S)
    assert len(entry.packed) < len(encode_alert(told))


def test_the_highest_version_holds_whatever_the_order() -> None:
    book = IncidentBook()
    assert take(book, version=3, severity="critical")
    assert not take(book, version=2, severity="info")
    assert not take(book, version=3, severity="info")
    assert book.open()[0].severity == "critical"
    assert take(book, version=4, state="resolved", resolved_at=NOW_S)
    assert not take(book, version=3)
    assert book.open() == []


def test_open_ones_come_by_severity_and_dollars_and_then_what_ended_last() -> None:
    book = IncidentBook()
    take(book, id="board", severity="info", cost_usd=90.0)
    take(book, id="cheap", severity="critical", cost_usd=1.0)
    take(book, id="dear", severity="critical", cost_usd=50.0)
    take(book, id="ticket", severity="warning")
    over(book, "long ago", OPENED_S)
    over(book, "just now", OPENED_S + 9)
    assert ids(book) == ["dear", "cheap", "ticket", "board", "just now", "long ago"]


def test_a_tombstone_takes_it_away_and_an_old_record_does_not_bring_it_back() -> None:
    book = IncidentBook()
    take(book, version=2)
    assert book.bury("e1")
    assert not book.bury("e1")
    assert not book.bury("never heard of")
    assert ids(book) == []
    assert not take(book, version=2)
    assert take(book, version=3)
    assert ids(book) == ["e1"]


def test_what_the_topic_keeps_no_longer_leaves() -> None:
    book = IncidentBook()
    over(book, "old", OPENED_S)
    take(book, id="young", written_s=NOW_S + 10)
    book.let_go(NOW_S + KEPT_S + 5)
    assert ids(book) == ["young"]
    assert not over(book, "old", OPENED_S)


def test_of_what_has_ended_the_newest_stay_and_all_that_is_open() -> None:
    book = IncidentBook(max_ended=4)
    for n in range(20):
        take(book, id=f"open{n}")
        over(book, f"over{n:02}", OPENED_S + n)
    assert len(book.open()) == 20
    assert 4 <= len(book.ended()) <= 5
    book.let_go(NOW_S)
    assert [entry.id for entry in book.ended()] == ["over19", "over18", "over17", "over16"]
    assert not over(book, "over03", OPENED_S + 3)


def test_versions_of_what_left_are_bounded() -> None:
    book = IncidentBook(max_ended=1, max_gone=2)
    for n in range(5):
        over(book, f"over{n}", OPENED_S + n)
        book.let_go(NOW_S)
    assert len(book._gone) == 2


def test_it_is_found_by_the_beginning_of_its_id_and_by_its_rule() -> None:
    book = IncidentBook()
    for id in ("abc1", "abc2", "b1"):
        take(book, id=id, rule="spend_spike" if id == "b1" else "loop")
    assert sorted(entry.id for entry in book.beginning_with("abc")) == ["abc1", "abc2"]
    assert book.get("abc") is None
    assert [entry.id for entry in book.of("spend_spike")] == ["b1"]


@pytest.mark.parametrize("value", [b"", b"{", b'{"id": 7}', b'"\xff"', b"[" * 5000])
def test_what_is_no_alert_is_refused_and_changes_nothing(value: bytes) -> None:
    book = IncidentBook()
    with pytest.raises(msgspec.MsgspecError):
        book.take(value, NOW_S)
    assert len(book) == 0
