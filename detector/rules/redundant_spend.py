"""`redundant_spend`: what a month of runs with nearly the same final answer has cost a team.

A rule of its own beside `redundant_work`, which tells of one task on one day: that ticket stops a trigger, this one is
the bill. What is flagged of a call is counted by the episodes of `redundant_work` alone.
"""

from typing import NamedTuple

from detector.clock import clock_time
from detector.rules.finding import Context, Verdict, at_least, decide, usd
from detector.rules.shipping import Window, called, dollars, finding, never_a_page
from detector.terminal import many

NAME = "redundant_spend"


class RedundantFacts(NamedTuple):
    """Runs of a team in a window whose final answer an earlier run of their task had given; experiments left out."""

    window: Window  # of the team; `tasks`: those on which these runs spent most, and what these runs spent on them
    runs: int  # without the first one of each answer, which was needed
    redundant_usd: float  # what these runs cost
    tasks: int  # on so many tasks


def judge(f: RedundantFacts, context: Context) -> Verdict:
    """Whether so much was spent on what was there already."""
    rule, w = context.rules.redundant_spend, f.window
    checks = (
        at_least("info", "runs whose answer was there", f.runs, 1),
        dollars("info", "spent on answers that were there", f.redundant_usd, rule.info_usd),
        dollars("warning", "spent on answers that were there", f.redundant_usd, rule.warning_usd),
        never_a_page(),
    )
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    share = f.redundant_usd / max(w.usd, f.redundant_usd)
    summary = (
        f"{called('team', context.ident)}: {many(f.runs, 'run')} on {many(f.tasks, 'task')} in the {w.days} days to "
        f"{clock_time(w.t)} gave nearly the same final answer as a run before, for {usd(f.redundant_usd)}, {share:.0%} "
        "of its spend"
    )
    told = finding(
        "team", severity, stopped, w, context, cost_usd=f.redundant_usd, spend_only=not context.status_source,
        summary=summary, usd=w.usd, redundant_usd=f.redundant_usd, runs=f.runs, redundant_tasks=f.tasks, share=share,
    )  # fmt: skip
    return Verdict(checks, told)
