"""The notify stage on a broker, with Alertmanagers that keep alerts as the real one does."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from detector.clock import Clock, system_clock
from detector.config import Config
from detector.errors import DeploymentError
from detector.kafka.clients import producer
from detector.metrics import Metrics
from detector.model.alert import encode_alert
from detector.pipeline import notify
from detector.pipeline.notify import NotifyStage
from tests.integration.fake_alertmanager import alertmanagers
from tests.support.brokers import Kafka
from tests.support.stages import running, until
from tests.unit.alert_records import alert


class Scene:
    """The alert topic of one test, and the stage that reads it."""

    def __init__(self, kafka: Kafka, addresses: list[str], clock: Clock = system_clock, **settings: Any) -> None:
        self._clock = clock
        self.config = kafka.config(
            create=False,
            topics={"alerts": kafka.topic("alerts", 4, cleanup_policy="compact,delete")},
            notify={"alertmanagers": addresses, "resend_s": 0.4, "ends_s": 60, **settings},
        )
        self.metrics = Metrics(self.config.metrics)

    async def write(self, *records: tuple[str, bytes | None], at: float | None = None) -> None:
        stamp = int((time.time() if at is None else at) * 1000)
        async with producer(self.config) as sender:
            for key, value in records:
                await sender.send_and_wait(self.config.topics.alerts, value, key=key.encode(), timestamp_ms=stamp)

    async def tell(self, at: float | None = None, **fields: Any) -> None:
        told = alert(opened_at=time.time() - 30, updated_at=time.time() - 20, **fields)
        await self.write((told.id, encode_alert(told)), at=at)

    @asynccontextmanager
    async def stage(self) -> AsyncIterator[NotifyStage]:
        stage = NotifyStage(self.config, self.metrics, self._clock)
        async with running(stage):
            yield stage

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"detector_{name}", labels) or 0.0


async def test_an_episode_fires_escalates_and_resolves(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        async with scene.stage() as stage:
            await until(lambda: stage.health() == [])
            await scene.tell(severity="warning")
            await until(lambda: there.firing == {("e1", "warning")})
            await scene.tell(severity="critical", version=2, state="update")
            await until(lambda: there.firing == {("e1", "critical")})
            await scene.tell(severity="critical", version=3, state="resolved", resolved_at=time.time())
            await until(lambda: not there.firing)
            await until(lambda: not stage._book.notices)
            assert stage.health() == []
    assert there.log == [
        ("e1", "warning", True),
        ("e1", "critical", True),
        ("e1", "warning", False),
        ("e1", "critical", False),
    ]
    assert scene.counted("notify_seconds_count") == 3
    assert scene.counted("notify_pending") == 0
    assert scene.counted("notify_requests_total", target=there.address, outcome="ok") >= 4


async def test_what_is_written_in_the_millisecond_of_the_start_is_measured(kafka: Kafka) -> None:
    second = float(int(time.time()))
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], clock=lambda: second + 0.0009)
        async with scene.stage() as stage:
            await until(lambda: stage.health() == [])
            await scene.tell(at=second)
            await until(lambda: len(there.firing) == 1)
    assert scene.counted("notify_seconds_count") == 1


async def test_a_start_reads_all_before_it_sends_and_takes_the_highest_version(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], pages_a_day=0)
        now = time.time()
        for n in range(8):
            await scene.tell(id=f"open{n}", version=1, severity="info")
            await scene.tell(id=f"open{n}", version=3, severity="critical")
            await scene.tell(id=f"open{n}", version=2, severity="warning")
            await scene.tell(id=f"over{n}", version=2, state="resolved", resolved_at=now)
            await scene.tell(id=f"over{n}", version=1)
            await scene.tell(id=f"long over{n}", at=now - 5000, version=2, state="resolved")
        async with scene.stage() as stage:
            await until(lambda: len(there.alerts) == 16)
            assert there.firing == {(f"open{n}", "critical") for n in range(8)}
            await until(lambda: len(stage._book.notices) == 8)
    assert not any("long over" in key for key in there.alerts)
    assert sorted(there.log) == [(f"open{n}", "critical", True) for n in range(8)]


async def test_a_restart_repeats_nothing_and_tells_what_happened_meanwhile(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        async with scene.stage():
            for id in ("resolves", "escalates", "stays"):
                await scene.tell(id=id, severity="warning")
            await until(lambda: len(there.firing) == 3)
        before = list(there.log)
        await scene.tell(id="resolves", severity="warning", version=2, state="resolved")
        await scene.tell(id="escalates", severity="critical", version=2)
        async with scene.stage():
            await until(lambda: there.firing == {("escalates", "critical"), ("stays", "warning")})
    assert sorted(there.log[len(before) :]) == [
        ("escalates", "critical", True),
        ("escalates", "warning", False),
        ("resolves", "warning", False),
    ]


async def test_one_that_is_down_delays_no_other_and_hears_of_everything_later(kafka: Kafka) -> None:
    async with alertmanagers(2) as [up, down]:
        scene = Scene(kafka, [up.address, down.address])
        down.down = True
        async with scene.stage() as stage:
            await scene.tell(id="e1")
            await scene.tell(id="e2")
            await until(lambda: len(up.firing) == 2)
            await scene.tell(id="e2", version=2, state="resolved")
            await until(lambda: up.firing == {("e1", "critical")})
            assert not down.alerts
            [trouble] = stage.health()
            assert trouble.startswith(f"alertmanager {down.address} unreachable since 20")
            await until(lambda: scene.counted("notify_pending") == 2)
            down.down = False
            await until(lambda: down.firing == {("e1", "critical")})
            await until(lambda: stage.health() == [] and scene.counted("notify_pending") == 0)


async def test_below_the_minimum_nothing_is_sent(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address], min_severity="critical")
        await scene.tell(id="e1", severity="warning")
        async with scene.stage():
            await scene.tell(id="e2", severity="critical")
            await until(lambda: there.firing == {("e2", "critical")})
    assert {episode for episode, _, _ in there.log} == {"e2"}


async def test_what_is_no_alert_is_skipped_and_counted_once(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        deep = b'{"evidence":' + b'{"a":' * 5000 + b"1" + b"}" * 5001
        bad = [b"", b"not json", b'{"id": 7}', b'"\xff"', b"[" * 5000, deep]
        async with scene.stage():
            await scene.write(*[("e1", value) for value in bad])
            await scene.tell()
            await until(lambda: there.firing == {("e1", "critical")})
    assert scene.counted("notify_bad_records_total") == len(bad)
    assert sum("that is no alert" in message for message in caplog.messages) == len(bad)


async def test_a_tombstone_ends_an_open_episode(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        await scene.write(("never heard of", None))
        async with scene.stage():
            await scene.tell()
            await until(lambda: len(there.firing) == 1)
            await scene.write(("e1", None))
            await until(lambda: not there.firing)


async def test_a_firing_alert_is_kept_alive(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        async with scene.stage():
            await scene.tell()
            await until(lambda: len(there.alerts) == 1)
            [first] = [told["endsAt"] for told in there.alerts.values()]
            await until(lambda: all(told["endsAt"] > first for told in there.alerts.values()))


async def test_without_alertmanagers_it_is_healthy_and_sends_nothing(kafka: Kafka) -> None:
    scene = Scene(kafka, [])
    await scene.tell()
    async with scene.stage() as stage:
        await until(lambda: stage.health() == [])
        await scene.tell(version=2, state="resolved")
        await until(lambda: not stage._book.notices)


async def test_until_the_topic_is_read_it_is_not_ready(kafka: Kafka) -> None:
    scene = Scene(kafka, [])
    await scene.tell()
    stage = NotifyStage(scene.config, scene.metrics)
    await stage.start()
    try:
        assert stage.health() == [f"still reading {scene.config.topics.alerts}: 1 records left"]
    finally:
        await stage.stop()
        await stage.stop()


async def test_without_a_broker_the_start_says_what_to_do() -> None:
    config = Config(kafka={"bootstrap": "127.0.0.1:9"})
    stage = NotifyStage(config, Metrics(config.metrics))
    with pytest.raises(DeploymentError, match=r"kafka\.bootstrap"):
        await stage.start()
    await stage.stop()


async def test_an_outage_of_the_broker_is_outlived(kafka: Kafka) -> None:
    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        async with scene.stage():
            await scene.tell(id="e1")
            await until(lambda: len(there.firing) == 1)
            with kafka.outage():
                pass
            await scene.tell(id="e2")
            await until(lambda: len(there.firing) == 2)


async def test_when_reading_fails_the_stage_fails(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any) -> None:
        raise ValueError("on purpose")

    async with alertmanagers(1) as [there]:
        scene = Scene(kafka, [there.address])
        monkeypatch.setattr(notify.NotifyStage, "_measure", fail)
        stage = NotifyStage(scene.config, scene.metrics)
        await stage.start()
        try:
            with pytest.raises(ValueError, match="on purpose"):
                await stage.run()
        finally:
            await stage.stop()
