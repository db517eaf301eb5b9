"""The demo's fleet through a real worker on an embedded broker, played as fast as it is taken.

The worker stays: its /metrics can be scraped while more is played.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from detector.config import Config
from detector.demo.desk import DAY_S
from detector.demo.feed import Feed
from detector.demo.fleet import Times, fleet
from detector.demo.flow import Flow
from detector.demo.run import HISTORY_STEP_S, demo_config
from detector.kafka.embedded import EmbeddedBroker
from detector.pipeline.worker import Worker
from tests.support.stages import until

PARTITIONS = 4
HISTORY_S = 2.5 * DAY_S
"""Before the live part: enough for what is usual to be known, and a third of a demo's week, which takes so long."""


class Played:
    """A fleet at work; `flow`: what it has told so far; `config`: that of its worker."""

    def __init__(self, config: Config, present: float) -> None:
        times = Times.ending(present)
        self.config, self.flow = config, Flow()
        self.times = times._replace(history=times.live - HISTORY_S)
        begins = self.times.history
        self._feed = Feed(config, fleet(self.times).events, begins, self.flow.add, self._taken, self._behind)
        self.worker = Worker(config, clock=self._feed.clock)

    def _taken(self) -> int:
        metrics = self.worker.metrics
        families = [*metrics.events.collect(), *metrics.dead_letters.collect()]
        return int(sum(s.value for family in families for s in family.samples if s.name.endswith("_total")))

    def _behind(self) -> float:
        families = self.worker.metrics.watermark_lag_seconds.collect()
        return max((sample.value for family in families for sample in family.samples), default=0.0)

    async def start(self) -> None:
        """Connects what tells the events."""
        await self._feed.start()

    async def stop(self) -> None:
        """Ends it."""
        await self._feed.stop()

    async def play(self, to: float, step_s: float = HISTORY_STEP_S, pause_s: float = 0.0) -> None:
        """Tells everything up to `to` (s UTC) in steps of event time, and pauses after each (s)."""
        while self._feed.now < to:
            await self._feed.advance(min(self._feed.now + step_s, to))
            await asyncio.sleep(pause_s)


@asynccontextmanager
async def played(config: Config, present: float) -> AsyncIterator[Played]:
    """The fleet of a demo that ends at `present` (s UTC), before its first event, and its worker at work."""
    with EmbeddedBroker(PARTITIONS) as broker:
        of_demo = demo_config(config, broker.bootstrap)
        web = of_demo.web.model_copy(update={"port": 0})
        fleet = Played(of_demo.model_copy(update={"web": web}), present)
        await fleet.start()
        stop = asyncio.Event()
        await fleet.worker.start()
        running = asyncio.create_task(fleet.worker.run(stop))
        try:
            await until(lambda: not fleet.worker.unready(), "the worker to be ready")
            yield fleet
        finally:
            stop.set()
            await running
            await fleet.stop()
