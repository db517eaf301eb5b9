"""The cap on pages in the notify stage on a broker: one day, one tenant, restarts, several workers, outages."""

import time
from typing import Any

import pytest

from detector.alerts import held_back
from detector.alerts.held_back import RULE
from detector.model.alert import Mark
from tests.integration.fake_alertmanager import FakeAlertmanager, alertmanagers
from tests.integration.test_notify import Scene, until
from tests.support.brokers import Kafka
from tests.unit.alert_records import OPENED_S


def since(n: float) -> dict[str, Any]:
    """Of an episode that became critical `n` seconds after the start of some day, in a group of its own."""
    return {"history": [Mark(OPENED_S // 86_400 * 86_400 + n, "open", "critical", 1.0)], "group": f"g{n}"}


def sent(there: FakeAlertmanager) -> dict[str, str]:
    """Severity of what fires, by episode; of the summary by "summary"."""
    names = {told["labels"]["episode"]: told["labels"]["alertname"] for told in there.alerts.values()}
    return {"summary" if names[id] == RULE else id: severity for id, severity in there.firing}


def summary(there: FakeAlertmanager) -> dict[str, str]:
    """The annotations of the summary."""
    [found] = [told["annotations"] for told in there.alerts.values() if told["labels"]["alertname"] == RULE]
    return dict(found)


async def test_beyond_the_cap_tickets_and_one_summary_that_is_updated_and_ends(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_back, "LINGERS_S", 1.0)
    now = time.time()
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=2)
        async with scene.stage() as stage:
            await until(lambda: stage.health() == [])  # what is there at a start is not counted
            for n in range(4):
                await scene.tell(id=f"e{n}", **since(n))
                await until(lambda n=n: f"e{n}" in sent(there))  # type: ignore[misc]
            paging = {"e0": "critical", "e1": "critical"}
            wanted = paging | {"e2": "warning", "e3": "warning", "summary": "critical"}
            await until(lambda: sent(there) == wanted and summary(there)["held_back_count"] == "2")
            await scene.tell(id="e2", version=2, state="resolved", resolved_at=now, **since(2))
            await until(lambda: summary(there)["held_back_count"] == "1")
            await scene.tell(id="e3", version=2, state="resolved", resolved_at=now, **since(3))
            await until(lambda: sent(there) == paging)
            await until(lambda: len(stage._book.notices) == 2)
    began = [severity for _, severity, begins in there.log if begins]
    assert sorted(began) == ["critical"] * 3 + ["warning"] * 2  # no page was sent twice, or before it was decided
    assert scene.counted("pages_total", tenant="acme") == 3
    assert scene.counted("pages_held_back_total", tenant="acme") == 2
    assert scene.counted("held_back_episodes", tenant="acme") == 0


async def test_a_restart_and_a_second_worker_decide_alike(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=3)
        async with scene.stage(), scene.stage():
            for n in range(8):
                await scene.tell(id=f"e{n}", **since(n))
                await until(lambda n=n: f"e{n}" in sent(there))  # type: ignore[misc]
            await until(lambda: len(sent(there)) == 9 and summary(there)["held_back_count"] == "5")
        before, log = sent(there), list(there.log)
        assert sorted(before.values()) == ["critical"] * 4 + ["warning"] * 5
        async with scene.stage() as stage:
            await until(lambda: stage.health() == [])
            await scene.tell(id="e0", version=2, state="update", **since(0))
            await scene.tell(id="e7", version=2, state="update", cost_usd=1000.0, **since(7))
            await until(lambda: summary(there)["cost_usd"] == "1050.00")
        assert sent(there) == before
        assert there.log == log


async def test_what_has_paged_pages_on_after_a_restart_though_an_earlier_one_came_late(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=1)
        async with scene.stage():
            await scene.tell(id="first", **since(60))
            await until(lambda: sent(there) == {"first": "critical"})
            await scene.tell(id="late", **since(0))
            await until(lambda: len(sent(there)) == 3)
        log = list(there.log)
        async with scene.stage() as stage:
            await until(lambda: stage.health() == [])
            await scene.tell(id="late", version=2, state="update", **since(0))
            await until(lambda: stage._book.notices["late"].version == 2)
        assert there.log == log


async def test_an_alertmanager_that_was_away_hears_the_same(kafka: Kafka) -> None:
    async with alertmanagers(2) as [up, down]:
        scene = Scene(kafka, [up.address, down.address], pages_a_day=1)
        down.down = True
        async with scene.stage():
            for n in range(3):
                await scene.tell(id=f"e{n}", **since(n))
            wanted = {"critical": 2, "warning": 2}
            await until(lambda: {s: list(sent(up).values()).count(s) for s in wanted} == wanted)
            down.down = False
            await until(lambda: sent(down) == sent(up))


async def test_where_only_critical_is_sent_the_summary_alone_tells_of_the_rest(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=1, min_severity="critical")
        async with scene.stage():
            await scene.tell(id="e0", **since(0))
            await until(lambda: sent(there) == {"e0": "critical"})
            await scene.tell(id="e1", **since(1))
            await until(lambda: sent(there) == {"e0": "critical", "summary": "critical"})


async def test_each_tenant_has_its_pages(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=1)
        async with scene.stage():
            await scene.tell(id="a", tenant="acme")
            await scene.tell(id="b", tenant="other")
            await until(lambda: sent(there) == {"a": "critical", "b": "critical"})
