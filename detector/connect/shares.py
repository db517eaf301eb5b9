"""What share of runs and dollars a task is known of, by who tells them, for doctor."""

from detector.clock import Clock
from detector.config import Config
from detector.connect.arrivals import Arrivals, Tally
from detector.connect.fields import FIELDS
from detector.connect.listening import lately
from detector.kafka.checkup import Finding
from detector.terminal import line, many

LATELY_S = 3600.0
RECORDS = 500
"""Of a partition, at most. A record may hold hundreds of events."""
MAX_BYTES, WITHIN_S = 64 << 20, 10.0
UNTOLD = {"usage": "unmetered", "price": "unpriced"}


async def shares(config: Config, clock: Clock) -> list[Finding]:
    """One for each source of calls within the hour. Reads the newest records of what producers write, not all of it."""
    arrivals = Arrivals(config)
    await lately(config, arrivals, clock() - LATELY_S, RECORDS, MAX_BYTES, WITHIN_S)
    found = [_share(arrivals, name, tally) for name, tally in sorted(arrivals.by_source.items()) if tally.calls]
    return found or [Finding(None, "tasks", "no call came within the hour", "see: detector connect --check")]


def _share(arrivals: Arrivals, name: str, tally: Tally) -> Finding:
    runs, usd = len(tally.runs), sum(tally.usd.values())
    tasked, tasked_usd = arrivals.tasked_runs(tally), arrivals.tasked_usd(tally)
    told = f"a task is known of {tasked:,} of {many(runs, 'run')}{_percent(tasked, runs)}"
    told += f" and of ${tasked_usd:,.2f} of ${usd:,.2f}{_percent(tasked_usd, usd)}"
    fixes = [FIELDS["task"].fix] if tasked < runs else []
    for field, lacking in (("usage", tally.unmetered), ("price", tally.unpriced)):
        if lacking:
            told += f"; {UNTOLD[field]} {lacking:,} of {many(tally.calls, 'call')}{_percent(lacking, tally.calls)}"
            fixes.append(FIELDS[field].fix)
    told += f", in the newest {RECORDS} records a partition of the last hour"
    return Finding(None if fixes else True, f"tasks of {line(name)}", told, "; ".join(fixes))


def _percent(part: float, whole: float) -> str:
    return f" ({part / whole:.0%})" if whole else ""
