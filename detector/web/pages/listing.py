"""The list of incidents, cut down by what is asked for."""

from collections.abc import Iterator, Sequence

from detector.incidents.view import MOST_ENDED, Choices, Listed, Wanted
from detector.model.alert import SEVERITIES
from detector.policy.scope import Scope
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.cards import cards, lines
from detector.web.pages.frame import document
from detector.web.pages.parts import SIGNS, choice, names, section

MOST = 100
"""Incidents of each kind that are shown; `open`, `team` and so on find the others."""


def page(incidents: Sequence[Listed], choices: Choices, asked: Wanted, scope: Scope, now_s: float) -> str:
    """The page. `incidents`: those that are asked for and that the scope may see, as `Source.incidents` has them."""
    return document("Incidents · detector", "incidents", "", _body(incidents, choices, asked, now_s), scope)


def _body(incidents: Sequence[Listed], choices: Choices, asked: Wanted, now_s: float) -> Iterator[str]:
    running = [one for one in incidents if one.firing]
    over = [one for one in incidents if not one.firing]
    loud = [one for one in running if one.severity != "info"]
    quiet = [one for one in running if one.severity == "info"]
    ended = f", {'the newest ' if len(over) >= MOST_ENDED else ''}{len(over):,} that ended"
    yield f"<h1>{many(len(running), 'open incident')}{'' if asked.open else ended}</h1>"
    yield _form(choices, asked)
    if not incidents:
        what = "fits what is asked for" if choices.rules else "is known: none was told, or none is yours to see"
        yield f'<p class="empty">No incident {what}.</p>'
    if loud:
        yield section("loud", "Open pages and tickets", "", cards(loud[:MOST], now_s), _rest(loud))
    if quiet:
        yield section("quiet", "Open lines on a board", "", lines(quiet[:MOST], now_s), _rest(quiet))
    if over:
        note = "The newest first; what they burnt is on the right."
        yield section("over", "Ended", note, lines(over[:MOST], now_s), _rest(over))


def _rest(incidents: Sequence[Listed]) -> str:
    rest = incidents[MOST:]
    if not rest:
        return ""
    return f'<p class="note">and {len(rest):,} more for {usd(sum(one.cost_usd for one in rest))}; ask for less</p>'


def _form(choices: Choices, asked: Wanted) -> str:
    fields = [
        choice("severity", [(s, SIGNS[s][1].split()[1].lower()) for s in reversed(SEVERITIES)], asked.severity),
        choice("rule", names(choices.rules), asked.rule),
        choice("team", names(team or "" for team in choices.teams), asked.team),
    ]
    if len(choices.tenants) > 1 or asked.tenant is not None:
        fields.append(choice("tenant", names(choices.tenants), asked.tenant))
    fields.append(choice("open", [("1", "open only")], "1" if asked.open else None, "state"))
    return f'<form class="filter" action="incidents" method="get">{"".join(fields)}<button>Show</button></form>'
