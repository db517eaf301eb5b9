"""Serves /metrics, /healthz and /readyz over HTTP, and pages where the worker runs their stage."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from detector.config import Web
from detector.metrics import Metrics
from detector.web.listening import Listening
from detector.web.reach import is_meant

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHUTDOWN_S = 2.0  # requests under way are answered within milliseconds; an idle keep-alive must not hold us

PAGES = ("/", "/incidents", "/incidents/{id}", "/tasks")

Reasons = Callable[[], Mapping[str, Sequence[str]]]
"""Asked at each request: by stage, what is wrong; nothing when all is well."""


class Server:
    """Metrics and health of one worker.

    `failures` names the stages that have failed (then a restart helps), `unready` those that cannot work yet.
    """

    def __init__(self, settings: Web, metrics: Metrics, failures: Reasons, unready: Reasons) -> None:
        self._listening = Listening("web", settings.host, settings.port, SHUTDOWN_S)
        self._metrics = metrics
        self._failures = failures
        self._unready = unready
        self._settings = settings

    @property
    def address(self) -> str:
        """The base address, http://127.0.0.1:9464; known once it is started."""
        return self._listening.address

    async def start(self, pages: Sequence[web.RouteDef] = ()) -> None:
        """Listens, and answers `pages` too; raises DeploymentError where the address is not to be had."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._serve_metrics),
                web.get("/healthz", self._serve_health),
                web.get("/readyz", self._serve_readiness),
                *(pages or [web.get(path, self._serve_elsewhere) for path in PAGES]),
            ]
        )
        await self._listening.start(app)

    async def stop(self) -> None:
        """Closes; may be called again."""
        await self._listening.stop()

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        if not is_meant(request.headers.get("Host", ""), self._settings):  # they tell what teams and agents spend
            return web.Response(status=421, text="Not served under this name; if it should be, set web.public_url.\n")
        self._metrics.show_ready(self._unready())
        # In a thread: thousands of series take longer to write than the stages' loop should stand still.
        text = await asyncio.to_thread(self._metrics.text)
        return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})

    async def _serve_health(self, _: web.Request) -> web.Response:
        return _verdict(self._failures())

    async def _serve_elsewhere(self, _: web.Request) -> web.Response:
        at = self._settings.public_url
        where = f"ask for them at {at}" if at else "ask a worker that runs the stage pages"
        return web.Response(status=404, text=f"This worker serves /metrics, /healthz and /readyz, no pages: {where}.\n")

    async def _serve_readiness(self, _: web.Request) -> web.Response:
        return _verdict(self._unready())


def _verdict(reasons: Mapping[str, Sequence[str]]) -> web.Response:
    wrong = {stage: list(found) for stage, found in reasons.items() if found}
    if wrong:
        return web.json_response({"status": "unavailable", "reasons": wrong}, status=503)
    return web.json_response({"status": "ok"})
