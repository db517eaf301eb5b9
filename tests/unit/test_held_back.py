"""What is sent beyond the cap: tickets, and one summary page of the day that is updated, lingers and ends."""

from typing import Any

import pytest

from detector.alerts.alertmanager import Notice, notice_of
from detector.alerts.book import Book
from detector.alerts.cap import DAY_S, Standing, TenantDay, critical_since
from detector.alerts.dressing import Dresser
from detector.alerts.due import Due, Held, Policy, decide
from detector.alerts.held_back import LINE_CHARS, LINGERS_S, MAX_LINES, RULE, held_back, summary
from detector.config import Config
from detector.metrics import Metrics
from tests.unit.alert_records import OPENED_S, alert

TODAY = TenantDay("acme", int(OPENED_S // DAY_S * DAY_S))
NOW = OPENED_S + 600


def standing(*burning: str, changed_s: float = NOW, pages: int = 5) -> Standing:
    return Standing(list(burning), pages, OPENED_S, changed_s, NOW)


def notice(**fields: Any) -> Notice:
    return notice_of(alert(**fields), NOW)


class Desk:
    """A book, what dresses it, and a clock."""

    def __init__(self, pages: int = 2, **web: Any) -> None:
        told = {"pages_a_day": pages, "alertmanagers": ["http://127.0.0.1:9093"]}
        self.config = Config.model_validate({"notify": told, "web": web})
        self.metrics, self.book, self.now = Metrics(self.config.metrics), Book(), NOW
        self.stops: dict[str, str] = {}
        self.dresser = Dresser(self.config, self.metrics, self.book, lambda: self.now, self.stops.get)

    def tell(self, id: str, at: float = 0.0, **fields: Any) -> set[str]:
        told = alert(**{"id": id, "opened_at": OPENED_S + at, "updated_at": OPENED_S + at, "group": id, **fields})
        assert self.book.take(notice_of(told, self.now)._replace(critical_s=critical_since(told)))
        self.dresser.see([id])
        return self.dresser.dress({id})

    def sent(self) -> dict[str, str]:
        """Severity by id of what fires, `summary` for the id of the summary."""
        return {
            "summary" if n.labels.get("alertname") == RULE else n.id: n.severity
            for n in self.book.notices.values()
            if n.firing
        }

    @property
    def summary(self) -> Notice:
        [found] = [n for n in self.book.notices.values() if n.labels.get("alertname") == RULE]
        return found

    def counted(self, name: str) -> float:
        return self.metrics.registry.get_sample_value(f"detector_{name}", {"tenant": "acme"}) or 0.0


def test_a_held_back_alert_is_a_warning_that_says_why() -> None:
    told = held_back(notice(), TODAY, 5)
    assert (told.severity, told.labels["severity"], told.labels["episode"]) == ("warning", "warning", "e1")
    assert told.annotations["held_back"] == (
        "critical, but acme has had its 5 pages of 2025-10-09: see pages_held_back"
    )
    assert notice().labels["severity"] == "critical"


def test_a_cap_of_one_is_told_as_one_page() -> None:
    told = held_back(notice(), TODAY, 1).annotations["held_back"]
    assert told == "critical, but acme has had its only page of 2025-10-09: see pages_held_back"
    text = summary(TODAY, standing("e1", pages=1), [notice()], {}, NOW).annotations["summary"]
    assert text == (
        "acme: 2025-10-09 has had 1 page; 1 more critical alert is held back: $12.50 so far, $40.00 an hour"
    )


def test_a_summary_of_which_nothing_burns_any_more_says_so_and_tells_no_dollars() -> None:
    assert summary(TODAY, standing(), [], {}, NOW).annotations == {
        "summary": "acme: 2025-10-09 has had 5 pages; all that was held back beyond them is over",
        "held_back_count": "0",
    }


def test_a_summary_has_a_silence_of_its_own() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    assert desk.summary.annotations["silence_url"].endswith(f"filter=%7Bepisode%3D%22{desk.summary.id}%22%7D")


def test_a_summary_has_the_identity_of_its_tenant_and_day() -> None:
    one, other = (summary(TODAY, standing("e1"), [notice(id=id)], {}, NOW) for id in ("a", "b"))
    assert one.labels == other.labels
    assert one.id == one.labels["episode"]
    assert one.labels | {"episode": "", "group": ""} == {
        "alertname": "pages_held_back", "rule": "pages_held_back", "severity": "critical", "level": "tenant",
        "tenant": "acme", "day": "2025-10-09", "episode": "", "group": "",
    }  # fmt: skip
    for day in (TODAY._replace(tenant="other"), TODAY._replace(begins_s=TODAY.begins_s + DAY_S)):
        assert summary(day, standing("e1"), [notice()], {}, NOW).id != one.id


def test_a_summary_lists_who_what_cost_and_link_the_dearest_first() -> None:
    dear = notice(id="dear", agent="crawler", cost_usd=80.0, burn_usd_per_hour=200.0, summary="It goes\nround.")
    linked = dear._replace(annotations=dear.annotations | {"incident_url": "https://d.example/incidents/dear"})
    told = summary(TODAY, standing("e1", "dear"), [notice(), linked], {"runbook_url": "there"}, NOW).annotations
    assert told == {
        "summary": "acme: 2025-10-09 has had 5 pages; 2 more critical alerts are held back: "
        "$92.50 so far, $240.00 an hour",
        "held_back": "loop: agent crawler, team search, tenant acme, run run-7: $80.00 so far, $200.00 an hour: "
        "It goes round. https://d.example/incidents/dear\n"
        "loop: agent indexer, team search, tenant acme, run run-7: $12.50 so far, $40.00 an hour: "
        "The agent indexer repeats a failing call.",
        "held_back_count": "2",
        "cost_usd": "92.50",
        "burn_usd_per_hour": "240.00",
        "runbook_url": "there",
    }


def test_a_summary_bears_records_that_name_nobody() -> None:
    desk = Desk(pages=1)
    blank: dict[str, Any] = dict.fromkeys(("rule", "tenant", "team", "agent", "run"), " ")
    desk.tell("e0", **blank)
    desk.tell("e1", 1.0, **blank)
    assert desk.summary.annotations["held_back"].startswith("$12.50 so far, $40.00 an hour: The agent indexer")
    assert all(desk.summary.labels.values())  # what is empty Alertmanager drops, and it is another alert then


def test_a_summary_is_bounded_and_says_how_many_more_there_are() -> None:
    held = [notice(id=f"e{n}", summary="long " * 500, agent="a" * 5000) for n in range(400)]
    told = summary(TODAY, standing(*(n.id for n in held)), held, {}, NOW).annotations
    lines = told["held_back"].splitlines()
    assert lines[-1] == "and 380 more"
    assert len(lines) == MAX_LINES + 1
    assert max(map(len, lines)) < LINE_CHARS + 4 * 256
    assert told["held_back_count"] == "400"


def test_a_summary_without_anything_that_burns_fires_on_for_an_hour() -> None:
    over = standing(changed_s=NOW)
    assert summary(TODAY, over, [], {}, NOW + LINGERS_S - 1).firing
    ended = summary(TODAY, over, [], {}, NOW + LINGERS_S)
    assert not ended.firing
    assert ended.changed_s == NOW


def test_a_revision_alone_is_sent_as_an_update() -> None:
    told, policy = notice()._replace(revision=1), Policy("info", 60.0, 900.0)
    assert decide(told, Held((told.labels,), 1, NOW), NOW, policy) is Due.UPDATED
    assert decide(told, Held((told.labels,), 1, NOW, 1), NOW, policy) is Due.NOTHING


def test_beyond_the_cap_tickets_and_one_page_of_all() -> None:
    desk = Desk()
    assert desk.tell("e0") == {"e0"}
    assert desk.tell("e1", 1.0) == {"e1"}
    assert desk.tell("e2", 2.0) == {"e2", desk.summary.id}
    first = desk.summary
    assert desk.tell("e3", 3.0) == {"e3", first.id}
    assert desk.sent() == {"e0": "critical", "e1": "critical", "e2": "warning", "e3": "warning", "summary": "critical"}
    assert desk.summary.version > first.version
    assert desk.summary.labels == first.labels
    assert desk.summary.annotations["held_back_count"] == "2"
    assert (desk.counted("pages_total"), desk.counted("pages_held_back_total")) == (3, 2)
    assert desk.counted("held_back_episodes") == 2


def test_a_page_of_many_alerts_counts_once() -> None:
    desk = Desk(pages=1)
    for n in range(3):
        desk.tell(f"e{n}", float(n), group="g")
    assert desk.sent() == dict.fromkeys(("e0", "e1", "e2"), "critical")
    assert desk.counted("pages_total") == 1


def test_a_further_record_of_a_held_back_alert_stays_a_ticket_and_updates_the_summary() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0, cost_usd=10.0)
    desk.tell("e1", 9.0, version=2, state="update", cost_usd=30.0)
    assert desk.sent() == {"e0": "critical", "e1": "warning", "summary": "critical"}
    assert desk.summary.annotations["cost_usd"] == "30.00"
    assert desk.counted("pages_held_back_total") == 1


def test_a_ticket_that_escalates_beyond_the_cap_stays_the_ticket_that_it_is() -> None:
    desk = Desk(pages=1)
    desk.tell("e1", severity="warning")
    labels = desk.book.notices["e1"].labels
    desk.tell("e0", 1.0)
    desk.tell("e1", 2.0, version=2, state="update")
    assert desk.book.notices["e1"].labels == labels
    assert "held_back" in desk.book.notices["e1"].annotations


def test_what_is_held_back_and_told_as_milder_is_sent_as_it_is_told() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    desk.tell("e2", 2.0)
    desk.tell("e1", 1.0, version=2, severity="info", state="update")
    assert desk.sent() == {"e0": "critical", "e1": "info", "e2": "warning", "summary": "critical"}
    desk.tell("e1", 1.0, version=3, severity="info", state="resolved", resolved_at=OPENED_S + 2)
    desk.book.close("e1")
    desk.tell("e3", 3.0)
    assert desk.summary.annotations["held_back_count"] == "2"


def test_the_summary_lingers_after_the_last_has_ended_so_that_the_next_pages_nobody_anew() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    desk.now = OPENED_S + 1800
    desk.tell("e1", 1700.0, version=2, state="resolved", resolved_at=OPENED_S + 1700)
    assert desk.dresser.tick() == set()
    assert desk.sent() == {"e0": "critical", "summary": "critical"}
    assert desk.counted("held_back_episodes") == 0
    desk.tell("e2", 1800.0)
    assert desk.counted("pages_total") == 2  # e0, and the summary once
    desk.now = OPENED_S + 1900
    desk.tell("e2", 1900.0, version=2, state="resolved", resolved_at=OPENED_S + 1900)
    desk.now = OPENED_S + 1900 + LINGERS_S - 1
    assert desk.dresser.tick() == set()
    desk.now += 1
    assert desk.dresser.tick() == {desk.summary.id}
    assert desk.summary.written_s == desk.now  # or its delivery seems to have taken an hour
    assert desk.sent() == {"e0": "critical"}
    assert desk.dresser.tick() == set()


def test_what_says_that_it_ended_in_the_future_keeps_no_summary_alive() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    desk.tell("e1", 1.0, version=2, state="resolved", resolved_at=1e300)
    assert desk.sent() == {"e0": "critical", "summary": "critical"}
    desk.now += LINGERS_S
    assert desk.dresser.tick() == {desk.summary.id}
    assert desk.sent() == {"e0": "critical"}


def test_a_summary_that_ended_and_was_let_go_comes_again_with_the_next() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    desk.now = OPENED_S + 3 * LINGERS_S
    desk.tell("e1", 1.0, version=2, state="resolved", resolved_at=OPENED_S + 1)
    desk.book.close(desk.summary.id)
    desk.tell("e2", 3 * LINGERS_S)
    assert desk.sent() == {"e0": "critical", "e2": "warning", "summary": "critical"}


def test_a_tombstone_ends_what_is_held_back() -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    assert desk.book.bury("e1", NOW)
    desk.dresser.see(["e1"])
    desk.dresser.dress({"e1"})
    assert desk.summary.annotations["held_back_count"] == "0"


def test_what_a_start_finds_is_decided_but_not_counted() -> None:
    desk = Desk(pages=1)
    for n in (2, 0, 1):
        told = alert(id=f"e{n}", opened_at=OPENED_S + n, group=f"g{n}")
        desk.book.take(notice_of(told, NOW)._replace(critical_s=critical_since(told)))
        desk.dresser.see([f"e{n}"])
    desk.dresser.dress(desk.book.notices, counted=False)
    assert desk.sent() == {"e0": "critical", "e1": "warning", "e2": "warning", "summary": "critical"}
    assert (desk.counted("pages_total"), desk.counted("pages_held_back_total")) == (0, 0)
    assert desk.counted("held_back_episodes") == 2


def test_without_an_alertmanager_nothing_counts_as_a_page() -> None:
    desk = Desk(pages=1)
    desk.dresser._told_to_any = False
    desk.tell("e0")
    assert desk.counted("pages_total") == 0


def test_the_summary_leads_to_its_runbook_and_to_the_incidents() -> None:
    desk = Desk(pages=1, public_url="https://detector.example/")
    desk.tell("e0")
    desk.tell("e1", 1.0)
    told = desk.summary.annotations
    assert told["runbook_url"].endswith("/docs/runbooks/pages_held_back.md")
    assert told["incident_url"] == "https://detector.example/incidents"


@pytest.mark.parametrize("id", ["e0", "e1"])
def test_what_became_of_a_stop_is_told_with_its_alert_once_it_is_known(id: str) -> None:
    desk = Desk(pages=1)
    desk.tell("e0")
    desk.tell("e1", 1.0)
    desk.stops[id] = "asked at 03:12 UTC, accepted"
    assert id in desk.dresser.dress({id})
    dressed = desk.book.notices[id]
    assert dressed.annotations["stop"] == "asked at 03:12 UTC, accepted"
    assert dressed.version == 1
    assert dressed.revision > 0
    desk.dresser.dress({id})
    assert desk.book.notices[id] is dressed
    desk.tell(id, 9.0, version=2, state="update")
    assert desk.book.notices[id].annotations["stop"] == "asked at 03:12 UTC, accepted"
