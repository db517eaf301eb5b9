"""What the demo has seen so far: the flow of events and the alert records, and what is news among them."""

from collections.abc import Sequence

from detector.demo.flow import Flow
from detector.demo.verdict import WARNS_FREELY, Planted, Verdict, judge
from detector.model.alert import SEVERITIES, Alert

_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}


class Board:
    """Keeps the highest version of each episode that matters, and all records that a verdict needs."""

    def __init__(self, planted: Sequence[Planted]) -> None:
        self.flow = Flow()
        self.tickets: set[str] = set()
        """Ids of open warnings of `run_inflation`: tasks with many calls and no status change."""
        self._planted = planted
        self._latest: dict[str, Alert] = {}
        self._serious: list[Alert] = []

    def take(self, alert: Alert) -> bool:
        """Takes a record; whether it is news: an episode that becomes serious, more serious, or ends."""
        if alert.rule == WARNS_FREELY and alert.severity != "critical":
            change = self.tickets.add if alert.severity == "warning" else self.tickets.discard
            (self.tickets.discard if alert.state == "resolved" else change)(alert.id)
            return False
        if alert.severity == "info":
            return False
        self._serious.append(alert)
        known = self._latest.get(alert.id)
        if known is not None and known.version >= alert.version:
            return False
        self._latest[alert.id] = alert
        if known is None:
            return alert.state != "resolved"
        return _RANK[alert.severity] > _RANK[known.severity] or (
            alert.state == "resolved" and known.state != "resolved"
        )

    def flagged(self) -> list[Alert]:
        """The serious episodes: what burns first, then what is over, each by what it has burnt."""
        return sorted(
            self._latest.values(),
            key=lambda alert: (alert.state == "resolved", -_RANK[alert.severity], -alert.cost_usd),
        )

    def newest(self, id_: str) -> Alert:
        """The episode as it was told last."""
        return self._latest[id_]

    def verdict(self, now: float) -> Verdict:
        """The verdict at event time `now` (s UTC)."""
        return judge(self._planted, self._serious, now)
