"""Events for tests, and what the engine says of them."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from detector.config import Config
from detector.engine import Signal
from detector.model.alert import Alert
from detector.replay.run import Replay

T0 = 1_790_000_000.0  # 21 September 2026, 14:13 UTC

Event = dict[str, Any]
_numbers = itertools.count()


def call(t: float, run: str = "run", **fields: Any) -> Event:
    """A call that ends `t` seconds after T0 and costs a dollar, unless told otherwise."""
    base: Event = {"id": f"call-{next(_numbers)}", "time": T0 + t, "run": run, "agent": "agent", "team": "team"}
    return base | {"model": "made-up", "usage": {"input_tokens": 1000, "output_tokens": 100}, "cost_usd": 1.0} | fields


def tool(name: str, result: Any = None, error: str | None = None, **arguments: Any) -> list[Event]:
    """The `tools` of a step that calls one tool."""
    told = {"name": name, "arguments": arguments}
    if result is not None:
        told["result"] = result
    if error is not None:
        told["error"] = error
    return [told]


def status(t: float, task: str, strength: str = "strong", **fields: Any) -> Event:
    """A status of a task `t` seconds after T0."""
    return {
        "type": "status", "id": f"status-{next(_numbers)}", "time": T0 + t, "task": task, "strength": strength, **fields
    }  # fmt: skip


GAP_S = 20.0


def steps(*told: list[Event], gap_s: float = GAP_S, **fields: Any) -> list[Event]:
    """One run of steps, each with its tools, `gap_s` apart."""
    return [call(i * gap_s, tools=tools, **fields) for i, tools in enumerate(told)]


def answers(*texts: str, gap_s: float = GAP_S, **fields: Any) -> list[Event]:
    """One run of answers without tools."""
    return [call(i * gap_s, output={"text": text}, **fields) for i, text in enumerate(texts)]


def in_order(events: Iterable[Event]) -> list[Event]:
    """Events by their times."""
    return sorted(events, key=lambda e: e["time"])


def is_quiet(events: list[Event], config: Config | None = None) -> bool:
    """No warning and no page, of any rule but run_inflation."""
    return all(a.severity == "info" for a in judge(events, config) if a.rule != "run_inflation")


def judge(events: Iterable[Event], config: Config | None = None) -> list[Alert]:
    """All alert records of these events, read in the order given."""
    return run_through(events, config)[0]


def run_through(events: Iterable[Event], config: Config | None = None) -> tuple[list[Alert], list[Signal]]:
    """Alert records and signals of these events, read in the order given."""
    replay = Replay(config or Config(), signals=True)
    alerts: list[Alert] = []
    signals: list[Signal] = []
    for event in events:
        for _, outcome in replay.take(json.dumps(event).encode(), event["time"]):
            alerts += outcome.alerts
            signals += outcome.signals
    for _, outcome in replay.finish():
        alerts += outcome.alerts
        signals += outcome.signals
    assert not replay.summary.refused, replay.summary.refused
    return alerts, signals


def last(alerts: Iterable[Alert], rule: str | None = None) -> list[Alert]:
    """The record that holds of each episode (of a rule), in the order of their opening."""
    held: dict[str, Alert] = {}
    for alert in alerts:
        if rule in (None, alert.rule) and (alert.id not in held or alert.version > held[alert.id].version):
            held[alert.id] = alert
    return sorted(held.values(), key=lambda a: (a.opened_at, a.id))


def severities(alerts: Iterable[Alert], rule: str = "loop") -> list[str]:
    """The severity that each episode of a rule reached."""
    return [a.severity for a in last(alerts, rule)]


def loops(events: list[Event]) -> list[tuple[str, str | None]]:
    """Severity and class of each episode of `loop`."""
    return [(a.severity, a.class_) for a in last(judge(events), "loop")]
