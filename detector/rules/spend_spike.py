"""`spend_spike`: an hour costs far more than usual, and the work stands still."""

import math

from detector.accounts.facts import SpendFacts
from detector.config.thresholds import SpikeRule
from detector.model.alert import Severity
from detector.rules.finding import Check, Context, Finding, Standing, Verdict, at_least, at_most, decide, number, usd
from detector.rules.spend_words import evidence, summary

NAME = "spend_spike"


def judge(f: SpendFacts, context: Context) -> Verdict:
    """Whether the subject's last hour is dear against its usual one, and nothing moved."""
    checks = _of_many(f, context) if f.level in ("team", "model") else _of_one(f, context)
    severity, _ = decide(checks)
    return Verdict(checks, None if severity is None else _finding(f, context, severity))


def _of_one(f: SpendFacts, context: Context) -> tuple[Check, ...]:
    """Of a task, a run or an agent."""
    rule = context.rules.spend_spike
    usual, bar = f.usual_usd, f.bar
    pace, above = 6.0 * f.ten_usd, f.above_usd
    early = above >= max(rule.info_usd, (rule.times_usual - 1.0) * usual)
    sudden = f.ten_usd - usual / 6.0 >= rule.info_usd and pace >= rule.times_usual * usual
    early_usd = rule.early_share * rule.floor_usd
    paging = above >= rule.floor_usd * bar or (
        above >= early_usd * bar and 3.0 * f.twenty_usd - usual >= rule.floor_usd
    )
    return (
        Check("info", "its usual is known", f.usual_is, f"{rule.young_hours} hours of its own, or of peers", f.known),
        at_least("info", "seconds since a strong status", f.strong_s, rule.calm_s)._replace(
            found=_since(f.strong_s)
        ),
        Check(
            "info", "above usual, at the pace of ten minutes or in the hour",
            f"{usd(max(0.0, pace - usual))} an hour, {usd(max(0.0, above))}",
            f"{usd(rule.info_usd)} and {rule.times_usual:g} times the usual {usd(usual)}", early or sudden,
        ),
        _dollars("warning", "spent in the hour", f.hour_usd, rule.times_usual * bar * usual),
        _dollars("warning", "above usual in the hour", above, ticket_usd(rule) * bar),
        _calm("warning", f, rule.calm_s),
        _dollars("warning", "spent since the last strong status", f.since_strong_usd, rule.hours_since_strong * usual),
        _dollars("critical", "spent in the hour", f.hour_usd, rule.page_times_usual * bar * usual),
        Check(
            "critical", "above usual in the hour, or on the way there", usd(above),
            f"{usd(rule.floor_usd * bar)}, or {usd(early_usd * bar)} at that pace", paging,
        ),
        _dollars("critical", "against its dearest hour", f.hour_usd, rule.of_dearest * f.dearest_usd),
        _calm("critical", f, rule.page_calm_s),
        Check(
            "critical", "statuses that are due for these dollars",
            "not known" if f.moves_due is None else f"{f.moves_due:.1f}", f"at least {number(rule.moves_due)}",
            f.moves_due is None or f.moves_due >= rule.moves_due,
        ),
        at_least("critical", "seconds for which it has been dear and still", f.held_s, rule.hold_s),
        Check("critical", "its team's page tells of it", _yes(f.within_team), "no", not f.within_team),
        *_join(context),
        _nobody_before_it(context),
    )  # fmt: skip


def _of_many(f: SpendFacts, context: Context) -> tuple[Check, ...]:
    """Of a team, or of a model across teams."""
    rule = context.rules.spend_spike
    of_team = f.level == "team"
    narrower = "agent" if of_team else "team"
    still = at_least("warning", "share of it on tasks that do not move", round(f.still_share, 3), rule.still_share)
    return (
        at_least("info", "hours of history", f.history, rule.history_hours),
        _dollars("info", "spent in the hour", f.hour_usd, rule.team_times * f.usual_usd),
        _dollars("info", "above usual", f.above_usd, rule.team_usd if of_team else rule.model_usd),
        at_most("info", f"share of it by one {narrower}", round(f.top_share, 3), rule.most_of_it),
        at_least("warning", f"{narrower}s that rise at once", f.movers, rule.movers),
        still if context.status_source else still._replace(found="not known", holds=True),
        *(
            (*_join(context), _nobody_before_it(context))
            if of_team
            else (Check("critical", "a model is nobody's to stop", "", "never a page", False),)
        ),
    )


def ticket_usd(rule: SpikeRule) -> float:
    """Dollars above usual for a ticket: no more than for a page."""
    return min(rule.warning_usd, rule.floor_usd)


def _join(context: Context) -> tuple[Check, ...]:
    """What makes spend worth a page."""
    return (
        Check("critical", "a source of status", _yes(context.status_source), "yes", context.status_source),
        Check("critical", "has a task", _yes(context.has_task), "yes", context.has_task),
    )


def _nobody_before_it(context: Context) -> Check:
    return Check("critical", "interactive", _yes(context.interactive), "no", not context.interactive)


def _finding(f: SpendFacts, context: Context, severity: Severity) -> Finding:
    before = context.standing
    totals = (f.usd_after, f.tokens_after, f.calls_after)
    if before is None:
        now = Standing(math.ceil(f.t / 60.0) * 60.0 - 3600.0, f.hour_usd, f.calls, f.tokens, 0, *totals)
    else:
        now = before._replace(
            cost_usd=before.cost_usd + f.usd_after - before.cost_after, cost_after=f.usd_after,
            calls=before.calls + f.calls_after - before.calls_after, calls_after=f.calls_after,
            tokens=before.tokens + f.tokens_after - before.tokens_after, tokens_after=f.tokens_after,
        )  # fmt: skip
    who = context.ident
    return Finding(
        level=f.level,
        severity=severity,
        class_=None,
        begin_t=now.begin_t,
        standing=now,
        burn_usd_per_hour=f.hour_usd,
        usual_usd_per_hour=f.usual_usd,
        spend_only=not context.status_source or not context.has_task,
        summary=summary(f, context),
        group=(f.level, who.team or "", who.agent or "", who.task or who.run or "", who.model or ""),
        evidence=evidence(f, context, now.begin_t),
    )


def _dollars(level: Severity, what: str, found: float, needs: float) -> Check:
    return Check(level, what, usd(found), f"at least {usd(needs)}", found >= needs)


def _calm(level: Severity, f: SpendFacts, needs: float) -> Check:
    return at_least(level, "seconds since a strong or medium status", f.calm_s, needs)._replace(found=_since(f.calm_s))


def _since(seconds: float) -> str:
    return "none came" if seconds == float("inf") else number(seconds)


def _yes(x: bool) -> str:
    return "yes" if x else "no"
