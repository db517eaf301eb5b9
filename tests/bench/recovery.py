"""`python -m tests.bench.recovery CONFIG`: a watch stage that takes over all partitions, and how long that takes.

From the assignment of the partitions until it has processed the next record of each, with the topics as
tests.bench.checkpoints has left them: Faust reads the changelogs from Apache Kafka, and the engines are restored.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time

from faust.exceptions import ConsumerNotStarted

from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.watch import WatchStage
from tests.bench.children import ChildError, rss_bytes, say

POLL_S = 0.005
PATIENCE_S = 300.0


class Watched(WatchStage):
    """Tells how far its takeover is."""

    @property
    def assigned(self) -> bool:
        """It was given partitions."""
        with contextlib.suppress(ConsumerNotStarted):
            return self._app is not None and bool(self._app.partitions)
        return False

    @property
    def processed(self) -> int:
        """Partitions of which it has processed a record since then."""
        return sum(bool(owned.pending) for owned in self._owned.values())

    @property
    def runs(self) -> int:
        """Live runs."""
        return sum(owned.engine.live_runs for owned in self._owned.values())


async def take_over(config: Config) -> dict[str, float]:
    """Wall and CPU seconds of it, runs that came back, and bytes of memory at the end."""
    stage = Watched(config, Metrics(config.metrics))
    await stage.start()
    running = asyncio.create_task(stage.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not stage.assigned and not running.done():  # noqa: ASYNC110 - it is asked for, not told
                await asyncio.sleep(POLL_S)
            began, began_cpu = time.perf_counter(), time.process_time()
            while stage.processed < config.topics.partitions and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        return {"recovery_s": wall_s, "recovery_cpu_s": cpu_s, "runs": stage.runs, "rss_bytes": rss_bytes()}
    finally:
        await stage.stop()
        await running


def measure_recovery(config: Config) -> dict[str, float]:
    """What a process of its own finds."""
    child = [sys.executable, "-m", "tests.bench.recovery", config.model_dump_json()]
    told = subprocess.run(child, stdout=subprocess.PIPE, check=False, timeout=2 * PATIENCE_S)
    if told.returncode:
        raise ChildError(f"the process that takes over has ended with {told.returncode}")
    found: dict[str, float] = json.loads(told.stdout)
    return found


if __name__ == "__main__":
    say(asyncio.run(take_over(Config.model_validate_json(sys.argv[1]))))
