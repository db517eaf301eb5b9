"""One Alertmanager kept up to date: batches, refusals, outages, restarts."""

import asyncio
from typing import Any

import pytest

from detector.alerts import delivery
from detector.alerts.alertmanager import Labels, Notice, Posted, notice_of, rfc3339
from detector.alerts.book import Book
from detector.alerts.delivery import Courier
from detector.alerts.due import Policy
from detector.alerts.endpoint import RefusedError, UnreachableError
from tests.unit.alert_records import OPENED_S, alert

NOW = OPENED_S + 100


class FakeEndpoint:
    """An Alertmanager without HTTP: down on demand, and particular about some episodes."""

    def __init__(self) -> None:
        self.down = False
        self.refuses: set[str] = set()
        self.requests: list[list[Posted]] = []
        self.shown: dict[str, list[Labels]] = {}
        self.posting = asyncio.Event()
        self.beats = 0

    async def post(self, alerts: list[Posted]) -> None:
        self.posting.set()
        await asyncio.sleep(0)
        if self.down:
            raise UnreachableError("down")
        if not alerts:
            self.beats += 1
            return
        self.requests.append(alerts)
        if self.refuses & {a.labels["episode"] for a in alerts}:
            raise RefusedError("no")

    async def firing(self) -> dict[str, list[Labels]]:
        if self.down:
            raise UnreachableError("down")
        return self.shown


class Desk:
    """A courier with its book, its clock and the Alertmanager it serves."""

    def __init__(self, **policy: Any) -> None:
        self.now = NOW
        self.endpoint, self.book = FakeEndpoint(), Book()
        self.delivered: asyncio.Queue[Notice] = asyncio.Queue()
        self.policy = Policy(**{"min_severity": "info", "resend_s": 60.0, "ends_s": 900.0, **policy})
        self.restart()

    def restart(self) -> None:
        self.unread: list[Notice] = []
        self.courier = Courier(
            self.endpoint,  # type: ignore[arg-type]
            self.book,
            self.policy,
            lambda: self.now,
            self.delivered.put_nowait,
            self.read,
        )

    async def read(self) -> None:
        while self.unread:
            self.book.take(self.unread.pop())

    def tell(self, **fields: Any) -> None:
        told = notice_of(alert(**fields), self.now)
        assert self.book.take(told)
        self.courier.owe([told.id])

    async def sent(self) -> list[list[tuple[str, str, bool]]]:
        """Delivers; the requests since the last time: episode, severity, and whether it burns."""
        await self.courier.deliver()
        requests, self.endpoint.requests = self.endpoint.requests, []
        return [
            [(a.labels["episode"], a.labels["severity"], a.ends_at > rfc3339(self.now)) for a in alerts]
            for alerts in requests
        ]


async def test_an_episode_fires_escalates_and_resolves() -> None:
    desk = Desk()
    desk.tell(severity="warning")
    assert await desk.sent() == [[("e1", "warning", True)]]
    assert await desk.sent() == []
    desk.tell(severity="critical", version=2, state="update")
    assert await desk.sent() == [[("e1", "critical", True), ("e1", "warning", False)]]
    desk.tell(severity="critical", version=3, state="resolved", resolved_at=NOW)
    assert not desk.courier.settled("e1")
    assert await desk.sent() == [[("e1", "critical", False)]]
    assert desk.courier.settled("e1")
    assert [desk.delivered.get_nowait().version for _ in range(3)] == [1, 2, 3]


async def test_many_episodes_go_in_few_bounded_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "BATCH_EPISODES", 4)
    desk = Desk()
    for n in range(10):
        desk.tell(id=f"e{n}")
    assert [len(alerts) for alerts in await desk.sent()] == [4, 4, 2]


async def test_an_alert_that_is_refused_costs_no_other_its_delivery(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.endpoint.refuses = {"e3"}
    for n in range(8):
        desk.tell(id=f"e{n}")
    requests = await desk.sent()
    alone = [alerts for alerts in requests if not {"e3"} & {episode for episode, _, _ in alerts}]
    assert sorted(episode for alerts in alone for episode, _, _ in alerts) == [f"e{n}" for n in range(8) if n != 3]
    assert "the alert of episode e3 is refused" in caplog.text
    assert desk.courier.owed == set()


async def test_after_an_outage_the_present_is_sent_and_nothing_of_what_passed_meanwhile() -> None:
    desk = Desk()
    assert await desk.sent() == []
    desk.endpoint.down = True
    desk.tell(severity="info")
    desk.tell(id="gone")
    with pytest.raises(UnreachableError):
        await desk.courier.deliver()
    assert desk.courier.owed == {"e1", "gone"}
    desk.tell(severity="critical", version=2)
    desk.tell(id="gone", version=2, state="resolved", resolved_at=NOW)
    desk.now += 3600
    desk.endpoint.down = False
    [alerts] = await desk.sent()
    # The first request may have been taken before its answer was lost: what it began is ended.
    assert sorted(alerts) == [("e1", "critical", True), ("e1", "info", False), ("gone", "critical", False)]
    assert desk.courier.owed == set()


async def test_a_record_that_comes_while_its_predecessor_is_sent_is_not_forgotten() -> None:
    desk = Desk()
    desk.tell(severity="warning")
    sending = asyncio.create_task(desk.courier.deliver())
    await desk.endpoint.posting.wait()
    desk.tell(severity="critical", version=2)
    await sending
    assert desk.courier.owed == {"e1"}
    assert (await desk.sent())[-1] == [("e1", "critical", True), ("e1", "warning", False)]


async def test_a_firing_alert_is_sent_again_when_its_time_has_come() -> None:
    desk = Desk(resend_s=0.004)  # scans follow the loop's own clock, the decision the injected one
    desk.tell()
    assert len(await desk.sent()) == 1
    desk.now += 1
    requests: list[Any] = []
    while not requests:
        await asyncio.sleep(0.001)
        requests = await desk.sent()
    assert requests == [[("e1", "critical", True)]]


async def test_with_nothing_to_send_an_outage_is_noticed_and_so_is_its_end() -> None:
    desk = Desk()
    await desk.courier.deliver()
    assert desk.endpoint.beats == 1
    desk.restart()
    desk.courier._asked = True
    desk.endpoint.down = True
    for _ in range(2):
        with pytest.raises(UnreachableError):
            await desk.courier.deliver()
    desk.endpoint.down = False
    await desk.courier.deliver()
    assert desk.endpoint.beats == 2


async def test_a_resend_that_failed_is_due_at_the_next_attempt() -> None:
    desk = Desk()
    desk.tell()
    await desk.sent()
    desk.restart()
    desk.courier._asked = True
    desk.endpoint.down = True
    with pytest.raises(UnreachableError):
        await desk.courier.deliver()
    desk.endpoint.down = False
    assert await desk.sent() == [[("e1", "critical", True)]]


async def test_a_start_ends_what_was_replaced_or_resolved_meanwhile_and_fires_only_what_is_open() -> None:
    desk = Desk()
    labels = notice_of(alert(severity="warning"), NOW).labels
    desk.endpoint.shown = {"e1": [labels], "e9": [{"episode": "e9"}]}
    desk.tell(severity="critical", version=2)
    desk.tell(id="e2", version=2, state="resolved", resolved_at=NOW)
    [alerts] = await desk.sent()
    assert sorted(alerts) == [("e1", "critical", True), ("e1", "warning", False), ("e2", "critical", False)]


async def test_an_episode_let_go_from_the_book_leaves_here_too() -> None:
    desk = Desk()
    desk.tell()
    await desk.sent()
    desk.endpoint.down = True
    desk.tell(version=2, state="resolved")
    with pytest.raises(UnreachableError):
        await desk.courier.deliver()
    desk.book.close("e1")
    desk.endpoint.down = False
    assert await desk.sent() == []
    assert desk.courier.settled("e1")
    assert desk.courier.owed == set()


async def test_it_runs_until_told_to_stop_and_outlives_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_RETRY_S", 0.001)
    desk = Desk()
    desk.endpoint.down = True
    running = asyncio.create_task(desk.courier.run())
    desk.tell()
    await asyncio.sleep(0.01)
    desk.endpoint.down = False
    assert (await desk.delivered.get()).version == 1
    desk.tell(version=2)
    assert (await desk.delivered.get()).version == 2
    desk.courier.stop()
    await running


async def test_it_stops_at_once_while_waiting_to_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_RETRY_S", 1e6)
    monkeypatch.setattr(delivery, "LONGEST_RETRY_S", 1e6)
    desk = Desk(resend_s=1e6)
    desk.endpoint.down = True
    running = asyncio.create_task(desk.courier.run())
    await asyncio.sleep(0.01)
    desk.courier.stop()
    await running


async def test_who_has_slept_does_not_open_again_what_has_ended_meanwhile() -> None:
    desk = Desk()
    desk.tell(severity="warning")
    assert await desk.sent() == [[("e1", "warning", True)]]
    desk.now += 600.0  # it stood still, and another one has told the end
    desk.courier._next_scan = 0.0
    desk.unread = [notice_of(alert(severity="warning", version=2, state="resolved", resolved_at=NOW), NOW)]
    assert await desk.sent() == [[("e1", "warning", False)]]
