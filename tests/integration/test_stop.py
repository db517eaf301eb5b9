"""Stop requests of the notify stage on a broker: once an episode, whatever dies, and each with its record."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from detector.errors import ConfigError, DeploymentError
from detector.kafka.clients import producer
from detector.pipeline.notify import NotifyStage
from detector.stopping import stopper
from detector.stopping.record import Stop, decode_stop, encode_stop, stop_of
from tests.integration.fake_alertmanager import FakeAlertmanager, alertmanagers
from tests.integration.test_notify import Scene, until
from tests.support.brokers import Kafka
from tests.support.stages import Reader
from tests.support.stop_receiver import SECRET, StopReceiver, stop_receiver
from tests.support.worker import worker
from tests.unit.alert_records import alert


class Stops:
    """A scene with somebody to ask, and what the topic of stops says."""

    def __init__(self, kafka: Kafka, there: StopReceiver, am: FakeAlertmanager, **settings: Any) -> None:
        self.there, self.alertmanager = there, am
        self.scene = Scene(kafka, [am.address])
        stop = {"mode": "on", "url": there.url, "secret": SECRET, **settings}
        topics = {"alerts": self.scene.config.topics.alerts, "stops": kafka.topic("stops", 1, cleanup_policy="compact")}
        self.scene.config = kafka.config(
            create=False,
            topics=topics,
            stop=stop,
            notify={"alertmanagers": [am.address], "resend_s": 0.4, "ends_s": 60},
        )
        self.reader = Reader(self.scene.config, self.scene.config.topics.stops)

    @property
    def told(self) -> list[Stop]:
        """All records so far."""
        return [decode_stop(record.value) for record in self.reader.records if record.value.startswith(b'{"id":"')]

    @property
    def outcomes(self) -> dict[str, str]:
        """What holds of each episode."""
        return {stop.id: stop.outcome for stop in self.told}

    def shown(self, id: str = "e1") -> str | None:
        """What Alertmanager was told of the stop of an episode."""
        found = [a["annotations"] for a in self.alertmanager.alerts.values() if a["labels"]["episode"] == id]
        return str(found[-1]["stop"]) if found and "stop" in found[-1] else None

    def counted(self, outcome: str) -> float:
        return self.scene.counted("stop_requests_total", outcome=outcome)

    async def write(self, *records: bytes, id: str = "e1") -> None:
        async with producer(self.scene.config) as sender:
            for record in records:
                await sender.send_and_wait(self.scene.config.topics.stops, record, key=id.encode())


@contextlib.asynccontextmanager
async def stops_of(kafka: Kafka, **settings: Any) -> AsyncIterator[Stops]:
    async with stop_receiver() as there, alertmanagers(1) as [am]:
        stops = Stops(kafka, there, am, **settings)
        async with stops.reader:
            yield stops


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopper, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(stopper, "LONGEST_RETRY_S", 0.1)


async def test_a_critical_alert_asks_once_and_the_answer_is_on_record_and_with_the_alert(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    async with stops_of(kafka) as stops:
        async with stops.scene.stage():
            await stops.scene.tell(severity="warning")
            await until(lambda: len(stops.alertmanager.firing) == 1)
            assert stops.there.asked == []
            await stops.scene.tell(version=2, state="update", key="k-7")
            await until(lambda: stops.outcomes == {"e1": "accepted"})
            await until(lambda: (stops.shown() or "").endswith("UTC, accepted"))
            await stops.scene.tell(version=3, state="update", cost_usd=99.0, key="k-7")
            await until(
                lambda: any(a["annotations"]["cost_usd"] == "99.00" for a in stops.alertmanager.alerts.values())
            )
        async with stops.scene.stage() as stage:  # a restart knows of it
            await until(lambda: stage.health() == [])
            await stops.scene.tell(id="e2")
            await until(lambda: stops.outcomes == {"e1": "accepted", "e2": "accepted"})
            assert (stops.shown() or "").endswith("UTC, accepted")
    [first, second] = stops.there.asked
    assert (first["id"], first["run"], first["key"], first["cost_usd"]) == ("e1", "run-7", "k-7", 12.5)
    assert second["id"] == "e2"
    [asking, accepted] = [stop for stop in stops.told if stop.id == "e1"]
    assert (asking.outcome, asking.attempts) == ("asking", 0)
    assert (accepted.attempts, accepted.status, accepted.error) == (1, 202, None)
    assert accepted.target == stops.there.url.removeprefix("http://").removesuffix("/stop")
    assert accepted.asked_at == asking.asked_at == first["asked_at"]
    assert stops.counted("accepted") == 2
    assert SECRET not in caplog.text + repr(stops.told)


async def test_a_dry_run_asks_nobody_and_says_what_it_would_have_asked(kafka: Kafka) -> None:
    async with stops_of(kafka, mode="dry_run") as stops:
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: stops.outcomes == {"e1": "dry_run"})
            await until(lambda: (stops.shown() or "").startswith("dry run: would have asked 127.0.0.1:"))
        on = stops.scene.config.stop.model_copy(update={"mode": "on"})
        stops.scene.config = stops.scene.config.model_copy(update={"stop": on})
        async with stops.scene.stage():  # what burnt through the dry run is not stopped by turning it on
            await stops.scene.tell(version=2, state="update")
            await stops.scene.tell(id="e2")
            await until(lambda: stops.outcomes == {"e1": "dry_run", "e2": "accepted"})
    assert [asked["id"] for asked in stops.there.asked] == ["e2"]


async def test_off_it_neither_asks_nor_needs_its_topic(kafka: Kafka) -> None:
    async with stop_receiver() as there, alertmanagers(1) as [am]:
        scene = Scene(kafka, [am.address])
        off = scene.config.stop.model_copy(update={"url": there.url})
        scene.config = scene.config.model_copy(update={"stop": off})
        async with scene.stage():
            await scene.tell()
            await until(lambda: len(am.firing) == 1)
        assert there.asked == []


async def test_without_its_topic_the_start_says_what_to_do(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        topics = stops.scene.config.topics.model_copy(update={"stops": kafka.name("none")})
        config = stops.scene.config.model_copy(update={"topics": topics})
        stage = NotifyStage(config, stops.scene.metrics)
        with pytest.raises(DeploymentError, match="is missing; make it with: detector topics"):
            await stage.start()
        await stage.stop()


async def test_it_asks_again_with_the_same_id_and_body_until_it_is_answered(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        stops.there.answers = [503, 429, 302]
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: stops.outcomes == {"e1": "accepted"})
    assert stops.there.asked == [stops.there.asked[0]] * 4
    assert stops.there.ids == ["e1"] * 4
    assert stops.there.elsewhere == 0  # a redirect is not followed
    assert [(stop.attempts, stop.status) for stop in stops.told] == [(0, None), (1, 503), (2, 429), (3, 302), (4, 202)]


async def test_what_is_refused_is_not_asked_again(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        stops.there.answers = [404]
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: stops.outcomes == {"e1": "refused"})
            await stops.scene.tell(version=2, state="update")
            await stops.scene.tell(id="e2")
            await until(lambda: stops.outcomes == {"e1": "refused", "e2": "accepted"})
            await until(lambda: (stops.shown() or "").endswith("refused with status 404"))
    assert stops.there.ids == ["e1", "e2"]
    assert stops.counted("refused") == 1


async def test_after_a_while_it_gives_up(kafka: Kafka) -> None:
    async with stops_of(kafka, give_up_s=0.5) as stops:
        stops.there.answers = [503] * 100
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: stops.outcomes == {"e1": "given_up"})
        last = stops.told[-1]
    assert last.attempts == len(stops.there.asked) > 1
    assert last.finished_at is not None
    assert 0.5 <= last.finished_at - last.asked_at < 5.0


async def test_who_is_out_of_reach_or_silent_is_told_by_the_reason_alone(kafka: Kafka) -> None:
    async with stops_of(kafka, timeout_s=0.2) as stops:
        stops.there.open.clear()
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: len(stops.told) >= 2)
            stops.there.open.set()
            await until(lambda: stops.outcomes == {"e1": "accepted"})
    assert stops.told[1].error == "no answer within 0.2 s"
    assert stops.told[-1].error is None


async def test_an_episode_that_ends_is_not_asked_for_any_more(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        stops.there.answers = [503] * 10_000
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: len(stops.there.asked) > 1)
            await stops.scene.tell(version=2, state="resolved", resolved_at=time.time())
            await until(lambda: stops.outcomes == {"e1": "resolved"})
            asked = len(stops.there.asked)
            await stops.scene.tell(id="e2", version=1, severity="warning")
            await until(lambda: len(stops.alertmanager.firing) == 1)
            assert len(stops.there.asked) == asked


async def test_what_ended_while_nobody_was_there_is_put_on_record_and_not_asked_for(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        await stops.write(encode_stop(stop_of(alert(), "on", "127.0.0.1:1", time.time())))
        await stops.scene.tell(version=2, state="resolved", resolved_at=time.time())
        async with stops.scene.stage():
            await until(lambda: stops.outcomes == {"e1": "resolved"})
        assert stops.there.asked == []


async def test_a_dry_run_gives_up_what_was_asked_before_it(kafka: Kafka) -> None:
    async with stops_of(kafka, mode="dry_run") as stops:
        await stops.write(encode_stop(stop_of(alert(), "on", "127.0.0.1:1", time.time())))
        await stops.scene.tell()
        async with stops.scene.stage():
            await until(lambda: stops.outcomes == {"e1": "given_up"})
        assert stops.there.asked == []


async def test_after_kill_9_between_request_and_record_the_next_worker_asks_again_with_the_same_id(
    kafka: Kafka, tmp_path: Path
) -> None:
    async with stops_of(kafka) as stops:
        await stops.scene.tell()
        stops.there.open.clear()
        config = stops.scene.config.model_copy(update={"web": stops.scene.config.web.model_copy(update={"port": 0})})
        with worker(config, tmp_path / "first", "worker", "--stage", "notify") as first:
            await until(lambda: len(stops.there.asked) == 1)
            first.process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(first.process.wait)
        await until(lambda: stops.outcomes == {"e1": "asking"})
        stops.there.open.set()
        await until(lambda: stops.there.stopped.keys() == {"e1"})
        with worker(config, tmp_path / "second", "worker", "--stage", "notify") as second:
            await until(lambda: stops.outcomes == {"e1": "accepted"})
            assert SECRET not in first.said + second.said
    assert stops.there.ids == ["e1", "e1"]
    assert stops.there.asked[0] == stops.there.asked[1]
    assert list(stops.there.stopped) == ["e1"]  # the receiver knows it by its id


async def test_two_workers_ask_with_one_id_and_agree_on_what_came_of_it(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops, stops.scene.stage() as one, stops.scene.stage() as other:
        await until(lambda: one.health() == other.health() == [])
        await stops.scene.tell()
        await until(lambda: stops.outcomes == {"e1": "accepted"})
        for stage in (one, other):
            await until(lambda stage=stage: (stage._stop_told("e1") or "").endswith("accepted"))  # type: ignore[misc]
    assert 1 <= len(stops.there.asked) <= 2
    assert set(stops.there.ids) == {"e1"}


async def test_an_answer_that_another_worker_had_ends_the_asking(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        stops.there.answers = [503] * 10_000
        async with stops.scene.stage() as stage:
            await stops.scene.tell()
            await until(lambda: len(stops.there.asked) > 1 and len(stops.told) > 1)
            begun = stops.told[0]
            accepted = replace(begun, outcome="accepted", status=202, attempts=1, finished_at=time.time())
            await stops.write(encode_stop(accepted))
            await until(lambda: (stage._stop_told("e1") or "").endswith("accepted"))
            await until(lambda: stage._stopper is not None and not stage._stopper._asking)
            for later in (replace(accepted, outcome="refused", status=404), replace(begun, asked_at=time.time())):
                await stops.write(encode_stop(later))
                await until(lambda later=later: later in stops.told)  # type: ignore[misc]
                await until(lambda: stops.outcomes == {"e1": "accepted"})  # the record that stays says so again


@pytest.mark.parametrize("said_again", [False, True])
@pytest.mark.parametrize("outcome", ["asking", "resolved"])
async def test_a_start_bears_what_another_worker_wrote_after_an_answer_and_says_what_holds(
    kafka: Kafka, outcome: str, said_again: bool
) -> None:
    async with stops_of(kafka) as stops:
        begun = stop_of(alert(), "on", "127.0.0.1:1", time.time())
        accepted = replace(begun, outcome="accepted", status=202, attempts=1, finished_at=time.time())
        other = begun if outcome == "asking" else replace(begun, outcome="resolved", finished_at=time.time())
        records = [accepted, other] + [accepted] * said_again
        await stops.write(*map(encode_stop, records))
        await stops.scene.tell()
        async with stops.scene.stage():
            await stops.scene.tell(id="e2")
            await until(lambda: stops.outcomes == {"e1": "accepted", "e2": "accepted"})
        assert stops.there.ids == ["e2"]
        assert [stop.outcome for stop in stops.told if stop.id == "e1"] == ["accepted", outcome, "accepted"]


async def test_a_record_that_is_no_stop_is_skipped(kafka: Kafka, caplog: pytest.LogCaptureFixture) -> None:
    async with stops_of(kafka) as stops:
        await stops.write(b"", b"no json", b'{"id": 7}', b"[" * 5000)
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: stops.outcomes.get("e1") == "accepted")
    assert sum("that is no stop" in message for message in caplog.messages) == 4


async def test_a_held_back_page_is_stopped_all_the_same(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        one = stops.scene.config.notify.model_copy(update={"pages_a_day": 1})
        stops.scene.config = stops.scene.config.model_copy(update={"notify": one})
        async with stops.scene.stage():
            await stops.scene.tell(id="e1", group="g1")
            await stops.scene.tell(id="e2", group="g2")
            await until(lambda: set(stops.there.stopped) == {"e1", "e2"})


async def test_one_who_hangs_holds_up_no_page(kafka: Kafka) -> None:
    async with stops_of(kafka) as stops:
        stops.there.open.clear()
        async with stops.scene.stage():
            await stops.scene.tell(id="e1")
            await until(lambda: len(stops.there.asked) == 1)
            await stops.scene.tell(id="e2", severity="warning")
            await until(lambda: len(stops.alertmanager.firing) == 2)
            stops.there.open.set()


async def test_a_secret_that_cannot_be_used_is_told_at_the_start(kafka: Kafka, tmp_path: Path) -> None:
    async with stops_of(kafka, secret_file=tmp_path / "none") as stops:
        stage = NotifyStage(stops.scene.config, stops.scene.metrics)
        with pytest.raises(ConfigError, match=r"stop\.secret_file"):
            await stage.start()
        await stage.stop()


async def test_an_end_waits_for_no_answer_beyond_its_time(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopper, "END_S", 0.1)
    async with stops_of(kafka) as stops:
        stops.there.open.clear()
        async with stops.scene.stage():
            await stops.scene.tell()
            await until(lambda: len(stops.there.asked) == 1)
        stops.there.open.set()
        async with stops.scene.stage():  # the next start asks on
            await until(lambda: stops.outcomes == {"e1": "accepted"})
    assert stops.there.ids == ["e1", "e1"]


@pytest.mark.parametrize("mode", ["on", "dry_run"])
async def test_what_cannot_be_put_on_record_is_not_asked_and_pages_go_out(
    kafka: Kafka, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: Any) -> None:
        raise DeploymentError("it takes no records")

    async with stops_of(kafka, mode=mode) as stops, stops.scene.stage():
        with monkeypatch.context() as broken:
            broken.setattr(stopper.Outbox, "deliver", refuse)
            await stops.scene.tell()
            await until(lambda: stops.counted("unrecorded") == 1)
            await until(lambda: stops.alertmanager.firing == {("e1", "critical")})
            await stops.scene.tell(version=2, state="update")  # tries anew
            await until(lambda: stops.counted("unrecorded") == 2)
            assert stops.there.asked == []
            assert stops.shown() is None
            assert stops.counted("dry_run") == 0
        await stops.scene.tell(version=3, state="update")
        await until(lambda: stops.outcomes == {"e1": "accepted" if mode == "on" else "dry_run"})
    assert "the stop of episode e1 cannot be recorded: it takes no records" in caplog.text
