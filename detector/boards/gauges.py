"""The gauges of boards: each with its meaning and how it follows from the sums of a team."""

from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily

from detector.audit.figures import per
from detector.boards.narrow import NARROW, narrow
from detector.boards.sums import Figures, TeamSums, TypeCost
from detector.boards.windows import WEEK_BEFORE

PREFIX = "detector_portfolio_"
_WEEK = "7d"


class _Gauge(NamedTuple):
    """A gauge by tenant, team and window; `of` gives None where there is nothing to tell."""

    name: str
    told: str
    of: Callable[[TeamSums], float | None]


def _weighted(sums: TeamSums) -> float | None:
    """The mean in which each task counts by its dollars."""
    total = sum(sums.completed_usd)
    return sum(usd * usd for usd in sums.completed_usd) / total if total > 0.0 else None


BY_TEAM = (
    _Gauge("spend_usd", "Dollars that were metered.", lambda s: s.spend_usd),
    _Gauge("notional_usd", "Dollars that nobody bills; in no other figure.", lambda s: s.notional_usd),
    _Gauge("flagged_usd", "Dollars within episodes of loop, spend_spike and redundant_work.", lambda s: s.flagged_usd),
    _Gauge("no_task_usd", "Dollars that no task claims.", lambda s: s.no_task_usd),
    _Gauge("experiments_usd", "Dollars of tasks that are there to learn.", lambda s: s.experiments_usd),
    _Gauge("reverted_usd", "What tasks had cost of which a deliverable was taken back.", lambda s: s.reverted_usd),
    _Gauge("calls", "Calls of language models.", lambda s: s.calls),
    _Gauge("unpriced_calls", "Calls with tokens but without a price.", lambda s: s.unpriced_calls),
    _Gauge("tasks", "Tasks that were worked on.", lambda s: s.tasks),
    _Gauge("tasks_completed", "Tasks that were completed.", lambda s: s.tasks_completed),
    _Gauge("outcomes", "Deliverables that were not taken back; of a task without any, 1.", lambda s: s.outcomes),
    _Gauge(
        "cost_per_completed_task_usd",
        "All dollars by tasks completed.",
        lambda s: per(s.spend_usd, s.tasks_completed),
    ),
    _Gauge("cost_per_outcome_usd", "All dollars by outcomes.", lambda s: per(s.spend_usd, s.outcomes)),
    _Gauge(
        "direct_cost_per_outcome_usd",
        "What tasks that shipped cost up to their last outcome, by outcomes.",
        lambda s: per(s.direct_usd, s.outcomes),
    ),
    _Gauge(
        "completed_task_median_usd",
        "What the middling completed task had cost by then.",
        lambda s: median(s.completed_usd) if s.completed_usd else None,
    ),
    _Gauge("completed_task_weighted_usd", "The mean of the same, each task weighted by its dollars.", _weighted),
    _Gauge(
        "output_tokens_per_outcome",
        "Output tokens of all calls by outcomes.",
        lambda s: per(s.output_tokens, s.outcomes),
    ),
    _Gauge(
        "turns_per_completed_task",
        "Turns of persons, of completed tasks of which any is told.",
        lambda s: per(s.turns, s.tasks_with_turns),
    ),
    _Gauge(
        "useful_run_share",
        "Share of runs whose task has an outcome in the window.",
        lambda s: per(s.useful_runs, s.runs),
    ),
)
_TOKENS = ("tokens", "Tokens of all calls by kind; input is told in two parts.")
_WITHOUT_AI = ("without_ai_tasks", "Tasks that shipped with no metered call before.")
_TEAMS = ("teams_with_ai", "Named teams that called a model at all.")
_AGENTS = ("agents_with_ai", "Named agents that called a model at all.")
_TREND = ("cost_trend", "Cost of a completed task in 7 days over that of the 7 before.")
_SAVED = ("saved_usd_estimate", "An estimate: what flagged tasks burnt an hour, for the hours they stood still then.")
_BUDGETS = (
    ("limit_usd", "What may be spent in this calendar month (UTC)."),
    ("used_usd", "What of it is spent."),
    ("forecast_usd", "What will be spent by the month's end."),
)
_TYPES = ("type_cost_usd", "Dollars by completed task of a type in 30 days, as used and with the cheapest model.")


def labels_of() -> dict[str, tuple[str, ...]]:
    """The labels of each gauge, by its name."""
    team: tuple[str, ...] = ("tenant", "team", "window")
    told: dict[str, tuple[str, ...]] = {gauge.name: team for gauge in BY_TEAM} | {_TOKENS[0]: (*team, "kind")}
    told |= dict.fromkeys((_WITHOUT_AI[0], _TEAMS[0], _AGENTS[0]), ("tenant", "window"))
    told |= {_TREND[0]: ("tenant", "team"), _TYPES[0]: ("tenant", "task_type", "of", "model")}
    told[_SAVED[0]] = team
    told |= dict.fromkeys([f"budget_{name}" for name, _ in _BUDGETS], ("tenant", "team", "budget"))
    told |= {name: labels for name, labels, _ in NARROW}
    return {PREFIX + name: labels for name, labels in told.items()}


def families(figures: Figures, label: Callable[[str, str | None], str]) -> Iterator[GaugeMetricFamily]:
    """All gauges of `figures`, whose tenants and teams are labels already; `label` gives a model's and a type's."""
    teams = {key: sums for key, sums in figures.teams.items() if key[0] != WEEK_BEFORE}
    for gauge in BY_TEAM:
        family = _family(gauge.name, gauge.told)
        for (window, tenant, team), sums in teams.items():
            if (value := gauge.of(sums)) is not None:
                family.add_metric([tenant, team or "", window], value)
        yield family
    yield _tokens(teams)
    for (name, told), field in ((_WITHOUT_AI, "without_ai"), (_TEAMS, "teams"), (_AGENTS, "agents")):
        family = _family(name, told)
        for (window, tenant), of in figures.tenants.items():
            family.add_metric([tenant, window], getattr(of, field))
        yield family
    family = _family(*_SAVED)
    for (window, tenant, team), usd in figures.saved.items():
        family.add_metric([tenant, team or "", window], usd)
    yield family
    yield _trend(figures)
    yield _types(figures.types, label)
    for name, meaning in _BUDGETS:
        family = _family(f"budget_{name}", meaning)
        for (tenant, team, budget), state in figures.budgets.items():
            if (usd := getattr(state, name)) is not None:
                family.add_metric([tenant, team or "", budget], usd)
        yield family
    for (name, _, meaning), samples in zip(NARROW, narrow(figures), strict=True):
        family = _family(name, meaning)
        for values, value in samples:
            family.add_metric(values, value)
        yield family


def _family(name: str, told: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, told, labels=labels_of()[PREFIX + name])


def _tokens(teams: Mapping[tuple[str, str, str | None], TeamSums]) -> GaugeMetricFamily:
    family = _family(*_TOKENS)
    for (window, tenant, team), sums in teams.items():
        for kind, n in (
            ("uncached_input", sums.uncached_tokens),
            ("cached_input", sums.cached_tokens),
            ("output", sums.output_tokens),
        ):
            family.add_metric([tenant, team or "", window, kind], n)
    return family


def _trend(figures: Figures) -> GaugeMetricFamily:
    family = _family(*_TREND)
    for (window, tenant, team), now in figures.teams.items():
        before = figures.teams.get((WEEK_BEFORE, tenant, team))
        if window == _WEEK and before is not None:
            costs = [per(sums.spend_usd, sums.tasks_completed) for sums in (now, before)]
            if costs[0] is not None and costs[1]:
                family.add_metric([tenant, team or ""], costs[0] / costs[1])
    return family


def _types(
    types: Mapping[tuple[str, str | None], TypeCost], label: Callable[[str, str | None], str]
) -> GaugeMetricFamily:
    family = _family(*_TYPES)
    for (tenant, task_type), cost in types.items():
        shown = [tenant, label("task_type", task_type)]
        family.add_metric([*shown, "used", "all"], cost.used_usd)
        if cost.cheapest_usd is not None:
            family.add_metric([*shown, "cheapest", label("model", cost.cheapest)], cost.cheapest_usd)
    return family
