"""Serves the gauges of boards: what the partitions that this worker owns say together."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from detector.boards.gauges import families
from detector.boards.sums import Agent, AgentSums, Figures, HourState, OpenTasks, TeamSums, TenantSums

Label = Callable[[str, str | None], str]
"""A label's name and a value: the value as it is shown."""


class Boards(Collector):
    """Names become labels here: what is beyond a cap is `other`, whose sums are those of all teams in it.

    `most`: pairs of tenant and team that have series of their own; at first those that spend most, and they keep them.
    `most_sets`: the same of tenant, team, agent and model.
    """

    def __init__(self, label: Label, most: int, most_sets: int, other: str) -> None:
        self._label, self._most, self._most_sets, self._other = label, most, most_sets, other
        self._sets: set[tuple[str, str, str, str]] = set()
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
                named = self.named(tenant, team)
                told.teams.setdefault((window, *named), TeamSums()).add(sums)
            for (window, tenant, team), usd in figures.saved.items():
                key = window, *self.named(tenant, team)
                told.saved[key] = told.saved.get(key, 0.0) + usd
            for (window, tenant), of in figures.tenants.items():
                told.tenants.setdefault((window, self._label("tenant", tenant)), TenantSums()).add(of)
            for (tenant, team, budget), state in figures.budgets.items():  # the configuration bounds them
                told.budgets[tenant, self._label("team", team), budget] = state
            for (window, tenant, team, agent, model), agent_sums in _dearest(figures.agents):
                of_agent = window, *self._set_of(tenant, team, agent, model)
                told.agents.setdefault(of_agent, AgentSums()).add(agent_sums)
            self._add_up_now(figures, told)
            for (tenant, task_type), cost in figures.types.items():
                shown = self._label("tenant", tenant)
                if shown != self._other:  # costs of several tenants have no sum
                    told.types[shown, task_type] = cost
        return told

    def _add_up_now(self, figures: Figures, told: Figures) -> None:
        """What is true of teams now, whatever the window."""
        for (tenant, team), tasks in figures.open_tasks.items():
            team_of = self.named(tenant, team)
            if team_of in told.open_tasks:
                told.open_tasks[team_of].add(tasks)
            else:
                told.open_tasks[team_of] = OpenTasks(tasks.by_age, tasks.by_cost)
        for (tenant, team), hour in figures.hours.items():
            told.hours.setdefault(self.named(tenant, team), HourState()).add(hour)
        for (tenant, team), usd in figures.forecasts.items():
            team_of = self.named(tenant, team)
            told.forecasts[team_of] = told.forecasts.get(team_of, 0.0) + usd

    def _set_of(self, *values: str | None) -> tuple[str, str, str, str]:
        """A tenant, team, agent and model as they are shown, together."""
        tenant, team, agent, model = map(self._label, ("tenant", "team", "agent", "model"), values)
        shown = tenant, team, agent, model
        if shown not in self._sets:
            if len(self._sets) >= self._most_sets:
                return self._other, self._other, self._other, self._other
            self._sets.add(shown)
        return shown

    def named(self, tenant: str, team: str | None) -> tuple[str, str]:
        """A tenant and a team as they are shown."""
        named = self._label("tenant", tenant), self._label("team", team)
        if named not in self._known:
            if len(self._known) >= self._most:
                return self._other, self._other
            self._known.add(named)
        return named


def _dearest(agents: dict[Agent, AgentSums]) -> list[tuple[Agent, AgentSums]]:
    return sorted(agents.items(), key=lambda item: -item[1].usd)
