"""Whoever is asked to stop things: verifies signatures, acts once an id, and answers as it is told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from detector.webhooks.signatures import standard

SECRET = "swordfish-of-stops-0123456789"


class StopReceiver:
    """`answers`: statuses for the next requests, then 202; nothing is answered until `open` is set.

    `asked` are the bodies in their order, repeats included; `stopped` are those that were acted upon, once an id.
    """

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.asked: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.stopped: dict[str, dict[str, Any]] = {}
        self.elsewhere = 0
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        standard([SECRET.encode()], headers, body, time.time(), 300.0)
        self.asked.append(json.loads(body))
        self.ids.append(headers["webhook-id"])
        await self.open.wait()
        status = self.answers.pop(0) if self.answers else 202
        if status == 202:
            self.stopped.setdefault(headers["webhook-id"], self.asked[-1])
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def away(self, request: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@asynccontextmanager
async def stop_receiver() -> AsyncIterator[StopReceiver]:
    """Listens on loopback until the end of the block."""
    receiver, app = StopReceiver(), web.Application()
    app.router.add_post("/stop", receiver.answer)
    app.router.add_route("*", "/elsewhere", receiver.away)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = "http://{}:{}/stop".format(*runner.addresses[0])
    try:
        yield receiver
    finally:
        receiver.open.set()
        await runner.cleanup()
