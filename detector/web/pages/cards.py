"""An episode among others: a card for what wakes somebody or waits for the morning, a line for all else."""

from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote

from detector.incidents.view import Listed
from detector.markup.words import duration, ended
from detector.model.alert import Alert, lasted
from detector.rules.finding import usd
from detector.web.pages.parts import SIGNS, badge, clock, kind, name, pair

_IN_A_CARD, _IN_A_LINE = 400, 300
"""Characters of a sentence that are shown."""


def cards(incidents: Iterable[Listed], now_s: float, up: str = "") -> str:
    """A card for each, in this order. `up`: the way to the overview."""
    return "".join(_card(one.alert, now_s, up) for one in incidents)


def lines(incidents: Iterable[Listed], now_s: float, up: str = "") -> str:
    """A line for each, in this order."""
    items = "".join(_line(one.alert, now_s, up) for one in incidents)
    return f'<ul class="lines">{items}</ul>' if items else ""


def address(id: str, up: str) -> str:
    """Where the page of an episode is, from the page whose way to the overview is `up`."""
    return f"{up}incidents/{quote(id, safe='')}"


def _card(alert: Alert, now_s: float, up: str) -> str:
    style, _ = SIGNS[alert.severity]
    return (
        f'<article class="flag {style}"><h3>{badge(alert.severity)}<span>{kind(alert)}</span>'
        f"<b>{usd(alert.cost_usd)} <small>{usd(alert.burn_usd_per_hour)} an hour</small></b></h3>"
        f'<p class="say"><a href="{escape(address(alert.id, up))}">{name(alert.summary, _IN_A_CARD)}</a></p>'
        f"<dl>{''.join(_beside(alert, now_s))}</dl></article>"
    )


def _beside(alert: Alert, now_s: float) -> Iterator[str]:
    yield pair("team", name(alert.team))
    if alert.level not in ("team", "model"):
        yield pair("agent", name(alert.agent))
    if alert.usual_usd_per_hour is not None:
        yield pair("usual", f"{usd(alert.usual_usd_per_hour)} an hour")
    yield pair("when", when(alert, now_s))
    if alert.state != "resolved":
        yield pair("figures of", clock(alert.updated_at))


def when(alert: Alert, now_s: float) -> str:
    """Since when it is under way, or when and why it ended, as HTML."""
    began, end = lasted(alert)
    if alert.state == "resolved":
        why = alert.evidence.get("resolved_by")
        return f"ended {clock(end)}{f', {name(ended(str(why)), 200)}' if why else ''}"
    return f"since {clock(began)}{f', {duration(now_s - began)}' if now_s > began else ''}"


def _line(alert: Alert, now_s: float, up: str) -> str:
    return (
        f'<li>{badge(alert.severity)}<a href="{escape(address(alert.id, up))}">{name(alert.summary, _IN_A_LINE)}</a>'
        f'<span class="much">{usd(alert.cost_usd)}</span>'
        f'<span class="beside">{kind(alert)} · team {name(alert.team)} · {when(alert, now_s)}</span></li>'
    )
