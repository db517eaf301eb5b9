"""The figures of an audit as CSV: a row for everything, each week, team, task that shipped nothing, and model."""

import csv
import io
from datetime import UTC, datetime

import msgspec

from detector.audit.figures import Figures

COLUMNS = (
    "kind", "tenant", "team", "task", "provider", "model", "from", "spend_usd", "calls", "runs", "tasks",
    "tasks_completed", "outcomes", "cost_per_completed_task_usd", "cost_per_outcome_usd", "direct_cost_per_outcome_usd",
    "median_completed_task_usd", "weighted_completed_task_usd",
    "no_task_usd", "flagged_usd", "notional_usd", "unpriced_calls", "unmetered_calls", "without_ai", "useful_run_share",
    "billed_usd", "metered_usd", "unexplained_usd",
)  # fmt: skip
"""`kind`: all, week, team, shipped_nothing, model or invoice; `from`: the beginning of the window or week."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(figures: Figures) -> str:
    """Its lines, the first of which names the columns. A name that a sheet would take for a formula is quoted by '."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    parts = (("all", [figures]), ("week", figures.weeks), ("team", figures.teams))
    last = (("shipped_nothing", figures.shipped_nothing), ("model", figures.models), ("invoice", figures.invoice or ()))
    for kind, rows in (*parts, *last):
        for row in rows:
            told = {name: _cell(value) for name, value in msgspec.structs.asdict(row).items()}
            began_t = getattr(row, "began_t", None)
            writer.writerow(told | {"kind": kind, "from": "" if began_t is None else _time(began_t)})
    return out.getvalue()


def _time(t: float) -> str:
    return datetime.fromtimestamp(t, UTC).isoformat(timespec="seconds")


def _cell(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
