"""Gauges of agents and models, of open tasks, of the hour beside its usual one and of the month's end."""

import math
from collections.abc import Sequence

import pytest

from detector.boards.gauges import PREFIX
from detector.boards.open_tasks import AGES_S, COSTS_USD
from detector.boards.sums import AgentSums, Figures, HourState, OpenTasks
from detector.config import Config
from detector.config import Metrics as Limits
from detector.config.budgets import Budget
from detector.ledger.books import DAY_S, HOUR_S
from detector.metrics import Metrics
from detector.portfolio import Portfolio
from tests.support.judged import Event, in_order, status
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.support.worked import completed, month, spent
from tests.unit.test_boards import reckoned


def portfolio(events: Sequence[Event], config: Config | None = None) -> Portfolio:
    config = config or Config()
    return portfolio_of(before_the_end(rollups(in_order(events), config)), config)[0]


def figures_of(events: Sequence[Event]) -> Figures:
    return reckoned(portfolio(events).books)


def shown(figures: Figures, limits: Limits | None = None) -> Metrics:
    metrics = Metrics(limits or Limits())
    metrics.boards.show(0, figures)
    return metrics


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a gauge, by the values of its labels."""
    found = [s for family in metrics.boards.collect() for s in family.samples if s.name == PREFIX + name]
    return {tuple(s.labels.values()): s.value for s in found}


def usd(n: int, flagged: float = 0.0) -> AgentSums:
    return AgentSums(float(n), flagged)


def test_agents_and_models_are_told_apart_within_their_team_and_window() -> None:
    figures = figures_of([
        spent(0, 1.0, "A", agent="fixer", model="small"), spent(60, 2.0, "B", agent="fixer", model="large"),
        spent(120, 4.0, "C", agent="scout", model="large"), spent(180, 8.0, None, agent=None, model="large"),
    ])  # fmt: skip
    told = {key[2:]: sums.usd for key, sums in figures.agents.items() if key[0] == "30d"}
    assert told == {
        ("team", "fixer", "small"): 1.0, ("team", "fixer", "large"): 2.0, ("team", "scout", "large"): 4.0,
        ("team", None, "large"): 8.0,
    }  # fmt: skip
    assert figures.tenants["30d", "default"].agents == 2


def test_what_lies_outside_a_window_is_not_in_it() -> None:
    figures = figures_of([spent(0, 1.0), spent(3 * DAY_S, 2.0)])
    told = {key[0]: sums.usd for key, sums in figures.agents.items()}
    assert told == {"24h": 2.0, "7d": 3.0, "30d": 3.0, "month": 3.0}


def test_agents_that_are_named_after_people_are_one() -> None:
    people = {("30d", "acme", "red", f"u-{n:012x}", "m"): usd(1) for n in range(3)}
    metrics = shown(Figures(agents=people))
    assert samples(metrics, "agent_spend_usd") == {("acme", "red", "person", "m", "30d"): 3.0}


def test_sets_beyond_the_cap_are_other_together_and_the_dearest_have_their_own() -> None:
    agents = {("30d", "acme", "red", f"agent-{n}", "m"): usd(n) for n in range(6)}
    metrics = shown(Figures(agents=agents), Limits(max_board_sets=2))
    assert samples(metrics, "agent_spend_usd") == {
        ("acme", "red", "agent-5", "m", "30d"): 5.0,
        ("acme", "red", "agent-4", "m", "30d"): 4.0,
        ("other", "other", "other", "other", "30d"): 6.0,
    }


def test_flagged_dollars_of_agents_are_shown_where_there_are_some() -> None:
    agents = {("7d", "acme", "red", "calm", "m"): usd(2), ("7d", "acme", "red", "wild", "m"): usd(9, 6.0)}
    assert samples(shown(Figures(agents=agents)), "agent_flagged_usd") == {("acme", "red", "wild", "m", "7d"): 6.0}


def histogram(figures: Figures) -> tuple[dict[float, int], dict[float, int]]:
    """Open tasks of the team by age (h) and by cost (USD), where the count rises."""
    tasks = figures.open_tasks.get(("default", "team"))
    assert tasks is not None

    def rises(bounds: Sequence[float], counts: Sequence[int], unit: float) -> dict[float, int]:
        steps = zip(bounds, counts, [0, *counts[:-1]], strict=True)
        return {bound / unit: now - before for bound, now, before in steps if now > before}

    return rises(AGES_S, tasks.by_age, HOUR_S), rises(COSTS_USD, tasks.by_cost, 1.0)


def test_open_tasks_are_counted_by_their_age_and_by_all_that_they_cost() -> None:
    by_age, by_cost = histogram(
        figures_of([
            spent(0, 0.75, "old"), spent(2 * DAY_S, 3.0, "old"), spent(2 * DAY_S, 0.05, "new"),
            spent(2 * DAY_S + 60, 0.05, "new"), spent(2 * DAY_S + 90, 600.0, "dear"),
        ])
    )  # fmt: skip
    assert by_age == {1.0: 2, 72.0: 1}
    assert by_cost == {0.1: 1, 5.0: 1, math.inf: 1}


@pytest.mark.parametrize(
    ("then", "open_tasks"),
    [
        ([completed(100, "A")], 0),
        ([status(100, "A", category="not_planned")], 0),
        ([status(100, "A", category="duplicate")], 0),
        ([status(100, "A", category="started")], 1),
        ([status(100, "A", "medium", category="completed")], 1),
        ([completed(100, "A"), status(200, "A", category="started")], 1),
        ([completed(100, "A"), status(200, "A", category="started"), completed(300, "A")], 0),
        ([spent(31 * DAY_S, 1.0, None)], 0),
    ],
    ids=["completed", "given up", "a duplicate", "under way", "said by the way", "reopened", "done again", "abandoned"],
)
def test_a_task_is_open_until_it_is_completed_given_up_or_abandoned(then: list[Event], open_tasks: int) -> None:
    figures = figures_of([spent(0, 1.0, "A"), spent(400, 1.0, None), *then])
    tasks = figures.open_tasks.get(("default", "team"))
    assert (0 if tasks is None else tasks.by_age[-1]) == open_tasks


def test_what_no_task_claims_is_no_open_task() -> None:
    assert figures_of([spent(0, 1.0, None)]).open_tasks == {}


def test_open_tasks_are_shown_as_histograms_are() -> None:
    counts = OpenTasks([1, 1, 2, 2, 2, 2, 2, 3], [0, 0, 3, 3, 3, 3, 3, 3])
    metrics = shown(Figures(open_tasks={("acme", "red"): counts, ("acme", None): counts}))
    by_age = samples(metrics, "open_tasks_by_age")
    assert [by_age["acme", "red", bound] for bound in ("3600", "86400", "2592000", "+Inf")] == [1.0, 2.0, 2.0, 3.0]
    by_cost = samples(metrics, "open_tasks_by_cost")
    assert [by_cost["acme", "none", bound] for bound in ("0.1", "1", "500", "+Inf")] == [0.0, 3.0, 3.0, 3.0]


def test_teams_beyond_the_cap_have_their_open_tasks_hours_and_forecasts_together() -> None:
    counts = OpenTasks([1] * 8, [1] * 8)
    teams = [("acme", f"team-{n}") for n in range(3)]
    figures = Figures(
        open_tasks=dict.fromkeys(teams, counts),
        hours={team: HourState(2.0, 1.0 if team[1] != "team-2" else None) for team in teams},
        forecasts=dict.fromkeys(teams, 10.0),
    )
    metrics = shown(figures, Limits(max_board_teams=1))
    assert samples(metrics, "open_tasks_by_age")["other", "other", "+Inf"] == 2.0
    assert samples(metrics, "hour_usd")["other", "other"] == 4.0
    assert samples(metrics, "usual_hour_usd")["other", "other"] == 1.0
    assert samples(metrics, "forecast_usd")["other", "other"] == 20.0
    assert counts == OpenTasks([1] * 8, [1] * 8)  # what a partition told stays as it was


def test_an_hour_is_shown_beside_its_usual_one_once_there_is_a_day_of_history() -> None:
    young = portfolio([spent(900.0 * n, 1.0) for n in range(8)])
    assert young.hours == {("default", "team"): HourState(4.0, None)}
    old = portfolio([spent(900.0 * n, 1.0) for n in range(4 * 48)])
    assert old.hours["default", "team"] == HourState(4.0, pytest.approx(4.0))


def test_an_hour_without_calls_is_over_although_its_team_says_nothing() -> None:
    quiet = portfolio([spent(0, 5.0, team="quiet"), spent(2 * HOUR_S, 1.0, team="loud")])
    assert {team[1]: hour.usd for team, hour in quiet.hours.items()} == {"quiet": 0.0, "loud": 1.0}


def test_the_forecast_of_a_month_is_that_of_a_budget() -> None:
    config = Config(budgets=[Budget(team=team, usd_per_month=1.0) for team in ("red", "blue")])
    told = portfolio(month(1), config)
    budgets = {team: state.forecast_usd for (_, team, _), state in told.budgets.states().items()}
    forecasts = {team: usd for (_, team), usd in reckoned(told.books).forecasts.items()}
    assert forecasts == budgets
    assert len(forecasts) == 2


def test_there_is_no_forecast_in_the_first_days_of_a_month() -> None:
    october = 10 * DAY_S  # the test's time begins on 21 September
    assert figures_of([spent(october, 1.0)]).forecasts == {}
    assert figures_of([spent(october, 1.0), spent(october + 2 * DAY_S, 1.0)]).forecasts != {}
