"""What the pages of the worker show, and that no name of the input becomes more than text."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.config import Web
from detector.incidents.view import MOST_ENDED, Incident, Wanted
from detector.markup.words import shown
from detector.model.alert import Alert, Mark
from detector.policy.scope import NOTHING, TEAMS, Kind, Scope
from detector.web.pages import evidence, incident, listing, overview
from detector.web.pages.onward import onward
from tests.support.pages import EVIL, Seen, is_nested, seen
from tests.support.shown import (
    ARABIC,
    HOSTILE,
    LONG,
    NOW,
    Shown,
    Told,
    bloat,
    cycle,
    near,
    renamed,
    shipped,
    spend,
    spike,
)

WEB = Web(grafana_url="https://grafana.example", trace_url="https://traces.example/?run={run}")
ALERTS = (spike, cycle, near, bloat, shipped)
HOSTILES = [EVIL.replace("\ud800", ""), HOSTILE, LONG, ARABIC, " ", ""]


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(seen(html).texts))


def incident_page(alert: Alert, others: list[Alert] | None = None, stop: dict[str, Any] | None = None) -> str:
    told = [Told(other, NOW) for other in others or []]
    return incident.page(Incident(alert, NOW, stop), told, onward(WEB, alert), TEAMS, NOW)


def overview_page(source: Shown, refresh_s: int | None = None) -> str:
    return overview.page(source.overview(TEAMS), TEAMS, refresh_s)


def list_page(alerts: list[Alert], asked: Wanted = Wanted()) -> str:  # noqa: B008, it is frozen
    source = Shown(alerts)
    return listing.page(source.incidents(TEAMS, asked), source.choices(TEAMS), asked, TEAMS, NOW)


def every_page(alert: Alert, stop: dict[str, Any] | None = None) -> list[str]:
    teams = [spend([alert.team])[0]._replace(tenant=alert.tenant), *spend()]
    source = Shown([alert, spike(id="other")], teams)
    return [overview_page(source), list_page([alert]), incident_page(alert, [alert], stop)]


@pytest.mark.parametrize("made", ALERTS)
def test_pages_are_well_formed_and_their_headings_go_down_one_by_one(made: Any) -> None:
    for html in every_page(made(), {"status": "sent"}):
        assert is_nested(html)
        levels = [int(level) for level in re.findall(r"<h([1-6])[ >]", html)]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        for landmark in ("<header ", "<nav ", '<main id="main"', "<footer>", 'class="skip" href="#main"'):
            assert html.count(landmark) == 1


@cache
def plain(made: Any) -> list[Seen]:
    """What a browser makes of the pages with a harmless name."""
    return [seen(html) for html in every_page(renamed(made(), "name"), {"name": "name"})]


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60) | st.sampled_from(HOSTILES), st.sampled_from([spike, bloat, shipped]))
def test_no_name_becomes_more_than_text(name: str, made: Any) -> None:
    for html, before in zip(every_page(renamed(made(), name), {name: name}), plain(made), strict=True):
        told = seen(html)
        assert is_nested(html)
        assert told.tags <= before.tags
        assert told.attributes <= before.attributes
        assert all(c.isprintable() or c == "\n" for text in told.texts for c in text)
        assert not name.strip() or any(shown(name, 200)[:12] in text for text in told.texts)
        assert max(map(len, told.texts)) < 2_000


@pytest.mark.parametrize("name", HOSTILES, ids=["evil", "hostile", "long", "arabic", "blank", "empty"])
def test_no_name_of_a_loop_becomes_more_than_text(name: str) -> None:
    for html, before in zip(every_page(renamed(cycle(), name)), plain(cycle), strict=True):
        assert is_nested(html)
        assert seen(html).tags <= before.tags
        assert seen(html).attributes <= before.attributes


@pytest.mark.parametrize("made", ALERTS)
def test_pages_have_no_script_no_style_of_their_own_and_load_nothing_from_elsewhere(made: Any) -> None:
    for html in every_page(made()):
        told = seen(html)
        assert not told.tags & {"script", "style", "iframe", "object", "embed", "base", "img"}
        assert "style" not in told.attributes
        assert not [name for name in told.attributes if name.startswith("on") or name in ("src", "srcset")]
        loaded = re.findall(r'<link [^>]*href="([^"]*)"', html)
        assert all(re.fullmatch(r"(\.\./)?pages\.(css\?v=[\w-]+|svg)", address) for address in loaded)


leaf = st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats(-1e3, 1e9) | st.text("abc<&", min_size=1)
names = st.sampled_from(["usd", "held_s", "share", "t", "calls", "what", "x_usd_per_hour", "tasks", "since"])
nested = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4))


@settings(deadline=None)
@given(st.dictionaries(names, nested, max_size=5))
def test_evidence_of_any_shape_is_shown(told: dict[str, Any]) -> None:
    html = evidence.told(told)
    assert is_nested(html)
    texts = " ".join(seen(html).texts)
    for value in told.values():
        assert not isinstance(value, str) or value in texts


def test_nothing_of_the_evidence_is_left_out() -> None:
    text = text_of(incident_page(shipped()))
    for told in ("outcomes", "undone", "$410.50", "30%", "5%", "SEA-1", "$81.00", "reverted", "days", "28"):
        assert told in text
    text = text_of(incident_page(bloat()))
    for told in (
        "input tokens",
        "180,000",
        "cached share",
        "25%",
        "calls in a row",
        "excess $1.20",
        "calls c1 , c2",
    ):
        assert told in text


def test_the_overview_says_first_what_burns_and_what_of_it_is_flagged() -> None:
    html = overview_page(Shown([spike(), bloat()]))
    assert re.search(r"<h1>The fleet burns \$[\d.,]+ an hour; \$[\d.,]+ of it is flagged</h1>", html)
    assert html.index("▲ PAGE") < html.index("· BOARD")
    assert "<title>(1) What the fleet burns" in html
    assert f"{spike().summary}" in text_of(html)


def test_the_overview_says_how_far_behind_it_is_and_warns_where_that_is_much() -> None:
    source = Shown([])
    assert "4 seconds behind" in text_of(overview_page(source))
    assert 'role="note"' not in overview_page(source)
    source.until_s = NOW - 600
    assert "The detector is 10 minutes behind." in text_of(overview_page(source))


def test_the_overview_says_that_it_still_reads_and_what_is_not_known() -> None:
    source = Shown([], [])
    source.reading, source.until_s = 1200, None
    text = text_of(overview_page(source))
    assert "Still reading: 1,200 records to go." in text
    assert "Nothing has been told yet" in text
    assert "$0.00" not in text
    source.reading = 0
    assert "No event has come." in text_of(overview_page(source))


def test_of_many_teams_the_overview_shows_the_dearest_and_the_others_as_one() -> None:
    source = Shown([], spend([f"team-{n}" for n in range(20)]))
    text = text_of(overview_page(source))
    assert "team-7" in text
    assert "team-8" not in text
    assert "12 other teams" in text


def test_the_overview_loads_itself_anew_only_when_it_is_asked_to() -> None:
    assert 'http-equiv="refresh"' not in overview_page(Shown([]))
    assert '<meta http-equiv="refresh" content="30">' in overview_page(Shown([]), 30)


def test_who_may_see_nothing_is_told_so() -> None:
    html = overview.page(Shown([spike()]).overview(NOTHING), NOTHING)
    assert "You see nothing" in text_of(html)
    assert "ledger-migrator" not in html


@pytest.mark.parametrize(
    ("scope", "says"),
    [
        (TEAMS, "You see teams of every tenant; people are not shown."),
        (Scope(Kind.TEAM, "acme", "search"), "You see team search of tenant acme; people are not shown."),
        (Scope(Kind.SELF, "acme", people=frozenset({"u-1"})), "You see your own of tenant acme"),
    ],
)
def test_each_page_says_what_may_be_seen(scope: Scope, says: str) -> None:
    assert says in text_of(overview.page(Shown([]).overview(scope), scope))


def test_an_incident_says_on_top_what_happens_how_loud_it_is_and_what_it_costs() -> None:
    alert = cycle()
    text = text_of(incident_page(alert))
    head = text.split("Over time")[0]
    for told in ("▲ PAGE", "loop · cycle", "open since", alert.summary, "$10.92", "$60.48", "its usual is not known"):
        assert told in head
    assert "usual $4.76 an hour" in text_of(incident_page(spike()))
    assert "ended 21 Sep 2026 12:38:20 UTC, when it became quiet" in text_of(incident_page(shipped()))


def test_the_cycle_of_a_loop_stands_in_columns_of_equal_actions() -> None:
    html = incident_page(cycle())
    rows = re.findall(r'<th scope="row">.*?</tr>', html, re.DOTALL)
    letters = [re.findall(r"<b>([A-Z?])</b>", row) for row in rows]
    assert letters == [["A", "B", "C"]] * 8
    assert "24 steps of 9 rounds; a round is 3 steps: A B C ; 3 different actions" in text_of(html)
    assert html.count("✕ failed") == 8
    assert "read_file" in rows[0]


def test_a_loop_of_one_step_is_a_row_and_how_like_the_steps_were_is_drawn() -> None:
    html = incident_page(near())
    assert '<ol class="row">' in html
    assert "How like the step one round before each was" in html
    assert html.count("% like the one a round before") >= 5


def test_the_timeline_has_the_marks_of_records_and_statuses() -> None:
    alert = cycle()
    html = incident_page(alert)
    marks = re.findall(r"<title>(opened|updated|resolved) at", html)
    assert marks == ["opened", "updated"]
    assert "A strong status came" in text_of(html)
    moved = {**alert.evidence, "moves": [{"t": alert.opened_at - 30.0, "strength": "medium"}]}
    html = incident_page(msgspec.structs.replace(alert, evidence=moved))
    assert "<title>medium status at" in html


def test_of_an_episode_without_minutes_there_are_its_records_and_however_long_it_lasts_the_page_is_small() -> None:
    html = incident_page(shipped())
    assert "Records of the alert, and status" in html
    assert len(html) < 20_000
    minutes = [[int(NOW // 60) * 60 - 60 * n, 1.0] for n in range(60)]
    long = spike(evidence={**shipped().evidence, "usd_by_minute": minutes})
    assert len(incident_page(long)) < 60_000


def test_a_record_of_before_there_was_a_history_is_drawn_too() -> None:
    html = incident_page(msgspec.structs.replace(spike(), history=[]))
    assert re.findall(r"<title>(opened|updated) at", html) == ["opened", "updated"]


def test_what_is_not_known_is_said() -> None:
    text = text_of(incident_page(bloat()))
    assert "no source of status is connected, or no task claims this spend" in text
    assert "No dollars by minute are kept of this alert, but what it had burnt at its records." in text
    assert "task not told" in text
    assert "run any of its runs" in text_of(incident_page(spike()))
    assert "agent" not in text_of(incident_page(shipped())).split(" Who ")[1].split("All else")[0]
    assert "agent indexer" in text_of(incident_page(shipped(agent="indexer")))
    plain = incident.page(Incident(bloat(), NOW), [], onward(Web(), bloat()), TEAMS, NOW)
    assert "web.trace_url is not set" in text_of(plain)
    assert "web.grafana_url is not set" in text_of(plain)


def test_what_a_page_needs_stands_beside_what_was_found() -> None:
    text = text_of(incident_page(spike()))
    assert "times its usual hour at least 5.5 8.84" in text
    assert "dear and still for at least 7 minutes 30 minutes" in text
    assert "It is a page. Every condition of a page holds" in text_of(incident_page(cycle()))


def test_of_a_model_no_calls_are_claimed_and_it_is_said_that_it_never_pages() -> None:
    text = text_of(incident_page(spike(level="model", agent=None, task=None, calls=0, tokens=0)))
    assert "by calls that are not counted here" in text
    assert "0 calls" not in text
    assert "It is never a page: a model is nobody's to stop" in text


def test_an_incident_leads_to_runbook_board_trace_record_and_others_of_its_cause() -> None:
    alert = cycle()
    other = spike(id="of-the-task", task=alert.task, state="resolved")
    html = incident_page(alert, [other])
    for address in (
        alert.runbook_url,
        "https://grafana.example/d/detector-team?var-tenant=default&amp;var-team=payments",
        "https://traces.example/?run=fix%2F7",
        f"{alert.id}.json",
        "../incidents/of-the-task",
    ):
        assert f'href="{address}"' in html


def test_an_address_that_is_no_web_address_is_no_link() -> None:
    assert "javascript:" not in incident_page(spike(runbook_url="javascript:alert(1)"))
    for html in every_page(spike(id="javascript:alert(1)")):
        assert 'href="javascript:' not in html


def test_what_became_of_stopping_it_is_shown() -> None:
    assert "Stopping it" not in text_of(incident_page(spike()))
    assert "dry run" in text_of(incident_page(spike(), stop={"status": "dry run", "attempts": 2}))


def test_what_goes_on_lasts_until_now_and_says_of_when_its_figures_are() -> None:
    assert (spike().evidence["since"], spike().updated_at) == (NOW - 3600.0, NOW - 60.0)
    told = "21 Sep 14:37"
    page = text_of(incident_page(spike()))
    assert "lasts for 1 hour" in page
    assert f"told last {told}" in page
    assert f"figures of {told}" in text_of(overview_page(Shown([spike()])))
    over = text_of(incident_page(spike(state="resolved", resolved_at=NOW - 600.0, updated_at=NOW - 600.0)))
    assert "lasted 50 minutes" in over
    assert "told last" not in over


def test_a_ticket_for_many_calls_says_by_which_threshold() -> None:
    evidence = {"since": NOW - 900.0, "interactions": 344, "warning_needs": 20, "warning_is": "configured"}
    page = text_of(incident_page(spike(rule="run_inflation", severity="warning", evidence=evidence)))
    assert "It is a ticket. A ticket needs 20 calls without a status change (configured), and it has had 344." in page
    odd = {"interactions": [1], "warning_needs": "many"}
    assert "What it was decided by" not in incident_page(spike(rule="run_inflation", evidence=odd))


def test_without_minutes_the_picture_is_of_what_was_burnt_as_of_each_record() -> None:
    marks = [Mark(NOW - 3600.0, "open", "info", 1.0), Mark(NOW - 1800.0, "update", "warning", 4.0)]
    evidence = {"since": NOW - 5400.0, "moves": [{"t": NOW - 5000.0, "strength": "medium"}]}
    page = incident_page(spike(rule="run_inflation", evidence=evidence, history=marks, updated_at=NOW - 1800.0))
    title = re.search(r'<svg class="plot" role="img"[^>]* aria-label="([^"]*)"', page)
    assert title is not None
    assert (
        title[1] == "Dollars burnt as of each record from 21 Sep 2026 13:08 to 21 Sep 2026 14:09 UTC, $4.00 in the end"
    )
    heights = re.findall(r'<rect class="s1" x="\d+" y="\d+" width="(\d+)" height="(\d+)">', page)
    assert heights == [("1800", "250"), ("40", "1000")]
    for said in ("medium status at", "opened at", "updated at", "burnt by then"):
        assert said in page


def test_what_happened_is_told_in_the_words_of_the_rest_of_the_page() -> None:
    page = text_of(incident_page(near()))
    for words in ("opened ticket", "updated page", "as the newest"):
        assert words in page


def test_marks_above_the_spend_are_explained_where_there_are_any() -> None:
    assert "an open page began" not in overview_page(Shown([bloat()]))
    loud = overview_page(Shown([spike(), spike(id="t", severity="warning", opened_at=NOW - 3600.0)]))
    assert "an open page began" in loud
    assert "an open ticket began" in loud


def test_a_list_that_is_cut_does_not_tell_its_length_as_how_many_ended() -> None:
    over = [shipped(id=f"{n}") for n in range(MOST_ENDED)]
    assert f"<h1>0 open incidents, {MOST_ENDED - 1} that ended</h1>" in list_page(over[1:])
    assert f"<h1>0 open incidents, the newest {MOST_ENDED} that ended</h1>" in list_page(over)


def test_a_list_shows_what_is_asked_for() -> None:
    alerts = [spike(), cycle(), near(), bloat(), shipped()]
    assert "4 open incidents, 1 that ended" in text_of(list_page(alerts))
    assert "1 open incident, 0 that ended" in text_of(list_page(alerts, Wanted(rule="spend_spike")))
    assert "2 open incidents, 1 that ended" in text_of(list_page(alerts, Wanted(team="search")))
    assert "No incident fits what is asked for." in text_of(list_page(alerts, Wanted(team="nobody")))
    assert '<option value="nobody" selected>' in list_page(alerts, Wanted(team="nobody"))
    assert "No incident is known" in text_of(list_page([]))
