"""`loop`: an agent goes round in circles: the same action with the same result, or the same answer again."""

import math

from detector.config import LoopRule
from detector.model.alert import Severity
from detector.model.packed import LITTLE, NAMES_ONLY, RATE_LIMITED, SAYS_OTHER, SAYS_WAIT
from detector.rules.finding import Check, Context, Facts, Finding, Standing, Verdict, at_least, decide, decided_by, usd
from detector.rules.loop_words import known_of, summary
from detector.state.found import DEGENERATE, EXACT, NEAR, STALLED, STEP, THRASH
from detector.state.layout import MODE_ACTION, MODE_OUTPUT, MODE_TOKENS

NAME = "loop"
KIND = STEP

_CALM_S = 3600.0
_NEVER, _CENT = math.inf, 0.01
_RANK = ("waiting", "rate_limited", "degenerate", "no_progress", "near", "cycle", "repeat", "thrash")
"""Classes, the one that says most last: an episode keeps the one that said most."""
_BOARD = ("waiting", "rate_limited")
_AT_MOST: dict[str, Severity] = {
    "waiting": "info",
    "rate_limited": "info",
    "degenerate": "warning",
    "no_progress": "warning",
}


def judge(f: Facts, context: Context) -> Verdict:
    """Whether this step is one more round of a loop."""
    before = context.standing
    class_ = class_of(f)
    now = _grown(f, before, class_)
    rate = burn_rate(now, f.t)
    checks = _checks(f, context, class_, now, rate)
    severity, stopped = decide(checks)
    if severity is None:
        return Verdict(checks, None)
    rule = context.rules.loop
    evidence = {
        "what": what_of(f, context),
        "known": known_of(f),
        "rounds": now.rounds,
        "period": max(1, f.period),
        "since": now.begin_t,
        "decided_by": decided_by(stopped),
        "page_needs": {
            "rounds": None if (pages := thresholds(f, rule)[2]) == _NEVER else pages,
            "burnt_usd": rule.page_burnt_usd,
            "usd_per_hour": rule.page_usd_per_hour,
            "or_burnt_usd": rule.page_burnt_alone_usd,
            "no_status_change": _still(f, now),
            "not_interactive": not context.interactive,
        },
    }
    if f.how == NEAR or f.mode == MODE_OUTPUT:
        evidence["similarity"] = round(f.similarity, 3)
    told = now.class_ or class_
    finding = Finding(
        level="run",
        severity=severity,
        class_=told,
        begin_t=now.begin_t,
        standing=now,
        burn_usd_per_hour=rate,
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=summary(f, context, told, what_of(f, context), now, rate),
        group=(context.ident.agent or "", told, *sorted(set(context.names))),
        evidence=evidence,
    )
    return Verdict(checks, finding)


def _checks(f: Facts, context: Context, class_: str, now: Standing, rate: float) -> tuple[Check, ...]:
    rule, before = context.rules.loop, context.standing
    info, warning, page = thresholds(f, rule)
    of_its_kind = (
        before is not None and f.how == EXACT and before.class_ in ("repeat", "cycle", "thrash", _of_outputs(f))
    )
    goes_on = of_its_kind and before is not None and f.signature in before.signatures
    rounds = now.rounds if of_its_kind else f.rounds
    form_filled = f.form >= rule.form_share
    other = before is not None and class_ in _BOARD and before.class_ not in _BOARD
    still = _still(f, now)
    cost = now.cost_usd + _CENT / 1000  # sums in another order differ in the last digits
    burnt = cost >= rule.page_burnt_alone_usd
    floor = burnt or (cost >= rule.page_burnt_usd and rate + _CENT / 1000 >= rule.page_usd_per_hour)
    most = _at_most(f, class_)
    spent = f"{usd(now.cost_usd)} at {usd(rate)} an hour"
    return (
        at_least("info", "rounds", f.rounds, info)._replace(holds=f.rounds >= info or goes_on),
        Check("info", "part of another loop", _yes(other), "no", not other),
        Check("warning", "as a form filled in", f"{f.form:.2f}", f"less than {rule.form_share}", not form_filled),
        Check("warning", "class and what is known", f"{class_}, {known_of(f)}", "enough to warn", most != "info"),
        at_least("warning", "rounds", rounds, warning),
        Check("warning", "burnt", spent, usd(rule.warning_usd), floor or cost >= rule.warning_usd),
        Check("critical", "class and what is known", f"{class_}, {known_of(f)}", "enough to page", most == "critical"),
        at_least("critical", "rounds", rounds, page),
        Check(
            "critical", "burnt", spent,
            f"{usd(rule.page_burnt_usd)} at {usd(rule.page_usd_per_hour)} an hour, or {usd(rule.page_burnt_alone_usd)}",
            floor,
        ),
        Check("critical", "status changed since it began, or within the hour", _yes(not still), "no", still),
        Check("critical", "interactive", _yes(context.interactive), "no", not context.interactive),
    )  # fmt: skip


def thresholds(f: Facts, rule: LoopRule) -> tuple[float, float, float]:
    """Rounds from which it is told, warns and may page: the less is known, the more of them."""
    if f.how == THRASH:
        return rule.thrash_info, rule.thrash, rule.thrash
    if f.how == DEGENERATE:
        return 1, 1, _NEVER
    if f.how == NEAR:
        return rule.near_rounds, rule.near_rounds, rule.near_rounds
    if f.how == STALLED:
        return rule.no_progress_rounds, rule.no_progress_rounds, _NEVER
    if f.mode == MODE_TOKENS:
        return rule.tokens_info, _NEVER, _NEVER
    if f.mode == MODE_OUTPUT:
        return rule.outputs_warning, rule.outputs_warning, rule.outputs_page
    if f.mode == MODE_ACTION:
        return rule.rounds_no_result_warning, rule.rounds_no_result_warning, rule.rounds_no_result_page
    needed = rule.rounds_middle if 3 <= f.period <= 7 else rule.rounds_long if f.period > 7 else rule.rounds_short
    return needed, needed, needed


def class_of(f: Facts) -> str:
    """Of which kind the repetition is."""
    if f.how == THRASH:
        return "thrash"
    if f.how == DEGENERATE:
        return "degenerate"
    if f.flags & RATE_LIMITED:
        return "rate_limited"
    if f.compactions > 1 and f.compactions >= f.rounds - 1:
        return "thrash"  # what repeats fails or is not new, and the context is shortened each time
    if f.flags & SAYS_WAIT and not f.flags & SAYS_OTHER:
        return "waiting"
    if f.how == STALLED:
        return "no_progress"
    if f.how == NEAR or (f.mode == MODE_OUTPUT and f.similarity < 1.0):
        return "near"
    return "cycle" if f.period > 1 else "repeat"


def what_of(f: Facts, context: Context) -> str:
    """What the newest step of it is."""
    if f.how == THRASH:
        return "compaction"
    if f.mode == MODE_OUTPUT:
        return "answer"
    return (context.names[-1] if context.names else "") or "action"


def burn_rate(s: Standing, t: float) -> float:
    """USD an hour: the cost of a call over the mean gap between calls, which are told at their ends."""
    if s.calls < 2:
        return 0.0
    return s.cost_usd * (s.calls - 1) / s.calls / max(t - s.begin_t, 1.0) * 3600.0


def _at_most(f: Facts, class_: str) -> Severity:
    """The most that it can be: some classes are no page, and little that is known is none either."""
    if f.mode == MODE_TOKENS or (f.mode == MODE_ACTION and f.flags & NAMES_ONLY):
        return "info"
    if f.how == EXACT and f.mode == MODE_OUTPUT and f.flags & LITTLE:
        return "warning"
    return _AT_MOST.get(class_, "critical")


def _still(f: Facts, now: Standing) -> bool:
    """Whether the task has not moved: no strong status since it began, no medium one within the hour."""
    return f.strong_t <= now.begin_t and f.t - f.medium_t >= _CALM_S


def _grown(f: Facts, before: Standing | None, class_: str) -> Standing:
    """The episode with this step in it: all its calls from the first round on, a break between rounds left out."""
    if before is None:
        return Standing(
            f.first_t, f.cost, f.calls, f.tokens, f.step, f.cost_after, f.tokens_after, f.calls_after, f.rounds, class_,
            (f.signature,),
        )  # fmt: skip
    if f.first_step <= before.last_step + 1:
        cost, tokens = f.cost_after - before.cost_after, f.tokens_after - before.tokens_after
        calls, rounds = f.calls_after - before.calls_after, max(before.rounds, f.rounds)
    else:
        cost, tokens, calls, rounds = f.cost, f.tokens, f.calls, before.rounds + f.rounds
    signatures = before.signatures
    if f.signature not in signatures:
        signatures = (*signatures, f.signature)[-12:]
    return before._replace(
        cost_usd=before.cost_usd + cost, calls=before.calls + calls, tokens=before.tokens + tokens, last_step=f.step,
        cost_after=f.cost_after, tokens_after=f.tokens_after, calls_after=f.calls_after, rounds=rounds,
        class_=max(before.class_ or class_, class_, key=_RANK.index), signatures=signatures,
    )  # fmt: skip


def _of_outputs(f: Facts) -> str | None:
    return "near" if f.mode == MODE_OUTPUT else None


def _yes(x: bool) -> str:
    return "yes" if x else "no"
