"""Serves /metrics, /healthz and /readyz over HTTP."""

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from detector.config import Web
from detector.errors import DeploymentError
from detector.metrics import Metrics

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHUTDOWN_S = 2.0  # requests under way are answered within milliseconds; an idle keep-alive must not hold us

Reasons = Callable[[], Mapping[str, Sequence[str]]]
"""Asked at each request: by stage, what is wrong; nothing when all is well."""


class Server:
    """Metrics and health of one worker.

    `failures` names the stages that have failed (then a restart helps), `unready` those that cannot work yet.
    """

    def __init__(self, settings: Web, metrics: Metrics, failures: Reasons, unready: Reasons) -> None:
        self._settings = settings
        self._metrics = metrics
        self._failures = failures
        self._unready = unready
        self._runner: web.AppRunner | None = None
        self._port: int | None = None

    @property
    def address(self) -> str:
        """The base address, http://127.0.0.1:9464; known once it is started."""
        if self._port is None:
            raise RuntimeError("the server is not started")
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    async def start(self) -> None:
        """Listens; raises DeploymentError where the address is not to be had."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/metrics", self._serve_metrics),
                web.get("/healthz", self._serve_health),
                web.get("/readyz", self._serve_readiness),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise DeploymentError(_why_not(self._settings, error)) from error
        self._runner = runner
        self._port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Closes; may be called again."""
        runner, self._runner, self._port = self._runner, None, None
        if runner is not None:
            await runner.cleanup()

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        # In a thread: thousands of series take longer to write than the stages' loop should stand still.
        text = await asyncio.to_thread(self._metrics.text)
        return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})

    async def _serve_health(self, _: web.Request) -> web.Response:
        return _verdict(self._failures())

    async def _serve_readiness(self, _: web.Request) -> web.Response:
        return _verdict(self._unready())


def _verdict(reasons: Mapping[str, Sequence[str]]) -> web.Response:
    wrong = {stage: list(found) for stage, found in reasons.items() if found}
    if wrong:
        return web.json_response({"status": "unavailable", "reasons": wrong}, status=503)
    return web.json_response({"status": "ok"})


def _why_not(settings: Web, error: OSError) -> str:
    at = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return f"web.port: {at} is taken by another program; set web.port to a free one (0: any)"
    if error.errno == errno.EACCES:
        return f"web.port: {at} needs privileges; set web.port to one above 1023"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"web.host: {settings.host} is no address of this machine; set web.host to one, as 127.0.0.1"
    return f"web.host, web.port: cannot listen on {at}: {error.strerror}"
