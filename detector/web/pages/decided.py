"""What an alert was decided by: the sentence of the rule, and what a page needs beside what was found."""

from collections.abc import Iterator

from detector.incidents.needed import needs, why
from detector.model.alert import Alert
from detector.web.pages.parts import name, table

FIELDS = frozenset({"decided_by", "page_needs", "known"})
"""Fields of the evidence that are shown here."""
_SENTENCE, _FIGURE = 500, 300
"""Characters that are shown."""


def decided(alert: Alert) -> str:
    """Which threshold decided, and all that a page needs."""
    return "".join((*_sentences(alert), *_needs(alert)))


def _sentences(alert: Alert) -> Iterator[str]:
    if told := why(alert):
        yield f"<p>{name(told, _SENTENCE)}</p>"
    known = alert.evidence.get("known")
    if isinstance(known, str):
        yield f"<p>Steps were compared by <b>{name(known)}</b>.</p>"


def _needs(alert: Alert) -> Iterator[str]:
    rows = [[name(need.condition), name(need.needed, _FIGURE), name(need.found, _FIGURE)] for need in needs(alert)]
    if rows:
        yield table("What a page needs, and what was found", ("condition", "a page needs", "found"), rows)
