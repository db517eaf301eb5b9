"""`concentration`: one agent, key or person has most of its team's spend, and little of its outcomes."""

from typing import Literal, NamedTuple

from detector.clock import clock_time
from detector.rules.finding import Check, Context, Verdict, at_least, decide, usd
from detector.rules.shipping import Window, at_most_by_chance, called, dollars, finding, history, never_a_page, parts

NAME = "concentration"

_UNCOUNTED = ("experiment", "dropped")


class ShareFacts(NamedTuple):
    """What one subject has of its team in a window. A person is a pseudonym; ask of agents and keys first."""

    kind: Literal["agent", "key", "user"]
    name: str
    window: Window  # of the subject within this team; `history_days`: the team's
    team_usd: float  # the team's, without experiments and what was given up on purpose
    subjects: int  # of this kind with dollars in the window
    outcomes: int  # of tasks on which this subject spent most of its kind
    team_outcomes: int

    @property
    def share(self) -> float:
        """Of the team's dollars, without experiments and what was given up on purpose."""
        return _part(self.window.counted_usd, self.team_usd)

    @property
    def share_of_outcomes(self) -> float:
        """Of the team's outcomes."""
        return _part(self.outcomes, self.team_outcomes)

    @property
    def largest_usd(self) -> float:
        """What it spent on its costliest task that counts."""
        return max((task.usd for task in self.window.tasks if task.fate not in _UNCOUNTED), default=0.0)

    @property
    def share_without_largest(self) -> float:
        """Of the team's dollars, that task left out of both."""
        return _part(self.window.counted_usd - self.largest_usd, self.team_usd - self.largest_usd)


def judge(f: ShareFacts, context: Context) -> Verdict:
    """Whether the subject has so much more of the spend than of what came of it."""
    rule, w = context.rules.concentration, f.window
    enough = max(rule.share, rule.times * f.share_of_outcomes)
    chance = at_most_by_chance(f.outcomes, f.team_outcomes, f.share)
    people = f.kind == "user"
    checks = (
        history(w, w.days),
        at_least("info", f"{_WORDS[f.kind][1]} of the team that spent", f.subjects,
                 rule.people if people else rule.subjects),
        dollars("info", "spent, without experiments and what was given up on purpose", w.counted_usd, rule.least_usd),
        Check("info", "outcomes of the team", f"{f.team_outcomes:,}" if f.team_outcomes else "not known", "at least 1",
              f.team_outcomes > 0),
        _share("info", "share of its team's spend", f.share, enough, rule.times, f.share_of_outcomes),
        _share("warning", "the same without its costliest task", f.share_without_largest, enough, rule.times,
               f.share_of_outcomes),
        Check("warning", "chance of so few outcomes, if they fell as dollars do", f"{chance:.2g}",
              f"at most {rule.chance:g}", chance <= rule.chance),
        never_a_page(),
    )  # fmt: skip
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    habit = _reaches(f.share_without_largest, enough)
    told = finding(
        "team", severity, stopped, w, context,
        cost_usd=w.counted_usd, spend_only=False, summary=_summary(f, context, habit),
        culprits={f.kind: f.name}, kind=f.kind, share=f.share, share_of_outcomes=f.share_of_outcomes,
        share_without_largest=f.share_without_largest, outcomes=f.outcomes, one_task=not habit, team_usd=f.team_usd,
        team_outcomes=f.team_outcomes, **parts(w),
    )  # fmt: skip
    return Verdict(checks, told)


_WORDS = {"agent": ("agent", "agents"), "key": ("key", "keys"), "user": ("person", "people")}


def _part(some: float, whole: float) -> float:
    return min(1.0, max(0.0, some) / whole) if whole > 0.0 else 0.0


def _share(
    level: Literal["info", "warning"], what: str, found: float, enough: float, times: float, of_outcomes: float
) -> Check:
    needs = f"at least {enough:.0%}, {times:g} times the {of_outcomes:.0%} of outcomes included"
    return Check(level, what, f"{found:.0%}", needs, _reaches(found, enough))


def _reaches(found: float, enough: float) -> bool:
    """Whether a share is so large; sums in another order give the same."""
    return found >= enough - 1e-9


def _summary(f: ShareFacts, context: Context, habit: bool) -> str:
    one, many = _WORDS[f.kind]
    told = (
        f"{called('team', context.ident)}: {one} {f.name}, one of {f.subjects} {many}, spent {f.share:.0%} of the "
        f"{usd(f.team_usd)} of the {f.window.days} days to {clock_time(f.window.t)}, and {f.outcomes:,} of "
        f"{f.team_outcomes:,} outcomes came of it"
    )
    return (
        told if habit else f"{told}; that is one task of {usd(f.largest_usd)}, without it {f.share_without_largest:.0%}"
    )
