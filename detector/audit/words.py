"""How an audit's figures are said, the same on a screen and on a page."""

from collections.abc import Iterator

from detector.audit.figures import Figures
from detector.report.words import counted, day, duration, share
from detector.rules.finding import usd


def period(figures: Figures) -> str:
    """The window."""
    if figures.began_t is None or figures.ended_t is None:
        return "no events"
    return f"{day(figures.began_t)} to {day(figures.ended_t)} UTC, {duration(figures.ended_t - figures.began_t)}"


def headline(figures: Figures) -> str:
    """What was spent, and what was completed for it."""
    spent = f"{usd(figures.spend_usd)} in {counted(figures.calls, 'call')}"
    if not figures.status_source:
        return f"{spent}; no status source: nobody tells what came of it"
    if figures.cost_per_completed_task_usd is None:
        return f"{spent}; no task was completed"
    done = counted(figures.tasks_completed, "task")
    return f"{spent}; {done} completed, {usd(figures.cost_per_completed_task_usd)} each"


def details(figures: Figures) -> Iterator[tuple[str, str, str]]:
    """Figures that explain the headline: a name, the figure, and what it says."""
    f = figures
    yield "outcomes", f"{f.outcomes:,}", "distinct deliverables that stand, and tasks completed without any"
    yield "cost per outcome", _usd(f.cost_per_outcome_usd), "fully loaded: what shipped nothing is in it"
    yield "direct cost", _usd(f.direct_cost_per_outcome_usd), "of an outcome: what its task spent up to the last one"
    yield (
        "useful runs",
        "–" if f.useful_run_share is None else share(f.useful_run_share, 1.0),
        "whose task has an outcome",
    )
    lost = sum(task.spend_usd for task in f.shipped_nothing)
    yield "shipped nothing", usd(lost), f"{counted(len(f.shipped_nothing), 'task')} without an outcome in the window"
    yield "no task", usd(f.no_task_usd), "which no task claims"
    yield "flagged", usd(f.flagged_usd), "in loops, spikes and redundant work that became a ticket or a page"
    yield "experiments", usd(f.experiments_usd), "to learn, not to ship"
    yield "without AI", f"{f.without_ai:,}", "tasks that shipped with no metered call before it, in no figure above"


def unknowns(figures: Figures) -> Iterator[str]:
    """What is in no figure, and why."""
    if figures.unpriced_calls:
        yield f"{counted(figures.unpriced_calls, 'call')} of models without a price"
    if figures.unmetered_calls:
        yield f"{counted(figures.unmetered_calls, 'call')} that tell no tokens"
    if figures.notional_usd:
        yield f"{usd(figures.notional_usd)} that nobody bills, as on a subscription"


def _usd(value: float | None) -> str:
    return "–" if value is None else usd(value)
