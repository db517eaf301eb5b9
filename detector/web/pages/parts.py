"""Pieces that several pages are made of; every text is escaped here."""

import time
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote, urlencode

from detector.accounts.tables import OTHER
from detector.markup.words import shown
from detector.model.alert import Alert, Severity
from detector.model.events import MAX_NAME

SIGNS: dict[Severity, tuple[str, str]] = {
    "critical": ("page", "▲ PAGE"),
    "warning": ("ticket", "△ TICKET"),
    "info": ("board", "· BOARD"),
}
"""Of a severity its style, and what is shown; the shape tells it too where colours do not."""
_LAST_T = 253_402_300_799.0
"""The last second of the year 9999."""


def name(text: str | None, most: int = 64, unknown: str = "not told") -> str:
    """A name of the input as text whose direction of writing touches nothing beside it."""
    if text is None or not text.strip():
        return f'<span class="soft">{escape(unknown if text is None else "(blank)")}</span>'
    return f"<bdi>{escape(shown(text, most))}</bdi>"


def moment(t: float) -> str:
    """A time (s UTC) to the second, for people and for programs."""
    return _time(t, "%d %b %Y %H:%M:%S")


def clock(t: float) -> str:
    """A time (s UTC) to the minute, without its year, for people and for programs."""
    return _time(t, "%d %b %H:%M")


def time_of_day(t: float) -> str:
    """Hour, minute and second of a time (s UTC), for people and for programs."""
    return _time(t, "%H:%M:%S")


def _time(t: float, form: str) -> str:
    told = time.gmtime(min(max(t, 0.0), _LAST_T))
    return f'<time datetime="{time.strftime("%Y-%m-%dT%H:%M:%SZ", told)}">{time.strftime(form, told)}</time>'


def badge(severity: Severity) -> str:
    """How loud it is."""
    style, sign = SIGNS[severity]
    return f'<span class="badge {style}">{sign}</span>'


def kind(alert: Alert) -> str:
    """Rule and class of an episode."""
    return escape(shown(f"{alert.rule} · {alert.class_}" if alert.class_ else alert.rule))


def tasks_link(tenant: str | None, team: str | None, shown: str, up: str = "") -> str:
    """`shown` (HTML) as a link to the open tasks of a team; as it is where these cannot be asked for.

    The name of several teams asks for none of them, as does one that no event can bring.
    """
    told = {field: text for field, text in (("tenant", tenant), ("team", team)) if text}
    if not team or team == OTHER or any(len(text) > MAX_NAME for text in told.values()):
        return shown
    asked = urlencode(told, quote_via=quote, errors="replace")
    return f'<a href="{up}tasks?{escape(asked)}">{shown}</a>'


def choice(field: str, options: Sequence[tuple[str, str]], chosen: str | None, label: str | None = None) -> str:
    """A field of a form: one of `options` (value, text), or all."""
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


def names(found: Iterable[str]) -> list[tuple[str, str]]:
    """Names as options; what does not print cannot be asked for by a form."""
    return [(text, shown(text)) for text in sorted(set(found)) if text.strip() and text.isprintable()]


def pair(label: str, value: str) -> str:
    """What something is called and what it is, in a list of such; `value` is HTML."""
    return f"<div><dt>{escape(label)}</dt><dd>{value}</dd></div>"


def section(id: str, title: str, note: str, *parts: str) -> str:
    """A part of the page that its title names; `parts` are HTML."""
    soft = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<section aria-labelledby="{id}"><h2 id="{id}">{escape(title)}</h2>{soft}{"".join(parts)}</section>'


def table(caption: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that scrolls within its own box; `heads` are texts, cells are HTML."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return scrolling(
        caption,
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>{body and tbody(body)}</table>",
    )


def tbody(rows: str) -> str:
    """Rows of a table."""
    return f"<tbody>{rows}</tbody>"


def scrolling(label: str, what: str) -> str:
    """A box that scrolls sideways where it has to, also by keyboard."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">{what}</div>'


def details(summary: str, what: str) -> str:
    """What is shown when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>{what}</details>"


def warning(text: str, more: str = "") -> str:
    """What has to be known before anything else is read; `more` is HTML."""
    return f'<p class="missing" role="note"><b>{escape(text)}</b>{more}</p>'
