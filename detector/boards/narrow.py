"""Gauges beside those by team and window: of agents and models, and of what is true of teams now."""

from collections.abc import Iterator

from detector.boards.open_tasks import AGES_S, COSTS_USD
from detector.boards.sums import Figures

_TEAM = ("tenant", "team")
_AGENT = ("tenant", "team", "agent", "model", "window")
Sample = tuple[list[str], float]

NARROW: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("agent_spend_usd", _AGENT, "Dollars by agent and model."),
    ("agent_flagged_usd", _AGENT, "Dollars by agent and model within episodes of loop, spend_spike, redundant_work."),
    ("open_tasks_by_age", (*_TEAM, "le"), "Tasks that are open since at most so many seconds, as a histogram."),
    ("open_tasks_by_cost", (*_TEAM, "le"), "Tasks that are open and cost at most so many dollars, as a histogram."),
    ("hour_usd", _TEAM, "Dollars of the last 60 minutes."),
    ("usual_hour_usd", _TEAM, "Dollars of a usual hour, at this time of the day where days are known."),
    ("forecast_usd", _TEAM, "Dollars of this calendar month (UTC) by its end."),
)
"""Names, labels and meanings; `narrow` gives their samples in this order."""


def narrow(figures: Figures) -> Iterator[list[Sample]]:
    """The samples of each of NARROW, for figures whose names are labels already."""
    agents = [([*map(_text, key[1:]), key[0]], sums) for key, sums in figures.agents.items()]
    yield [(values, sums.usd) for values, sums in agents]
    yield [(values, sums.flagged_usd) for values, sums in agents if sums.flagged_usd > 0.0]
    tasks = [(_names(team), of) for team, of in figures.open_tasks.items()]
    yield [s for names, of in tasks for s in _buckets(names, AGES_S, of.by_age)]
    yield [s for names, of in tasks for s in _buckets(names, COSTS_USD, of.by_cost)]
    hours = [(_names(team), hour) for team, hour in figures.hours.items()]
    yield [(names, hour.usd) for names, hour in hours]
    yield [(names, hour.usual_usd) for names, hour in hours if hour.usual_usd is not None]
    yield [(_names(team), usd) for team, usd in figures.forecasts.items()]


def _text(value: str | None) -> str:
    return value or ""


def _names(team: tuple[str, str | None]) -> list[str]:
    return [*map(_text, team)]


def _buckets(names: list[str], bounds: tuple[float, ...], counts: list[int]) -> Iterator[Sample]:
    for bound, count in zip(bounds, counts, strict=True):
        yield [*names, "+Inf" if bound == float("inf") else f"{bound:.10g}"], count
