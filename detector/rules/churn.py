"""`churn`: what a team ships is taken back, reopened or largely rewritten, more than it used to be."""

from typing import NamedTuple

from detector.clock import clock_time
from detector.config.shipped_thresholds import ChurnRule
from detector.rules.finding import Check, Context, Verdict, at_least, decide, usd
from detector.rules.shipping import Window, at_least_by_chance, called, dollars, finding, never_a_page

NAME = "churn"


class Shipped(NamedTuple):
    """Outcomes of some days, and those that came undone within `days` of them; what their tasks cost up to them."""

    outcomes: int = 0
    undone: int = 0
    usd: float = 0.0
    undone_usd: float = 0.0

    @property
    def share(self) -> float:
        """Of the outcomes, what came undone."""
        return self.undone / self.outcomes if self.outcomes else 0.0

    @property
    def usd_share(self) -> float:
        """The same in dollars."""
        return self.undone_usd / self.usd if self.usd > 0.0 else 0.0


class ChurnFacts(NamedTuple):
    """What a team shipped within a window and before it, and what of it came undone."""

    window: Window  # of the team; `tasks`: those whose outcomes came undone
    known: bool  # a revert, a reopening or a churned_share was ever told in the tenant: without it nothing is known
    now: Shipped  # outcomes of the window
    before: Shipped  # those of the days before it that are known


def is_undone(reverted: bool, reopened: bool, churned_share: float | None, rule: ChurnRule) -> bool:
    """Whether an outcome came undone, by what was told within `days` of it; churned_share None: nobody tells."""
    return reverted or reopened or (churned_share is not None and churned_share >= rule.rewritten)


def judge(f: ChurnFacts, context: Context) -> Verdict:
    """Whether much more than before of what shipped came undone."""
    rule, w, now, before = context.rules.churn, f.window, f.now, f.before
    by_count = _jumped(now.share, before.share, rule)
    by_usd = _jumped(now.usd_share, before.usd_share, rule)
    # One more of each kind: that none came undone before does not make it impossible.
    usual = (before.undone + 1) / (before.outcomes + 2)
    chance = at_least_by_chance(now.undone, now.outcomes, usual)
    needs = f"{rule.times:g} times those before, and {rule.points:.0%} more"
    shares = (
        f"{now.share:.0%} of outcomes ({before.share:.0%} before), {now.usd_share:.0%} of their dollars "
        f"({before.usd_share:.0%} before)"
    )
    checks = (
        Check("info", "something tells what comes undone", "yes" if f.known else "not known", "yes", f.known),
        at_least("info", "outcomes", now.outcomes, rule.outcomes),
        at_least("info", "outcomes before", before.outcomes, rule.outcomes),
        dollars("info", "what came undone had cost", now.undone_usd, rule.least_usd),
        Check("info", "share that came undone", shares, f"one of them {needs}", by_count or by_usd),
        Check("warning", "share of outcomes that came undone", f"{now.share:.0%} ({before.share:.0%} before)", needs,
              by_count),
        Check("warning", "chance of so many, if it is as before", f"{chance:.2g}", f"at most {rule.chance:g}",
              chance <= rule.chance),
        never_a_page(),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    summary = (
        f"{called('team', context.ident)}: of {now.outcomes:,} outcomes of the {w.days} days to {clock_time(w.t)}, "
        f"{now.undone:,} were taken back, reopened or largely rewritten, which had cost {usd(now.undone_usd)}: {shares}"
    )
    told = finding(
        "team", severity, stopped, w, context, cost_usd=now.undone_usd, spend_only=False, summary=summary,
        outcomes=now.outcomes, undone=now.undone, undone_usd=now.undone_usd, share=now.share, share_before=before.share,
        usd_share=now.usd_share, usd_share_before=before.usd_share, outcomes_before=before.outcomes,
    )  # fmt: skip
    return Verdict(checks, told)


def _jumped(share: float, before: float, rule: ChurnRule) -> bool:
    return share >= rule.times * before and share - before >= rule.points
