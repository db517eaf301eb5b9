"""What boards are told of episodes: of every open one and of those of the last 30 days, from the records of alerts."""

import bisect
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detector.alerts.episodes import TASK_MOVED
from detector.audit.window import DAY_S
from detector.clock import Clock
from detector.model.alert import Alert, Severity, lasted

MOST = 50_000
"""Episodes that are remembered, some 500 B each; the longest known leave."""
WINDOWS_S = {"24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S}
SOON_S = 3600.0
"""A page whose task moves within this was probably wrong."""
PAGE_BOUNDS_S = (60.0, 180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14_400.0, float("inf"))
_BUCKETS = [f"{bound:g}" for bound in PAGE_BOUNDS_S[:-1]] + ["+Inf"]

_TEAM = ("tenant", "team", "rule")
PREFIX = "detector_incidents_"
FAMILIES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("open", (*_TEAM, "severity"), "Episodes that are open."),
    ("opened", (*_TEAM, "severity", "window"), "Episodes that opened within a window, by the highest they reached."),
    ("paged", (*_TEAM, "window"), "Episodes that became critical within a window."),
    ("paged_moved", (*_TEAM, "window"), "Of these, those that ended since their task moved within an hour after it."),
    ("page_seconds", ("rule", "le", "window"), "Of these, how many became critical within so many seconds of burning."),
)
"""Names, labels and meanings."""

Shown = tuple[str, ...]


class Known(NamedTuple):
    """An episode by its newest record, of a team as it is shown. Times in s UTC.

    `paged_t`: when it became critical, None: it has not; `bucket`: how long it had burnt by then, by the bound above.
    """

    version: int
    tenant: str
    team: str
    rule: str
    severity: Severity
    is_open: bool
    opened_t: float
    paged_t: float | None
    bucket: str
    moved_soon: bool


def known_of(alert: Alert, tenant: str, team: str) -> Known:
    """What a record says of its episode; `tenant` and `team`: as they are shown."""
    paged_t = next((mark.at for mark in alert.history if mark.severity == "critical"), None)
    if paged_t is None and alert.severity == "critical":  # of a version whose records had no history
        paged_t = alert.updated_at
    moved_t = alert.resolved_at if alert.evidence.get("resolved_by") == TASK_MOVED else None
    return Known(
        version=alert.version,
        tenant=tenant,
        team=team,
        rule=alert.rule,
        severity=alert.severity,
        is_open=alert.state != "resolved",
        opened_t=alert.opened_at,
        paged_t=paged_t,
        bucket=_bucket_of(0.0 if paged_t is None else paged_t - lasted(alert)[0]),
        moved_soon=paged_t is not None and moved_t is not None and moved_t - paged_t <= SOON_S,
    )


def labels_of() -> dict[str, tuple[str, ...]]:
    """The labels of each gauge, by its name."""
    return {PREFIX + name: labels for name, labels, _ in FAMILIES}


class Episodes(Collector):
    """Counts at each scrape; every worker that reads the topic whole says the same, so take one of them, no sum.

    Shows nothing until `follow` gives the clock by which windows end. `named`: a tenant and a team as they are shown.
    """

    def __init__(self, named: Callable[[str, str | None], tuple[str, str]], most: int = MOST) -> None:
        self._named, self._most = named, most
        self._clock: Clock | None = None
        self._of: OrderedDict[str, Known] = OrderedDict()

    def follow(self, clock: Clock) -> None:
        """From now on records are taken; `clock`: the present of their times."""
        self._clock = clock

    def take(self, alert: Alert) -> None:
        """Takes a record; of an id the highest version holds."""
        known = self._of.get(alert.id)
        if known is None or alert.version > known.version:
            self._of[alert.id] = known_of(alert, *self._named(alert.tenant, alert.team))
            if len(self._of) > self._most:
                self._of.popitem(last=False)

    def bury(self, id: str) -> None:
        """Its records were taken out of the topic."""
        self._of.pop(id, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For Prometheus; called in the web server's thread."""
        counts: Counter[tuple[str, Shown]] = Counter()
        if self._clock is not None:
            now = self._clock()
            for known in list(self._of.values()):
                counts.update(_counted(known, now))
        _add_up_buckets(counts)
        for name, labels, told in FAMILIES:
            family = GaugeMetricFamily(PREFIX + name, told, labels=labels)
            for (of, values), n in counts.items():
                if of == name:
                    family.add_metric(list(values), n)
            yield family


def _counted(known: Known, now: float) -> Iterator[tuple[str, Shown]]:
    """Every series in which an episode counts at `now` (s UTC)."""
    team = known.tenant, known.team, known.rule
    if known.is_open:
        yield "open", (*team, known.severity)
    for window, length_s in WINDOWS_S.items():
        if known.opened_t > now - length_s:
            yield "opened", (*team, known.severity, window)
        if known.paged_t is not None and known.paged_t > now - length_s:
            yield "paged", (*team, window)
            if known.moved_soon:
                yield "paged_moved", (*team, window)
            yield "page_seconds", (known.rule, known.bucket, window)


def _bucket_of(page_s: float) -> str:
    """The label of the least bound that is not below it."""
    return _BUCKETS[bisect.bisect_left(PAGE_BOUNDS_S, page_s)]


def _add_up_buckets(counts: Counter[tuple[str, Shown]]) -> None:
    """What falls between two bounds becomes what lies below the higher one, as histograms count."""
    of = {(rule, window) for name, values in list(counts) if name == "page_seconds" for rule, _, window in [values]}
    for rule, window in of:
        keys = [("page_seconds", (rule, bucket, window)) for bucket in _BUCKETS]
        for key, total in zip(keys, accumulate(counts[key] for key in keys), strict=True):
            counts[key] = total
