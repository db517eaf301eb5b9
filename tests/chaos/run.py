"""Plays a stream through workers that are killed, frozen and cut off, and compares the alerts with a replay's."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import Producer

from detector.config import Config
from detector.config.load import load_config
from detector.kafka.plan import topics
from detector.model.alert import Alert, decode_alert
from detector.model.baseline import VALID_AFTER_S, decode_baselines
from tests.chaos import schedule as plan
from tests.chaos.fleet import Slot
from tests.chaos.present import Present
from tests.chaos.recovery import Recovered, Recovery
from tests.chaos.schedule import Step
from tests.chaos.stream import Sent, Span, make
from tests.chaos.verdict import Verdict, final, judge, told_twice
from tests.e2e.pager import Pager, pager, remembering
from tests.support.alertmanager import Alertmanager
from tests.support.apache import ApacheKafka
from tests.support.brokers import MADE_UP_TIMES, Real
from tests.support.stages import Reader

WORKERS, PARTITIONS = 3, 6
SPEED = 30.0
"""Event time runs so many times faster than the clock on the wall: an hour of the fleet's in two minutes."""
AGO_S = 6 * 86_400.0
"""The stream ends so long before the present, since time runs on by ENDS_S after it."""
HOUR_S = 3600.0
ENDS_S = 3 * 86_400.0
"""Past every timeout, so that all episodes end."""
SHOWN_S = 1.0
"""Metrics are of the present by then."""
LEARNT_S = 1.0
"""Watch has read what portfolio has told by then."""
SPOKEN_S = 2.0
"""A worker that has got partitions has told watch of them by then."""
TICK_S = 0.1
TEND_S = 0.5
HISTORY_STEP_S = 1200.0
HISTORY_LAG_S = 900.0
"""Portfolio may be so far behind: what it tells of an hour, watch needs an hour later."""
PATIENCE_S = 240.0
"""After the stream so long for everything to be told."""
SILENT_S = 40.0  # no alert was written for so long: whatever dies last is back by then
QUIET_S = 6.0  # the pager has heard nothing for so long: all is told
SESSION_S = 6.0

WAITS = "1s", "2s"
"""Of Alertmanager: half a minute and a minute of the fleet's time, as short as anybody has them."""

CONFIG = """
[kafka]
bootstrap = "{bootstrap}"
session_timeout_s = {session_s}

[topics]
partitions = {partitions}

[time]
hold_back_s = 864000.0  # of time that runs {speed:g} times as fast
heartbeat_s = 0.2

[statuses]
connected = "yes"  # else each partition waits for the first status of its own

[privacy]
pseudonym_key = "of this run"

[notify]
alertmanagers = ["{alertmanager}"]
min_severity = "warning"
pages_a_day = 0  # each episode is to be heard of as what it is
timeout_s = 4.0

[log]
level = "warning"
"""


class Outcome(NamedTuple):
    """What a run came to; times in seconds, sizes in bytes."""

    seed: int
    events: int
    steps: list[Step]
    verdict: Verdict
    recoveries: list[Recovered]
    unrecovered: list[tuple[str, int]]
    peak_rss_bytes: int
    starts: int
    failures: int
    notifications: int
    told_twice: dict[tuple[str, str, str], int]
    seconds: float

    @property
    def passed(self) -> bool:
        """Nothing lost, doubled or wrong; and nobody was told anything twice."""
        return self.verdict.passed and not self.told_twice and not self.unrecovered


Say = Callable[[str], None]


async def chaos(directory: Path, seed: int, steps: Sequence[Step], say: Say) -> Outcome:
    """Plays it; needs Apache Kafka and Alertmanager. `directory` gets configuration, logs and alerts."""
    began_s = time.monotonic()
    live_s = SPEED * plan.takes_s(steps)
    span = Span.of(time.time() - AGO_S, live_s)
    sent = make(span, seed)
    async with AsyncExitStack() as stack:
        phone = await stack.enter_async_context(pager())
        there = remembering(Alertmanager(directory, phone.config_of(*WAITS)))
        await asyncio.to_thread(there.start)
        stack.callback(there.kill)
        broker = ApacheKafka(directory)
        await asyncio.to_thread(broker.start)
        stack.callback(broker.kill)
        config_file = _write_config(directory, broker, there)
        config = load_config(config_file)
        await asyncio.to_thread(_make_topics, config)
        baselines = await stack.enter_async_context(Reader(config, config.topics.baselines))
        scene = Scene(config, config_file, directory, broker, there, phone, baselines, say)
        stack.push_async_callback(scene.close)
        expecting = asyncio.create_task(_expected(directory, config_file, sent))
        told = await stack.enter_async_context(Reader(config, config.topics.alerts))
        say(f"{len(sent):,} events, {len(steps)} steps, about {plan.takes_s(steps) / 60:.0f} minutes")
        await scene.play(sent, span, steps)
        expected = final(await expecting)
        say("the stream is over; what is open ends")
        await scene.settle(told, lambda: judge(expected, final(_alerts(told))).passed)
        verdict = judge(expected, final(_alerts(told)))
        await scene.hush()
        _keep(directory, told, phone)
    return Outcome(
        seed,
        len(sent),
        list(steps),
        verdict,
        scene.recovery.done,
        scene.recovery.waiting,
        max(slot.peak_rss_bytes for slot in scene.slots),
        sum(slot.starts for slot in scene.slots),
        sum(slot.failures for slot in scene.slots),
        len(phone.notifications),
        told_twice(
            (each.episode, each.severity, each.status)
            for notification in phone.notifications
            for each in notification
            # History runs too fast for a pager: some of its episodes end before they are told.
            if each.episode not in expected or expected[each.episode].opened_at >= span.lives
        ),
        time.monotonic() - began_s,
    )


class Scene:
    """The workers, the stream that is played to them, and what happens to them."""

    def __init__(
        self,
        config: Config,
        config_file: Path,
        directory: Path,
        broker: ApacheKafka,
        there: Alertmanager,
        phone: Pager,
        baselines: Reader,
        say: Say,
    ) -> None:
        self._config, self._broker, self._there, self._phone, self._say = config, broker, there, phone, say
        self._baselines = baselines
        clock = directory / "present"
        self._present = Present(clock, 0.0)
        self.slots = [Slot(f"worker-{n}", config_file, clock, directory) for n in range(WORKERS)]
        self.recovery = Recovery(config)
        self._beside = [asyncio.create_task(self._tend()), asyncio.create_task(self.recovery.follow())]
        producer = {"bootstrap.servers": config.kafka.bootstrap, "enable.idempotence": True, "log_level": 2}
        self._producer = Producer({**producer, "linger.ms": 5, "message.timeout.ms": 600_000})
        self._topics = {"calls": config.topics.calls, "status": config.topics.status}

    async def play(self, sent: Sequence[Sent], span: Span, steps: Sequence[Step]) -> None:
        """History as fast as it goes, then the stream by the clock, while the steps happen."""
        self._present.set(span.begins)
        # A source that nobody has told of yet holds nothing back.
        await _within(PATIENCE_S, lambda: self._sources() == 2 * PARTITIONS)
        await asyncio.sleep(SPOKEN_S)
        lives = next(n for n, each in enumerate(sent) if each.t >= span.lives)
        await self._history(sent[:lives], span)
        self._say("history is read; the stream begins")
        stream = asyncio.create_task(self._stream(sent[lives:], span.lives))
        for n, step in enumerate(steps, 1):
            await asyncio.sleep(step.pause_s)
            self._say(f"{n}/{len(steps)} {_told(step)}")
            await self._happen(step)
        await stream
        await self._advance(span.ends)

    async def _history(self, sent: Sequence[Sent], span: Span) -> None:
        at, t = 0, span.begins
        while t < span.lives:
            t = min(span.lives, t + HISTORY_STEP_S)
            ends = next((n for n in range(at, len(sent)) if sent[n].t >= t), len(sent))
            await self._send(sent[at:ends])
            self._present.set(t)
            at = ends
            hour = (t + HISTORY_STEP_S - VALID_AFTER_S) // HOUR_S * HOUR_S
            if hour > span.begins:
                await _within(PATIENCE_S, lambda hour=hour: self._knows(hour))
                await asyncio.sleep(LEARNT_S)

    def _knows(self, hour: float) -> bool:
        """Whether portfolio has told of each team what is usual at this hour: in real time it has an hour for that."""
        newest = {told.team: told.newest.t for told in map(decode_baselines, _values(self._baselines))}
        return bool(newest) and min(newest.values()) >= hour

    def _sources(self) -> int:
        return sum(stage == "ingest" for slot in self.slots for stage, *_ in slot.owned())

    async def _stream(self, sent: Sequence[Sent], t: float) -> None:
        """By the clock; what brokers are away for is not caught up on, so that none of it happens in no time."""
        at = 0
        while at < len(sent):
            await asyncio.sleep(TICK_S)
            t += TICK_S * SPEED
            begin = at
            while at < len(sent) and sent[at].t < t:
                at += 1
            await self._send(sent[begin:at])
            self._present.set(t)

    async def _send(self, events: Sequence[Sent]) -> None:
        """Returns once the brokers have them."""
        left, failed = len(events), []

        def told(error: object, _: object) -> None:
            nonlocal left
            left -= 1
            if error is not None:
                failed.append(error)

        for each in events:
            at_ms = int(each.t * 1000)
            self._producer.produce(self._topics[each.topic], each.value, each.key, on_delivery=told, timestamp=at_ms)
        while left:
            await asyncio.to_thread(self._producer.flush, 1.0)
        if failed:
            raise RuntimeError(f"the broker refuses events: {failed[0]}")

    async def _happen(self, step: Step) -> None:
        slot = self.slots[step.slot]
        match step.kind:
            case "kill":
                await self._kill(slot)
                await asyncio.sleep(step.lasts_s)
                slot.start()
            case "freeze":
                slot.freeze()
                await asyncio.sleep(step.lasts_s)
                slot.thaw()
                if step.then_kill is not None:
                    await self._kill(self.slots[step.then_kill])
                    self.slots[step.then_kill].start()
            case "rebalance":
                await asyncio.to_thread(slot.stop)
                await asyncio.sleep(step.lasts_s)
                slot.start()
            case "broker":
                await asyncio.to_thread(self._broker.kill)
                away_s = time.monotonic()
                await asyncio.sleep(step.lasts_s)
                await asyncio.to_thread(self._broker.start)
                self.recovery.away(away_s, time.monotonic())
            case "alertmanager":
                self._there.freeze()
                await asyncio.sleep(step.lasts_s)
                self._there.thaw()

    async def _kill(self, slot: Slot) -> None:
        owned = await asyncio.to_thread(slot.owned)
        slot.kill()
        # Statuses are too few to tell when the next is acknowledged.
        self.recovery.killed((stage, n) for stage, topic, n in owned if topic != self._topics["status"])

    async def _tend(self) -> None:
        for slot in self.slots:
            slot.start()
        while True:
            await asyncio.sleep(TEND_S)
            for slot in self.slots:
                slot.tend()

    async def _advance(self, t: float) -> None:
        """Event time goes on to `t` within seconds."""
        while self._present() < t:
            await asyncio.sleep(TICK_S)
            self._present.set(min(t, self._present() + ENDS_S / 50))

    async def settle(self, told: Reader, holds: Callable[[], bool]) -> None:
        """Event time runs on past every timeout; returns once `holds`, or nothing more is told."""
        await self._advance(self._present() + ENDS_S)
        over = _still(lambda: len(told.records), SILENT_S)
        await _within(PATIENCE_S, lambda: holds() or over())

    async def hush(self) -> None:
        """Returns once the pager hears no more."""
        await _within(PATIENCE_S, _still(lambda: len(self._phone.notifications), QUIET_S))

    async def close(self) -> None:
        """Ends the workers."""
        for task in self._beside:
            task.cancel()
        ended = await asyncio.gather(*self._beside, return_exceptions=True)
        for slot in self.slots:
            slot.kill()
        for error in ended:
            if isinstance(error, Exception):
                raise error


def _make_topics(config: Config) -> None:
    """Those of producers keep the times of the stream."""
    broker = Real(config.kafka.bootstrap)
    for topic in topics(config):
        broker.create_topic(topic.name, topic.partitions, topic.settings | ({} if topic.ours else MADE_UP_TIMES))


def _write_config(directory: Path, broker: ApacheKafka, there: Alertmanager) -> Path:
    file = directory / "detector.toml"
    where = {"bootstrap": broker.bootstrap, "alertmanager": there.url}
    file.write_text(CONFIG.format(**where, session_s=SESSION_S, partitions=PARTITIONS, speed=SPEED))
    return file


async def _expected(directory: Path, config: Path, sent: Sequence[Sent]) -> list[Alert]:
    """What `detector replay` says of the stream."""
    stream, alerts = directory / "stream.jsonl", directory / "expected.jsonl"
    stream.write_bytes(b"".join(each.value + b"\n" for each in sent))
    argv = [Path(sys.executable).with_name("detector"), "--config", config, "replay", stream, "--alerts", alerts]
    await asyncio.to_thread(subprocess.run, argv, check=True, stderr=subprocess.DEVNULL)
    return [decode_alert(line) for line in alerts.read_bytes().splitlines()]


def _alerts(reader: Reader) -> list[Alert]:
    return [decode_alert(value) for value in _values(reader)]


def _values(reader: Reader) -> list[bytes]:
    return [record.value for record in reader.records if record.value is not None]


def _keep(directory: Path, told: Reader, phone: Pager) -> None:
    """What a look at a failure needs: alert records with the time they were written, and what the pager heard when."""
    with (directory / "got.jsonl").open("w") as f:
        for record in told.records:
            f.write(json.dumps({"written": record.timestamp / 1000, "alert": json.loads(record.value)}) + "\n")
    with (directory / "notifications.jsonl").open("w") as f:
        for at, heard in zip(phone.times, phone.notifications, strict=True):
            f.write(json.dumps({"at": at, "told": heard}) + "\n")


def _still(count: Callable[[], int], time_s: float) -> Callable[[], bool]:
    """Whether a count has not changed for so long, as far as was looked."""
    last, since_s = -1, time.monotonic()

    def still() -> bool:
        nonlocal last, since_s
        if count() != last:
            last, since_s = count(), time.monotonic()
        return time.monotonic() > since_s + time_s

    return still


def _told(step: Step) -> str:
    who = f" worker-{step.slot}" if step.kind in ("kill", "freeze", "rebalance") else ""
    then = f", then kill worker-{step.then_kill}" if step.then_kill is not None else ""
    return f"{step.kind}{who} for {step.lasts_s:.0f} s{then}"


async def _within(patience_s: float, holds: Callable[[], bool]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while not await asyncio.to_thread(holds):  # noqa: ASYNC110 (it happens in other programs)
                await asyncio.sleep(0.2)
