"""When and how a stage writes what its engines remember, and acknowledges what that includes."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from detector.kafka.checkpoint import Plan
from detector.kafka.faust_app import App
from detector.pipeline.owned import Owned
from detector.pipeline.stateful_metrics import StatefulMetrics

LOADING_S = 2.0
"""Partitions of which one is read so soon after the other are of one takeover."""
AT_ONCE_BYTES = 32_000_000
"""Of checkpoints in memory before they are written: of many partitions, or of a new owner's first, the rest waits."""


class Checkpoints:
    """Of the partitions in `owned`, to the changelog `state`. `timed`: what waits for the brokers is within it."""

    def __init__(
        self,
        state: str,
        owned: Mapping[int, Owned],
        metrics: StatefulMetrics,
        timed: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._state, self._owned, self._metrics, self._timed = state, owned, metrics, timed
        self._loaded_s = -math.inf  # by the monotonic clock

    def holds(self, app: App, owned: Owned) -> bool:
        """Whether this partition is this worker's yet, in the same generation."""
        return app.owned == owned.generation and self._owned.get(owned.partition) is owned

    def loaded(self) -> None:
        """The state of a partition was read just now."""
        self._loaded_s = time.monotonic()

    @property
    def loading(self) -> bool:
        """Whether a takeover is under way: a new owner's first checkpoint is of everything, and can wait for that."""
        return time.monotonic() - self._loaded_s < LOADING_S

    async def write(self, app: App, lock: asyncio.Lock, may: Callable[[], bool]) -> None:
        """Writes what has changed and acknowledges what it includes; between partitions others may work.

        Under `lock` no batch is under way, whose alerts may not be written yet; if not `may`, some never were.
        """
        began_s, size = time.monotonic(), 0
        plans: list[tuple[Owned, Plan]] = []
        for owned in list(self._owned.values()):
            async with lock:
                if not may():
                    return
                if owned.due and self.holds(app, owned):
                    plans.append((owned, owned.plan()))
            if sum(plan.size for _, plan in plans) >= AT_ONCE_BYTES:
                size += await self._write_plans(app, plans)
                plans = []
            await asyncio.sleep(0)
        size += await self._write_plans(app, plans)
        if size:
            self._metrics.checkpoint(time.monotonic() - began_s, size)

    async def _write_plans(self, app: App, plans: Sequence[tuple[Owned, Plan]]) -> int:
        """Writes these checkpoints and finishes them; bytes of state, 0 once a partition is lost."""
        pieces = [(owned, [*((key, None) for key in p.tombstones), *p.segments]) for owned, p in plans]
        manifests = [(owned, [p.manifest]) for owned, p in plans]
        with self._timed():
            if not (await self._write_all(app, pieces) and await self._write_all(app, manifests)):
                return 0
        for owned, plan in plans:
            owned.finish(plan)
        return sum(plan.size for _, plan in plans)

    async def _write_all(self, app: App, records: Sequence[tuple[Owned, Sequence[tuple[bytes, bytes | None]]]]) -> bool:
        """Writes to the changelog and waits until all is acknowledged; False once a partition is lost."""
        sent = []
        for owned, pairs in records:
            for key, value in pairs:
                if not self.holds(app, owned):
                    return False
                sent.append(await app.produce(self._state, key, value, owned.partition))
        for acknowledged in sent:
            await acknowledged
        return all(self.holds(app, owned) for owned, _ in records)
