"""Reads what producers write, decodes it as ingest does, and counts: what comes from now on, or came lately."""

import asyncio
import time
from collections.abc import Iterable

import msgspec

from detector.config import Config
from detector.connect.arrivals import Arrivals, Run
from detector.decoding import decoded
from detector.errors import BadInput, DeploymentError, Reason
from detector.kafka.tail import Record, Tail
from detector.kafka.unpacking import UnreadBatch, size_of
from detector.kafka.whole import WholeTopic

POLL_S = 0.2
LINKS_S = 5.0
"""Reading all links takes less; else those that were read by then are known."""
GATEWAY = "gateway/"
"""How the topics begin that its dead letters name."""
ENOUGH, FAR_TOO_MANY = 10_000, 500_000
"""Calls that were waited for, after which more say nothing new; all calls, whose ids would fill the memory."""
QUIET_S = 8.0
"""Once calls have come, and none for this long, all is seen: clients send every 5 s."""


class _Linked(msgspec.Struct):
    """Of a record of links."""

    tenant: str
    run: str
    task: str | None = None


_linked = msgspec.json.Decoder(_Linked)


async def listen(config: Config, arrivals: Arrivals, for_s: float, sources: Iterable[str] = ()) -> list[str]:
    """Takes what comes within `for_s` seconds, or until calls of `sources` (any, where there are none) came and ceased.

    The topics that are not there. Raises DeploymentError.
    """
    tail, asked = Tail(config, [*config.producers_topics, config.topics.dead_letters]), set(sources)
    try:
        await tail.start()
        arrivals.link(await _links(config))
        deadline, last_s, calls = time.monotonic() + for_s, 0.0, 0
        while time.monotonic() < deadline:
            _take(config, arrivals, await tail.read(POLL_S))
            now, found = time.monotonic(), _calls(arrivals, asked)
            if found > calls:
                calls, last_s = found, now
            elif calls and now - last_s > QUIET_S:
                break
            if calls >= ENOUGH or arrivals.calls >= FAR_TOO_MANY:
                break
            if not tail.present:
                await asyncio.sleep(POLL_S)
    finally:
        await tail.stop()
    return tail.missing


async def lately(
    config: Config, arrivals: Arrivals, since_s: float, records: int, max_bytes: int, within_s: float
) -> None:
    """Takes what came since then (s UTC): the newest records of each partition, as far as time and bytes allow.

    Raises DeploymentError.
    """
    tail, taken = Tail(config, config.producers_topics, back=records), 0
    try:
        await tail.start()
        arrivals.link(await _links(config))
        deadline = time.monotonic() + within_s
        while not tail.caught_up and time.monotonic() < deadline and taken < max_bytes:
            read = await tail.read(POLL_S)
            taken += sum(map(size_of, read))
            _take(config, arrivals, [record for record in read if not 0 <= record.timestamp < since_s * 1000])
    finally:
        await tail.stop()


def _take(config: Config, arrivals: Arrivals, records: Iterable[Record]) -> None:
    for record in records:
        if record.topic == config.topics.dead_letters:
            _dead_letter(arrivals, record)
        elif isinstance(record, UnreadBatch):
            arrivals.refuse(record.topic, record.bad)
        else:
            at_s = record.timestamp / 1000 if record.timestamp >= 0 else None
            arrivals.take(record.topic, record.value, at_s, record.headers)


def _dead_letter(arrivals: Arrivals, record: Record) -> None:
    """Of what the gateway refused, which is in no topic; all other dead letters are known by what they were sent as."""
    told = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    topic = told.get("topic", "")
    if topic.startswith(GATEWAY) and told.get("reason") in [*Reason]:
        arrivals.refuse(topic, BadInput(Reason(told["reason"]), told.get("field", ""), told.get("detail", "")))


def _calls(arrivals: Arrivals, sources: set[str]) -> int:
    return sum(tally.calls for name, tally in arrivals.by_source.items() if not sources or name in sources)


async def _links(config: Config) -> set[Run]:
    """The runs of which a task is known by a link."""
    found: set[Run] = set()
    topic = WholeTopic(config, config.topics.links)
    try:
        async with asyncio.timeout(LINKS_S):
            await topic.start()
            while not topic.caught_up:
                for record in await topic.read(POLL_S):
                    if record.value is not None:
                        try:
                            link = decoded(_linked, record.value)
                        except msgspec.DecodeError:
                            continue
                        if link.task is not None:  # else it names the run above
                            found.add((link.tenant, link.run))
    except (TimeoutError, DeploymentError):
        pass  # what else is there is told all the same
    finally:
        await topic.stop()
    return found
