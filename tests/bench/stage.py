"""`python -m tests.bench.stage CONFIG TIME NAME…`: a worker with these stages, measured by who started it.

TIME is where its clock stands, s UTC, until it is told another one.
"""

import asyncio
import sys

from prometheus_client.registry import Collector

from detector import logs
from detector.clock import Clock
from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.stage import Stage, make_stage
from detector.pipeline.watch import WatchStage
from detector.pipeline.worker import Worker
from tests.bench.children import Answers, Present

READY_POLL_S = 0.05


class _Watch(WatchStage):
    """Writes a checkpoint when it is told to, so that each round has exactly one."""

    async def checkpoint(self) -> None:
        assert self._app is not None
        await self._checkpoint(self._app)


def counts(metrics: Metrics) -> dict[str, float]:
    """What the stages have done so far, by their own metrics.

    Events taken, and those refused of them; packed records judged by watch; checkpoints; alert records; `settled`:
    notify has read and told all it knows of; `lag`: records not yet read, `behind_s`: since when the oldest of them
    waits, of the slowest partition of any stage; `unjudged_s`: event time of its clock that watch or portfolio has not
    judged yet, of the slowest partition.
    """
    owed = _total(metrics.notify_pending, "pending") + _total(metrics.lag_records, "records", stage="notify")
    return {
        "events": _total(metrics.events, "total") + _total(metrics.dead_letters, "total"),
        "refused": _total(metrics.dead_letters, "total"),
        "packed": _total(metrics.batch_records, "sum", stage="watch"),
        "checkpoints": _total(metrics.checkpoint_seconds, "count"),
        "checkpoint_bytes": _total(metrics.checkpoint_bytes, "total"),
        "checkpoint_s": _total(metrics.checkpoint_seconds, "sum"),
        "live_runs": _total(metrics.live_runs, "runs"),
        "alerts": _total(metrics.alerts, "total"),
        "notified": _total(metrics.notify_seconds, "count"),
        "settled": float(owed == 0),
        "late": _total(metrics.late, "total"),
        "duplicates": _total(metrics.duplicates, "total"),
        "calls": _total(metrics.calls, "total"),
        "lag": _total(metrics.lag_records, "records"),
        "behind_s": max(_samples(metrics.behind, "seconds"), default=0.0),
        "unjudged_s": max(_samples(metrics.watermark_lag_seconds, "seconds"), default=0.0),
    }


def _samples(metric: Collector, suffix: str, **labels: str) -> list[float]:
    wanted = labels.items()
    found = [s for family in metric.collect() for s in family.samples]
    return [s.value for s in found if s.name.endswith(f"_{suffix}") and wanted <= s.labels.items()]


def _total(metric: Collector, suffix: str, **labels: str) -> float:
    return sum(_samples(metric, suffix, **labels))


async def main(settings: str, present: str, *names: str) -> int:
    """Works until standard input ends."""
    config = Config.model_validate_json(settings)
    logs.setup(config.log)
    clock, stop = Present(float(present)), asyncio.Event()
    stages: dict[str, Stage] = {}

    def make(name: str, config: Config, metrics: Metrics, clock: Clock) -> Stage:
        stage = _Watch(config, metrics, clock) if name == "watch" else make_stage(name, config, metrics, clock)
        return stages.setdefault(name, stage)

    async def checkpoint() -> None:
        watch = stages["watch"]
        assert isinstance(watch, _Watch)
        await watch.checkpoint()

    worker = Worker(config, names, clock, stage_factory=make)
    await worker.start()
    running = asyncio.create_task(worker.run(stop))
    while worker.unready() and not running.done():  # noqa: ASYNC110 - readiness is asked for, not told
        await asyncio.sleep(READY_POLL_S)
    if not running.done():
        Answers(stop, lambda: counts(worker.metrics), clock, checkpoint)
    return await running


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
