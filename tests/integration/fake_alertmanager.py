"""Alertmanagers on loopback that keep alerts as the real one does, and note what changes."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from detector.alerts.alertmanager import rfc3339


class FakeAlertmanager:
    """API v2 on loopback: what fires by labels, every change of it, and down on demand."""

    def __init__(self) -> None:
        self.alerts: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, str, bool]] = []
        self.bodies: list[bytes] = []
        self.down = False
        self.address = ""

    async def answer(self, request: web.Request) -> web.Response:
        if self.down:
            return web.Response(status=503)
        if request.method == "GET":
            return web.json_response([a for a in self.alerts.values() if self._fires(a)])
        self.bodies.append(await request.read())
        for told in await request.json():
            key, labels = json.dumps(told["labels"], sort_keys=True), told["labels"]
            assert told["startsAt"] <= told["endsAt"]
            before, now = key in self.alerts and self._fires(self.alerts[key]), self._fires(told)
            self.alerts[key] = told
            if before != now:
                self.log.append((labels["episode"], labels["severity"], now))
        return web.Response()

    @staticmethod
    def _fires(told: dict[str, Any]) -> bool:
        return bool(told["endsAt"] > rfc3339(time.time()))

    @property
    def firing(self) -> set[tuple[str, str]]:
        labels = [told["labels"] for told in self.alerts.values() if self._fires(told)]
        return {(found["episode"], found["severity"]) for found in labels}


@asynccontextmanager
async def alertmanagers(count: int) -> AsyncIterator[list[FakeAlertmanager]]:
    fakes, runners = [], []
    try:
        for _ in range(count):
            fake, app = FakeAlertmanager(), web.Application()
            app.router.add_route("*", "/api/v2/alerts", fake.answer)
            runner = web.AppRunner(app)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            fake.address = "http://{}:{}".format(*runner.addresses[0])
            fakes.append(fake)
        yield fakes
    finally:
        for runner in runners:
            await runner.cleanup()
