"""Pieces of HTML that several parts of the page are made of; every text is escaped here."""

from html import escape

WIDTHS = {60: "minute", 300: "5 minutes", 900: "15 minutes", 1_800: "half hour", 3_600: "hour", 10_800: "3 hours",
           21_600: "6 hours", 43_200: "12 hours", 86_400: "day", 604_800: "week", 2_419_200: "4 weeks",
           31_449_600: "52 weeks", 1: "second", 5: "5 seconds", 15: "15 seconds"}  # fmt: skip
"""What a bin of so many seconds is called."""


def section(title: str, note: str, *parts: str) -> str:
    """A part of the page: its title, a note in soft print, and what is in it. `parts` are HTML."""
    soft = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{soft}{''.join(parts)}</section>"


def card(what: str) -> str:
    """A box around HTML."""
    return f'<div class="card">{what}</div>'


def key_item(style: str, name: str, value: str) -> str:
    """A line of a key: a patch of its colour, a name and a figure."""
    swatch = f'<svg aria-hidden="true"><rect class="{style}" width="12" height="12"/></svg>'
    return f"<li>{swatch}<bdi>{escape(name)}</bdi> <b>{escape(value)}</b></li>"


def pair(name: str, value: str) -> str:
    """What something is called, and what it is, in a list of such."""
    return f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd></div>"


def figure(name: str, value: str, beside: str, small: bool = False) -> str:
    """A figure of the headline, and what is to know beside it."""
    style = ' class="small"' if small else ""
    more = f'<dd class="beside">{escape(beside)}</dd>' if beside else ""
    return f"<div><dt>{escape(name)}</dt><dd{style}>{escape(value)}</dd>{more}</div>"
