"""A page that needs nothing else: no script, no font, no picture from elsewhere.

What it may load or run is nothing but its own style.
"""

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from string import Template

from detector.markup.style import STYLE

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-$hash'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<title>$title: $period</title>
<style>$style</style></head>
<body><header><h1>$heading</h1><p class="soft">$period</p></header>
<main>
$body
</main>
<footer>$footer</footer>
</body></html>
"""
)


def document(title: str, heading: str, period: str, body: Iterable[str], means: Iterable[tuple[str, str]]) -> str:
    """The page. `body`: HTML of its parts; `means`: words and what they mean, for its foot; all else is text."""
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in means)
    return _PAGE.substitute(
        hash=_HASH,
        style=STYLE,
        title=escape(title),
        heading=escape(heading),
        period=escape(period),
        body="\n".join(body),
        footer=f"<h2>How to read this</h2><dl>{told}</dl><p>All times are UTC. The same input gives the same page.</p>",
    )


def missing(lines: Iterable[str], title: str = "What these figures do not hold") -> str:
    """What the figures of a page do not hold, or what else is to be known; nothing where there is nothing."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    if not items:
        return ""
    return f'<aside class="missing"><b>{title}</b><ul>{items}</ul></aside>'
