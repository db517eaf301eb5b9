"""An agent that loops is stopped by the detector, through all stages on a broker, and what that saved is counted."""

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from detector.config import Config
from detector.metrics import Metrics
from detector.pipeline.ingest import IngestStage
from detector.pipeline.notify import NotifyStage
from detector.pipeline.watch import WatchStage
from detector.stopping.record import decode_stop
from tests.support.brokers import Kafka
from tests.support.stages import Reader, alerts_of, producing, running, until
from tests.support.stop_receiver import SECRET, StopReceiver, stop_receiver

GAP_S = 20.0
USD = 0.5
HOURS = 2.0
"""How long it would go on if nobody stopped it."""


class Burnt(NamedTuple):
    """What an agent's calls came to, and what of it came after the alert that paged."""

    usd: float
    calls: int
    after_page_usd: float


def looping(began: float) -> Iterator[dict[str, Any]]:
    """The calls of an agent that tries the same edit over and over, one in GAP_S."""
    tools = [{"name": "edit", "arguments": {"path": "a.py"}, "error": "no match"}]
    base = {"run": "run-1", "agent": "fixer", "team": "payments", "task": "PAY-1", "key": "k-7f3a", "model": "made-up"}
    usage = {"input_tokens": 60_000, "output_tokens": 400}
    for n in itertools.count():
        yield base | {"id": f"c{n}", "time": began + n * GAP_S, "usage": usage, "cost_usd": USD, "tools": tools}


async def burn(config: Config, receiver: StopReceiver, pause_s: float) -> Burnt:
    """Runs the agent until it is stopped, or its hours are over; a call of it takes `pause_s` instead of GAP_S."""
    metrics, sent, began = Metrics(config.metrics), list[dict[str, Any]](), time.time() - HOURS * 3600

    def clock() -> float:
        return float(sent[-1]["time"]) if sent else began

    stages = [IngestStage(config, metrics, clock), WatchStage(config, metrics, clock), NotifyStage(config, metrics)]
    async with Reader(config, config.topics.alerts) as alerts, producing(config) as producer, AsyncExitStack() as stack:
        for stage in stages:
            await stack.enter_async_context(running(stage))
        await until(lambda: not any(stage.health() for stage in stages), "ready stages")
        for event in looping(began):
            if event["time"] > began + HOURS * 3600 or receiver.stopped:
                break
            at = int(event["time"] * 1000)
            await producer.send_and_wait(config.topics.calls, json.dumps(event).encode(), timestamp_ms=at)
            sent.append(event)
            await asyncio.sleep(pause_s)

        def critical() -> list[float]:
            return [alert.updated_at for alert in alerts_of(alerts).values() if alert.severity == "critical"]

        await until(lambda: bool(critical()), "a critical alert")
    return Burnt(len(sent) * USD, len(sent), sum(USD for event in sent if event["time"] > min(critical())))


async def test_a_stopped_agent_burns_a_fraction_of_what_it_burns_if_nobody_is_there(kafka: Kafka) -> None:
    async with stop_receiver() as receiver:
        burnt = {}
        for mode, pause_s in (("off", 0.0), ("on", 0.2)):
            stop = {"mode": mode, "url": receiver.url, "secret": SECRET}
            own = Kafka(kafka.broker, f"an agent with stop {mode}")
            config = own.config(stop=stop, statuses={"connected": "yes"}, time={"heartbeat_s": 0.05})
            burnt[mode] = await burn(config, receiver, pause_s)
        async with Reader(config, config.topics.stops) as stops:
            await until(lambda: bool(stops.records) and decode_stop(stops.records[-1].value).finished)
    asked, off, on = decode_stop(stops.records[-1].value), burnt["off"], burnt["on"]
    hour = off.usd / HOURS
    print(
        f"off: {off}, on: {on}; stopped when ${asked.cost_usd:.2f} was burnt at ${asked.burn_usd_per_hour:.2f} an hour"
    )
    assert (asked.outcome, asked.run, asked.agent, asked.key) == ("accepted", "run-1", "fixer", "k-7f3a")
    assert off.calls == HOURS * 3600 / GAP_S + 1
    assert asked.cost_usd <= on.usd < hour / 2  # it burns an hour's dollars each hour that nobody looks
    assert on.after_page_usd < off.after_page_usd / 5
