"""Alert records as Alertmanager's API v2 takes them: bounded labels, annotations, start and end."""

import hashlib
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from detector.alerts.onward import NOWHERE, Onward, told_of
from detector.alerts.shortened import cut, printable, short_json
from detector.model.alert import Alert, Severity

Labels = dict[str, str]

EPISODE = "episode"
"""The label that holds the episode's id."""

LABEL_CHARS = 256
SUMMARY_CHARS = 1000

_DIGEST_CHARS = 16
_LAST_S = 253_402_300_799.0  # the last second of the year 9999, beyond which RFC 3339 has no times


class Notice(NamedTuple):
    """What an Alertmanager is to know of an episode, by the newest record of it.

    `starts_s` and `changed_s` (when it was resolved, else last updated) are event time, `written_s` is the
    broker's time of the record; all in seconds UTC. `critical_s`: when it became critical, None where it has not.
    `revision` rises where notify adds something to what a record says.
    """

    id: str
    version: int
    severity: Severity
    firing: bool
    labels: Labels
    annotations: dict[str, str]
    starts_s: float
    changed_s: float
    written_s: float
    critical_s: float | None = None
    revision: int = 0


class Posted(msgspec.Struct, rename="camel"):
    """One alert in the body of POST /api/v2/alerts."""

    labels: Labels
    annotations: dict[str, str]
    starts_at: str
    ends_at: str


def notice_of(alert: Alert, written_s: float, onward: Onward = NOWHERE) -> Notice:
    """The notice of a record that the broker took at `written_s`; `onward`: where its links lead."""
    resolved = alert.state == "resolved"
    return Notice(
        id=alert.id,
        version=alert.version,
        severity=alert.severity,
        firing=not resolved,
        labels=labels_of(alert),
        annotations=annotations_of(alert, onward),
        starts_s=alert.opened_at,
        changed_s=alert.resolved_at if resolved and alert.resolved_at is not None else alert.updated_at,
        written_s=written_s,
    )


def labels_of(alert: Alert) -> Labels:
    """The identity in Alertmanager; what the record does not have is left out.

    People are not among the labels (an agent that is named after one is a pseudonym): whoever is paged reads the
    pseudonym in the annotations.
    """
    told: dict[str, str | None] = {
        "alertname": alert.rule,
        "rule": alert.rule,
        "class": alert.class_,
        "severity": alert.severity,
        "level": alert.level,
        "tenant": alert.tenant,
        "team": alert.team,
        "agent": alert.agent,
        "key": alert.key if alert.level == "key" else None,  # of whom else it is no part of who they are
        "model": alert.model,
        "task": alert.task,
        "run": alert.run,
        "group": alert.group,
        EPISODE: alert.id,
    }
    return {name: label_value(value) for name, value in told.items() if value and not value.isspace()}


def label_value(text: str) -> str:
    """`text` without control characters, at most LABEL_CHARS long.

    A longer one is cut and ends in a digest of the whole, so that two that differ stay apart.
    """
    clean = printable(text)
    if len(clean) <= LABEL_CHARS:
        return clean
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_DIGEST_CHARS]
    return f"{clean[: LABEL_CHARS - _DIGEST_CHARS - 1]}~{digest}"


def annotations_of(alert: Alert, onward: Onward = NOWHERE) -> dict[str, str]:
    """What a woken person reads; values are texts, as Alertmanager asks for, of bounded length."""
    told = {
        "summary": cut(alert.summary, SUMMARY_CHARS),
        "runbook_url": cut(alert.runbook_url, SUMMARY_CHARS),
        "cost_usd": _money(alert.cost_usd),
        "burn_usd_per_hour": _money(alert.burn_usd_per_hour),
        "calls": str(alert.calls),
        "tokens": str(alert.tokens),
        "opened_at": rfc3339(alert.opened_at),
        "evidence": short_json(alert.evidence),
    }
    if alert.usual_usd_per_hour is not None:
        told["usual_usd_per_hour"] = _money(alert.usual_usd_per_hour)
    if alert.since_status_change_s is not None:
        told["since_status_change"] = _duration(alert.since_status_change_s)
    marks = [
        name
        for name, marked in (
            ("interactive", _interactive(alert.evidence)),
            ("spend only", alert.spend_only),
        )
        if marked
    ]
    if marks:
        told["marks"] = ", ".join(marks)
    return told | told_of(alert, labels_of(alert), onward)


def _interactive(evidence: dict[str, Any]) -> bool:
    """Whether a person is before it, by the evidence or by what it says that a page would need."""
    needs = evidence.get("page_needs")
    return evidence.get("interactive") is True or (isinstance(needs, dict) and needs.get("not_interactive") is False)


def firing(notice: Notice, now: float, ends_s: float) -> Posted:
    """The alert as burning, until `ends_s` from now."""
    return _posted(notice, notice.labels, notice.annotations, now, now + ends_s)


def ended(notice: Notice, labels: Labels, now: float) -> Posted:
    """The alert under `labels` as over: it ended when the record says so, and never in the future.

    Alertmanager takes an end that is not after its present as resolved. What has only become an alert of another
    severity says so in `became`: whoever was told of it under the old one must not read that it is over.
    """
    went_on = notice.firing and labels.get("severity") != notice.severity
    told = notice.annotations | ({"became": notice.severity} if went_on else {})
    return _posted(notice, labels, told, now, min(now, max(notice.starts_s, notice.changed_s)))


def _posted(notice: Notice, labels: Labels, annotations: dict[str, str], now: float, ends: float) -> Posted:
    # An end before the start is refused, so a start that a fast clock told is not taken from the future.
    return Posted(
        labels=labels,
        annotations=annotations,
        starts_at=rfc3339(min(notice.starts_s, now)),
        ends_at=rfc3339(ends),
    )


def rfc3339(seconds: float) -> str:
    """A time in milliseconds UTC, cut to the years 1970 to 9999."""
    moment = datetime.fromtimestamp(min(max(seconds, 0.0), _LAST_S), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _money(usd: float) -> str:
    """To the cent, of less than one two digits; less than a hundredth of one is none (and no 5e-05)."""
    return f"{usd:.2g}" if 0.0001 <= usd < 0.01 else f"{usd:.2f}"


def _duration(seconds: float) -> str:
    minutes = max(0, int(seconds)) // 60
    if minutes < 1:
        return f"{max(0, int(seconds))} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
