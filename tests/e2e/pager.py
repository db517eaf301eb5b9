"""The pager behind a real Alertmanager: what it was told, notification by notification."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

from tests.support.alertmanager import Alertmanager
from tests.support.services import fetched

DEADLINE_S = 60.0

CONFIG = """
route: {{receiver: pager, group_by: [episode], group_wait: {wait}, group_interval: {interval}, repeat_interval: 1h}}
receivers:
  - name: pager
    webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""

# It remembers whom it has paged on disk, every 15 minutes by default; a kill loses what came since.
REMEMBER = "--data.maintenance-interval=100ms"
REMEMBERED = "alertmanager_nflog_snapshot_duration_seconds_count"


class Told(NamedTuple):
    """One alert of one notification."""

    episode: str
    severity: str
    status: str


class Pager:
    """Receives Alertmanager's webhooks at `url`; `times` (s UTC) are those of the notifications."""

    def __init__(self) -> None:
        self.notifications: list[list[Told]] = []
        self.times: list[float] = []
        self.url = ""

    @property
    def config(self) -> str:
        """The configuration of an Alertmanager that pages here, with waits so short that a story takes seconds."""
        return self.config_of("50ms", "200ms")

    def config_of(self, wait: str, interval: str) -> str:
        """The same, with these waits before the first notification of an episode, and between those that follow."""
        return CONFIG.format(url=self.url, wait=wait, interval=interval)

    async def answer(self, request: web.Request) -> web.Response:
        alerts: list[dict[str, Any]] = (await request.json())["alerts"]
        self.times.append(time.time())
        self.notifications.append([Told(a["labels"]["episode"], a["labels"]["severity"], a["status"]) for a in alerts])
        return web.Response()

    def heard(self, *told: str) -> bool:
        """Whether it was told all of these, each as "episode severity status"."""
        return {Told(*text.split()) for text in told} <= {t for each in self.notifications for t in each}

    def of(self, episode: str) -> list[list[str]]:
        """The notifications of an episode in order, each as "severity status" of its alerts."""
        return [
            sorted(f"{t.severity} {t.status}" for t in told)
            for told in self.notifications
            if any(t.episode == episode for t in told)
        ]


@asynccontextmanager
async def pager() -> AsyncIterator[Pager]:
    """A pager on loopback."""
    told, app = Pager(), web.Application()
    app.router.add_post("/", told.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.url = "http://{}:{}/".format(*runner.addresses[0])
    try:
        yield told
    finally:
        await runner.cleanup()


def remembering(there: Alertmanager) -> Alertmanager:
    """An Alertmanager that is down and, once started, remembers across kills whom it has paged."""
    there.kill()
    there._service.argv.append(REMEMBER)
    return there


async def remembered(there: Alertmanager) -> None:
    """Returns once all that was paged before is on disk."""

    def snapshots() -> float:
        lines = fetched(f"{there.url}/metrics").decode().splitlines()
        return float(next(line for line in lines if line.startswith(REMEMBERED)).split()[1])

    # The first one after the call may have begun before it.
    seen = await asyncio.to_thread(snapshots)
    await until(lambda: snapshots() >= seen + 2)


async def until(holds: Callable[[], bool]) -> None:
    """Returns once `holds`."""
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 (it happens in other programs)
            await asyncio.sleep(0.02)
