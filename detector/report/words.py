"""What the page and the terminal say in the same words: names, figures, times, and the sentences at the top."""

from collections.abc import Iterator

from detector.markup.words import UNKNOWN, share, shown
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
_MODELS = 5


def called(kind: str, name: str | None, tenant: str, tenants: int) -> str:
    """A name with its tenant where there are several."""
    if name is None or not name.strip():
        return NOBODY[kind] if name is None or not name else "(blank)"
    return f"{shown(name)} ({shown(tenant, 24)})" if tenants > 1 else shown(name)


def opened(facts: Facts, severity: Severity) -> int:
    """How many episodes reached this severity and no higher one."""
    return sum(counted.episodes for counted in facts.counted if counted.severity == severity)


def dollars(row: Sums) -> str:
    """What was spent; where no call has a price or tells its tokens nobody knows."""
    unknown = row.unpriced + row.unmetered
    return UNKNOWN if not row.usd and row.calls and unknown >= row.calls else usd(row.usd)


def burnt_by(facts: Facts, spent: float) -> str:
    """What an episode burnt; where it is nothing and some calls have no known dollars nobody knows."""
    return UNKNOWN if not spent and facts.total.unpriced + facts.total.unmetered else usd(spent)


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
