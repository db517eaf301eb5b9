"""The pure decision what an Alertmanager is to be told of an episode now, with its reason."""

from enum import StrEnum
from typing import NamedTuple

from detector.alerts.alertmanager import Labels, Notice, Posted, ended, firing
from detector.model.alert import SEVERITIES, Severity

NEVER_S = float("-inf")


class Due(StrEnum):
    """Why an alert is sent now, or why not."""

    NEW = "new"
    SEVERITY_CHANGED = "severity_changed"
    RELABELLED = "relabelled"
    UPDATED = "updated"
    RESEND = "resend"
    RESOLVED = "resolved"
    BELOW_MINIMUM = "below_minimum"
    NOTHING = "nothing"


class Held(NamedTuple):
    """What one Alertmanager holds, or may hold, of one episode.

    `identities` are the label sets under which it may be firing there: one as a rule, more after a request
    whose end is unknown. `version`, with `revision`, is the newest told, `sent_s` the time when it was last accepted.
    """

    identities: tuple[Labels, ...]
    version: int
    sent_s: float
    revision: int = 0


class Policy(NamedTuple):
    """What the configuration says: what is too small, how often it is told, how long it outlives notify."""

    min_severity: Severity
    resend_s: float
    ends_s: float

    def admits(self, severity: Severity) -> bool:
        """Whether alerts of this severity are sent at all."""
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.min_severity)


def decide(notice: Notice, held: Held | None, now: float, policy: Policy) -> Due:
    """What is due at `now` (seconds UTC) for an Alertmanager that holds `held` of the episode."""
    if not notice.firing:
        return Due.NOTHING if held is None else Due.RESOLVED
    if not policy.admits(notice.severity):
        return Due.NOTHING if held is None else Due.BELOW_MINIMUM
    if held is None:
        return Due.NEW
    if held.identities != (notice.labels,):
        other = any(labels.get("severity") != notice.severity for labels in held.identities)
        return Due.SEVERITY_CHANGED if other else Due.RELABELLED
    if (held.version, held.revision) < (notice.version, notice.revision):
        return Due.UPDATED
    # The lower bound is for a clock that was set back: rather once too often than silent for as long.
    return Due.NOTHING if held.sent_s <= now < held.sent_s + policy.resend_s else Due.RESEND


def compose(notice: Notice, held: Held | None, due: Due, now: float, policy: Policy) -> list[Posted]:
    """The alerts of one request that bring the Alertmanager up to date.

    The one that fires comes before the ones that it replaces, so that a group is never seen without it.
    """
    if due is Due.NOTHING:
        return []
    burning = due not in (Due.RESOLVED, Due.BELOW_MINIMUM)
    over = [labels for labels in held.identities if not (burning and labels == notice.labels)] if held else []
    return ([firing(notice, now, policy.ends_s)] if burning else []) + [ended(notice, labels, now) for labels in over]


def accepted(notice: Notice, due: Due, now: float) -> Held | None:
    """What the Alertmanager holds once it has taken what was composed."""
    if due in (Due.RESOLVED, Due.BELOW_MINIMUM):
        return None
    return Held((notice.labels,), notice.version, now, notice.revision)


def attempted(notice: Notice, held: Held | None, due: Due) -> Held | None:
    """What it may hold after a request whose end is unknown; all of it stays due."""
    identities = held.identities if held else ()
    if due not in (Due.RESOLVED, Due.BELOW_MINIMUM, Due.NOTHING) and notice.labels not in identities:
        identities = (notice.labels, *identities)
    version, revision = (held.version, held.revision) if held else (0, 0)
    return Held(identities, version, NEVER_S, revision) if identities else None


def presumed(notice: Notice, found: tuple[Labels, ...], policy: Policy) -> Held | None:
    """What an Alertmanager holds of an episode when notify has just started, and so knows of no request.

    `found` are the label sets that it shows as firing. One that was resolved lately counts as held even
    where nothing is shown: an Alertmanager that was restarted forgets its alerts, but not whom it has paged.
    """
    identities = found
    if not notice.firing and policy.admits(notice.severity) and notice.labels not in found:
        identities = (*found, notice.labels)
    return Held(identities, 0, NEVER_S) if identities else None
