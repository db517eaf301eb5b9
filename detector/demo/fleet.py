"""The demo's schedule: its event times, what is planted and when, and the whole fleet's events in order."""

import heapq
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from detector.demo import agents, cast
from detector.demo.agents import Phase, stream
from detector.demo.desk import DAY_S, HOUR_S, Desk, Member, Sent
from detector.demo.verdict import Planted

MINUTE_S = 60.0
SEED = 7
AGAIN_MIN = 25.0
"""Minutes before the present from which the fixer goes round again, and nobody stops it: pages show one that burns."""


class Times(NamedTuple):
    """The demo's event times, in s UTC: a week of history, then the live part that ends at the present."""

    history: float
    live: float
    present: float

    @classmethod
    def ending(cls, present: float, live_s: float = 4 * HOUR_S) -> "Times":
        """Times that end at `present`."""
        return cls(present - live_s - 7 * DAY_S, present - live_s, present)


class Fleet(NamedTuple):
    """What the fleet tells, in the order of event time and without end, and what is planted in it."""

    events: Iterator[Sent]
    planted: tuple[Planted, ...]


def plant(times: Times) -> tuple[Planted, Planted, Planted]:
    """The fixer, the analyst and the spender, all due two hours before the live part ends."""

    def at(minutes: float) -> float:
        return times.live + minutes * MINUTE_S

    fixer, analyst, spender = cast.FIXER, cast.ANALYST, cast.SPENDER
    return (
        Planted(fixer.name, fixer.team, "loop", "repeats a failing edit", at(15), at(45), at(45)),
        Planted(analyst.name, analyst.team, "loop", "regenerates its analysis", at(30), at(65), at(65)),
        Planted(
            spender.name,
            spender.team,
            "spend_spike",
            "spends tenfold, moves nothing",
            at(50),
            at(110),
            at(120),
        ),
    )


def fleet(times: Times, seed: int = SEED) -> Fleet:
    """The same seed and times give the same events."""
    planted = plant(times)
    plans = [(who, [Phase(times.history, routine)]) for who, routine in cast.INNOCENT] + _plans(times, planted)
    streams = [stream(_desk(who, times, seed), phases) for who, phases in plans]
    return Fleet(heapq.merge(*streams, key=lambda sent: sent.time), planted)


def _plans(times: Times, planted: Sequence[Planted]) -> list[tuple[Member, list[Phase]]]:
    """The three runaways, stopped at their end, and the shipper, which surges beside the spender.

    The fixer begins anew shortly before the present.
    """
    fixer, analyst, spender = planted
    rarely, never, often = agents.long_task(180), agents.long_task(0), agents.long_task(8)
    return [
        (
            cast.FIXER,
            [
                Phase(times.history, agents.developing),
                Phase(fixer.begins, agents.repeating, cast.REPEATING),
                Phase(fixer.ends, agents.developing, stopped=("stopped", "not_planned")),
                Phase(times.present - AGAIN_MIN * MINUTE_S, agents.repeating, cast.REPEATING),
            ],
        ),
        (
            cast.ANALYST,
            [
                Phase(times.history, agents.researching),
                Phase(analyst.begins, agents.regenerating, cast.REGENERATING),
                Phase(analyst.ends, agents.researching, stopped=("stopped", "not_planned")),
            ],
        ),
        (
            cast.SPENDER,
            [
                Phase(times.history, rarely),
                Phase(times.live - 1.5 * HOUR_S, never),
                Phase(spender.begins, never, cast.SURGING),
                Phase(spender.ends, rarely, stopped=("planned anew", "planned")),
            ],
        ),
        (
            cast.SHIPPER,
            [
                Phase(times.history, often),
                Phase(spender.begins, often, cast.SURGING),
                Phase(spender.ends, often),
            ],
        ),
    ]


def _desk(who: Member, times: Times, seed: int) -> Desk:
    rng = Random(f"{seed}/{who.name}")  # noqa: S311 - a simulation, no secret
    return Desk(
        who,
        rng,
        times.history,
        words_from=times.live - 0.5 * HOUR_S,
        present=times.present,
        begins_before_s=rng.uniform(6.5, 7.5) * HOUR_S,
        days_off=frozenset(rng.sample(range(1, 8), rng.randint(0, 2))),
    )
