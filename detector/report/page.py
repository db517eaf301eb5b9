"""The report as one HTML page. Every text of the input is escaped where it goes in."""

from collections.abc import Iterator

from detector.markup.frame import document, missing
from detector.markup.pieces import figure
from detector.markup.words import episodes, period, share
from detector.report import words
from detector.report.facts import Facts
from detector.report.flagged import flagged
from detector.report.spent import came, over_time, tokens, where
from detector.terminal import many

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
    heading = "What the agents burnt, where they circled, what came of it"
    return document("What the agents burnt", heading, period(facts.began_t, facts.ended_t), _sections(facts), _MEANS)


def _sections(facts: Facts) -> Iterator[str]:
    yield _figures(facts)
    yield missing(words.unknowns(facts))
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
        figure("calls", f"{total.calls:,}", f"{many(facts.runs, 'run')}, {many(facts.tasks, 'task')}"),
        _circled(facts),
        figure("pages", f"{pages:,}", f"and {episodes(tickets, 'warning')}"),
        _moved(facts),
    ]
    return f'<dl class="figures">{"".join(cards)}</dl>'


def _circled(facts: Facts) -> str:
    loops = facts.loops
    if not loops.episodes:
        return figure("went round in loops", "none", "")
    part = f"{share(loops.usd, facts.total.usd)} of it, {words.how_many_loops(loops)}"
    return figure("went round in loops", words.burnt_by(facts, loops.usd), part)


def _moved(facts: Facts) -> str:
    if facts.moved_share is None:
        return figure("what came of it", words.came(facts), "", small=True)
    return figure("moved their task", share(facts.moved_share, 1.0), "of the dollars: a status came after")
