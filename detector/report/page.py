"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Every text of the input is escaped where it goes in; what the page may load or run is nothing but its own style.
"""

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from string import Template

from detector.report import words
from detector.report.facts import Facts
from detector.report.flagged import flagged
from detector.report.markup import figure
from detector.report.spent import came, over_time, tokens, where
from detector.report.style import STYLE

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-$hash'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<title>What the agents burnt: $period</title>
<style>$style</style></head>
<body><header><h1>What the agents burnt, where they circled, what came of it</h1><p class="soft">$period</p></header>
<main>
$body
</main>
<footer>$footer</footer>
</body></html>
"""
)
_MEANS = (
    ("Dollars", "what calls tell, else what their tokens cost by the price list of that day. They are a cost, and no "
     "measure of anybody's work: nothing here is by person."),
    ("Loop", "rounds of the same action with the same result, of near copies of a failing one, or of nearly the same "
     "answer, with no status of the task between."),
    ("Page, ticket", "how loud an alert was at its highest: a page wakes somebody, a ticket waits for the morning. "
     "Alerts on a task, its agent, its team and its model may hold the same dollars: they do not add up."),
    ("Moved", "after these dollars came a status that is no mere activity: merged, resolved, reviewed, committed. "
     "Dollars after the last one have not moved anything yet."),
)  # fmt: skip


def page(facts: Facts) -> str:
    """The page; of the figures alone, so that equal figures give equal bytes."""
    return _PAGE.substitute(
        hash=_HASH,
        style=STYLE,
        period=escape(words.period(facts)),
        body="\n".join(_sections(facts)),
        footer=_footer(),
    )


def _sections(facts: Facts) -> Iterator[str]:
    yield _figures(facts)
    yield _missing(facts)
    if facts.spend is None:
        yield "<p>No call was read, so nothing was burnt.</p>"
        return
    yield over_time(facts, facts.spend)
    yield came(facts)
    yield flagged(facts)
    yield where(facts)
    yield tokens(facts)


def _figures(facts: Facts) -> str:
    total = facts.total
    pages, tickets = words.opened(facts, "critical"), words.opened(facts, "warning")
    cards = [
        figure("burnt", words.dollars(total), words.without(facts)),
        figure(
            "calls", f"{total.calls:,}", f"{words.counted(facts.runs, 'run')}, {words.counted(facts.tasks, 'task')}"
        ),
        _circled(facts),
        figure("pages", f"{pages:,}", f"and {words.episodes(tickets, 'warning')}"),
        _moved(facts),
    ]
    return f'<dl class="figures">{"".join(cards)}</dl>'


def _circled(facts: Facts) -> str:
    loops = facts.loops
    if not loops.episodes:
        return figure("went round in loops", "none", "")
    part = f"{words.share(loops.usd, facts.total.usd)} of it, {words.how_many_loops(loops)}"
    return figure("went round in loops", words.burnt_by(facts, loops.usd), part)


def _moved(facts: Facts) -> str:
    if facts.moved_share is None:
        return figure("what came of it", words.came(facts), "", small=True)
    return figure("moved their task", words.share(facts.moved_share, 1.0), "of the dollars: a status came after")


def _missing(facts: Facts) -> str:
    lines = [f"<li>{escape(line)}</li>" for line in words.unknowns(facts)]
    if not lines:
        return ""
    return f'<aside class="missing"><b>What these figures do not hold</b><ul>{"".join(lines)}</ul></aside>'


def _footer() -> str:
    means = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _MEANS)
    return f"<h2>How to read this</h2><dl>{means}</dl><p>All times are UTC. The same input gives the same page.</p>"
