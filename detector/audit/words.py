"""How an audit's figures are said, the same on a screen and on a page."""

from collections.abc import Iterator

from detector.audit.figures import Figures, Nothing, Team, Week
from detector.markup.words import day, share
from detector.rules.finding import usd
from detector.terminal import many


def headline(figures: Figures) -> str:
    """What was spent, and what was completed for it."""
    spent = f"{usd(figures.spend_usd)} in {many(figures.calls, 'call')}"
    if not figures.status_source:
        return f"{spent}; no status source: nobody tells what came of it"
    if figures.cost_per_completed_task_usd is None:
        return f"{spent}; no task was completed"
    done = many(figures.tasks_completed, "task")
    return f"{spent}; {done} completed, {usd(figures.cost_per_completed_task_usd)} each"


def details(figures: Figures) -> Iterator[tuple[str, str, str]]:
    """Figures that explain the headline: a name, the figure, and what it says."""
    f = figures
    yield "outcomes", f"{f.outcomes:,}", "distinct deliverables that stand, and tasks completed without any"
    yield "cost per outcome", _usd(f.cost_per_outcome_usd), "fully loaded: what shipped nothing is in it"
    middle, weighted = _usd(f.median_completed_task_usd), _usd(f.weighted_completed_task_usd)
    yield "a completed task", middle, f"had the middling one cost by then; the mean by dollars is {weighted}"
    yield "direct cost", _usd(f.direct_cost_per_outcome_usd), "of an outcome: what its task spent up to the last one"
    yield "useful runs", _share(f.useful_run_share), "whose task has an outcome"
    lost = sum(task.spend_usd for task in f.shipped_nothing)
    yield "shipped nothing", usd(lost), f"{many(len(f.shipped_nothing), 'task')} without an outcome in the window"
    yield "no task", usd(f.no_task_usd), "which no task claims"
    yield "flagged", usd(f.flagged_usd), "in loops, spikes and redundant work that became a ticket or a page"
    yield "experiments", usd(f.experiments_usd), "to learn, not to ship"
    yield "without AI", f"{f.without_ai:,}", "tasks that shipped with no metered call before it, in no figure above"


def unknowns(figures: Figures) -> Iterator[str]:
    """What is in no figure, and why."""
    if figures.unpriced_calls:
        yield f"{many(figures.unpriced_calls, 'call')} of models without a price"
    if figures.unmetered_calls:
        yield f"{many(figures.unmetered_calls, 'call')} that tell no tokens"
    if figures.notional_usd:
        yield f"{usd(figures.notional_usd)} that nobody bills, as on a subscription"


def corrections(figures: Figures) -> Iterator[str]:
    """What came late and changed days that were over."""
    for kind, plural in (("status", "statuses"), ("link", "links")):
        told = [c for c in figures.corrected if c.kind == kind]
        if told:
            days = f"{day(told[0].day_t)} to {day(told[-1].day_t)}" if len(told) > 1 else day(told[0].day_t)
            count = sum(c.count for c in told)
            what = f"1 {kind}" if count == 1 else f"{count:,} {plural}"
            yield f"{what} came late and changed {days}, {usd(sum(c.usd for c in told))} of it"


WEEK = ("from, UTC", "spent", "completed", "each", "outcomes", "each")
TEAM = ("team", "spent", "tasks", "completed", "outcomes", "each", "no task", "useful runs")
NOTHING = ("shipped nothing", "team", "spent", "calls", "runs")
"""What is above the cells."""


def week(week: Week) -> tuple[str, ...]:
    """Its cells, under WEEK."""
    return (
        day(week.began_t), usd(week.spend_usd), f"{week.tasks_completed:,}", _usd(week.cost_per_completed_task_usd),
        f"{week.outcomes:,}", _usd(week.cost_per_outcome_usd),
    )  # fmt: skip


def team(team: Team) -> tuple[str, ...]:
    """Its cells, under TEAM."""
    return (
        team.team or "no team", usd(team.spend_usd), f"{team.tasks:,}", f"{team.tasks_completed:,}",
        f"{team.outcomes:,}", _usd(team.cost_per_outcome_usd), usd(team.no_task_usd), _share(team.useful_run_share),
    )  # fmt: skip


def nothing(task: Nothing) -> tuple[str, ...]:
    """Its cells, under NOTHING."""
    return task.task, task.team or "–", usd(task.spend_usd), f"{task.calls:,}", f"{task.runs:,}"


def _usd(value: float | None) -> str:
    return "–" if value is None else usd(value)


def _share(value: float | None) -> str:
    return "–" if value is None else share(value, 1.0)
