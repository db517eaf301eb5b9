"""`run_inflation`: a task gathers calls and its status does not move."""

from detector.clock import clock_time
from detector.rules.finding import Context, Facts, Finding, Standing, usd
from detector.state.found import CALLS

NAME = "run_inflation"
KIND = CALLS


def judge(f: Facts, context: Context) -> Finding | None:
    """Whether the task has had so many calls since its last strong status."""
    rule = context.rules.run_inflation
    if not context.has_task or f.calls < rule.info_calls:
        return None
    since = f.strong_t or f.began_t
    moved = "its last strong status" if f.strong_t else "its first call"
    rate = f.cost * 3600.0 / max(f.t - since, 60.0)
    return Finding(
        level="task",
        severity="warning" if f.calls >= rule.warning_calls else "info",
        class_=None,
        begin_t=since,
        standing=Standing(f.t, since, f.cost, f.calls, f.tokens, 0, f.cost_after, 0),
        burn_usd_per_hour=rate,
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=(
            f"task {context.ident.task} has had {f.calls} calls for {usd(f.cost)} since {moved} "
            f"at {clock_time(since)}, and no status change"
        ),
        group=(context.ident.task or "",),
        evidence={
            "since": since,
            "interactions": f.calls,
            "warning_needs": rule.warning_calls,
            "culprits": {"agent": context.ident.agent, "run": context.ident.run},
        },
    )
