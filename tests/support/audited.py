"""Work of several tenants over some days, and what watch tells of it: what audits and boards are held together over."""

import json
from itertools import pairwise
from typing import Any

from detector.config import Config
from detector.engine import Engine, Spread
from detector.pipeline.intake import Intake, SourceRecord
from tests.support.judged import Event, in_order
from tests.support.worked import completed, merged, spent

PARTITIONS = 4


def work() -> list[Event]:
    """Tasks of two teams and three tenants over five days; most ship."""
    events: list[Event] = []
    for n in range(60):
        who: dict[str, Any] = {"team": f"team-{n % 2}", "tenant": f"tenant-{n % 3}", "run": f"r-{n}"}
        began = n * 7000.0
        events += [spent(began + 900.0 * k, 0.01 * (n + k), f"T-{n}" if n % 7 else None, **who) for k in range(12)]
        if n % 3:
            tenant = {"tenant": who["tenant"]}
            events += [{**merged(began + 20_000.0, f"d{n}", f"T-{n}"), **tenant}]
            events += [{**completed(began + 21_000.0, f"T-{n}"), **tenant}]
    return in_order(events)


def rollups(config: Config, events: list[Event]) -> list[tuple[int, bytes]]:
    """(partition, rollup) in the order in which four partitions of watch tell them; time runs on by a day."""
    engines = [Engine(config, p, spread=Spread(PARTITIONS, PARTITIONS)) for p in range(PARTITIONS)]
    intake, out = Intake(config, PARTITIONS), []

    def flush(mark: float) -> None:
        for partition, packed in intake.flush({0: mark}, everywhere=True).packed:
            out.extend(engines[partition].process(packed, engines[partition].offset + 1).rollups)

    for n, (event, after) in enumerate(pairwise([*events, {"time": events[-1]["time"] + 300.0}])):
        intake.take(0, "any", [SourceRecord(n, json.dumps(event).encode(), None)])
        if after["time"] > event["time"] + 60.0 or n % 50 == 0:
            flush(intake.forwarded(0))
            flush(after["time"] - 1.0)
    flush(events[-1]["time"] + 86_400.0)
    return out
