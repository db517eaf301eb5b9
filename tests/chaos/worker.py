"""`python -m tests.chaos.worker CONFIG PORT CLOCK`: `detector worker`, all stages, on the event clock that chaos sets.

Notify alone lives in real time, as the Alertmanager that it talks to.
"""

import asyncio
import sys
from pathlib import Path

from detector import logs
from detector.clock import Clock, system_clock
from detector.config import Config
from detector.config.load import load_config
from detector.metrics import Metrics
from detector.pipeline.stage import STAGES, Stage, make_stage
from detector.pipeline.worker import Worker, serve
from tests.chaos.present import Present


def main(config_file: str, port: str, clock_file: str) -> int:
    """The exit code."""
    config = load_config(config_file, web={"port": int(port)}, gateway={"port": 0})
    logs.setup(config.log)

    def make(name: str, config: Config, metrics: Metrics, clock: Clock) -> Stage:
        return make_stage(name, config, metrics, system_clock if name == "notify" else clock)

    return asyncio.run(serve(Worker(config, STAGES, Present(Path(clock_file)), stage_factory=make)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
