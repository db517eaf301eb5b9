"""What the rule `loop` says of a loop in words."""

from detector.clock import clock_time
from detector.model.packed import ERROR, LATE, NAMES_ONLY, SAYS_FAILED, TOOL_ERROR
from detector.rules.finding import Context, Facts, Standing, usd
from detector.state.layout import MODE_ACTION, MODE_OUTPUT, MODE_RESULT, MODE_TOKENS

_KNOWN = {
    MODE_RESULT: "action and result",
    MODE_ACTION: "action",
    MODE_OUTPUT: "output",
    MODE_TOKENS: "token counts",
}


def known_of(f: Facts) -> str:
    """What was compared."""
    if f.mode == MODE_ACTION and f.flags & NAMES_ONLY:
        return "tool names"
    return _KNOWN.get(f.mode, "nothing")


def summary(f: Facts, context: Context, class_: str, what: str, now: Standing, rate: float) -> str:
    """One sentence for a pager: who repeats what, how often, since when, what it burnt and will burn."""
    who = context.ident.agent or "an agent"
    where = f" in run {context.ident.run}" if context.ident.run else ""
    tail = "" if context.status_source else "; no source of status is connected"
    tail += "; told late" if f.flags & LATE else ""
    hourly = f", {usd(rate)} in another hour" if now.calls > 1 else ""
    calls = f"{now.calls} calls" if now.calls != 1 else "1 call"
    return (
        f"{who} {_doing(f, context, class_, what, now.rounds)} since {clock_time(now.begin_t)}{where}: "
        f"{calls} burnt {usd(now.cost_usd)}{hourly}{tail}"
    )


def _doing(f: Facts, context: Context, class_: str, what: str, rounds: int) -> str:
    failing = f.flags & (ERROR | TOOL_ERROR | SAYS_FAILED) != 0
    if class_ == "thrash":
        return f"has shortened its context {max(f.compactions, 2)} times with nothing done between"
    if class_ == "degenerate":
        return "gives an answer that repeats a phrase of its own over and over"
    if class_ == "rate_limited":
        return f"is refused by a rate limit at {what}, {rounds} times"
    if class_ == "waiting":
        return f"waits: {what} says that it is still under way, {rounds} times"
    if class_ == "no_progress":
        return f"changes things, and {what} fails in the same way each time, {rounds} times"
    if f.mode == MODE_TOKENS:
        return f"makes calls of the same size, {rounds} times"
    if f.mode == MODE_OUTPUT:
        nearly = "nearly " if class_ == "near" else ""
        return f"gives {nearly}the same answer again, {rounds} times in a row"
    if class_ == "near":
        return f"repeats {what} in near copies that fail in the same way, {rounds} times"
    if f.period > 1:
        names = [name for name in dict.fromkeys(context.names) if name]
        shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
        return f"goes round in {f.period} steps ({shown or what}), {rounds} rounds"
    if f.mode == MODE_RESULT:
        return f"repeats {what} with the same {'failure' if failing else 'result'}, {rounds} times"
    return f"repeats {what}{', which fails' if failing else ''}, {rounds} times"
