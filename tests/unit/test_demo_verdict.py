"""The demo's verdict: what was planted against the alert records that were seen."""

from typing import Any

import pytest

from detector.demo.verdict import Planted, judge
from detector.model.alert import Alert
from tests.unit.alert_records import alert

LOOP = Planted("fixer", "platform", "loop", "repeats", begins=1000.0, ends=2000.0, due=2000.0)
SPIKE = Planted("spender", "payments", "spend_spike", "spends", begins=3000.0, ends=6600.0, due=7200.0)


def record(**fields: Any) -> Alert:
    """A page for LOOP."""
    told = {"id": "a", "agent": "fixer", "team": "platform", "opened_at": 1200.0, "updated_at": 1200.0}
    return alert(**told | {"cost_usd": 2.5} | fields)


def spike(**fields: Any) -> Alert:
    return record(
        **{"id": "b", "rule": "spend_spike", "agent": "spender", "team": "payments", "updated_at": 5000.0} | fields
    )


def outcomes(records: list[Alert], now: float) -> list[str]:
    return [finding.outcome for finding in judge([LOOP, SPIKE], records, now).findings]


def test_both_paged_passes():
    verdict = judge([LOOP, SPIKE], [record(), spike()], now=8000.0)
    assert (verdict.outcome, verdict.exit_code, verdict.caught) == ("passed", 0, 2)
    assert verdict.findings[0].after_s == 200.0


def test_the_first_record_that_pages_counts_not_the_warning_before_it_nor_the_update_after():
    warning = record(severity="warning", updated_at=1100.0, cost_usd=0.5)
    page = record(version=2, updated_at=1200.0)
    update = record(version=3, updated_at=1400.0, cost_usd=5.0, state="update")
    found = judge([LOOP], [update, page, warning], now=1500.0).findings[0]
    assert (found.after_s, found.alert.cost_usd) == (200.0, 2.5)


@pytest.mark.parametrize(
    ("now", "outcome"), [(999.0, "not begun"), (1000.0, "waiting"), (1999.0, "waiting"), (2000.0, "missed")]
)
def test_without_a_page_it_is_waited_for_until_it_is_due(now: float, outcome: str):
    assert outcomes([], now)[0] == outcome


def test_ended_early_is_not_judged():
    verdict = judge([LOOP, SPIKE], [record()], now=2500.0)
    assert (verdict.outcome, verdict.exit_code) == ("not judged", 0)


def test_a_miss_fails_even_where_others_are_still_to_come():
    verdict = judge([LOOP, SPIKE], [], now=2500.0)
    assert (verdict.outcome, verdict.exit_code) == ("failed", 1)


@pytest.mark.parametrize(
    "wrong", [{"severity": "warning"}, {"rule": "spend_spike"}, {"agent": "other"}, {"updated_at": 900.0}]
)
def test_what_is_no_page_for_it_does_not_catch_it(wrong: dict[str, Any]):
    assert outcomes([record(**wrong)], now=2500.0)[0] == "missed"


def test_an_innocent_paged_fails_at_once_and_is_told_once_an_episode():
    innocent = record(id="c", agent="reader", team="data")
    verdict = judge([LOOP], [innocent, record(id="c", agent="reader", team="data", version=2)], now=500.0)
    assert (verdict.outcome, verdict.exit_code) == ("failed", 1)
    assert verdict.paged == (innocent,)


def test_a_runaway_paged_before_it_began_was_innocent():
    assert len(judge([LOOP], [record(updated_at=900.0)], now=950.0).paged) == 1


def test_another_rule_that_pages_the_runaway_blames_nobody():
    assert judge([LOOP], [record(), record(id="d", rule="spend_spike")], now=2500.0).outcome == "passed"


def test_an_alert_about_a_team_is_explained_by_its_runaway_only():
    team = record(id="e", agent=None, level="team")
    assert judge([LOOP], [record(), team], now=2500.0).paged == ()
    assert len(judge([LOOP], [record(), record(id="e", agent=None, team="data")], now=2500.0).paged) == 1


def test_warnings_of_innocents_are_told_but_fail_nothing_and_many_calls_are_not_even_told():
    warned = record(id="f", agent="reader", severity="warning")
    many = record(id="g", agent="reader", severity="warning", rule="run_inflation")
    verdict = judge([LOOP], [record(), warned, many], now=2500.0)
    assert (verdict.outcome, verdict.warned) == ("passed", (warned,))


def test_an_innocent_that_was_paged_is_not_told_as_warned_too():
    early = record(id="c", agent="reader", severity="warning")
    verdict = judge([LOOP], [early, record(id="c", agent="reader", version=2, updated_at=1300.0)], now=2500.0)
    assert len(verdict.paged) == 1
    assert verdict.warned == ()
