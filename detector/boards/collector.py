"""Serves the gauges of boards: what the partitions that this worker owns say together."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detector.boards.gauges import families
from detector.boards.sums import Figures, TeamSums, TenantSums

Label = Callable[[str, str | None], str]
"""A label's name and a value: the value as it is shown."""


class Boards(Collector):
    """Names become labels here: what is beyond a cap is `other`, whose sums are those of all teams in it.

    `most`: pairs of tenant and team that have series of their own; at first those that spend most, and they keep them.
    """

    def __init__(self, label: Label, most: int, other: str) -> None:
        self._label, self._most, self._other = label, most, other
        self._of: dict[int, Figures] = {}
        self._known: set[tuple[str, str]] = set()
        self._families = list(families(Figures(), label))

    def show(self, partition: int, figures: Figures) -> None:
        """The figures of a partition, in place of those before."""
        self._of[partition] = figures
        self._families = list(families(self._together(), self._label))

    def hide(self, partition: int) -> None:
        """Another worker shows this partition from now on."""
        if self._of.pop(partition, None) is not None:
            self._families = list(families(self._together(), self._label))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """For Prometheus; called in the web server's thread."""
        yield from self._families

    def _together(self) -> Figures:
        """All partitions, by labels."""
        told = Figures()
        for figures in self._of.values():
            dearest = sorted(figures.teams.items(), key=lambda item: -item[1].spend_usd)
            for (window, tenant, team), sums in dearest:
                named = self._named(tenant, team)
                told.teams.setdefault((window, *named), TeamSums()).add(sums)
            for (window, tenant, team), usd in figures.saved.items():
                key = window, *self._named(tenant, team)
                told.saved[key] = told.saved.get(key, 0.0) + usd
            for (window, tenant), of in figures.tenants.items():
                told.tenants.setdefault((window, self._label("tenant", tenant)), TenantSums()).add(of)
            for (tenant, team, budget), state in figures.budgets.items():  # the configuration bounds them
                told.budgets[tenant, self._label("team", team), budget] = state
            for (tenant, task_type), cost in figures.types.items():
                shown = self._label("tenant", tenant)
                if shown != self._other:  # costs of several tenants have no sum
                    told.types[shown, task_type] = cost
        return told

    def _named(self, tenant: str, team: str | None) -> tuple[str, str]:
        named = self._label("tenant", tenant), self._label("team", team)
        if named not in self._known:
            if len(self._known) >= self._most:
                return self._other, self._other
            self._known.add(named)
        return named
