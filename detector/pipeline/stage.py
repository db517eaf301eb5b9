"""What a stage is: four verbs that the worker calls, and how stages are found by name."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

if TYPE_CHECKING:  # the command line asks for STAGES alone, and is to be quick
    from aiohttp import web

    from detector.clock import Clock
    from detector.config import Config
    from detector.metrics import Metrics

STAGES = ("gateway", "ingest", "watch", "portfolio", "notify", "pages")
"""All stages in the order in which events pass them; they start in this order and stop in the other."""

SERVING = ("pages",)
"""Those that the web server has to know before it listens: they are made first, and start in their turn."""


class Stage(Protocol):
    """A part of the pipeline that reads topics and writes topics; several run in one worker."""

    name: str
    """One of STAGES."""

    async def start(self) -> None:
        """Connects; raises DeploymentError with a fix in the message."""

    async def run(self) -> None:
        """Works until stop() is called; raises if it fails."""

    async def stop(self) -> None:
        """Finishes the batch in hand, flushes and closes; may be called again, and after a failed start."""

    def health(self) -> list[str]:
        """Reasons why it is not ready; none when it is."""


@runtime_checkable
class Serving(Protocol):
    """A stage that answers requests by the worker's web server."""

    def routes(self) -> list[web.RouteDef]:
        """Which; may be asked before the start. Raises ConfigError."""


class StageFactory(Protocol):
    """Makes the stage of a name; tests bring their own."""

    def __call__(self, name: str, config: Config, metrics: Metrics, clock: Clock) -> Stage:
        """The stage, not started."""


def make_stage(name: str, config: Config, metrics: Metrics, clock: Clock) -> Stage:
    """The stage of that name; only its own module is imported, since watch brings faust and numba."""
    module = importlib.import_module(f"detector.pipeline.{name}")
    factory = getattr(module, f"{name.capitalize()}Stage")
    return cast(Stage, factory(config, metrics, clock))
