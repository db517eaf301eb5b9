"""What the rule `spend_spike` says in words, and the evidence that goes with it."""

from typing import Any

from detector.accounts.facts import SpendFacts
from detector.clock import clock_time
from detector.rules.finding import Context, usd


def summary(f: SpendFacts, context: Context) -> str:
    """One sentence for a pager: who spent how much, how that is against usual, and that nothing moved."""
    times = f"{f.hour_usd / f.usual_usd:.0f} times" if f.usual_usd > 0 else "against nothing as"
    return (
        f"{_who(f, context)} spent {usd(f.hour_usd)} in the hour to {clock_time(f.t)}, {times} its usual "
        f"{usd(f.usual_usd)}, and {_still(f, context)}"
    )


def _who(f: SpendFacts, context: Context) -> str:
    who = context.ident
    agent = who.agent or "an agent"
    if f.level == "task":
        return f"task {who.task} of {agent}"
    if f.level == "run":
        return f"run {who.run or '-'} of {agent}"
    if f.level == "agent":
        return f"agent {agent}"
    if f.level == "team":
        return f"team {who.team or '-'}" + (f", {f.movers} agents at once," if f.movers > 1 else "")
    return f"model {who.model or '-'}"


def _still(f: SpendFacts, context: Context) -> str:
    if not context.status_source:
        return "no source of status is connected"
    if not context.has_task:
        return "no task claims it"
    if f.level in ("task", "run"):
        return "its status did not move"
    return f"{f.still_share:.0%} of it went to tasks that did not move"


def evidence(f: SpendFacts, context: Context, begin_t: float) -> dict[str, Any]:
    """The figures behind the verdict, and what a page needs."""
    rule, who = context.rules.spend_spike, context.ident
    many = f.level in ("team", "model")
    needs: dict[str, Any] = {
        "times_usual": rule.team_times if many else round(rule.page_times_usual * f.bar, 3),
        "usd_above_usual": rule.team_usd if many else round(rule.floor_usd * f.bar, 3),
        "has_task": context.has_task,
        "status_source": context.status_source,
    }
    if many:
        needs |= {"movers": rule.movers, "still_share": rule.still_share}
    else:
        needs |= {
            "calm_s": rule.page_calm_s,
            "held_s": rule.hold_s,
            "usual_hours_since_strong": rule.hours_since_strong,
        }
    return {
        "since": begin_t,
        "hour_usd": round(f.hour_usd, 6),
        "usual_usd": round(f.usual_usd, 6),
        "usual_is": f.usual_is,
        "bar": round(f.bar, 3),
        "since_strong_usd": round(f.since_strong_usd, 6),
        "statuses_due": None if f.moves_due is None else round(f.moves_due, 2),
        "held_s": f.held_s,
        "still_share": round(f.still_share, 4),
        "movers": f.movers,
        "page_needs": needs,
        "culprits": {"agent": who.agent or (f.top if f.level == "team" else None), "run": who.run},
    }
