"""What Alertmanager is told of an alert record: labels, annotations, times."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.alerts.alertmanager import (
    LABEL_CHARS,
    annotations_of,
    ended,
    firing,
    label_value,
    labels_of,
    notice_of,
    rfc3339,
)
from detector.alerts.shortened import EVIDENCE_BYTES, short_json
from tests.unit.alert_records import OPENED_S, alert

NOW = OPENED_S + 100

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(), inner, max_size=40),
    max_leaves=60,
)


def notice(written_s: float = NOW, **fields: Any) -> Any:
    return notice_of(alert(**fields), written_s)


# Labels and annotations


def test_labels_are_the_identity_and_leave_out_what_the_record_does_not_have() -> None:
    assert labels_of(alert(task=None, user="u-1")) == {
        "alertname": "loop",
        "rule": "loop",
        "class": "repeat",
        "severity": "critical",
        "level": "run",
        "tenant": "acme",
        "team": "search",
        "agent": "indexer",
        "run": "run-7",
        "group": "acme/search/indexer",
        "episode": "e1",
    }


def test_a_key_is_a_label_where_the_alert_is_about_the_key() -> None:
    assert labels_of(alert(level="key", key="k-7f3a", agent=None, run=None))["key"] == "k-7f3a"
    assert "key" not in labels_of(alert(level="agent", key="k-7f3a", run=None))


def test_people_are_in_no_label() -> None:
    assert "u-1" not in str(labels_of(alert(user="u-1", key="u-1")))


@given(st.text())
def test_a_label_is_short_and_has_no_control_characters(text: str) -> None:
    value = label_value(text)
    assert len(value) <= LABEL_CHARS
    assert value.isprintable()
    value.encode()


def test_long_values_that_differ_only_at_the_end_stay_apart() -> None:
    assert label_value("a" * 300 + "1") != label_value("a" * 300 + "2")
    assert label_value("a" * 256) == "a" * 256


def test_annotations_tell_money_marks_and_since_when() -> None:
    told = annotations_of(
        alert(spend_only=True, evidence={"interactive": True}, since_status_change_s=3 * 3600.0 + 125)
    )
    assert told["cost_usd"] == "12.50"
    assert told["burn_usd_per_hour"] == "40.00"
    assert told["since_status_change"] == "3 h 2 min"
    assert told["marks"] == "interactive, spend only"
    assert told["opened_at"] == "2025-10-09T08:53:20.000Z"
    assert "usual_usd_per_hour" not in told


@pytest.mark.parametrize(
    ("evidence", "marks"),
    [
        ({"page_needs": {"not_interactive": False}}, "interactive"),
        ({"page_needs": {"not_interactive": True}}, None),
        ({"page_needs": None, "interactive": "yes"}, None),
    ],
)
def test_that_a_person_is_before_it_is_read_from_the_evidence(evidence: dict[str, Any], marks: str | None) -> None:
    assert annotations_of(alert(evidence=evidence)).get("marks") == marks


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (172_799, "47 h 59 min"), (180_000, "2 d 2 h")],
)
def test_durations_are_told_as_people_say_them(seconds: float, told: str) -> None:
    assert annotations_of(alert(since_status_change_s=seconds))["since_status_change"] == told


def test_a_cost_below_a_cent_is_not_told_as_nothing() -> None:
    assert annotations_of(alert(cost_usd=0.00042))["cost_usd"] == "0.00042"
    assert annotations_of(alert(usual_usd_per_hour=0.00002))["usual_usd_per_hour"] == "0.00"
    assert annotations_of(alert(cost_usd=0.0001, burn_usd_per_hour=0.0))["cost_usd"] == "0.0001"


@given(st.dictionaries(st.text(), json_values, max_size=60))
def test_evidence_is_valid_json_and_bounded_whatever_it_holds(evidence: dict[str, Any]) -> None:
    text = short_json(evidence)
    assert len(text.encode()) <= EVIDENCE_BYTES
    assert isinstance(json.loads(text), dict)


def test_short_evidence_is_whole() -> None:
    evidence = {"calls": [f"call-{n}" for n in range(20)], "since": OPENED_S}
    assert json.loads(short_json(evidence)) == evidence


def test_long_evidence_keeps_its_first_entries_and_says_how_many_are_missing() -> None:
    told = json.loads(short_json({"calls": [f"call-{n:04}" for n in range(5000)]}))
    assert told["calls"][0] == "call-0000"
    assert told["calls"][-1] == "… 4980 more"


def test_very_many_keys_of_evidence_are_cut() -> None:
    text = short_json({f"\x00{n}": "\x00" * 500 for n in range(5000)})
    assert 0 < len(json.loads(text)) < 5000


# Times


@given(opened=st.floats(-1e12, 1e12), updated=st.floats(-1e12, 1e12), now=st.floats(0, 4e9))
def test_no_alert_ends_before_it_starts_and_none_that_is_over_ends_in_the_future(
    opened: float, updated: float, now: float
) -> None:
    told = notice(opened_at=opened, updated_at=updated)
    burning, over = firing(told, now, 900), ended(told, told.labels, now)
    assert burning.starts_at <= burning.ends_at
    assert over.starts_at <= over.ends_at <= rfc3339(now)


def test_a_firing_alert_outlives_notify_by_ends_s() -> None:
    posted = firing(notice(), NOW, 900)
    assert (posted.starts_at, posted.ends_at) == (rfc3339(OPENED_S), rfc3339(NOW + 900))


def test_a_resolved_alert_ends_when_the_record_says_so() -> None:
    told = notice(state="resolved", resolved_at=OPENED_S + 40)
    assert ended(told, told.labels, NOW).ends_at == rfc3339(OPENED_S + 40)


def test_the_body_has_the_field_names_of_the_api() -> None:
    assert set(msgspec.to_builtins(firing(notice(), NOW, 900))) == {
        "labels",
        "annotations",
        "startsAt",
        "endsAt",
    }
