"""A record that no rule of ours wrote: it takes down neither the stage nor a page, of its own or of others."""

import io
from typing import Any

import pytest
from rich.console import Console

from detector.clock import LATEST_S
from detector.config import Web
from detector.incidents import terminal
from detector.incidents.view import Wanted
from detector.model.alert import lasted
from detector.policy.scope import TEAMS
from detector.web.pages import incident, listing, overview
from detector.web.pages.onward import onward
from tests.unit.alert_records import alert
from tests.unit.test_incident_view import NOW_S, Shown

WEB = Web(trace_url="https://traces.example/{run}/{since_ms}", grafana_url="https://boards.example")
ODD: list[Any] = [
    "x", 5, None, True, 1e300, -1e300, 10**18, {}, {"a": 1}, [1], [[1]], [["a", "b"]], [{"t": "x"}],
    [{"t": 1e300, "strength": 3}], [{"t": 1e300, "strength": "strong"}], [{"name": "Edit"}],
    [{"t": 1.0, "usd": "x", "name": 5, "action": [], "similarity": "z"}], [[1e300, 2.0]], [[0, 5.0], [2e12, 1.0]],
    [[0, 5.0], [2e9, 1.0]],
]  # fmt: skip


def drawn(**fields: Any) -> None:
    shown = Shown()
    told = shown.alert("e1", rule="spend_spike", **fields)
    shown.live.settle()
    overview.page(shown.source.overview(TEAMS), TEAMS, None)
    listing.page(shown.source.incidents(TEAMS), shown.source.choices(TEAMS), Wanted(), TEAMS, NOW_S)
    one = shown.source.incident(TEAMS, told.id)
    assert one is not None
    links = onward(WEB, one.alert)
    assert len(incident.page(one, [], links, TEAMS, NOW_S)) < 1 << 20
    incident.record(one, links)
    console = Console(file=io.StringIO())
    terminal.show(one, WEB, console)
    terminal.show_all([one], console)


@pytest.mark.parametrize("field", ["since", "moves", "usd_by_minute", "steps", "period", "resolved_by", "page_needs"])
def test_evidence_may_hold_anything(field: str) -> None:
    for value in ODD:
        drawn(evidence={field: value})


@pytest.mark.parametrize("t", [1e300, -1e300, -1.0])
@pytest.mark.parametrize("field", ["opened_at", "updated_at", "resolved_at", "cost_usd", "burn_usd_per_hour"])
def test_times_and_figures_may_be_any(field: str, t: float) -> None:
    drawn(**{field: t})


def test_an_address_that_cannot_be_read_is_no_fault() -> None:
    drawn(runbook_url="http://[::1")


def test_an_episode_lasts_within_times_that_can_be_told() -> None:
    assert lasted(alert(evidence={"since": "x"}, opened_at=7.0, updated_at=9.0)) == (7.0, 9.0)
    assert lasted(alert(evidence={"since": -1e300}, updated_at=1e300)) == (0.0, LATEST_S)
