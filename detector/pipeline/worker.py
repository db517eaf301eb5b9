"""Runs stages and the web server in one event loop until told to stop, or until a stage fails."""

import asyncio
import logging
import signal
from collections.abc import Coroutine, Sequence
from typing import Any

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.errors import ConfigError, DetectorError
from detector.metrics import Metrics
from detector.pipeline.stage import SERVING, STAGES, Serving, Stage, StageFactory, make_stage
from detector.reasons import Failed, Unready
from detector.web.server import Server

log = logging.getLogger(__name__)

STOP_S = 20.0
"""Within this all stages have to stop: Kubernetes kills after 30 s. What is cut off is replayed."""

RESERVED = 0.125
"""This share of it is left to each stage that stops later: one that hangs costs no other its end."""

END_S = 1.0
"""Once stop() has returned, run() has to end within this."""


class Worker:
    """Some or all stages in one process; `stage_factory` stands in for the real stages in tests."""

    def __init__(
        self,
        config: Config,
        stages: Sequence[str] = STAGES,
        clock: Clock = system_clock,
        *,
        stage_factory: StageFactory = make_stage,
        stop_s: float = STOP_S,
    ) -> None:
        unknown = sorted(set(stages) - set(STAGES))
        if unknown:
            raise ConfigError(f"unknown stage {', '.join(unknown)!r}; the stages are {', '.join(STAGES)}")
        self.metrics = Metrics(config.metrics)
        self._config, self._clock = config, clock
        self._factory, self._stop_s = stage_factory, stop_s
        self._names = [name for name in STAGES if name in stages]
        self._stages: dict[str, Stage] = {}
        self._idle = {name: [str(Unready.STARTING)] for name in self._names}
        self._failures: dict[str, list[str]] = {}
        self._server = Server(config.web, self.metrics, lambda: self._failures, self.unready)
        self.metrics.show_ready(self.unready())  # none is yet, so all are known

    @property
    def address(self) -> str:
        """Where metrics and health are served, http://127.0.0.1:9464."""
        return self._server.address

    def unready(self) -> dict[str, list[str]]:
        """By stage the reasons why it cannot work yet; none when all are ready."""
        return {name: reasons for name in self._names if (reasons := self._reasons(name))}

    def _reasons(self, name: str) -> list[str]:
        if name in self._failures:
            return self._failures[name]
        if name in self._idle:
            return self._idle[name]
        try:
            return self._stages[name].health()
        except Exception as error:
            log.exception("cannot tell the health of a stage", extra={"stage": name})
            return [Unready.UNKNOWN.format(error=type(error).__name__)]

    async def start(self) -> None:
        """Starts the web server, then the stages; stops again what was started where one cannot start."""
        made = {name: self._make(name) for name in self._names if name in SERVING}
        try:
            routes = [route for stage in made.values() if isinstance(stage, Serving) for route in stage.routes()]
            await self._server.start(routes)
            log.info(
                "serving metrics, health and pages" if routes else "serving metrics and health",
                extra={"address": self.address},
            )
            for name in self._names:
                stage = self._stages[name] = made.get(name) or self._make(name)
                await stage.start()
                del self._idle[name]
                log.info("stage started", extra={"stage": name})
        except BaseException:
            await self.close()
            raise

    def _make(self, name: str) -> Stage:
        return self._factory(name, self._config, self.metrics, self._clock)

    async def run(self, stop: asyncio.Event) -> int:
        """Works until `stop` is set or a stage fails; everything is closed then. The exit code: 0 or 1."""
        tasks = {name: asyncio.create_task(self._stages[name].run(), name=name) for name in self._names}
        told = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait([told, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
            asked = stop.is_set()
            self._note_ended(tasks, asked)
            stopped = await self.close()
            ended = await self._await_end(tasks)
            return 0 if asked and stopped and ended and not self._failures else 1
        finally:
            await _cancel([told, *tasks.values()])
            await self._server.stop()

    async def _await_end(self, tasks: dict[str, asyncio.Task[None]]) -> bool:
        """Whether all stages that were told to stop have ended."""
        if tasks:
            await asyncio.wait(tasks.values(), timeout=END_S)
        self._note_ended(tasks, asked=True)
        running = [name for name, task in tasks.items() if not task.done()]
        for name in running:
            log.error("stage works on after it was stopped; it is cut off", extra={"stage": name})
        return not running

    def _note_ended(self, tasks: dict[str, asyncio.Task[None]], asked: bool) -> None:
        """Logs and remembers the stages that failed; one that ends without being asked has failed too."""
        for name, task in tasks.items():
            if not task.done() or name in self._failures:
                continue
            error = None if task.cancelled() else task.exception()
            if error is None and not asked:
                error = DetectorError(Failed.ENDED)
            if error is not None:
                self._failures[name] = [_reason(error)]
                # A DetectorError says all there is to say; of anything else the place is needed.
                trace = None if isinstance(error, DetectorError) else error
                log.error("stage failed", exc_info=trace, extra={"stage": name, "reason": _reason(error)})

    async def close(self) -> bool:
        """Stops the stages, last first, then the web server; False where one did not stop well or in time."""
        well = True
        loop = asyncio.get_running_loop()
        end = loop.time() + self._stop_s
        for left, name in reversed(list(enumerate(self._stages))):
            self._idle[name] = [str(Unready.STOPPED)]
            until = end - left * RESERVED * self._stop_s
            try:
                async with asyncio.timeout_at(until):
                    await self._stages[name].stop()
                log.info("stage stopped", extra={"stage": name})
            except Exception as error:
                well = False
                late = isinstance(error, TimeoutError) and loop.time() >= until
                reason = "took too long; its last work will be repeated" if late else _reason(error)
                log.error("stage did not stop well", extra={"stage": name, "reason": reason})
        await self._server.stop()
        return well


async def serve(worker: Worker) -> int:
    """Runs a worker until SIGTERM or SIGINT; a second one ends it without grace. The exit code.

    Raises DetectorError where it cannot start.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    work = asyncio.current_task()
    assert work is not None

    def on_signal(number: signal.Signals) -> None:
        log.info("stopping", extra={"signal": number.name})
        if stop.is_set():
            work.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    try:
        if not await _unless_stopped(worker.start(), stop):
            return 0
        return await worker.run(stop)
    except asyncio.CancelledError:
        log.warning("stopped without grace; the next start repeats what was not finished")
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def _unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> bool:
    """Does `work`, and gives it up once `stop` is set; whether it was done."""
    task, told = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, told], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        await task
        return True
    finally:
        await _cancel([task, told])


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, DetectorError) else f"{type(error).__name__}: {error}"
