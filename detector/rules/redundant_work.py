"""`redundant_work`: several runs of a task come to nearly the same final answer, where one would have done."""

from detector.clock import clock_time
from detector.rules.finding import Check, Context, Facts, Finding, Standing, Verdict, at_least, decide, decided_by, usd
from detector.state.found import FINAL

NAME = "redundant_work"
KIND = FINAL


def judge(f: Facts, context: Context) -> Verdict:
    """Whether this run's final answer is one that other runs of its task have given."""
    rule = context.rules.redundant_work
    checks = (
        Check("info", "has a task", str(context.has_task), "a task", context.has_task),
        at_least("info", "runs with nearly the same final answer", f.rounds, rule.runs),
        Check("warning", "spent", usd(f.cost), usd(rule.warning_usd), f.cost >= rule.warning_usd),
        Check("critical", "what was done is done", "", "never a page", False),
    )
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    finding = Finding(
        level="task",
        severity=severity,
        class_=None,
        begin_t=f.first_t,
        standing=Standing(f.first_t, f.cost, f.calls, f.tokens, f.step, f.cost, f.tokens, f.calls, f.rounds),
        burn_usd_per_hour=f.cost * 3600.0 / max(f.t - f.first_t, 60.0),
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=(
            f"{f.rounds} runs of task {context.ident.task} gave nearly the same final answer since "
            f"{clock_time(f.first_t)}, the last by {context.ident.agent or 'an agent'}: they cost {usd(f.cost)}"
        ),
        group=(context.ident.task or "",),
        evidence={
            "since": f.first_t,
            "runs_alike": f.rounds,
            "similarity": round(f.similarity, 3),
            "needs": rule.runs,
            "decided_by": decided_by(stopped),
        },
    )
    return Verdict(checks, finding)
