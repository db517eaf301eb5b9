"""`cost_per_outcome`: a completed task costs a team far more than it did, and there are not as many more of them."""

import math
from collections.abc import Callable, Sequence
from statistics import mean, median
from typing import NamedTuple

from detector.clock import clock_day
from detector.rules.finding import Check, Context, Verdict, at_least, decide, number, usd
from detector.rules.shipping import DAY_S, TaskSpend, Window, called, dollars, finding, never_a_page

NAME = "cost_per_outcome"

_LEAST_USD = 0.01
"""Less than a cent is taken as one: a cost has a logarithm."""
_CALM, _SUDDEN = 0.2, math.log(2.0)
"""In logarithms of dollars, for dating: a drift of a fifth a week is nothing, and one doubling above it is enough."""
_SHORTLY = 3
"""Weeks before a sudden rise that have to be low: else it came bit by bit."""


class Week(NamedTuple):
    """A whole week of a team: what it spent, and the tasks that were first completed in it. Made by `week`."""

    began_t: float  # s UTC
    usd: float  # all but experiments: what shipped nothing is in it
    largest_usd: float  # of that, what the dearest task of this week took, completed or not
    completed: int
    median_usd: float | None  # of the direct costs of the tasks completed; None: there is none
    weighted_usd: float | None  # their mean, each weighted by its dollars: closing small ones does not lower it

    @property
    def cost_usd(self) -> float:
        """What a completed task cost, fully loaded; of none, what one would."""
        return max(_LEAST_USD, self.usd / max(1, self.completed))

    @property
    def trimmed_usd(self) -> float:
        """The same with the week's dearest task left out."""
        return max(_LEAST_USD, (self.usd - self.largest_usd) / max(1, self.completed))


class CostFacts(NamedTuple):
    """Whole weeks of a team from its first on, the oldest first; the newest ends at `t` (s UTC)."""

    t: float
    weeks: tuple[Week, ...]
    calls: int  # of the newest `rules.cost_per_outcome.weeks` of them
    tokens: int
    tasks: tuple[TaskSpend, ...]  # of these weeks, those on which it spent most


def week(began_t: float, usd: float, largest_usd: float, costs: Sequence[float]) -> Week:
    """A week by the direct costs (USD) of the tasks that were first completed in it."""
    total = sum(costs)
    middle = median(costs) if costs else None
    weighted = sum(cost * cost for cost in costs) / total if total > 0.0 else middle
    return Week(began_t, usd, largest_usd, len(costs), middle, weighted)


class _Trend(NamedTuple):
    """A figure of a middling week now and before, and in how many pairs of a week now with one before it is higher."""

    now: float = 0.0
    before: float = 0.0
    higher: float = 0.0

    @property
    def times(self) -> float:
        return self.now / self.before if self.before > 0.0 else 0.0


def judge(f: CostFacts, context: Context) -> Verdict:
    """Whether a completed task has become so much dearer, and the number of them has not grown as much."""
    rule = context.rules.cost_per_outcome
    # In an idle week nothing has a cost.
    before, now = ([w for w in some if w.usd > 0.0] for some in (f.weeks[: -rule.weeks], f.weeks[-rule.weeks :]))
    completed, completed_before = (sum(w.completed for w in some) for some in (now, before))
    cost, trimmed, small, weighted = (_trend(now, before, of) for of in (_cost, _trimmed, _median, _weighted))
    more = _a_week(now) / _a_week(before) if completed_before else 0.0
    # Without the dearest task few tasks cost too little, and with it one of them may be all.
    rises = min(cost.times, trimmed.times) >= rule.times and more < cost.times
    needs = (
        f"{rule.times:g} times, and more than their number grew ({more:.3g} times); so without each week's dearest task"
    )
    hidden = weighted.times >= rule.times and weighted.higher >= rule.dearer_weeks and small.now < small.before
    checks = (
        at_least("info", f"of {rule.weeks} whole weeks, those with spend", len(now), rule.weeks // 2 + 1),
        at_least("info", "such weeks before these", len(before), rule.weeks_before),
        at_least("info", "tasks completed", completed, rule.completed),
        at_least("info", "tasks completed before", completed_before, rule.completed),
        dollars("info", "spent", sum(w.usd for w in now), rule.least_usd),
        Check(
            "info", "cost of a completed task, or its dollar-weighted mean behind small ones",
            f"{usd(cost.now)} ({usd(cost.before)} before), {usd(weighted.now)} ({usd(weighted.before)} before)",
            needs, rises or hidden,
        ),
        Check("warning", "cost of a completed task", f"{usd(cost.now)} ({usd(cost.before)} before)", needs, rises),
        at_least("warning", "pairs of a week with one before in which it is dearer", min(cost.higher, trimmed.higher),
                 rule.dearer_weeks),
        never_a_page(),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    window = Window(
        f.t, 7 * rule.weeks, 7.0 * len(f.weeks), sum(w.usd for w in now), 0.0, 0.0, 0.0, f.calls, f.tokens, f.tasks
    )
    since = _sudden([*before, *now], rule.times) if rises else None
    told = finding(
        "team", severity, stopped, window, context, cost_usd=window.usd, spend_only=False,
        summary=_summary(context, f.t, rule.weeks, cost, small, weighted, more, since, rises),
        since_week=since, middling_usd=cost.now, middling_before_usd=cost.before, trimmed_usd=trimmed.now,
        trimmed_before_usd=trimmed.before, median_usd=small.now, median_before_usd=small.before,
        weighted_usd=weighted.now, weighted_before_usd=weighted.before,
        cost_per_completed_task_usd=window.usd / completed,
        cost_per_completed_task_before_usd=sum(w.usd for w in before) / completed_before,
        completed=completed, completed_times=more, dearer_weeks=min(cost.higher, trimmed.higher),
        hidden_by_small_tasks=hidden, usd=window.usd, weeks=[_row(w) for w in f.weeks],
    )  # fmt: skip
    return Verdict(checks, told)


def _cost(week: Week) -> float | None:
    return week.cost_usd


def _trimmed(week: Week) -> float | None:
    return week.trimmed_usd


def _median(week: Week) -> float | None:
    return week.median_usd


def _weighted(week: Week) -> float | None:
    return week.weighted_usd


def _trend(now: Sequence[Week], before: Sequence[Week], of: Callable[[Week], float | None]) -> _Trend:
    """Of a figure, over the weeks that have it."""
    late, early = ([x for w in weeks if (x := of(w)) is not None] for weeks in (now, before))
    if not late or not early:
        return _Trend()
    return _Trend(median(late), median(early), mean(float(x > y) for x in late for y in early))


def _a_week(weeks: Sequence[Week]) -> float:
    return mean(w.completed for w in weeks) if weeks else 0.0


def _sudden(weeks: Sequence[Week], times: float) -> float | None:
    """When the week began (s UTC) from which on a completed task costs so much more; None where it came bit by bit.

    By the Page-Hinkley test over the logarithms of the costs. ADWIN needs far more than a dozen weeks for its bound: it
    found no planted five-fold rise at any setting that does not fire by itself.
    """
    from river.drift import PageHinkley  # scipy comes with it: a second and 60 MB, for what is rare

    test = PageHinkley(min_instances=4, delta=_CALM, threshold=_SUDDEN, alpha=1.0, mode="up")
    costs, found = [w.cost_usd for w in weeks], 0
    for n, cost in enumerate(costs):
        test.update(math.log(cost))
        if test.drift_detected:
            found = n
    shortly_before = median(costs[max(0, found - _SHORTLY) : found]) if found else math.inf
    if min(costs[found], median(costs[found:])) < times * shortly_before:
        return None
    return weeks[found].began_t


def _row(week: Week) -> dict[str, float | int | None]:
    """A week, as an alert tells it."""
    return {name: round(x, 6) if isinstance(x, float) else x for name, x in week._asdict().items()}


def _summary(
    context: Context,
    t: float,
    weeks: int,
    cost: _Trend,
    small: _Trend,
    weighted: _Trend,
    more: float,
    since: float | None,
    rises: bool,
) -> str:
    beside = (
        f"the median one {usd(small.now)} ({usd(small.before)} before), weighted by dollars {usd(weighted.now)} "
        f"({usd(weighted.before)} before)"
    )
    as_many = "as many" if f"{more:.3g}" == "1" else f"{more:.3g} times as many"
    who = f"{called('team', context.ident)}: in the {weeks} weeks to {clock_day(t - DAY_S)}"
    if not rises:
        return (
            f"{who} many small completed tasks hide that the others became dearer: {beside}, and {as_many} "
            "were completed"
        )
    dated = f" since the week of {clock_day(since)}" if since is not None else ""
    return (
        f"{who} a completed task cost {usd(cost.now)} in a middling week, what shipped nothing included, "
        f"{number(cost.times)} times the {usd(cost.before)} before{dated}, and {as_many} were "
        f"completed; {beside}"
    )
