"""An HTTP server on an address of the configuration, and what to do where that is not to be had."""

import errno
import socket
import ssl

from aiohttp import web

from detector.errors import DeploymentError

IDLE_S = 75.0
"""A connection is closed after so long without a whole head of a request; load balancers give up theirs after 60 s."""


class Listening:
    """Serves an application on `SECTION.host` and `SECTION.port`, whose keys its errors name."""

    def __init__(
        self,
        section: str,
        host: str,
        port: int,
        shutdown_s: float,
        tls: ssl.SSLContext | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        self._section, self._host, self._asked, self._tls = section, host, port, tls
        self._shutdown_s, self._idle_s = shutdown_s, idle_s
        self._runner: web.AppRunner | None = None
        self._port: int | None = None

    @property
    def address(self) -> str:
        """The base address, as http://127.0.0.1:9464; known once it is started."""
        if self._port is None:
            raise RuntimeError("the server is not started")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http{'s' if self._tls else ''}://{host}:{self._port}"

    async def start(self, app: web.Application, *, auto_decompress: bool = True) -> None:
        """Listens; raises DeploymentError where the address is not to be had."""
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=self._shutdown_s,
            keepalive_timeout=self._idle_s,
            auto_decompress=auto_decompress,
        )
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._asked, ssl_context=self._tls)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise DeploymentError(self._why_not(error)) from error
        self._runner = runner
        self._port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Takes no more, answers what is in hand within the time that was set, and closes; may be called again."""
        runner, self._runner, self._port = self._runner, None, None
        if runner is not None:
            await runner.cleanup()

    def _why_not(self, error: OSError) -> str:
        section, at = self._section, f"{self._host}:{self._asked}"
        if error.errno == errno.EADDRINUSE:
            return f"{section}.port: {at} is taken by another program; set {section}.port to a free one (0: any)"
        if error.errno == errno.EACCES:
            return f"{section}.port: {at} needs privileges; set {section}.port to one above 1023"
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            return (
                f"{section}.host: {self._host} is no address of this machine; set {section}.host to one, as 127.0.0.1"
            )
        return f"{section}.host, {section}.port: cannot listen on {at}: {error.strerror}"
