"""What the page and the terminal say in the same words: names, figures, times, and the sentences at the top."""

import time
from collections.abc import Iterator

from detector.model.alert import Severity
from detector.report.facts import Counted, Facts, Outcome, Ranking, Rest, Row, Sums
from detector.rules.finding import usd
from detector.terminal import many

NOBODY = {"agent": "no agent named", "model": "no model named", "team": "no team named", "task": "no task claims it"}
"""What is said where a call does not tell its agent, model, team or task."""
OUTCOME: dict[Outcome, str] = {
    "completed": "completed",
    "moved": "moved, not completed",
    "dropped": "put back or closed undone",
    "stood": "not moved since",
    "no_task": "no task claims it",
}
SEVERITY: dict[Severity, tuple[str, str]] = {
    "critical": ("page", "pages"),
    "warning": ("ticket", "tickets"),
    "info": ("line on a board", "lines on a board"),
}
"""One and several episodes of a severity."""
UNKNOWN = "not known"
_MODELS = 5
_LONGEST = 64


def shown(name: str, most: int = _LONGEST) -> str:
    """A name as it may be shown: what does not print, or turns the direction of writing, is replaced; cut to `most`."""
    plain = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return plain if len(plain) <= most else f"{plain[: most - 9]}…{plain[-8:]}"


def called(kind: str, name: str | None, tenant: str, tenants: int) -> str:
    """A name with its tenant where there are several."""
    if name is None or not name.strip():
        return NOBODY[kind] if name is None or not name else "(blank)"
    return f"{shown(name)} ({shown(tenant, 24)})" if tenants > 1 else shown(name)


def episodes(n: int, severity: Severity) -> str:
    """How many pages, tickets or lines on a board."""
    return f"{n:,} {SEVERITY[severity][n != 1]}"


def opened(facts: Facts, severity: Severity) -> int:
    """How many episodes reached this severity and no higher one."""
    return sum(counted.episodes for counted in facts.counted if counted.severity == severity)


def ended(why: str) -> str:
    """Why an episode ended, as it may follow "ended"."""
    return "when it became quiet" if why == "quiet" else f"because {why}"


def share(part: float, whole: float) -> str:
    """A share in percent; what is something is not told as 0, nor what is not all as 100."""
    if whole <= 0:
        return "–"
    percent = round(100 * part / whole, 6)
    if 0 < percent < 1:
        return "<1%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"


def short(n: float) -> str:
    """A large number in three digits."""
    for size, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if n >= 0.9995 * size:
            return f"{n / size:.3g} {name}" if n < 999.5 * size else f"{n / size:,.0f} {name}"
    return f"{n:,.0f}"


def dollars(row: Sums) -> str:
    """What was spent; where no call has a price or tells its tokens nobody knows."""
    unknown = row.unpriced + row.unmetered
    return UNKNOWN if not row.usd and row.calls and unknown >= row.calls else usd(row.usd)


def burnt_by(facts: Facts, spent: float) -> str:
    """What an episode burnt; where it is nothing and some calls have no known dollars nobody knows."""
    return UNKNOWN if not spent and facts.total.unpriced + facts.total.unmetered else usd(spent)


def day(t: float) -> str:
    """A time (s UTC) with its year."""
    return time.strftime("%d %b %Y %H:%M", time.gmtime(t))


def duration(s: float) -> str:
    """How long: the two largest units."""
    left, parts = round(s), []
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        n, left = divmod(left, unit)
        if n:
            parts.append(many(n, name))
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "a moment"


def period(began_t: float | None, ended_t: float | None) -> str:
    """From when to when (s UTC), and how long that is."""
    if began_t is None or ended_t is None:
        return "no events"
    return f"{day(began_t)} to {day(ended_t)} UTC, {duration(ended_t - began_t)}"


def burnt(facts: Facts) -> str:
    """What was spent in how many calls."""
    total = facts.total
    runs = f" of {many(facts.runs, 'run')}" if facts.runs else ""
    return f"{dollars(total)} in {many(total.calls, 'call')}{runs}"


def circled(facts: Facts) -> str:
    """What went round."""
    loops, total = facts.loops, facts.total.usd
    if not loops.episodes:
        return "no loop was found"
    of = f" ({share(loops.usd, total)})" if total > 0 else ""
    return f"{burnt_by(facts, loops.usd)}{of} went round in {how_many_loops(loops)}"


def how_many_loops(loops: Counted) -> str:
    """How many there were, and whether they are but lines on a board: they have burnt little, or wait for something."""
    return many(loops.episodes, "loop") + (", on a board only" if loops.severity == "info" else "")


def without(facts: Facts) -> str:
    """How many calls are missing in the dollars; of those that tell no tokens some may tell their dollars."""
    total = facts.total
    unknown = total.unpriced + total.unmetered
    return f"without {'up to ' if total.unmetered else ''}{many(unknown, 'call')}" if unknown else ""


def came(facts: Facts) -> str:
    """What came of it."""
    if not facts.status_source:
        return "no status source: spend only"
    if facts.moved_share is None:
        return "no dollars that a task could have moved by"
    return f"{share(facts.moved_share, 1.0)} of the dollars moved their task"


def unknowns(facts: Facts) -> Iterator[str]:
    """What is in no figure, and why."""
    total = facts.total
    if total.unpriced:
        models = list(facts.unpriced_models.items())
        named = ", ".join(f"{shown(model)} ({n:,})" for model, n in models[:_MODELS])
        more = f" and {len(models) - _MODELS} more" if len(models) > _MODELS else ""
        of = f"{many(total.unpriced, 'call')} of {many(len(models), 'model')}"
        yield f"{of} without a price, whose dollars are in no figure: {named}{more}"
    if total.unmetered:
        yield (
            f"{many(total.unmetered, 'call')} that tell no tokens: they count in no sum of tokens, and in dollars "
            "only where they tell these"
        )
    if n := facts.priced_as_standard:
        yield f"{many(n, 'call')} priced as standard, for want of a price of the service tier"
    if n := sum(facts.refused.values()):
        why = ", ".join(f"{count:,} {reason}" for reason, count in facts.refused.items())
        yield f"{many(n, 'event')} of {facts.events:,} that could not be used: {why}"


def folded(ranking: Ranking, n: int) -> tuple[list[Row], Rest]:
    """The `n` dearest rows, and all others as one."""
    rows, rest = ranking.rows[:n], ranking.rest
    out = Rest(*rest.sums(), names=rest.names)
    for row in ranking.rows[n:]:
        out.names += 1
        out.add(row)
    return rows, out
