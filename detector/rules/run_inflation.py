"""`run_inflation`: a task gathers calls and its status does not move."""

from detector.clock import clock_time
from detector.rules.finding import Check, Context, Facts, Finding, Standing, Verdict, at_least, decide, usd
from detector.state.found import CALLS

NAME = "run_inflation"
KIND = CALLS


def judge(f: Facts, context: Context) -> Verdict:
    """Whether the task has had so many calls since its last strong status."""
    rule = context.rules.run_inflation
    checks = (
        Check("info", "has a task", str(context.has_task), "a task", context.has_task),
        at_least("info", "calls since the last strong status", f.calls, rule.info_calls),
        at_least("warning", "calls since the last strong status", f.calls, f.rounds),
        Check("critical", "many calls by themselves", "", "never a page", False),
    )
    severity, _ = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    since = f.strong_t or f.began_t
    moved = "its last strong status" if f.strong_t else "its first call"
    rate = f.cost * 3600.0 / max(f.t - since, 60.0)
    finding = Finding(
        level="task",
        severity=severity,
        class_=None,
        begin_t=since,
        standing=Standing(since, f.cost, f.calls, f.tokens, 0, f.cost_after, f.tokens_after, f.calls_after),
        burn_usd_per_hour=rate,
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=(
            f"task {context.ident.task} has had {f.calls} calls{_asked(f.turns)} for {usd(f.cost)} since {moved} "
            f"at {clock_time(since)}, and no status change"
        ),
        group=(context.ident.task or "",),
        evidence={
            "since": since,
            "interactions": f.calls,
            "turns": f.turns,
            "warning_needs": f.rounds,
            "warning_is": "configured" if f.rounds == rule.warning_calls else "95 of 100 tasks of its type stay below",
            "culprits": {"agent": context.ident.agent, "run": context.ident.run},
        },
    )
    return Verdict(checks, finding)


def _asked(turns: int) -> str:
    """Turns of a person, where the source tells them."""
    return f" in {turns} turns" if turns > 1 else ""
