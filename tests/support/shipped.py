"""Facts for the rules about a month, as their tables of cases tell them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from detector.config import Rules
from detector.model.rollup import Party
from detector.rules import budget, churn, concentration, cost_per_outcome, no_deliverable, redundant_spend
from detector.rules.finding import Context, Finding, Verdict, Who
from detector.rules.shipping import DAY_S, Fate, TaskSpend, Window, costliest

T = 1_797_000_000.0
"""When the days end (s UTC)."""
FIRED = ("info", "warning")


def tasks(usd: float, fate: Fate = "open", of: int = 4) -> tuple[TaskSpend, ...]:
    """So many tasks that share the dollars evenly."""
    return tuple(TaskSpend(f"{fate} {n}", usd / of, fate) for n in range(of))


def window(usd: float, *spent: TaskSpend, history_days: float = 60.0, no_task_usd: float = 0.0) -> Window:
    """30 days in which a subject spent `usd`; what was no evidence is summed from its tasks."""
    experiments = sum(task.usd for task in spent if task.fate == "experiment")
    dropped = sum(task.usd for task in spent if task.fate == "dropped")
    return Window(T, 30, history_days, usd, experiments, dropped, no_task_usd, 500, 4_000_000, spent)


def context(rules: dict[str, Any] | None = None, status_source: bool = True, **who: str) -> Context:
    """Of the team `search`, unless `who` says more."""
    ident = Party(1, "acme", **{"team": "search", **who})
    return Context(Rules.model_validate(rules or {}), ident, (), True, status_source, False, None)


def severity(verdict: Verdict) -> str | None:
    """What it comes to; None: it is quiet."""
    return None if verdict.finding is None else verdict.finding.severity


def evidence(verdict: Verdict) -> dict[str, Any]:
    """Of a verdict that found something."""
    assert verdict.finding is not None
    return verdict.finding.evidence


def summary(verdict: Verdict) -> str:
    """Of a verdict that found something."""
    assert verdict.finding is not None
    return verdict.finding.summary


class Found(NamedTuple):
    """What a rule about a month finds, and of whom."""

    rule: str
    who: Who
    finding: Finding


def found_in_a_month() -> list[Found]:
    """A ticket of each rule about a month, at each level that it has."""
    nothing = no_deliverable.NothingFacts("team", window(900.0, *tasks(900.0)), 0, 90.0, None)
    dear = no_deliverable.DearTaskFacts(T, 30, T - DAY_S, 99.0, 9, 900, "open", "bug", 30, 40.0, None)
    share = concentration.ShareFacts("user", "u-1", window(600.0, *tasks(600.0, of=9)), 1000.0, 5, 3, 18)
    reverted = tasks(200.0, "reverted")
    undone = churn.ChurnFacts(
        window(900.0, *reverted), True, churn.Shipped(20, 10, 400.0, 200.0), churn.Shipped(40, 4, 800.0, 80.0)
    )
    again = redundant_spend.RedundantFacts(window(900.0, *tasks(200.0)), 12, 200.0, 4)
    used = budget.BudgetFacts("team", "search", T, T - 9 * DAY_S, T + 21 * DAY_S, 900.0, (90.0,) * 9, (), 9, 900)
    prices = [10.0] * 8 + [50.0] * 4
    weeks = tuple(
        cost_per_outcome.week(T - (12 - n) * 7 * DAY_S, 6 * price, price, [price] * 5) for n, price in enumerate(prices)
    )
    costs = cost_per_outcome.CostFacts(T, weeks, 9, 900, tasks(900.0))
    asked: list[tuple[str, dict[str, str], Callable[[Context], Verdict]]] = [
        (no_deliverable.NAME, {}, lambda c: no_deliverable.judge(nothing, c)),
        (no_deliverable.NAME, {"agent": "a"}, lambda c: no_deliverable.judge(nothing._replace(level="agent"), c)),
        (no_deliverable.NAME, {"key": "k"}, lambda c: no_deliverable.judge(nothing._replace(level="key"), c)),
        (no_deliverable.NAME, {"task": "T"}, lambda c: no_deliverable.judge_task(dear, c)),
        (concentration.NAME, {}, lambda c: concentration.judge(share, c)),
        (churn.NAME, {}, lambda c: churn.judge(undone, c)),
        (redundant_spend.NAME, {}, lambda c: redundant_spend.judge(again, c)),
        (cost_per_outcome.NAME, {}, lambda c: cost_per_outcome.judge(costs, c)),
        (budget.NAME, {}, lambda c: budget.judge(used, c)),
        (budget.NAME, {"key": "k"}, lambda c: budget.judge(used._replace(level="key"), c)),
    ]
    told = []
    for rule, who, judge in asked:
        of = context(**who)
        finding = judge(of).finding
        assert finding is not None, rule
        finding.evidence.setdefault("tasks", costliest(tasks(90.0)))  # a budget's are drawn once a record is due
        told.append(Found(rule, of.ident, finding))
    return told
