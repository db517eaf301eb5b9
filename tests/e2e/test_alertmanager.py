"""From alert records on Kafka through a real Alertmanager to a pager."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from detector.kafka.clients import producer
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline.notify import NotifyStage
from tests.e2e.pager import Pager, pager, remembered, remembering, until
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Kafka
from tests.support.stages import running
from tests.unit.alert_records import alert


class Scene:
    """One alert topic, one Alertmanager, one pager."""

    def __init__(self, kafka: Kafka, there: Alertmanager, phone: Pager) -> None:
        self.there, self.pager, self._kafka = there, phone, kafka
        self._topic = kafka.topic("alerts", 4, cleanup_policy="compact,delete")

    async def tell(self, **fields: Any) -> None:
        now = time.time()
        told = alert(**{"opened_at": now - 7200, "updated_at": now - 5, **fields})
        async with producer(self._kafka.config(create=False)) as sender:
            await sender.send_and_wait(self._topic, encode_alert(told), key=told.id.encode())

    @asynccontextmanager
    async def notify(self, **settings: Any) -> AsyncIterator[NotifyStage]:
        config = self._kafka.config(
            create=False,
            topics={"alerts": self._topic},
            notify={"alertmanagers": [self.there.url], "resend_s": 0.4, "ends_s": 60, **settings},
        )
        stage = NotifyStage(config, Metrics(config.metrics))
        async with running(stage):
            yield stage


@pytest.fixture
async def scene(kafka: Kafka, alertmanager: Callable[..., Alertmanager]) -> AsyncIterator[Scene]:
    async with pager() as phone:
        there = await asyncio.to_thread(alertmanager, phone.config)
        try:
            yield Scene(kafka, there, phone)
        finally:
            there.kill()


async def test_one_alert_fires_escalates_and_resolves(scene: Scene) -> None:
    async with scene.notify() as stage:
        await scene.tell(severity="info")
        await until(lambda: scene.pager.heard("e1 info firing"))
        await scene.tell(severity="warning", version=2, state="update")
        await until(lambda: scene.pager.heard("e1 warning firing", "e1 info resolved"))
        await scene.tell(severity="critical", version=3, state="update")
        await until(lambda: scene.pager.heard("e1 critical firing", "e1 warning resolved"))
        assert stage.health() == []
        await scene.tell(severity="critical", version=4, state="resolved", resolved_at=time.time() - 3)
        await until(lambda: scene.pager.heard("e1 critical resolved"))
    assert scene.pager.of("e1") == [
        ["info firing"],
        ["info resolved", "warning firing"],
        ["critical firing", "warning resolved"],
        ["critical resolved"],
    ]


async def test_an_alertmanager_that_is_down_at_the_start_and_again_later_misses_nothing(scene: Scene) -> None:
    there = remembering(scene.there)
    async with scene.notify() as stage:
        await scene.tell(id="early")
        await until(lambda: "unreachable since" in str(stage.health()))
        await asyncio.to_thread(there.start)
        await until(lambda: scene.pager.heard("early critical firing"))
        await until(lambda: stage.health() == [])
        await remembered(there)
        there.kill()
        await scene.tell(id="early", version=2, state="resolved", resolved_at=time.time())
        await scene.tell(id="late", severity="warning")
        await scene.tell(id="late", severity="critical", version=2, state="update")
        await until(lambda: [n.version for n in stage._book.notices.values()] == [2, 2])
        await until(lambda: "unreachable since" in str(stage.health()))
        await asyncio.to_thread(there.start)
        await until(lambda: scene.pager.heard("late critical firing", "early critical resolved"))
        await until(lambda: stage.health() == [])
    assert scene.pager.of("early") == [["critical firing"], ["critical resolved"]]
    assert not scene.pager.heard("late warning firing")


async def test_a_restart_of_notify_neither_doubles_nor_loses(scene: Scene) -> None:
    async with scene.notify():
        for id in ("stays", "escalates", "resolves", "over"):
            await scene.tell(id=id, severity="warning")
        await scene.tell(id="over", severity="warning", version=2, state="resolved")
        fired = [f"{id} warning firing" for id in ("stays", "escalates", "resolves")]
        await until(lambda: scene.pager.heard(*fired))
    await scene.tell(id="escalates", severity="critical", version=2, state="update")
    await scene.tell(id="resolves", severity="warning", version=2, state="resolved")
    await scene.tell(id="fresh", severity="critical")
    async with scene.notify():
        await until(
            lambda: scene.pager.heard(
                "escalates critical firing",
                "escalates warning resolved",
                "resolves warning resolved",
                "fresh critical firing",
            )
        )
        await scene.tell(id="fresh", severity="critical", version=2, state="resolved")
        await until(lambda: scene.pager.heard("fresh critical resolved"))
    assert scene.pager.of("stays") == [["warning firing"]]
    assert scene.pager.of("resolves") == [["warning firing"], ["warning resolved"]]
    assert scene.pager.of("escalates") == [["warning firing"], ["critical firing", "warning resolved"]]
    assert scene.pager.of("over") in ([], [["warning firing"], ["warning resolved"]])


async def test_what_fires_lives_while_notify_does_and_ends_by_itself_after_it(scene: Scene) -> None:
    async with scene.notify(ends_s=2):
        await scene.tell()
        await until(lambda: scene.pager.heard("e1 critical firing"))
        await asyncio.sleep(3)  # longer than ends_s: only what is sent again is still there
        assert scene.pager.of("e1") == [["critical firing"]]
    await until(lambda: scene.pager.heard("e1 critical resolved"))


async def test_an_alertmanager_that_is_gone_for_longer_than_its_alerts_live_pages_nobody_twice(scene: Scene) -> None:
    there = remembering(scene.there)
    await asyncio.to_thread(there.start)
    async with scene.notify(ends_s=2) as stage:
        await scene.tell()
        await until(lambda: scene.pager.heard("e1 critical firing"))
        await remembered(there)
        there.kill()
        await asyncio.sleep(3)
        assert "unreachable since" in str(stage.health())
        await asyncio.to_thread(there.start)
        await until(lambda: stage.health() == [] and len(there.alerts()) == 1)
        await asyncio.sleep(1)  # several group intervals
        assert scene.pager.of("e1") == [["critical firing"]]
        await scene.tell(version=2, state="resolved", resolved_at=time.time())
        await until(lambda: scene.pager.heard("e1 critical resolved"))
    assert scene.pager.of("e1") == [["critical firing"], ["critical resolved"]]
