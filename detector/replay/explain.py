"""Explains what the rules made of one call: its features, every threshold, and which of them decided."""

from collections.abc import Iterable

from detector.clock import clock_time
from detector.model.packed import (
    DEGENERATE,
    ERROR,
    INTERACTIVE,
    LATE,
    RATE_LIMITED,
    SAYS_FAILED,
    SAYS_OTHER,
    SAYS_WAIT,
    TOOL_ERROR,
)
from detector.rules.finding import Verdict, decide, usd
from detector.rules.inquiry import Explanation
from detector.rules.loop_words import known_of
from detector.rules.spend_inquiry import SpendExplanation
from detector.state.found import CALLS, EXACT, NEAR, STALLED, STEP, THRASH, UNTOLD
from detector.state.found import DEGENERATE as IN_ITSELF

_HOW = {
    EXACT: "as steps before it",
    NEAR: "nearly as failing steps before it",
    STALLED: "failing as before, though new things were done between",
    IN_ITSELF: "within its own text",
    THRASH: "one more shortening of the context",
}
_FLAGS = {
    ERROR: "the call failed",
    TOOL_ERROR: "a tool failed",
    SAYS_FAILED: "a result says that something failed",
    RATE_LIMITED: "rate limited",
    SAYS_WAIT: "a result says that something is under way",
    SAYS_OTHER: "a result says something else",
    DEGENERATE: "the output repeats a phrase of its own",
    INTERACTIVE: "interactive",
    LATE: "told late",
}


def told(call: str, explanations: Iterable[Explanation], of_spend: Iterable[SpendExplanation]) -> str:
    """The explanation as text, in the order in which the rules were asked."""
    parts = [*(_one(e) for e in explanations), *(_spend(call, e) for e in of_spend)]
    if not parts:
        return (
            f"{call}: no rule was asked. It is not among the calls, was refused, came too late to be a step, or every "
            "rule that looks at it is switched off."
        )
    return "\n\n".join(parts)


def _one(e: Explanation) -> str:
    severity, _ = decide(e.verdict.checks)
    f, who = e.facts, e.ident
    fired = severity is not None and f.how != UNTOLD
    lines = [
        f"call {e.call} of {who.agent or 'an agent'}, run {who.run or '-'}, task {who.task or '-'}, {clock_time(f.t)}",
        f"rule {e.rule}: {severity if fired else 'quiet'}"
        + (f", class {e.verdict.finding.class_}" if e.verdict.finding and e.verdict.finding.class_ else ""),
    ]
    lines += [f"  {name:<28} {value}" for name, value in _features(e)]
    return "\n".join(lines + _checks(e.verdict))


def _spend(call: str, e: SpendExplanation) -> str:
    """What the rules of spend made of the call's task at the end of the call's minute."""
    severity, _ = decide(e.verdict.checks)
    f, who = e.facts, e.ident
    lines = [
        f"call {call}: {f.level} {who.task or who.run or '-'} of {who.agent or 'an agent'}, "
        f"the hour to {clock_time(f.t)}",
        f"rule {e.rule}: {severity or 'quiet'}",
        f"  {'last hour':<28} {usd(f.hour_usd)} in {f.calls} calls",
        f"  {'usual hour':<28} {usd(f.usual_usd)}, {f.usual_is}",
    ]
    return "\n".join(lines + _checks(e.verdict))


def _checks(verdict: Verdict) -> list[str]:
    """Every check, and which of them decided."""
    _, stopped = decide(verdict.checks)
    lines = []
    for check in verdict.checks:
        mark = "holds" if check.holds else "fails"
        decided = "   <- decided" if check is stopped else ""
        lines.append(f"  {check.level:<9}{mark}  {check.told}{decided}")
    return lines if stopped is not None else [*lines, "  every check holds"]


def _features(e: Explanation) -> list[tuple[str, str]]:
    f = e.facts
    if f.kind == STEP:
        flags = ", ".join(text for flag, text in _FLAGS.items() if f.flags & flag)
        return [
            ("step", f"{f.step} of this agent in this run"),
            ("known of it", known_of(f)),
            ("compared", _HOW[f.how]),
            ("rounds, period", f"{f.rounds}, {f.period or '-'}, since {clock_time(f.first_t)} (step {f.first_step})"),
            ("similarity to the likest", f"{f.similarity:.3f}"),
            ("new", "yes" if f.novel else "no"),
            ("calls and dollars of these", f"{f.calls}, {usd(f.cost)}"),
            *([("marks", flags)] if flags else []),
        ]
    if f.kind == CALLS:
        return [("since the last strong status", f"{f.calls} calls, {usd(f.cost)}")]
    return []
