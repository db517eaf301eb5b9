"""The list of incidents, cut down by what is asked for."""

from collections.abc import Iterator, Sequence

from detector.incidents.view import Incident, Wanted
from detector.model.alert import SEVERITIES
from detector.policy.scope import Scope
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.cards import cards, lines
from detector.web.pages.frame import document
from detector.web.pages.parts import SIGNS, choice, names, section

MOST = 100
"""Incidents of each kind that are shown; `open`, `team` and so on find the others."""


def page(incidents: Sequence[Incident], asked: Wanted, scope: Scope, now_s: float) -> str:
    """The page. `incidents`: all that the scope may see, in the order of `Source.incidents`."""
    return document("Incidents · detector", "incidents", "", _body(incidents, asked, now_s), scope)


def _body(incidents: Sequence[Incident], asked: Wanted, now_s: float) -> Iterator[str]:
    chosen = [one for one in incidents if asked.fits(one.alert)]
    running = [one for one in chosen if one.alert.state != "resolved"]
    over = [one for one in chosen if one.alert.state == "resolved"]
    loud = [one for one in running if one.alert.severity != "info"]
    quiet = [one for one in running if one.alert.severity == "info"]
    yield f"<h1>{many(len(running), 'open incident')}{'' if asked.open else f', {len(over):,} that ended'}</h1>"
    yield _form(incidents, asked)
    if not chosen:
        what = "fits what is asked for" if incidents else "is known: none was told, or none is yours to see"
        yield f'<p class="empty">No incident {what}.</p>'
    if loud:
        yield section("loud", "Open pages and tickets", "", cards(loud[:MOST], now_s), _rest(loud))
    if quiet:
        yield section("quiet", "Open lines on a board", "", lines(quiet[:MOST], now_s), _rest(quiet))
    if over:
        note = "The newest first; what they burnt is on the right."
        yield section("over", "Ended", note, lines(over[:MOST], now_s), _rest(over))


def _rest(incidents: Sequence[Incident]) -> str:
    rest = incidents[MOST:]
    if not rest:
        return ""
    return (
        f'<p class="note">and {len(rest):,} more for {usd(sum(one.alert.cost_usd for one in rest))}; ask for less</p>'
    )


def _form(incidents: Sequence[Incident], asked: Wanted) -> str:
    tenants = {one.alert.tenant for one in incidents}
    fields = [
        choice("severity", [(s, SIGNS[s][1].split()[1].lower()) for s in reversed(SEVERITIES)], asked.severity),
        choice("rule", names({one.alert.rule for one in incidents}), asked.rule),
        choice("team", names({one.alert.team or "" for one in incidents}), asked.team),
    ]
    if len(tenants) > 1 or asked.tenant is not None:
        fields.append(choice("tenant", names(tenants), asked.tenant))
    fields.append(choice("open", [("1", "open only")], "1" if asked.open else None, "state"))
    return f'<form class="filter" action="incidents" method="get">{"".join(fields)}<button>Show</button></form>'
