"""The cap on pages, from alert records through a real Alertmanager to a pager that hears of critical alerts alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from detector.alerts import held_back
from detector.alerts.held_back import RULE
from detector.model.alert import Mark
from tests.e2e.pager import Pager, pager, until
from tests.e2e.test_alertmanager import Scene
from tests.support.alertmanager import Alertmanager
from tests.support.brokers import Kafka
from tests.unit.alert_records import OPENED_S

BY_SEVERITY = """
route:
  receiver: tickets
  group_by: [episode]
  group_wait: 50ms
  group_interval: 200ms
  repeat_interval: 1h
  routes: [{{receiver: pager, matchers: [severity="critical"]}}]
receivers:
  - name: pager
    webhook_configs: [{{url: "{pager}", send_resolved: true}}]
  - name: tickets
    webhook_configs: [{{url: "{tickets}", send_resolved: true}}]
"""
MIDNIGHT = OPENED_S // 86_400 * 86_400


class Desk:
    """An Alertmanager that routes by severity, as a deployment's does."""

    def __init__(self, scene: Scene, tickets: Pager) -> None:
        self.scene, self.tickets = scene, tickets

    async def tell(self, n: int, version: int = 1, **fields: Any) -> None:
        """Episode e`n`, which became critical `n` minutes after a midnight."""
        history = [Mark(MIDNIGHT + 60.0 * n, "open", "critical", 1.0)]
        await self.scene.tell(id=f"e{n}", version=version, history=history, group=f"g{n}", **fields)

    def summaries(self) -> list[dict[str, Any]]:
        """What Alertmanager shows of summaries."""
        return [shown for shown in self.scene.there.alerts() if shown["labels"]["alertname"] == RULE]

    def listed(self) -> list[int]:
        """How many alerts the summaries that fire list."""
        return [int(shown["annotations"]["held_back_count"]) for shown in self.summaries()]


@pytest.fixture
async def desk(kafka: Kafka, alertmanager: Callable[..., Alertmanager]) -> AsyncIterator[Desk]:
    async with pager() as phone, pager() as tickets:
        config = BY_SEVERITY.format(pager=phone.url, tickets=tickets.url)
        there = await asyncio.to_thread(alertmanager, config)
        try:
            yield Desk(Scene(kafka, there, phone), tickets)
        finally:
            there.kill()


async def test_the_sixth_is_a_summary_page_which_the_seventh_updates_and_which_ends_when_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_back, "LINGERS_S", 1.0)
    phone = desk.scene.pager
    async with desk.scene.notify():
        for n in range(5):
            await desk.tell(n)
        await until(lambda: phone.heard(*(f"e{n} critical firing" for n in range(5))))
        await desk.tell(5)
        await until(lambda: desk.listed() == [1] and len(phone.notifications) == 6)
        [shown] = desk.summaries()
        summary = shown["labels"]["episode"]
        assert phone.notifications[-1] == [(summary, "critical", "firing")]
        await desk.tell(6, cost_usd=100.0)
        await until(lambda: desk.listed() == [2])
        await until(lambda: desk.tickets.heard("e5 warning firing", "e6 warning firing"))
        assert "$112.50 so far" in desk.summaries()[0]["annotations"]["summary"]
    async with desk.scene.notify() as stage:  # a restart, and nobody is paged anew
        await until(lambda: stage.health() == [])
        now = time.time()
        for n in (5, 6):
            await desk.tell(n, 2, state="resolved", resolved_at=now)
        await until(lambda: desk.summaries() == [])
        await until(lambda: phone.heard(f"{summary} critical resolved"))
        await until(lambda: desk.tickets.heard("e5 warning resolved", "e6 warning resolved"))
    assert len(phone.notifications) == 7  # five pages, the summary, and its end
    assert not any(told.severity == "critical" for each in desk.tickets.notifications for told in each)
