"""Stages that do nothing but what a test tells them, in place of the real ones in a worker."""

import asyncio

from detector.clock import Clock
from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.stage import STAGES


class FakeStage:
    """Notes what is asked of it in a diary that all stages share."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name, self.diary = name, diary
        self.reasons: list[str] = []
        self.fail_start: BaseException | None = None
        self.fail_stop: BaseException | None = None
        self.start_gate: asyncio.Event | None = None  # start() waits for it
        self.stop_gate: asyncio.Event | None = None  # stop() waits for it
        self.deaf = False  # run() goes on after stop()
        self._end: asyncio.Future[None] | None = None

    async def start(self) -> None:
        self.diary.append(f"start {self.name}")
        if self.start_gate is not None:
            await self.start_gate.wait()
        if self.fail_start is not None:
            raise self.fail_start

    async def run(self) -> None:
        self._end = asyncio.get_running_loop().create_future()
        self.diary.append(f"run {self.name}")
        await self._end

    async def stop(self) -> None:
        self.diary.append(f"stop {self.name}")
        if self.stop_gate is not None:
            await self.stop_gate.wait()
        if self._end is not None and not self._end.done() and not self.deaf:
            self._end.set_result(None)
        if self.fail_stop is not None:
            raise self.fail_stop

    def health(self) -> list[str]:
        return self.reasons

    def end(self, error: BaseException | None = None) -> None:
        """Makes run() end by itself, or fail."""
        assert self._end is not None
        if error is None:
            self._end.set_result(None)
        else:
            self._end.set_exception(error)


class Cast:
    """Makes fake stages, and keeps them for the test."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.stages = {name: FakeStage(name, self.diary) for name in STAGES}

    def __getitem__(self, name: str) -> FakeStage:
        return self.stages[name]

    def make(self, name: str, config: Config, metrics: Metrics, clock: Clock) -> FakeStage:
        """A StageFactory."""
        return self.stages[name]
