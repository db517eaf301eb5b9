"""`no_deliverable`: a month of spend and nothing shipped; or one task dearer than its like ever is when it ships."""

from typing import NamedTuple

from detector.clock import clock_time
from detector.model.alert import Level
from detector.rules.finding import Check, Context, Verdict, at_least, decide, usd
from detector.rules.shipping import (
    DAY_S,
    Fate,
    TaskSpend,
    Window,
    called,
    dollars,
    finding,
    history,
    never_a_page,
    parts,
)

NAME = "no_deliverable"

LIKE_IT_SHARE = 0.95
"""Of the tasks of a type that shipped, those whose cost the bar of a single task leaves below."""


class NothingFacts(NamedTuple):
    """What a team, an agent or a key spent in a window, and whether anything came of it."""

    level: Level
    window: Window
    outcomes: int  # within the window, of tasks on which it spent anything, whoever spent most
    told_days: float  # for how long something in the tenant has told what ships; 0: nothing does
    told_of: str | None  # the wider subject whose ticket is about these dollars: "its team"; None: there is none


class DearTaskFacts(NamedTuple):
    """What one task has cost at `t` (s UTC) since its last outcome, beside those of its type that shipped."""

    t: float
    days: int  # days whose shipped tasks are compared
    began_t: float  # the first of these calls (s UTC)
    usd: float
    calls: int
    tokens: int
    fate: Fate
    task_type: str | None
    shipped: int  # tasks of its type that shipped within the days
    dear_usd: float  # what LIKE_IT_SHARE of these cost no more than, up to their last outcome
    told_of: str | None  # as of NothingFacts


def judge(f: NothingFacts, context: Context) -> Verdict:
    """Whether so much was spent for nothing."""
    rule, w = context.rules.no_deliverable, f.window
    known = f.told_days > 0.0
    checks = (
        history(w, w.days),
        dollars("info", "spent, without experiments and what was given up on purpose", w.counted_usd, rule.least_usd),
        Check("info", "outcomes", f"{f.outcomes:,}", "none", f.outcomes == 0),
        Check("info", "something tells what ships, or it is a whole team", "yes" if known else "not known", "yes",
              known or f.level == "team"),
        at_least("warning", "days for which something tells what ships", int(f.told_days), w.days),
        dollars("warning", "of it claimed by tasks", w.claimed_usd, rule.least_usd),
        _told_elsewhere(f.told_of),
        never_a_page(),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    what = "and nothing shipped" if known else "and nothing tells what came of it: what shipped is not known"
    summary = (
        f"{called(f.level, context.ident)} spent {usd(w.counted_usd)} in the {w.days} days to {clock_time(w.t)}, {what}"
        f"{_apart(w)}"
    )
    told = finding(
        f.level, severity, stopped, w, context,
        cost_usd=w.counted_usd, spend_only=not known or w.claimed_usd == 0.0, summary=summary,
        outcomes=f.outcomes if known else None, **parts(w),
    )  # fmt: skip
    return Verdict(checks, told)


def judge_task(f: DearTaskFacts, context: Context) -> Verdict:
    """Whether a task that is under way has cost more than its like costs when it ships."""
    rule = context.rules.no_deliverable
    kind = f"tasks of type {f.task_type}" if f.task_type else "tasks without a type"
    checks = (
        Check("info", "what became of it", f.fate, "open or reverted", f.fate in ("open", "reverted")),
        at_least("info", f"{kind} that shipped", f.shipped, rule.shipped_tasks),
        dollars("info", "spent", f.usd, rule.task_usd),
        Check("info", f"more than {LIKE_IT_SHARE:.0%} of {kind} cost", usd(f.usd), f"more than {usd(f.dear_usd)}",
              f.usd > f.dear_usd),
        _told_elsewhere(f.told_of),
        never_a_page(),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    task = TaskSpend(context.ident.task or "-", f.usd, f.fate)
    days = max(1, round((f.t - f.began_t) / DAY_S))
    w = Window(f.t, days, days, f.usd, 0.0, 0.0, 0.0, f.calls, f.tokens, (task,))
    summary = (
        f"{called('task', context.ident)} has cost {usd(f.usd)} since {clock_time(f.began_t)} and shipped nothing: of "
        f"{f.shipped:,} {kind} that shipped, {LIKE_IT_SHARE:.0%} cost {usd(f.dear_usd)} at most"
    )
    told = finding(
        "task", severity, stopped, w, context, cost_usd=f.usd, spend_only=False, summary=summary,
        task_type=f.task_type, dear_usd=f.dear_usd, shipped_tasks=f.shipped, compared_days=f.days,
    )  # fmt: skip
    return Verdict(checks, told)


def _told_elsewhere(told_of: str | None) -> Check:
    """One cause, one ticket."""
    return Check("warning", "another ticket is about these dollars", told_of or "no", "no", told_of is None)


def _apart(w: Window) -> str:
    """What is no evidence, where there is any."""
    parts = [(w.dropped_usd, "on what was given up on purpose"), (w.experiment_usd, "on experiments")]
    told = " and ".join(f"{usd(x)} {what}" for x, what in parts if x > 0.0)
    return f"; {told} not counted" if told else ""
