"""The list of incidents, cut down by what is asked for."""

from collections.abc import Iterator, Sequence
from html import escape

from detector.incidents.view import Incident
from detector.markup.words import shown
from detector.model.alert import SEVERITIES
from detector.policy.scope import Scope
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.asked import Asked
from detector.web.pages.cards import cards, lines
from detector.web.pages.frame import document
from detector.web.pages.parts import SIGNS, section

MOST = 100
"""Incidents of each kind that are shown; `open`, `team` and so on find the others."""


def page(incidents: Sequence[Incident], asked: Asked, scope: Scope, now_s: float) -> str:
    """The page. `incidents`: all that the scope may see, in the order of `Source.incidents`."""
    return document("Incidents · detector", "incidents", "", _body(incidents, asked, now_s), scope)


def _body(incidents: Sequence[Incident], asked: Asked, now_s: float) -> Iterator[str]:
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


def _form(incidents: Sequence[Incident], asked: Asked) -> str:
    tenants = {one.alert.tenant for one in incidents}
    fields = [
        _select("severity", [(s, SIGNS[s][1].split()[1].lower()) for s in reversed(SEVERITIES)], asked.severity),
        _select("rule", _names({one.alert.rule for one in incidents}), asked.rule),
        _select("team", _names({one.alert.team or "" for one in incidents}), asked.team),
    ]
    if len(tenants) > 1 or asked.tenant is not None:
        fields.append(_select("tenant", _names(tenants), asked.tenant))
    fields.append(_select("open", [("1", "open only")], "1" if asked.open else None, "state"))
    return f'<form class="filter" action="incidents" method="get">{"".join(fields)}<button>Show</button></form>'


def _names(found: set[str]) -> list[tuple[str, str]]:
    # What does not print cannot be asked for by a form.
    return [(text, shown(text)) for text in sorted(found) if text.strip() and text.isprintable()]


def _select(field: str, options: Sequence[tuple[str, str]], chosen: str | None, label: str | None = None) -> str:
    if chosen is not None and chosen not in [value for value, _ in options]:
        options = [*options, (chosen, shown(chosen))]
    told = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options
    )
    return (
        f'<div><label for="{field}">{label or field}</label><select id="{field}" name="{field}">'
        f'<option value="">all</option>{told}</select></div>'
    )
