"""An audit as anyone would recompute it from native events: slow, plain, and of nothing that the product has."""

import json
from collections import defaultdict
from collections.abc import Iterable
from statistics import median
from typing import Any

from detector.audit.calls import Calls
from detector.audit.figures import Figures
from detector.audit.gather import Gatherer
from detector.audit.window import Window
from detector.config import Config
from detector.replay.feed import Feed
from detector.replay.run import Judge

Event = dict[str, Any]
DAY_S = 86_400.0


def audit_of(
    events: Iterable[Event], days: float = 30.0, config: Config | None = None, team: str | None = None
) -> Figures:
    """What the product says of these events, in their order."""
    config = config or Config()
    feed, judge = Feed(config), Judge([config], calls=True)
    with Calls() as calls:
        gatherer = Gatherer(calls)
        batches = [flushed for e in events for flushed in feed.take(json.dumps(e).encode(), e["time"])]
        for flushed in [*batches, *feed.finish()]:
            (judged,) = judge.judge(flushed)
            gatherer.take(flushed, judged)
        return gatherer.figures(Window(feed.newest_t - days * DAY_S, feed.newest_t), team)


def plain_audit(events: Iterable[Event], days: float = 30.0) -> dict[str, Any]:
    """The figures that `compared` takes out of an audit. Calls have a team, a run and a cost; events come once."""
    events = list(events)
    end = max(e["time"] for e in events)
    calls = [e for e in events if e.get("type", "call") == "call"]
    strong = sorted((e for e in events if e.get("strength") == "strong"), key=lambda e: e["time"])
    first: dict[str, float] = {}
    for e in sorted(calls, key=lambda e: e["time"]):
        if e.get("task") is not None and e["usage"]:
            first.setdefault(e["task"], e["time"])
    taken_back = {e["reverts"] for e in events if e.get("reverts")}

    def within(t: float) -> bool:
        return end - days * DAY_S < t <= end

    completed: dict[str, float] = {}
    delivered: dict[str, dict[str, float]] = defaultdict(dict)
    at_all: dict[tuple[str, str | None], float] = {}
    for e in strong:
        done, name = e.get("category") == "completed", e.get("deliverable")
        for what in (["completed"] if done else []) + ([name] if name else []):
            at_all.setdefault((e["task"], what), e["time"])
        if done and e["time"] > first.get(e["task"], float("inf")):
            completed.setdefault(e["task"], e["time"])
        if name:
            delivered[e["task"]].setdefault(name, e["time"])
    outcomes: dict[str, int] = {}
    last: dict[str, float] = {}
    for task, began in first.items():
        times = [t for name, t in delivered[task].items() if name not in taken_back and t > began and within(t)]
        ended = [completed[task]] if task in completed and within(completed[task]) else []
        if times or ended:
            outcomes[task] = len(times) if delivered[task] else 1
            last[task] = max(times + ended)
    whole = [
        sum(e["cost_usd"] for e in calls if e.get("task") == task and e["time"] <= t)
        for task, t in completed.items()
        if within(t)
    ]
    return _figures(
        [e for e in calls if within(e["time"])],
        whole,
        outcomes,
        last,
        set(completed),
        {task for (task, _), t in at_all.items() if within(t)},
        within,
        completed,
    )


def _figures(
    calls: list[Event], whole: list[float], outcomes: dict[str, int], last: dict[str, float], done: set[str],
    shipped: set[str], within: Any, completed: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    spend = sum(e["cost_usd"] for e in calls)
    count, ended = sum(outcomes.values()), sum(within(completed[task]) for task in done)
    runs: dict[str, set[str | None]] = defaultdict(set)
    worked: dict[str, list[Event]] = defaultdict(list)
    for e in calls:
        runs[e["run"]].add(e.get("task"))
        if e.get("task") is not None:
            worked[e["task"]].append(e)
    direct = sum(e["cost_usd"] for e in calls if e["time"] <= last.get(e.get("task"), float("-inf")))  # type: ignore[arg-type]
    nothing = [
        (task, round(sum(e["cost_usd"] for e in of), 6), len(of), len({e["run"] for e in of}))
        for task, of in worked.items()
        if task not in outcomes
    ]
    teams: dict[str, list[float]] = defaultdict(lambda: [0.0, 0, 0.0])
    for e in calls:
        team = teams[e["team"]]
        team[0] += e["cost_usd"]
        team[1] += 1
        team[2] += e["cost_usd"] if e.get("task") is None else 0.0
    return {
        "spend_usd": _cents(spend),
        "calls": len(calls),
        "no_task_usd": _cents(sum(e["cost_usd"] for e in calls if e.get("task") is None)),
        "outcomes": count,
        "tasks": len(worked),
        "tasks_completed": ended,
        "without_ai": len(shipped - set(outcomes)),
        "cost_per_outcome_usd": _cents(spend / count) if count else None,
        "direct_cost_per_outcome_usd": _cents(direct / count) if count else None,
        "median_completed_task_usd": _cents(median(whole)) if whole else None,
        "useful_run_share": _cents(sum(bool(t & set(outcomes)) for t in runs.values()) / len(runs)) if runs else None,
        "teams": [(name, _cents(usd), n, _cents(unclaimed)) for name, (usd, n, unclaimed) in sorted(teams.items())],
        "nothing": sorted(nothing, key=lambda row: (-row[1], row[0])),
    }


def compared(figures: Figures) -> dict[str, Any]:
    """Of an audit what `plain_audit` tells."""
    named = (
        "spend_usd", "calls", "no_task_usd", "outcomes", "tasks", "tasks_completed", "without_ai",
        "cost_per_outcome_usd", "direct_cost_per_outcome_usd", "median_completed_task_usd", "useful_run_share",
    )  # fmt: skip
    told = {name: _cents(value) if isinstance(value := getattr(figures, name), float) else value for name in named}
    teams = [(t.team, _cents(t.spend_usd), t.calls, _cents(t.no_task_usd)) for t in figures.teams if t.calls]
    nothing = [(s.task, round(s.spend_usd, 6), s.calls, s.runs) for s in figures.shipped_nothing]
    return told | {"teams": teams, "nothing": nothing}


def _cents(usd: float) -> float:
    return round(usd, 6)
