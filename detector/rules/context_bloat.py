"""`context_bloat`: contexts far larger than this agent's calls need, or growing call by call with nothing new."""

from detector.clock import clock_time
from detector.rules.finding import Check, Context, Facts, Finding, Standing, Verdict, at_least, decide, decided_by, usd
from detector.state.found import BLOAT, LARGE

NAME = "context_bloat"
KIND = BLOAT


def judge(f: Facts, context: Context) -> Verdict:
    """Whether the part of the input above usual, or above where it began to grow, has cost too much."""
    rule = context.rules.context_bloat
    large = f.how == LARGE
    times = f.input / max(f.input_before, 1)
    least = rule.times_usual if large else rule.growth_times
    checks = (
        at_least("info", "calls in a row", f.calls, rule.calls if large else rule.growth_calls),
        at_least("info", "times the usual input" if large else "times the input at their beginning", times, least),
        Check("info", "what is above it has cost", usd(f.cost), usd(rule.info_usd), f.cost >= rule.info_usd),
        Check("warning", "what is above it has cost", usd(f.cost), usd(rule.warning_usd), f.cost >= rule.warning_usd),
        Check("critical", "the work may be getting on", "", "never a page", False),
    )
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    who = context.ident.agent or "an agent"
    rate = f.cost * 3600.0 / max(f.t - f.first_t, 60.0)
    what = (
        f"sends {f.input:,} tokens of context a call, {times:.0f} times its usual {f.input_before:,}"
        if large
        else f"lets its context grow from {f.input_before:,} to {f.input:,} tokens with nothing new done"
    )
    finding = Finding(
        level="run",
        severity=severity,
        class_="large" if large else "growing",
        begin_t=f.first_t,
        standing=Standing(f.first_t, f.cost, f.calls, f.tokens, f.step, f.cost_after, f.tokens_after, f.calls_after),
        burn_usd_per_hour=rate,
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=(
            f"{who} {what}, in {f.calls} calls since {clock_time(f.first_t)}: what is above that has cost "
            f"{usd(f.cost)}, {f.cached / max(f.input, 1):.0%} of it was cached"
        ),
        group=(who,),
        evidence={
            "since": f.first_t,
            "input_tokens": f.input,
            "input_tokens_before": f.input_before,
            "cached_share": round(f.cached / max(f.input, 1), 4),
            "calls_in_a_row": f.calls,
            "excess_usd": round(f.cost, 6),
            "excess_is": "the input's part of the dollars, by weights of 1, 0.1 cached and 5 for output, above that",
            "decided_by": decided_by(stopped),
        },
    )
    return Verdict(checks, finding)
