"""What the rules about a month share: what was spent, what became of it, and how it is told. Pure."""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from detector.model.alert import Level, Severity
from detector.rules.finding import Check, Context, Finding, Standing, Who, decided_by, usd

DAY_S = 86_400.0
TOLD_TASKS = 5
"""Tasks that an alert lists."""

Fate = Literal["experiment", "shipped", "reverted", "dropped", "open"]
"""What became of a task, the first that holds: it is there to learn; it has an outcome that stands; it had one that was
taken back or largely rewritten; it was given up on purpose (`not_planned`, `duplicate`); it is under way."""


class TaskSpend(NamedTuple):
    """What was spent on a task (USD), and what became of it."""

    task: str
    usd: float
    fate: Fate


class Window(NamedTuple):
    """What a subject spent in the `days` up to `t` (s UTC). Billed USD; notional ones are in none of it."""

    t: float
    days: int
    history_days: float  # since the first call of the subject that is known
    usd: float  # all of it
    experiment_usd: float  # of it, on tasks that are there to learn, with a task or without
    dropped_usd: float  # of it, on tasks that were given up on purpose, experiments left out
    no_task_usd: float  # of it, what no task claims, experiments left out
    calls: int
    tokens: int
    tasks: tuple[TaskSpend, ...]  # those on which it spent most, in any order; more than five do no harm

    @property
    def began_t(self) -> float:
        """When the days began (s UTC)."""
        return self.t - self.days * DAY_S

    @property
    def counted_usd(self) -> float:
        """What should have brought something: neither an experiment nor given up on purpose."""
        return max(0.0, self.usd - self.experiment_usd - self.dropped_usd)

    @property
    def claimed_usd(self) -> float:
        """Of that what tasks claim: only of these anybody can tell what came of them."""
        return max(0.0, self.counted_usd - self.no_task_usd)


def dollars(level: Severity, what: str, found: float, needs: float) -> Check:
    """A check that it is money enough."""
    return Check(level, what, usd(found), f"at least {usd(needs)}", found >= needs)


def history(w: Window, days: int) -> Check:
    """A check that the subject is old enough."""
    return Check("info", "days of history", f"{w.history_days:,.0f}", f"at least {days}", w.history_days >= days)


def never_a_page() -> Check:
    """What was spent in a month can wait until the morning."""
    return Check("critical", "what a month came to wakes nobody", "", "never a page", False)


def parts(w: Window) -> dict[str, float]:
    """Where the dollars of a window went, as an alert tells it."""
    return {
        "usd": w.usd,
        "counted_usd": w.counted_usd,
        "experiment_usd": w.experiment_usd,
        "dropped_usd": w.dropped_usd,
        "no_task_usd": w.no_task_usd,
    }


def costliest(tasks: Iterable[TaskSpend]) -> list[dict[str, Any]]:
    """The five dearest of them, of equals by name, as an alert tells them."""
    dearest = sorted(tasks, key=lambda task: (-task.usd, task.task))[:TOLD_TASKS]
    return [{"task": task.task, "usd": round(task.usd, 6), "fate": task.fate} for task in dearest]


def at_most_by_chance(found: int, of: int, share: float) -> float:
    """How likely it is that `found` or fewer of `of` are hit, where each is with the chance `share`."""
    return min(1.0, sum(_chance(k, of, share) for k in range(min(found, of) + 1)))


def at_least_by_chance(found: int, of: int, share: float) -> float:
    """How likely it is that `found` or more of `of` are hit, where each is with the chance `share`."""
    return min(1.0, sum(_chance(k, of, share) for k in range(max(0, found), of + 1)))


def _chance(k: int, n: int, p: float) -> float:
    """That just `k` of `n` are hit."""
    if p <= 0.0 or p >= 1.0:
        return float(k == (n if p >= 1.0 else 0))
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


def called(level: Level, who: Who) -> str:
    """A subject for a person."""
    team = f"team {who.team or '-'}"
    if level == "agent":
        return f"agent {who.agent or '-'} of {team}"
    if level == "key":
        return f"key {who.key or '-'} of {team}"
    return f"task {who.task or '-'} of {team}" if level == "task" else team


def finding(
    level: Level,
    severity: Severity,
    stopped: Check | None,
    w: Window,
    context: Context,
    *,
    cost_usd: float,
    spend_only: bool,
    summary: str,
    **evidence: Any,
) -> Finding:
    """A finding about a window of which `cost_usd` is what it is about; `stopped`: the check that decided."""
    who = context.ident
    now = context.standing or Standing(w.began_t, cost_usd, w.calls, w.tokens, 0, cost_usd, w.tokens, w.calls)
    names = {"agent": who.agent, "key": who.key, "task": who.task}
    return Finding(
        level=level,
        severity=severity,
        class_=None,
        begin_t=now.begin_t,
        standing=now._replace(cost_usd=max(now.cost_usd, cost_usd), calls=w.calls, tokens=w.tokens),
        burn_usd_per_hour=cost_usd / (24.0 * w.days),
        usual_usd_per_hour=None,
        spend_only=spend_only,
        summary=summary,
        group=(level, who.team or "", names.get(level) or ""),
        evidence={
            "since": now.begin_t,
            "days": w.days,
            **{name: round(x, 6) if isinstance(x, float) else x for name, x in evidence.items()},
            "tasks": costliest(w.tasks),
            "decided_by": decided_by(stopped),
        },
    )
