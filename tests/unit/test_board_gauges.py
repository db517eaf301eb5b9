"""The gauges of boards: what they follow from, how names are bounded, when they are reckoned, and that they vanish."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from detector.boards.gauges import PREFIX
from detector.boards.sums import BudgetState, Figures, TeamSums, TenantSums, TypeCost
from detector.config import Metrics as Limits
from detector.metrics import Metrics
from detector.pipeline.portfolio_metrics import BOARDS_S, BOARDS_SHARE, PortfolioMetrics
from tests.support.spread import before_the_end, portfolio_of, rollups
from tests.support.worked import completed, spent


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(PREFIX + name, labels)


def told(teams: dict[str, TeamSums], window: str = "30d", tenant: str = "acme") -> Figures:
    return Figures({(window, tenant, team): sums for team, sums in teams.items()})


def shown(sums: TeamSums) -> dict[str, float]:
    """All gauges of one team, by name."""
    metrics = Metrics(Limits())
    metrics.boards.show(0, told({"red": sums}))
    samples = [s for family in metrics.boards.collect() for s in family.samples]
    return {s.name.removeprefix(PREFIX): s.value for s in samples if "kind" not in s.labels}


def test_ratios_follow_from_sums() -> None:
    sums = TeamSums(
        spend_usd=30.0,
        direct_usd=12.0,
        output_tokens=900,
        runs=8,
        useful_runs=2,
        tasks_completed=3,
        outcomes=6,
        turns=7,
        tasks_with_turns=2,
    )
    assert shown(sums).items() >= {
        "cost_per_completed_task_usd": 10.0, "cost_per_outcome_usd": 5.0, "direct_cost_per_outcome_usd": 2.0,
        "output_tokens_per_outcome": 150.0, "turns_per_completed_task": 3.5, "useful_run_share": 0.25,
    }.items()  # fmt: skip


def test_what_has_no_outcome_has_no_cost_of_one() -> None:
    found = shown(TeamSums(spend_usd=30.0, calls=3))
    assert found["spend_usd"] == 30.0
    assert not {name for name in found if "per_" in name or name.startswith("completed_task")}
    assert "useful_run_share" not in found


def test_many_tiny_tasks_lower_the_median_and_not_the_mean_by_dollars() -> None:
    fair = shown(TeamSums(tasks_completed=2, completed_usd=[10.0, 10.0]))
    padded = shown(TeamSums(tasks_completed=12, completed_usd=[10.0, 10.0, *[0.01] * 10]))
    names = ("completed_task_median_usd", "completed_task_weighted_usd")
    assert [fair[name] for name in names] == [10.0, 10.0]
    assert [padded[name] for name in names] == pytest.approx([0.01, 10.0], rel=0.01)


def test_the_trend_is_the_cost_of_seven_days_over_that_of_those_before() -> None:
    metrics, figures = Metrics(Limits()), told({"red": TeamSums(spend_usd=30.0, tasks_completed=3)}, "7d")
    metrics.boards.show(0, figures)
    assert value(metrics, "cost_trend", tenant="acme", team="red") is None
    figures.teams |= told({"red": TeamSums(spend_usd=8.0, tasks_completed=2)}, "week before").teams
    metrics.boards.show(0, figures)
    assert value(metrics, "cost_trend", tenant="acme", team="red") == 2.5
    assert value(metrics, "spend_usd", tenant="acme", team="red", window="week before") is None


def test_types_are_shown_as_used_and_with_the_cheapest_model() -> None:
    metrics = Metrics(Limits())
    metrics.boards.show(0, Figures(types={("acme", "bug"): TypeCost(6.0, 2.0, "small")}))
    of = {"tenant": "acme", "task_type": "bug"}
    assert value(metrics, "type_cost_usd", **of, of="used", model="all") == 6.0
    assert value(metrics, "type_cost_usd", **of, of="cheapest", model="small") == 2.0


def test_budgets_are_shown_with_their_forecast_once_there_is_one() -> None:
    metrics, of = Metrics(Limits()), {"tenant": "acme", "team": "red", "budget": "red"}
    for forecast in (None, 120.0):
        state = BudgetState(100.0, 40.0, forecast)
        metrics.boards.show(0, Figures(budgets={("acme", "red", "red"): state}))
        told = [value(metrics, f"budget_{name}_usd", **of) for name in ("limit", "used", "forecast")]
        assert told == [100.0, 40.0, forecast]


def test_teams_beyond_the_cap_are_other_together_and_those_that_spend_most_have_their_own() -> None:
    metrics = Metrics(Limits(max_board_teams=2))
    teams = {f"team-{n}": TeamSums(spend_usd=float(n), calls=1, tasks_completed=1, completed_usd=[n]) for n in range(6)}
    metrics.boards.show(0, told(teams))
    assert [
        value(metrics, "spend_usd", tenant=tenant, team=team, window="30d")
        for tenant, team in (("acme", "team-5"), ("acme", "team-4"), ("acme", "team-3"), ("other", "other"))
    ] == [5.0, 4.0, None, 6.0]
    other = {"tenant": "other", "team": "other", "window": "30d"}
    assert value(metrics, "cost_per_completed_task_usd", **other) == 1.5
    assert value(metrics, "completed_task_median_usd", **other) == 1.5


def test_a_team_that_has_its_own_series_keeps_them() -> None:
    metrics = Metrics(Limits(max_board_teams=1))
    metrics.boards.show(0, told({"first": TeamSums(spend_usd=1.0)}))
    metrics.boards.show(0, told({"first": TeamSums(spend_usd=1.0), "dearer": TeamSums(spend_usd=9.0)}))
    assert value(metrics, "spend_usd", tenant="acme", team="first", window="30d") == 1.0


def test_what_was_saved_is_labelled_an_estimate() -> None:
    metrics = Metrics(Limits(max_board_teams=1))
    metrics.boards.show(
        0, Figures(saved={("7d", "acme", "red"): 5.0, ("7d", "acme", "blue"): 1.0, ("7d", "b", "c"): 2.0})
    )
    assert value(metrics, "saved_usd_estimate", tenant="acme", team="red", window="7d") == 5.0
    assert value(metrics, "saved_usd_estimate", tenant="other", team="other", window="7d") == 3.0


def test_what_several_partitions_call_other_is_one_series() -> None:
    metrics = Metrics(Limits(max_label_values=1))
    for n in range(3):
        figures = told({"team": TeamSums(spend_usd=1.0)}, tenant=f"tenant-{n}")
        figures.tenants = {("30d", f"tenant-{n}"): TenantSums(2, 1)}
        metrics.boards.show(n, figures)
    assert value(metrics, "spend_usd", tenant="other", team="team", window="30d") == 2.0
    assert value(metrics, "without_ai_tasks", tenant="other", window="30d") == 4
    lines = [line.partition(" ")[0] for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    assert len(lines) == len(set(lines))


def test_gauges_of_a_lost_partition_vanish() -> None:
    metrics = Metrics(Limits())
    for n in range(2):
        metrics.boards.show(n, told({"red": TeamSums(spend_usd=1.0)}, tenant=f"tenant-{n}"))
    metrics.boards.hide(0)
    assert [value(metrics, "spend_usd", tenant=f"tenant-{n}", team="red", window="30d") for n in range(2)] == [
        None,
        1.0,
    ]


def test_every_gauge_is_there_before_the_first_figure_and_is_told_of_to_the_policy() -> None:
    metrics = Metrics(Limits())
    names = set(re.findall(rf"^# TYPE ({PREFIX}\w+) gauge$", metrics.text().decode(), re.MULTILINE))
    assert names == {name for name in metrics.labelled if name.startswith(PREFIX)}
    assert len(names) > 20


class Stage:
    """What portfolio shows of engines by partition; the clock moves by `step_s` whenever it is read."""

    def __init__(self, *usd: float, step_s: float = 0.0) -> None:
        self.metrics, self.t, self._step_s = Metrics(Limits()), 0.0, step_s
        self.shows = PortfolioMetrics(self.metrics, "portfolio", "rollups", lambda: 0.0, self._now)
        self.engines = [
            portfolio_of(before_the_end(rollups([spent(0, dollars, tenant=f"t{n}"), completed(60)])))[0]
            for n, dollars in enumerate(usd)
        ]

    def _now(self) -> float:
        self.t += self._step_s
        return self.t

    def look(self, times: int = 40) -> None:
        for _ in range(times):
            for partition, engine in enumerate(self.engines):
                owned: Any = SimpleNamespace(partition=partition, engine=engine)
                self.shows.shown(owned)

    def usd(self, partition: int = 0) -> float | None:
        return value(self.metrics, "spend_usd", tenant=f"t{partition}", team="team", window="30d")


def test_partitions_are_reckoned_one_after_the_other() -> None:
    stage = Stage(1.0, 2.0)
    stage.look(1)
    assert stage.usd(0) is None  # a step is not all
    stage.look()
    assert (stage.usd(0), stage.usd(1)) == (1.0, 2.0)


def test_they_are_reckoned_anew_after_a_minute_and_only_where_something_came() -> None:
    stage = Stage(1.0)
    stage.look()
    stage.engines = Stage(5.0).engines
    stage.engines[0].offset += 1
    stage.look()
    assert stage.usd() == 1.0
    stage.t += BOARDS_S
    stage.look()
    assert stage.usd() == 5.0
    stage.engines[0].books = Stage(7.0).engines[0].books  # without a rollup nobody looks
    stage.t += BOARDS_S
    stage.look()
    assert stage.usd() == 5.0


def test_what_takes_long_is_reckoned_seldom() -> None:
    stage = Stage(1.0, step_s=1.0)
    stage.look()
    began, stage.engines = stage.t, Stage(5.0).engines
    stage.engines[0].offset += 1
    while stage.usd() == 1.0:
        stage.look(1)
    assert stage.t - began > 10.0 / BOARDS_SHARE > BOARDS_S


def test_a_budget_is_told_as_of_the_spend_beside_it() -> None:
    stage = Stage(1.0)
    engine: Any = stage.engines[0]
    for used in (1.0, 2.0):  # the other one comes while the first is reckoned
        told = {("t0", "team", "all"): BudgetState(100.0, used, None)}
        engine.budgets = SimpleNamespace(states=lambda told=told: told)
        stage.look(1)
    stage.look()
    assert value(stage.metrics, "budget_used_usd", tenant="t0", team="team", budget="all") == stage.usd() == 1.0


def test_a_partition_that_is_lost_half_way_is_not_shown() -> None:
    stage = Stage(1.0)
    stage.look(3)
    stage.shows.hidden(0)
    stage.engines = []
    stage.look()
    assert stage.usd() is None


def test_books_without_events_are_not_shown() -> None:
    stage = Stage(1.0)
    stage.engines[0].books.common.newest_t = 0.0
    stage.look()
    assert stage.usd() is None
