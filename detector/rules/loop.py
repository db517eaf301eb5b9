"""`loop`: an agent goes round in circles, the same action with the same result, or the same answer again."""

from detector.clock import clock_time
from detector.config import LoopRule
from detector.model.alert import Severity
from detector.model.packed import LATE
from detector.rules.finding import Context, Facts, Finding, Standing, usd
from detector.state.found import STEP
from detector.state.layout import MODE_ACTION, MODE_OUTPUT, MODE_RESULT

NAME = "loop"
KIND = STEP

_CALM_S = 3600.0
_KNOWN = {MODE_RESULT: "action and result", MODE_ACTION: "action", MODE_OUTPUT: "output"}


def judge(f: Facts, context: Context) -> Finding | None:
    """Whether this step is one more round of a loop."""
    rule = context.rules.loop
    before = context.standing
    needed, page_rounds = thresholds(f, rule)
    if f.rounds < needed and not (before is not None and f.signature in before.signatures):
        return None
    now = _grown(f, before)
    rate = burn_rate(now, f.t)
    floor = (now.cost_usd >= rule.page_burnt_usd and rate >= rule.page_usd_per_hour) or (
        now.cost_usd >= rule.page_burnt_alone_usd
    )
    still = f.strong_t <= now.begin_t and f.t - f.medium_t >= _CALM_S
    rounds = now.rounds
    severity: Severity = "info"
    if floor and still and rounds >= page_rounds and not context.interactive:
        severity = "critical"
    elif floor or now.cost_usd >= rule.warning_usd:
        severity = "warning"
    evidence = {
        "what": _what(f, context),
        "known": _KNOWN[f.mode],
        "rounds": rounds,
        "period": max(1, f.period),
        "similarity": round(f.similarity, 3),
        "since": now.begin_t,
        "page_needs": {
            "rounds": page_rounds,
            "burnt_usd": rule.page_burnt_usd,
            "usd_per_hour": rule.page_usd_per_hour,
            "or_burnt_usd": rule.page_burnt_alone_usd,
            "no_status_change": still,
            "not_interactive": not context.interactive,
        },
    }
    return Finding(
        level="run",
        severity=severity,
        class_=_class(f),
        begin_t=now.begin_t,
        standing=now,
        burn_usd_per_hour=rate,
        usual_usd_per_hour=None,
        spend_only=not context.status_source,
        summary=_summary(f, context, now, rounds, rate),
        group=(
            context.ident.agent or "",
            _class(f),
            f"{f.signature:016x}" if f.mode != MODE_OUTPUT else "output",
        ),
        evidence=evidence,
    )


def thresholds(f: Facts, rule: LoopRule) -> tuple[int, int]:
    """Rounds from which it is a loop, and from which it may page: the less is known, the more of them."""
    if f.mode == MODE_OUTPUT:
        return rule.outputs_warning, rule.outputs_page
    if f.mode == MODE_ACTION:
        return rule.rounds_no_result_warning, rule.rounds_no_result_page
    if f.period <= 2:
        return rule.rounds_short, rule.rounds_short
    needed = rule.rounds_middle if f.period <= 7 else rule.rounds_long
    return needed, needed


def burn_rate(s: Standing, t: float) -> float:
    """USD an hour: the cost of a call over the mean gap between calls, which are told at their ends."""
    if s.calls < 2:
        return 0.0
    return s.cost_usd * (s.calls - 1) / s.calls / max(t - s.begin_t, 1.0) * 3600.0


def _grown(f: Facts, before: Standing | None) -> Standing:
    """The episode with this step in it: all its calls from the first round on, a break between rounds left out."""
    if before is None:
        return Standing(
            f.t,
            f.first_t,
            f.cost,
            f.calls,
            f.tokens,
            f.step,
            f.cost_after,
            f.tokens_after,
            f.rounds,
            (f.signature,),
        )
    if f.first_step <= before.last_step + 1:
        cost, tokens = f.cost_after - before.cost_after, f.tokens_after - before.tokens_after
        calls, rounds = f.step - before.last_step, max(before.rounds, f.rounds)
    else:
        cost, tokens, calls, rounds = f.cost, f.tokens, f.calls, before.rounds + f.rounds
    signatures = before.signatures
    if f.signature not in signatures:
        signatures = (*signatures, f.signature)[-12:]
    return before._replace(
        cost_usd=before.cost_usd + cost, calls=before.calls + calls, tokens=before.tokens + tokens,
        last_step=f.step, cost_after=f.cost_after, tokens_after=f.tokens_after, rounds=rounds,
        signatures=signatures,
    )  # fmt: skip


def _class(f: Facts) -> str:
    if f.mode == MODE_OUTPUT and f.similarity < 1.0:
        return "near"
    return "cycle" if f.period > 1 else "repeat"


def _what(f: Facts, context: Context) -> str:
    if f.mode == MODE_OUTPUT:
        return "answer"
    return context.step_name or "action"


def _summary(f: Facts, context: Context, now: Standing, rounds: int, rate: float) -> str:
    who = context.ident.agent or "an agent"
    if f.mode == MODE_OUTPUT:
        what = f"gives nearly the same answer again, {rounds} times in a row"
    elif f.period > 1:
        what = f"goes round in {f.period} steps ({_what(f, context)} among them), {rounds} rounds"
    else:
        told = " with the same result" if f.mode == MODE_RESULT else ""
        what = f"repeats {_what(f, context)}{told}, {rounds} times"
    where = f" in run {context.ident.run}" if context.ident.run else ""
    tail = "" if context.status_source else "; no source of status is connected"
    tail += "; told late" if f.flags & LATE else ""
    return (
        f"{who} {what} since {clock_time(now.begin_t)}{where}: {now.calls} calls burnt {usd(now.cost_usd)}, "
        f"{usd(rate)} in another hour{tail}"
    )
