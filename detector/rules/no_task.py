"""`no_task`: of what a team spends, the share that no task claims has jumped."""

from typing import NamedTuple

from detector.clock import clock_time
from detector.rules.finding import Check, Context, Finding, Standing, Verdict, at_least, decide, decided_by, usd

NAME = "no_task"


class ClaimFacts(NamedTuple):
    """A team's dollars of the last full hours, and of the 7 days before them, at `t` (s UTC)."""

    t: float
    hours: int
    usd: float
    unclaimed_usd: float
    before_usd: float
    before_unclaimed_usd: float
    history: int  # hours that are known
    usd_after: float  # of the team in all
    calls_after: int
    tokens_after: int

    @property
    def share(self) -> float:
        """Of the dollars of these hours, what no task claims."""
        return self.unclaimed_usd / self.usd if self.usd > 0.0 else 0.0

    @property
    def share_before(self) -> float:
        """The same of the 7 days before."""
        return self.before_unclaimed_usd / self.before_usd if self.before_usd > 0.0 else 0.0


def judge(f: ClaimFacts, context: Context) -> Verdict:
    """Whether much more of a team's spend than before has no task."""
    rule = context.rules.no_task
    jumped = f.share >= rule.times * f.share_before and f.share - f.share_before >= rule.points
    checks = (
        at_least("info", "hours of history before these", f.history, rule.history_hours),
        Check(
            "info", "before these hours some task claimed something", usd(f.before_usd - f.before_unclaimed_usd),
            "more than $0", f.before_usd > f.before_unclaimed_usd,
        ),
        Check("info", "unclaimed", usd(f.unclaimed_usd), f"at least {usd(rule.least_usd)}",
              f.unclaimed_usd >= rule.least_usd),
        Check(
            "info", "share of it without a task", f"{f.share:.0%}",
            f"{rule.times:g} times the {f.share_before:.0%} before, and {rule.points:.0%} more", jumped,
        ),
        Check("warning", "share of it without a task", f"{f.share:.0%}", f"at least {rule.share:.0%}",
              f.share >= rule.share),
        Check("critical", "nobody is stopped by a ticket that is missing", "", "never a page", False),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    totals = (f.usd_after, f.tokens_after, f.calls_after)
    now = context.standing or Standing(f.t - 3600.0 * f.hours, f.unclaimed_usd, 0, 0, 0, *totals)
    finding = Finding(
        level="team",
        severity=severity,
        class_=None,
        begin_t=now.begin_t,
        standing=now._replace(cost_usd=max(now.cost_usd, f.unclaimed_usd)),
        burn_usd_per_hour=f.unclaimed_usd / f.hours,
        usual_usd_per_hour=f.before_unclaimed_usd / 168.0,
        spend_only=True,
        summary=(
            f"team {context.ident.team or '-'}: no task claims {f.share:.0%} of the {usd(f.usd)} of the {f.hours} "
            f"hours to {clock_time(f.t)}, {usd(f.unclaimed_usd)}; of the 7 days before it was {f.share_before:.0%}"
        ),
        group=(context.ident.team or "",),
        evidence={
            "since": now.begin_t,
            "unclaimed_usd": round(f.unclaimed_usd, 6),
            "share": round(f.share, 4),
            "share_before": round(f.share_before, 4),
            "hours": f.hours,
            "decided_by": decided_by(stopped),
        },
    )
    return Verdict(checks, finding)
