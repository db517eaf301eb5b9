"""What each scope is shown of incidents and of what the fleet burns."""

from typing import Any

import pytest

from detector.incidents.book import Entry, IncidentBook
from detector.incidents.flagging import Spike, spike_of
from detector.incidents.live import MOST_TEAMS, Live
from detector.incidents.spend import SLICES, Spend
from detector.incidents.view import EVERY, MOST_ENDED, Source, Wanted
from detector.model.alert import Alert, Mark, encode_alert
from detector.policy.incidents import restrict_record
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope
from detector.web.pages import listing, overview, tasks
from tests.support.shown import open_tasks
from tests.unit.alert_records import alert
from tests.unit.test_incident_spend import M0, rollup, row

ME, ANOTHER = "u-aaaaaaaaaaaa", "u-bbbbbbbbbbbb"
SELF = Scope(Kind.SELF, "acme", people=frozenset([ME]))
RED = Scope(Kind.TEAM, "acme", "red")
ACME = Scope(Kind.TENANT, "acme")
MARK = Mark(7.0, "open", "critical", 1.0)
NOW_S = (M0 + 3) * 60.0


class Shown:
    """A Source, and what it was told."""

    def __init__(self) -> None:
        self.book, self.spend, self.reading = IncidentBook(), Spend(1000, 300.0), 0
        self.live = Live(self.book, self.spend, lambda: NOW_S, lambda: self.reading)
        self.source: Source = self.live

    def alert(self, id: str, team: str | None = "red", **fields: Any) -> Alert:
        told = alert(id=id, team=team, **fields)
        assert self.book.take(encode_alert(told), NOW_S)
        return told

    def spent(self, *rows: Any, minute: int = 0) -> None:
        self.spend.take(0, rollup(M0 + minute, *rows), NOW_S)
        self.live.settle()

    def ids(self, scope: Scope, wanted: Wanted = EVERY) -> list[str]:
        return [incident.alert.id for incident in self.source.incidents(scope, wanted)]


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_incidents_are_those_of_the_scope(shown: Shown) -> None:
    shown.alert("red's", user=ME)
    shown.alert("blue's", team="blue", user=ANOTHER)
    shown.alert("other's", tenant="other", agent=ME)
    shown.alert("model's", team=None, agent=None, level="model")
    expected = {
        TEAMS: {"red's", "blue's", "other's", "model's"},
        ACME: {"red's", "blue's", "model's"},
        RED: {"red's"},
        SELF: {"red's"},
        NOTHING: set[str](),
    }
    for scope, ids in expected.items():
        assert set(shown.ids(scope)) == ids
        assert {i.alert.id for i in shown.source.overview(scope).open} == ids
        assert {id for id in ("red's", "blue's", "other's", "model's") if shown.source.incident(scope, id)} == ids
    assert shown.source.incident(TEAMS, "unknown") is None


def test_of_what_is_listed_and_flagged_no_record_is_read_whole(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = {"since": 7.0, "resolved_by": "quiet", "calls": ["c1"] * 100}
    for n in range(3):
        shown.alert(f"e{n}", rule="spend_spike", user=ME, summary=f"of {ME}", evidence=evidence, history=[MARK])
    shown.alert("blue's", team="blue")

    def whole(_: Entry) -> Alert:
        raise AssertionError("thousands are open, of 5 kB each")

    monkeypatch.setattr(Entry, "alert", property(whole))
    shown.live.settle()
    listed = shown.source.incidents(RED)
    assert [one.alert.id for one in listed] == ["e0", "e1", "e2"]
    assert (listed[0].alert.user, listed[0].alert.summary) == ("person", "of person")
    assert (listed[0].alert.evidence, listed[0].alert.history) == ({"since": 7.0, "resolved_by": "quiet"}, [])
    assert shown.source.overview(RED).open == listed
    assert len(shown.source.related(RED, "e0")) == 2


def test_of_thousands_that_are_open_the_records_of_those_that_are_shown_are_read(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.spent(row("red", 2.0))
    for n in range(2000):
        shown.alert(f"{n}", severity=("info", "warning", "critical")[n % 3], task=f"T-{n}", opened_at=NOW_S)
    read: list[bytes] = []

    def noted(record: bytes, scope: Scope) -> Alert | None:
        read.append(record)
        return restrict_record(record, scope)

    monkeypatch.setattr("detector.incidents.live.restrict_record", noted)
    told = shown.source.overview(TEAMS)
    whole = overview.page(told, TEAMS)
    assert "<dd>666</dd>" in whole, "that all are counted"
    assert (len(told.open), len(read) < 100) == (2000, True)
    read.clear()
    found = listing.page(shown.source.incidents(TEAMS), shown.source.choices(TEAMS), EVERY, TEAMS, NOW_S)
    assert "<h1>2,000 open incidents, 0 that ended</h1>" in found
    assert len(read) < 1000
    read.clear()
    tasks.page(open_tasks().told, shown.source.incidents(TEAMS, Wanted(open=True)), None, None, TEAMS)
    assert read == []


def test_whose_it_is_is_shown_to_oneself_alone(shown: Shown) -> None:
    shown.alert("e", user=ME, summary=f"of {ME}")
    for scope, name in ((TEAMS, "person"), (RED, "person"), (SELF, ME)):
        incident = shown.source.incident(scope, "e")
        assert incident is not None
        assert (incident.alert.user, incident.alert.summary) == (name, f"of {name}")
        assert (incident.written_s, incident.stop) == (NOW_S, None)


def test_open_ones_come_first_and_can_be_asked_for_alone(shown: Shown) -> None:
    shown.alert("over", severity="critical", state="resolved", resolved_at=NOW_S)
    shown.alert("board", severity="info")
    shown.alert("page", severity="critical")
    assert shown.ids(TEAMS) == ["page", "board", "over"]
    assert shown.ids(TEAMS, Wanted(open=True)) == ["page", "board"]


def test_of_those_that_have_ended_a_list_has_the_newest_of_the_scope(shown: Shown) -> None:
    for n in range(MOST_ENDED + 5):
        shown.alert(f"{n}", state="resolved", resolved_at=float(n))
        shown.alert(f"blue {n}", team="blue", state="resolved", resolved_at=float(10_000 + n))
    assert len(shown.ids(RED)) == MOST_ENDED
    assert shown.ids(RED)[0] == f"{MOST_ENDED + 4}"
    assert shown.source.incident(RED, "0") is not None


def test_what_is_asked_for_is_found_behind_any_number_of_others_that_ended_later(shown: Shown) -> None:
    last_night = {"state": "resolved", "resolved_at": 1.0}
    shown.alert("page", **last_night)
    shown.alert("blue's", team="blue", severity="info", rule="churn", **last_night)
    for n in range(MOST_ENDED + 5):
        shown.alert(f"{n}", severity="info", state="resolved", resolved_at=10.0 + n)
    assert not {"page", "blue's"} & set(shown.ids(TEAMS))
    asked = {"page": Wanted(severity="critical"), "blue's": Wanted(team="blue")}
    assert {id: shown.ids(TEAMS, wanted) for id, wanted in asked.items()} == {id: [id] for id in asked}
    assert shown.ids(TEAMS, Wanted(rule="churn", tenant="acme")) == ["blue's"]
    assert shown.ids(TEAMS, Wanted(tenant="other")) == []
    choices = shown.source.choices(TEAMS)
    assert (choices.rules, choices.teams, choices.tenants) == ({"loop", "churn"}, {"red", "blue"}, {"acme"})
    assert shown.source.choices(RED).rules == {"loop"}


def test_what_can_be_asked_for_names_nobody_and_is_of_the_scope(shown: Shown) -> None:
    shown.alert("e1", team=ANOTHER)
    shown.alert("e2", team=None, tenant="other")
    assert shown.source.choices(TEAMS).teams == {"person", None}
    assert shown.ids(TEAMS, Wanted(team="person")) == ["e1"]
    assert shown.ids(TEAMS, Wanted(team=ANOTHER)) == []
    assert shown.source.choices(ACME).tenants == {"acme"}
    for scope in (SELF, NOTHING):
        assert shown.source.choices(scope) == (set(), set(), set())
    shown.alert("mine", user=ME)
    assert shown.source.choices(SELF) == ({"loop"}, {"red"}, {"acme"})


def test_sums_are_of_the_teams_of_the_scope(shown: Shown) -> None:
    others = (row("red", 8.0, tenant="other", subject=3), row(None, 16.0, subject=4))
    shown.spent(row("red", 1.0, flagged_usd=0.5), row("blue", 4.0, subject=2, flagged_usd=3.0), *others)
    expected = {TEAMS: (29.0, 3.5, 4), ACME: (21.0, 3.5, 3), RED: (1.0, 0.5, 1), SELF: (0, 0, 0), NOTHING: (0, 0, 0)}
    for scope, told in expected.items():
        overview = shown.source.overview(scope)
        assert (overview.hour_usd, overview.flagged_hour_usd, len(overview.teams)) == told
        assert sum(sum(team.usd) for team in overview.teams) == told[0]
    assert [team.team for team in shown.source.overview(ACME).teams] == [None, "blue", "red"], "the dearest first"


def test_a_spike_that_is_a_ticket_flags_what_it_is_about_and_one_on_a_board_does_not(shown: Shown) -> None:
    shown.spent(row("red", 2.0), row("blue", 4.0))
    for team, severity in (("red", "warning"), ("blue", "info")):
        shown.alert(team, team, rule="spend_spike", level="team", severity=severity, evidence={"since": M0 * 60.0})
    shown.live.settle()
    assert shown.source.overview(TEAMS).flagged_hour_usd == 2.0


def test_spikes_of_before_the_hours_that_are_known_are_not_even_read(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.spent(row("red", 2.0))
    of = {"rule": "spend_spike", "level": "team", "severity": "critical", "state": "resolved"}
    long_ago = shown.spend.begins_s - 60.0
    shown.alert("old", resolved_at=long_ago, evidence={"since": long_ago - 60.0}, **of)
    shown.alert("new", resolved_at=NOW_S, evidence={"since": M0 * 60.0}, **of)
    read: list[str] = []

    def noted(told: Alert) -> Spike:
        read.append(told.id)
        return spike_of(told)

    monkeypatch.setattr("detector.incidents.live.spike_of", noted)
    shown.live.settle()
    assert read == ["new"]
    assert shown.source.overview(TEAMS).flagged_hour_usd == 2.0


def test_it_says_how_far_behind_it_is_and_what_is_still_to_be_read(shown: Shown) -> None:
    overview = shown.source.overview(TEAMS)
    assert (overview.until_s, overview.hour_usd, overview.teams) == (None, 0.0, [])
    shown.reading = 7
    shown.spent(row())
    overview = shown.source.overview(TEAMS)
    assert (overview.now_s, overview.until_s, overview.reading) == (NOW_S, (M0 + 1) * 60.0, 7)
    assert (overview.slice_s, len(overview.teams[0].usd), len(overview.teams[0].flagged_usd)) == (300.0, SLICES, SLICES)
    assert overview.begins_s + SLICES * 300.0 == (M0 + 5) * 60.0


def test_beyond_the_dearest_teams_all_others_are_one(shown: Shown) -> None:
    shown.spent(*(row(f"team-{n:03}", float(n)) for n in range(1, MOST_TEAMS + 21)))
    overview = shown.source.overview(TEAMS)
    assert len(overview.teams) == MOST_TEAMS + 1
    assert (overview.teams[0].team, overview.teams[-1].team) == ("team-120", "other")
    assert sum(overview.teams[-1].usd) == sum(range(1, 21))
    assert overview.hour_usd == sum(range(1, MOST_TEAMS + 21))


def test_a_team_that_is_called_like_a_person_is_not_named(shown: Shown) -> None:
    shown.spent(row(ANOTHER))
    assert [team.team for team in shown.source.overview(TEAMS).teams] == ["person"]


def test_others_of_the_same_cause_or_task_are_those_of_its_tenant_that_the_scope_may_see(shown: Shown) -> None:
    shown.alert("it", group="g", task="T-1", agent=ANOTHER)
    shown.alert("ended", group="g", state="resolved", resolved_at=NOW_S)
    shown.alert("of the task", group="h", task="T-1")
    shown.alert("of the cause", team="blue", group="g")
    shown.alert("elsewhere", tenant="other", group="g", task="T-1")
    shown.alert("of no task", group="h")
    told = {scope: [i.alert.id for i in shown.source.related(scope, "it")] for scope in (TEAMS, RED, SELF)}
    assert told == {TEAMS: ["of the cause", "of the task", "ended"], RED: ["of the task", "ended"], SELF: []}
    assert shown.source.related(TEAMS, "unknown") == []
