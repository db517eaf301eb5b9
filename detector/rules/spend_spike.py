"""`spend_spike`: an hour costs far more than usual, and the work stands still."""

from detector.clock import clock_time
from detector.rules.finding import Context, Facts, Finding, Standing, usd
from detector.state.found import SPEND

NAME = "spend_spike"
KIND = SPEND


def judge(f: Facts, context: Context) -> Finding | None:
    """Whether the subject's last hour is dear against what its agent usually spends, and nothing moved."""
    rule = context.rules.spend_spike
    above = f.hour_usd - f.usual_usd
    if f.active_hours < rule.young_hours:
        return None
    if above < rule.floor_usd or f.hour_usd < rule.times_usual * f.usual_usd or f.slices < rule.slices:
        return None
    if f.since_strong_usd < rule.hours_since_strong * f.usual_usd:
        return None
    moved = max(f.strong_t, f.medium_t)
    if f.t - moved < rule.calm_s:
        return None
    spend_only = not context.status_source or not context.has_task
    may_page = not spend_only and not context.interactive
    before = context.standing
    if before is None:
        begin_t = max(f.began_t, f.t - 3600.0)
        now = Standing(f.t, begin_t, f.hour_usd, f.calls, f.tokens, f.first_step, f.cost_after, f.tokens_after)
    else:
        now = before._replace(
            cost_usd=before.cost_usd + f.cost_after - before.cost_after, cost_after=f.cost_after,
            calls=before.calls + f.first_step - before.last_step, last_step=f.first_step,
            tokens=before.tokens + f.tokens_after - before.tokens_after, tokens_after=f.tokens_after,
        )  # fmt: skip
    times = f"{f.hour_usd / f.usual_usd:.0f} times" if f.usual_usd > 0 else "against nothing"
    subject = f"task {context.ident.task}" if context.has_task else f"run {context.ident.run}"
    still = "no source of status is connected" if not context.status_source else "its status did not move"
    if context.status_source and not context.has_task:
        still = "no task claims it"
    return Finding(
        level="task" if context.has_task else "run",
        severity="critical" if may_page else "warning",
        class_=None,
        begin_t=now.begin_t,
        standing=now,
        burn_usd_per_hour=f.hour_usd,
        usual_usd_per_hour=f.usual_usd,
        spend_only=spend_only,
        summary=(
            f"{subject} of {context.ident.agent or 'an agent'} spent {usd(f.hour_usd)} in the hour to "
            f"{clock_time(f.t)}, {times} its usual {usd(f.usual_usd)}, and {still}"
        ),
        group=(context.ident.agent or "", context.ident.task or context.ident.run or ""),
        evidence={
            "since": now.begin_t,
            "hour_usd": round(f.hour_usd, 6),
            "usual_usd": round(f.usual_usd, 6),
            "usual_is": f"mean of {f.active_hours} active hours of the agent in 7 days, as this partition sees it",
            "since_strong_usd": round(f.since_strong_usd, 6),
            "slices_burning": f.slices,
            "page_needs": {
                "times_usual": rule.times_usual,
                "usd_above_usual": rule.floor_usd,
                "usual_hours_since_strong": rule.hours_since_strong,
                "calm_s": rule.calm_s,
                "slices": rule.slices,
                "has_task": context.has_task,
                "status_source": context.status_source,
            },
            "culprits": {"agent": context.ident.agent, "run": context.ident.run},
        },
    )
