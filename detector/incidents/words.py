"""Who an incident is about, when, and what became of it, in words for a terminal; every name is made harmless."""

from collections.abc import Iterator
from operator import itemgetter

from detector.clock import clock_time
from detector.config import Web
from detector.incidents import drawn
from detector.incidents.needed import needs
from detector.markup.words import SEVERITY, ended, shown
from detector.model.alert import Alert, lasted
from detector.rules.finding import usd
from detector.web.pages.onward import onward

ID_CHARS = 10
"""Of an id so many are shown, and are enough to ask for it."""
_TEXT = 300
_UNITS = {"d": 86_400.0, "h": 3_600.0, "min": 60.0}


def who(alert: Alert) -> str:
    """Whose it is, as narrow as it is known."""
    of = {
        "run": f"run {alert.run} of {alert.agent}",
        "task": f"task {alert.task} of {alert.agent}",
        "agent": f"{alert.agent}",
        "key": f"key {alert.key}",
        "team": f"team {alert.team}",
        "model": f"model {alert.model}",
    }[alert.level]
    return shown(of if alert.level == "team" or alert.team is None else f"{alert.team}: {of}", 80)


def rule(alert: Alert) -> str:
    """Its rule and class."""
    return shown(f"{alert.rule} {alert.class_}" if alert.class_ else alert.rule)


def since(alert: Alert) -> str:
    """From when on what it is about began."""
    return _time(lasted(alert)[0])


def moved(alert: Alert) -> str:
    """How long ago its task had moved when this was told; where it never did, since when that is known."""
    ago = drawn.moved_s(alert)
    if ago is not None:
        return f"{_age(ago)} ago"
    still = alert.since_status_change_s
    return "not told" if still is None else f"not in {_age(still)}"


def rate(alert: Alert) -> str:
    """What it burns an hour, while it does."""
    return "ended" if alert.state == "resolved" else usd(alert.burn_usd_per_hour)


def state(alert: Alert) -> str:
    """Whether it goes on, and if not why."""
    if alert.state != "resolved":
        return f"open since {_time(alert.opened_at)}, last told of {_time(alert.updated_at)}"
    _, over = lasted(alert)
    why = alert.evidence.get("resolved_by")
    return f"ended {_time(over)}" + (f" {ended(shown(why, _TEXT))}" if isinstance(why, str) else "")


def history(alert: Alert) -> Iterator[tuple[str, str]]:
    """When which record was told, and what it said."""
    told, was = [(move.t, f"its task moved ({shown(move.strength)})") for move in drawn.moves(alert)], None
    for mark in alert.history:
        what = {"open": "opened", "update": "goes on", "resolved": "ended"}[mark.state]
        as_what = f" as a {SEVERITY[mark.severity][0]}" if mark.severity != was else ""
        told.append((mark.at, f"{what}{as_what}, {usd(mark.cost_usd)}"))
        was = mark.severity
    for t, text in sorted(told, key=itemgetter(0)):
        yield _time(t), text


def cost(alert: Alert) -> Iterator[tuple[str, str]]:
    """What it burnt, and beside what."""
    yield "burnt", usd(alert.cost_usd)
    yield "an hour" if alert.state != "resolved" else "an hour, when told last", usd(alert.burn_usd_per_hour)
    if alert.usual_usd_per_hour is not None:
        yield "usual an hour", usd(alert.usual_usd_per_hour)
    yield "calls", f"{alert.calls:,}"
    yield "tokens", f"{alert.tokens:,}"
    yield "its task moved", moved(alert)


def decided(alert: Alert) -> Iterator[tuple[str, str, str]]:
    """Each condition of a page, below a head: (condition, what it needs, what was found)."""
    told = needs(alert)
    if told:
        yield "condition", "a page needs", "found"
    for need in told:
        yield shown(need.condition), shown(need.needed, _TEXT), shown(need.found, _TEXT)


def links(alert: Alert, web: Web) -> Iterator[tuple[str, str]]:
    """Where to go on from here, of what is configured."""
    leads = onward(web, alert)
    told = {"page": leads.incident, "board": leads.board, "trace": leads.trace, "runbook": leads.runbook}
    for name, address in told.items():
        if address is not None:
            yield name, shown(address, _TEXT)


def _age(s: float) -> str:
    """How long, in one unit."""
    for unit, name in ((172_800.0, "d"), (7_200.0, "h"), (60.0, "min")):
        if s >= unit:
            return f"{s / _UNITS[name]:,.0f} {name}"
    return f"{max(0.0, s):.0f} s"


def _time(t: float) -> str:
    """A time that may be none: whoever wrote the record."""
    return clock_time(t).removesuffix(" UTC") if 0 <= t < 1e11 else "at no time"
