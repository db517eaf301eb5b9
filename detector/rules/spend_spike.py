"""`spend_spike`: an hour costs far more than usual, and the work stands still."""

from detector.clock import clock_time
from detector.model.alert import Severity
from detector.rules.finding import Check, Context, Facts, Finding, Standing, Verdict, at_least, decide, number, usd
from detector.state.found import SPEND

NAME = "spend_spike"
KIND = SPEND


def judge(f: Facts, context: Context) -> Verdict:
    """Whether the subject's last hour is dear against what its agent usually spends, and nothing moved."""
    checks = _checks(f, context)
    severity, _ = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    return Verdict(checks, _finding(f, context, severity))


def _checks(f: Facts, context: Context) -> tuple[Check, ...]:
    rule = context.rules.spend_spike
    moved = max(f.strong_t, f.medium_t)
    calm_s = f.t - moved
    above, least = f.hour_usd - f.usual_usd, rule.times_usual * f.usual_usd
    since_least = rule.hours_since_strong * f.usual_usd
    has_status = "yes" if context.status_source else "no"
    return (
        at_least("info", "active hours of the agent", f.active_hours, rule.young_hours),
        Check("info", "above usual", usd(above), usd(rule.floor_usd), above >= rule.floor_usd),
        Check("info", "spent in the hour", usd(f.hour_usd), usd(least), f.hour_usd >= least),
        at_least("info", "ten-minute slices above the usual pace", f.slices, rule.slices),
        Check(
            "info", "spent since the last strong status", usd(f.since_strong_usd), usd(since_least),
            f.since_strong_usd >= since_least,
        ),
        at_least("info", "seconds since the last strong or medium status", calm_s, rule.calm_s)._replace(
            found="none came" if moved == 0.0 else number(calm_s)
        ),
        Check("critical", "a source of status", has_status, "yes", context.status_source),
        Check("critical", "has a task", str(context.has_task), "a task", context.has_task),
        Check("critical", "interactive", "yes" if context.interactive else "no", "no", not context.interactive),
    )  # fmt: skip


def _finding(f: Facts, context: Context, severity: Severity) -> Finding:
    rule, before = context.rules.spend_spike, context.standing
    if before is None:
        begin_t = max(f.began_t, f.t - 3600.0)
        totals = (f.calls_after, f.cost_after, f.tokens_after, f.calls_after)
        now = Standing(begin_t, f.hour_usd, f.calls, f.tokens, *totals)
    else:
        now = before._replace(
            cost_usd=before.cost_usd + f.cost_after - before.cost_after, cost_after=f.cost_after,
            calls=before.calls + f.calls_after - before.calls_after, calls_after=f.calls_after,
            tokens=before.tokens + f.tokens_after - before.tokens_after, tokens_after=f.tokens_after,
        )  # fmt: skip
    times = f"{f.hour_usd / f.usual_usd:.0f} times" if f.usual_usd > 0 else "against nothing"
    subject = f"task {context.ident.task}" if context.has_task else f"run {context.ident.run}"
    still = "no source of status is connected" if not context.status_source else "its status did not move"
    if context.status_source and not context.has_task:
        still = "no task claims it"
    return Finding(
        level="task" if context.has_task else "run",
        severity=severity,
        class_=None,
        begin_t=now.begin_t,
        standing=now,
        burn_usd_per_hour=f.hour_usd,
        usual_usd_per_hour=f.usual_usd,
        spend_only=not context.status_source or not context.has_task,
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
