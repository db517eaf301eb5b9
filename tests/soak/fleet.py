"""The soak's traffic: the demo's cast many times over, each agent with its working hours, for as long as is asked.

Texts from the first event on. Each day somebody's fixer repeats a failing edit for an hour: something to alert. A few
records are of no use: what becomes of them is counted too.
"""

import heapq
import zlib
from collections.abc import Iterable, Iterator
from random import Random
from typing import NamedTuple

import msgspec

from detector.demo import agents, cast
from detector.demo.agents import Phase, Routine, stream
from detector.demo.desk import DAY_S, HOUR_S, Desk, Member, Sent

PARTITIONS = 4
"""Of every topic."""
BAD_EVERY = 2000
"""Every so many events one more follows that cannot be used."""
BAD = b'{"type": "call", "id": "no time, no usage"}'
_encode = msgspec.json.Encoder().encode


class Record(NamedTuple):
    """What is sent: topic 0 is llm.calls, 1 task.status; event time in s UTC; `kind`: call, other, bad or array."""

    topic: int
    time: float
    key: bytes
    value: bytes
    kind: str


def traffic(start: float, copies: int, seed: int = 1) -> Iterator[Record]:
    """Events without end, in the order of their times, from `start` (s UTC) on; the same for the same seed."""
    n = 0
    for n, sent in enumerate(_events(start, copies, seed), 1):
        yield _record(sent)
        if n % BAD_EVERY == 0:
            yield Record(0, sent.time, b"bad", BAD, "bad")


def partition_of(key: bytes) -> int:
    """Where the records of a key go, as librdkafka's producer has it."""
    return zlib.crc32(key) % PARTITIONS


def arrays(records: Iterable[Record], size: int) -> list[Record]:
    """The same events, up to `size` of a partition in an array, as a gateway sends them that gathers.

    An array comes when its last event does, and they are in the order of these times, so nothing is late.
    """
    gathered: dict[tuple[int, int], list[Record]] = {}
    for record in records:
        gathered.setdefault((record.topic, partition_of(record.key)), []).append(record)
    made = [_array(of[n : n + size]) for of in gathered.values() for n in range(0, len(of), size)]
    return sorted(made, key=lambda array: array.time)


def _array(events: list[Record]) -> Record:
    last = events[-1]
    return Record(last.topic, last.time, last.key, b"[" + b",".join(e.value for e in events) + b"]", "array")


def _events(start: float, copies: int, seed: int) -> Iterator[Sent]:
    streams = []
    for copy in range(copies):
        for who, routine in (*cast.INNOCENT, (cast.FIXER, agents.developing)):
            rng = Random(f"{seed}/{copy}/{who.name}")
            member = _member(who, copy)
            # The day began some hours ago for all, so that nights are quiet; one day in seven or so is off.
            desk = Desk(
                member, rng, start, start, start + 1000 * DAY_S,
                begins_before_s=1000 * DAY_S + rng.uniform(0, 3) * HOUR_S,
                days_off=frozenset(n for n in range(1001) if rng.random() < 0.15),
            )  # fmt: skip
            streams.append(stream(desk, _phases(who, routine, start, rng)))
    return heapq.merge(*streams, key=lambda sent: sent.time)


def _phases(who: Member, routine: Routine, start: float, rng: Random) -> list[Phase]:
    phases = [Phase(start, routine)]
    if who is cast.FIXER:
        for day in range(60):
            begins = start + (day + rng.random()) * DAY_S
            begins = max(begins, phases[-1].begins + HOUR_S)
            phases.append(Phase(begins, agents.repeating, cast.REPEATING))
            phases.append(Phase(begins + HOUR_S, routine, stopped=("stopped", "not_planned")))
    return phases


def _member(who: Member, copy: int) -> Member:
    return Member(
        f"{who.name}-{copy}", f"{who.team}-{copy % 4}", who.users, who.task_type, who.habits, who.interactive, who.told
    )


def _record(sent: Sent) -> Record:
    kind = "call" if sent.event["type"] == "call" else "other"
    return Record(int(sent.topic == "status"), sent.time, sent.key.encode(), _encode(sent.event), kind)
