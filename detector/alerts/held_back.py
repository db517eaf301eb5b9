"""What is sent of alerts that are held back: each as a ticket, and one page of the day that lists them all."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from detector.alerts.alertmanager import EPISODE, Labels, Notice, label_value
from detector.alerts.cap import Standing, TenantDay
from detector.model.alert import Severity
from detector.terminal import many

RULE = "pages_held_back"
"""The name under which the summary of a day is sent, and of its runbook."""
SENT_AS: Severity = "warning"
"""What pages nobody wherever critical alerts do."""
LINGERS_S = 3600.0
"""After the last of what it lists has ended a summary fires on: short alerts that follow each other give one page."""
MAX_LINES = 20
LINE_CHARS = 200
"""Of what an alert says, in its line of the summary."""


def held_back(notice: Notice, day: TenantDay, pages_a_day: int) -> Notice:
    """The alert as a ticket that says why it is one."""
    pages = "only page" if pages_a_day == 1 else f"{pages_a_day} pages"
    why = f"critical, but {day.tenant} has had its {pages} of {date(day)}: see {RULE}"
    return notice._replace(
        severity=SENT_AS,
        labels=notice.labels | {"severity": SENT_AS},
        annotations=notice.annotations | {"held_back": why},
    )


def lingers(standing: Standing, now: float) -> bool:
    """Whether nothing of a summary burns at `now` (s UTC), and it fires on all the same."""
    return not standing.burning and now < standing.changed_s + LINGERS_S


def summary(day: TenantDay, standing: Standing, held: Sequence[Notice], links: dict[str, str], now: float) -> Notice:
    """The one page of a tenant and day, which lists those of `held`, the newest notice of each that burns.

    `links`: annotations that lead on from it. Its version is left to the caller.
    """
    return Notice(
        id=_id(day),
        version=0,
        severity="critical",
        firing=bool(held) or lingers(standing, now),
        labels=_labels(day),
        annotations=_annotations(day, standing.pages, held) | links,
        starts_s=standing.since_s,
        changed_s=standing.changed_s,
        written_s=standing.written_s,
    )


def date(day: TenantDay) -> str:
    """Its date in UTC."""
    return f"{datetime.fromtimestamp(day.begins_s, UTC):%Y-%m-%d}"


def _id(day: TenantDay) -> str:
    told = "\0".join((RULE, day.tenant, date(day)))
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _labels(day: TenantDay) -> Labels:
    named = {"tenant": day.tenant} if day.tenant else {}  # Alertmanager drops a label that is empty
    return named | {
        "alertname": RULE,
        "rule": RULE,
        "severity": "critical",
        "level": "tenant",
        "day": date(day),
        "group": f"{RULE}:{_id(day)}",
        EPISODE: _id(day),
    }


def _annotations(day: TenantDay, pages: int, held: Sequence[Notice]) -> dict[str, str]:
    had = f"{label_value(day.tenant)}: {date(day)} has had {many(pages, 'page')}"
    if not held:
        return {"summary": f"{had}; all that was held back beyond them is over", "held_back_count": "0"}
    cost, burn = sum(map(_cost, held)), sum(map(_burn, held))
    more = f"{many(len(held), 'more critical alert')} {'is' if len(held) == 1 else 'are'} held back"
    lines = [_line(notice) for notice in sorted(held, key=lambda notice: (-_burn(notice), notice.id))[:MAX_LINES]]
    if len(held) > MAX_LINES:
        lines.append(f"and {len(held) - MAX_LINES} more")
    return {
        "summary": f"{had}; {more}: ${cost:.2f} so far, ${burn:.2f} an hour",
        "held_back": "\n".join(lines),
        "held_back_count": str(len(held)),
        "cost_usd": f"{cost:.2f}",
        "burn_usd_per_hour": f"{burn:.2f}",
    }


def _line(notice: Notice) -> str:
    """Who, what, what it burnt and burns, and where it is told in full; one line whatever names hold."""
    told = notice.annotations
    named = [notice.labels.get("rule"), told.get("who")]  # what is blank in a record is told of none
    says = " ".join(told["summary"].split())
    cut = says if len(says) <= LINE_CHARS else f"{says[: LINE_CHARS - 1]}…"
    spent = f"${told['cost_usd']} so far, ${told['burn_usd_per_hour']} an hour"
    line = ": ".join([*filter(None, named), spent, cut])
    return " ".join(f"{line} {told.get('incident_url', '')}".split())


def _cost(notice: Notice) -> float:
    return float(notice.annotations["cost_usd"])


def _burn(notice: Notice) -> float:
    return float(notice.annotations["burn_usd_per_hour"])
