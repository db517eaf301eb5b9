"""The stream that chaos plays: a fleet of agents at work, of which some run away now and then.

Events come a little out of order, and some are sent twice; the same seed and span give the same events.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from detector.demo import agents, cast
from detector.demo.agents import Phase, Routine, stream
from detector.demo.desk import DAY_S, HOUR_S, Desk, Habits, Member

MINUTE_S = 60.0
AGENTS = 320
HISTORY_S = 12 * HOUR_S
"""Every fourth agent has worked for so long before the stream proper; the others begin with it."""
DISORDER_S = 8.0
"""Events are sent up to so much after their time: less than the detector waits (time.lateness_s)."""
REPEATED = 0.02
"""Of the events so many are sent a second time, up to REPEATED_S later."""
REPEATED_S = 1200.0

_encode = msgspec.json.Encoder().encode


class Sent(NamedTuple):
    """A record for its topic (`calls` or `status`), sent at `t` (s UTC of event time)."""

    t: float
    topic: str
    key: bytes
    value: bytes


class Span(NamedTuple):
    """Event times in s UTC: history from `begins` on, the stream proper from `lives` to `ends`."""

    begins: float
    lives: float
    ends: float

    @classmethod
    def of(cls, ends: float, live_s: float) -> "Span":
        """On whole hours, so that a seed's events fall into the same minutes whenever they are played."""
        lives = (ends - live_s) // HOUR_S * HOUR_S
        return cls(lives - HISTORY_S, lives, lives + live_s)


def make(span: Span, seed: int, fleet: int = AGENTS) -> list[Sent]:
    """All events in the order in which they are sent."""
    chance = Random(seed)
    sent: list[Sent] = []
    for n in range(fleet):
        sent += _sent(_agent(n, span, seed), span.ends, chance)
    sent.sort()
    return sent


def _sent(told: agents.Told, ends: float, chance: Random) -> Iterator[Sent]:
    for event in told:
        if event.time >= ends - REPEATED_S:  # all of it is sent before the end
            return
        value, key = _encode(event.event), event.key.encode()
        yield Sent(event.time + chance.uniform(0, DISORDER_S), event.topic, key, value)
        if chance.random() < REPEATED:
            yield Sent(event.time + chance.uniform(DISORDER_S, REPEATED_S), event.topic, key, value)


def _agent(n: int, span: Span, seed: int) -> agents.Told:
    """What agent `n` tells; two of three run away now and then, each in its own way."""
    rng = Random(f"{seed}/{n}")
    like, routine = cast.INNOCENT[n % len(cast.INNOCENT)]
    who = Member(f"{like.name}-{n}", like.team, like.users, like.task_type, like.habits, like.interactive, like.told)
    begins = span.lives if n % 4 else span.begins
    desk = Desk(who, rng, begins, span.lives, span.ends, shift_s=DAY_S)
    return stream(desk, list(_phases(n, rng, begins, routine, span)))


def _phases(n: int, rng: Random, begins: float, routine: Routine, span: Span) -> Iterator[Phase]:
    yield Phase(begins, routine)
    if n % 3 == 0:
        return
    t = span.lives + rng.uniform(0, 20 * MINUTE_S)
    while t < span.ends:
        runaway, habits = RUNAWAYS[n % len(RUNAWAYS)]
        over = t + rng.uniform(15, 50) * MINUTE_S
        yield Phase(t, runaway, habits)
        stopped = ("stopped", "not_planned") if rng.random() < 0.5 else None
        yield Phase(over, routine, stopped=stopped)
        t = over + rng.uniform(30, 120) * MINUTE_S


RUNAWAYS: Sequence[tuple[Routine, Habits]] = (
    (agents.repeating, cast.REPEATING),
    (agents.regenerating, cast.REGENERATING),
    (agents.long_task(0), cast.SURGING),
    (agents.repeating, cast.CODER),
    (agents.long_task(12), cast.SURGING),
)
"""Loops dear and cheap, near copies, and spend that moves nothing or something."""
