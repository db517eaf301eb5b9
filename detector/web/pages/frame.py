"""What every page has around it: its head, the way to the other pages, and how to read it."""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from detector.policy.scope import Kind, Scope
from detector.web.pages.style import SHEET

_VERSION = base64.urlsafe_b64encode(hashlib.sha256(SHEET.encode()).digest())[:12].decode()
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#16324f"/>'
    '<path d="M3 12V9h2v3zM7 12V7h2v5z" fill="#7db4e6"/><path d="M11 12V3h2v9z" fill="#ff8a80"/></svg>'
)
"""The sign of the pages in a browser's tab."""
_PAGES = (("overview", "Overview", ""), ("incidents", "Incidents", "incidents"), ("tasks", "Open tasks", "tasks"))


def document(title: str, here: str, up: str, body: Iterable[str], scope: Scope, refresh_s: int | None = None) -> str:
    """A whole page. `here`: which page it is, `up`: the way from its address to that of the overview.

    `body`: HTML of its parts. `refresh_s`: it is loaded anew after so long.
    """
    again = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    links = "".join(
        f'<a href="{escape(up + path or "./")}"{_current(key == here)}>{label}</a>' for key, label, path in _PAGES
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">{again}'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{up}pages.css?v={_VERSION}">'
        f'<link rel="icon" type="image/svg+xml" href="{up}pages.svg"></head>\n'
        '<body><a class="skip" href="#main">To the content</a>'
        f'<header class="top"><b>detector</b><nav aria-label="Pages">{links}</nav></header>\n'
        f'<main id="main" tabindex="-1">\n{chr(10).join(part for part in body if part)}\n</main>\n'
        f"<footer><p>{escape(seen(scope))}</p><p>Times are UTC, of the events. Dollars are a cost, and no measure of "
        "anybody's work.</p></footer></body></html>\n"
    )


def _current(is_here: bool) -> str:
    return ' aria-current="page"' if is_here else ""


def seen(scope: Scope) -> str:
    """What of all there is may be shown to whoever asks."""
    where = "of every tenant" if scope.tenant is None else f"of tenant {scope.tenant}"
    match scope.kind:
        case Kind.TENANT:
            what = f"You see teams {where}; people are not shown."
        case Kind.TEAM:
            what = f"You see team {scope.team} {where}; people are not shown."
        case Kind.SELF:
            what = f"You see your own {where}, and nothing in which others are."
        case _:
            what = "You see nothing: what this request shows grants no view. Ask whoever runs the detector."
    return f"{what} Grant: {scope.grant}."
