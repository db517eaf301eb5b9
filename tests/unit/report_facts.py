"""Figures of a report for tests: one loop that pages, some names, a task that moved and one that did not."""

from typing import Any

import msgspec

from detector.report.facts import (
    Came,
    Counted,
    Facts,
    Flag,
    Ranking,
    Rest,
    Row,
    Series,
    Spend,
    Strip,
    Usage,
)

T0 = 1_790_000_000.0


def made() -> Facts:
    """New figures each time."""
    rows = [Row(7, 9.0, name="fixer", tenant="default"), Row(3, 1.0, name=None, tenant="default")]
    tasks = [Row(10, 10.0, name="T-1", tenant="default", outcome="stood")]
    page = Flag(
        id="e1", rule="loop", class_="repeat", level="run", severity="critical", tenant="default", team="team",
        agent="fixer", run="r-1", task="T-1", model="m", since=T0 + 20, opened_at=T0 + 60, ended_at=T0 + 100,
        ended_by="quiet", usd=6.0, usd_per_hour=200.0, usual_usd_per_hour=1.0, calls=7, tokens=7_700,
        summary="fixer repeats read with the same result, 7 times", what="read", rounds=7, steps=["7 × read"],
        strip=Strip("run", T0, 15, [1.0, 2.0, 0.0, 1.5], [1, 2, 0, 1]),
    )  # fmt: skip
    return Facts(
        version=1, began_t=T0, ended_t=T0 + 600, events=12, refused={"not_json": 1}, runs=2, tasks=1,
        total=Usage(10, 10.0, 0, 0, 4_000, 5_000, 500, 900, 100), unpriced_models={}, priced_as_standard=0,
        status_source=True, moved_share=0.4, came=[Came("moved", 0, 4.0), Came("stood", 1, 6.0)],
        by_agent=Ranking(rows, Rest()), by_model=Ranking(rows, Rest()), by_team=Ranking(rows, Rest()),
        by_task=Ranking(tasks, Rest()),
        spend=Spend("agent", T0, 60, [6, 0, 4], [Series("fixer", "default", [5.0, 0.0, 4.0]),
                                                 Series(None, "default", [1.0, 0.0, 0.0])]),
        loops=Counted("loop", "critical", 1, 6.0), counted=[Counted("loop", "critical", 1, 6.0)], flags=[page],
        tenants=1,
    )  # fmt: skip


_NAMES = {"name", "team", "agent", "run", "task", "model", "what"}


def renamed(facts: Facts, name: str) -> Facts:
    """The same with this name in every place that the input can fill."""

    def turned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: turned(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [name] if key == "steps" else [turned(v, key) for v in value]
        if key in _NAMES and value is not None:
            return name
        return f"{name} repeats {name}" if key == "summary" else value

    told = turned(msgspec.to_builtins(facts))
    told["unpriced_models"], told["total"]["unpriced"] = {name: 2}, 2
    return msgspec.convert(told, Facts)
