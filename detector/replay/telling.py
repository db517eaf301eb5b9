"""What a replay tells on standard error: what was read, what was spent on what, and where it went round."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Protocol

from detector.clock import clock_time
from detector.model.alert import Alert
from detector.replay.feed import Files
from detector.terminal import line, many
from detector.totals import UsageSums, added

_MODELS_SHOWN = 10
"""Models without a price that are named, those with the most calls first."""
_LINES = 10
"""Agents with their models, and loops, that are told one by one, the dearest first."""
_HEAD = ("agent", "model", "calls", "dollars", "input", "cached", "output")


class Told(Protocol):
    """What is told of; see Summary."""

    events: int
    refused: Counter[str]
    alerts: Counter[str]
    unpriced: Counter[str]
    unknown_tiers: int
    used: dict[tuple[str | None, str | None], UsageSums]
    runs: int
    began_t: float
    ended_t: float
    loops: list[Alert]
    files: Files


def tell(summary: Told) -> None:
    """Writes it to standard error."""
    for text in told(summary):
        print(text, file=sys.stderr)


def told(summary: Told) -> Iterator[str]:
    """The lines."""
    refused = ", ".join(f"{n} {reason}" for reason, n in sorted(summary.refused.items()))
    alerts = ", ".join(f"{n} {what}" for what, n in sorted(summary.alerts.items()))
    yield (
        f"{summary.events} events{f' ({summary.refused.total()} refused: {refused})' if refused else ''}; "
        f"episodes opened: {alerts or 'none'}"
    )
    if summary.used:
        yield _spent(summary)
    if summary.unpriced:
        yield _unpriced(summary.unpriced)
    if n := summary.unknown_tiers:
        yield f"{many(n, 'call')} priced as standard, for want of a price of the service tier"
    yield from _files(summary.files)
    yield from _used(summary.used)
    yield from _loops(summary.loops)


def _spent(summary: Told) -> str:
    used = summary.used.values()
    calls, unmetered = sum(u.calls for u in used), sum(u.unmetered_calls for u in used)
    without = f"; {many(unmetered, 'call')} without usage, whose dollars nobody tells" if unmetered else ""
    return (
        f"{many(calls, 'call')} of {many(summary.runs, 'run')} for ${sum(u.cost_usd for u in used):,.2f}, "
        f"{clock_time(summary.began_t)} to {clock_time(summary.ended_t)}{without}"
    )


def _files(files: Files) -> Iterator[str]:
    if n := files.twice:
        yield f"{many(n, 'call')} left out: told again of a session whose transcript tells them"
    if n := files.unfinished:
        yield f"{many(n, 'file')} whose end is still being written: taken up to there"
    if n := files.passed:
        yield f"{many(n, 'file')} in folders without events: passed over"


def _used(used: Mapping[tuple[str | None, str | None], UsageSums]) -> Iterator[str]:
    """A table of agents and models, the dearest first."""
    rows = sorted(used.items(), key=lambda kv: (-kv[1].cost_usd, -kv[1].calls, kv[0][0] or "", kv[0][1] or ""))
    if not rows:
        return
    cells = [_HEAD, *(_row(agent, model, u) for (agent, model), u in rows[:_LINES])]
    if rest := rows[_LINES:]:
        cells.append(_row(f"{len(rest)} more", "", reduce(added, (u for _, u in rest))))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        texts, numbers = row[:2], row[2:]
        left = [text.ljust(width) for text, width in zip(texts, widths, strict=False)]
        right = [text.rjust(width) for text, width in zip(numbers, widths[2:], strict=True)]
        yield "  " + "  ".join(left + right)


def _row(agent: str | None, model: str | None, u: UsageSums) -> tuple[str, ...]:
    names = (_line(agent or "(no name)"), _line(model if model is not None else "(no model)"))
    tokens = (u.input_tokens, u.cached_input_tokens, u.output_tokens)
    return (*names, f"{u.calls:,}", f"{u.cost_usd:,.2f}", *(_short(n) for n in tokens))


def _short(tokens: int) -> str:
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if tokens >= size:
            return f"{tokens / size:.1f} {name}"
    return str(tokens)


def _line(name: str) -> str:
    """A name that fits a cell."""
    shown = line(name)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _loops(loops: list[Alert]) -> Iterator[str]:
    if not loops:
        return
    yield f"{many(len(loops), 'loop')}, the dearest first:"
    for loop in loops[:_LINES]:
        task = f", task {_line(loop.task)}" if loop.task is not None else ""
        yield f"  {loop.severity}{task}: {line(loop.summary)}"
    if len(loops) > _LINES:
        yield f"  and {len(loops) - _LINES} more"


def _unpriced(calls: Counter[str]) -> str:
    total, models = calls.total(), len(calls)
    named = ", ".join(f"{model} ({n})" for model, n in calls.most_common(_MODELS_SHOWN))
    more = f" and {models - _MODELS_SHOWN} more" if models > _MODELS_SHOWN else ""
    have = "has" if total == 1 else "have"
    return f"{many(total, 'call')} of {many(models, 'model')} {have} no price: {named}{more}"
