"""The demo's fleet up to some minutes past the present, made once for all tests that read it."""

from functools import cache
from itertools import takewhile

from detector.demo.desk import Sent
from detector.demo.fleet import Times, fleet, plant

PRESENT = 1_795_000_000.0
TIMES = Times.ending(PRESENT)
PLANTED = plant(TIMES)


def told(seed: int, until: float = PRESENT + 600) -> list[Sent]:
    return list(takewhile(lambda sent: sent.time < until, fleet(TIMES, seed).events))


@cache
def week() -> list[Sent]:
    return told(seed=7)


def of(agent: str) -> list[Sent]:
    return [sent for sent in week() if sent.agent == agent]
