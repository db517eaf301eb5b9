"""What goes wrong when: a seeded schedule, of which a seed is the whole description."""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

Kind = Literal["kill", "freeze", "rebalance", "broker", "alertmanager"]

WEIGHTS: dict[Kind, int] = {"kill": 10, "freeze": 5, "rebalance": 4, "broker": 3, "alertmanager": 2}
PAUSE_S = (3.0, 9.0)
FREEZE_S = 15.0
LASTS_S: dict[Kind, tuple[float, float]] = {
    "kill": (0.0, 8.0),  # until it is started again
    "freeze": (FREEZE_S, FREEZE_S),
    "rebalance": (2.0, 8.0),
    "broker": (5.0, 25.0),
    "alertmanager": (10.0, 20.0),
}
SETTLE_S = 8.0
"""What a schedule takes beyond its pauses, for each step: processes and brokers have to start."""


class Step(NamedTuple):
    """After `pause_s` this happens to worker `slot` (a broker or Alertmanager has none) for `lasts_s`.

    `then_kill`: as a frozen worker wakes up, this other one is killed.
    """

    kind: Kind
    pause_s: float
    lasts_s: float
    slot: int = 0
    then_kill: int | None = None


def schedule(seed: int, steps: int, slots: int) -> list[Step]:
    """At least one of each kind where there are so many steps."""
    rng = Random(f"schedule/{seed}")
    kinds: list[Kind] = list(WEIGHTS)[:steps]
    kinds += rng.choices(list(WEIGHTS), list(WEIGHTS.values()), k=steps - len(kinds))
    rng.shuffle(kinds)
    return [_step(kind, rng, slots) for kind in kinds]


def short(seed: int, slots: int) -> list[Step]:
    """Three kills and an outage."""
    rng = Random(f"short/{seed}")
    kinds: list[Kind] = ["kill", "kill", "broker", "kill"]
    return [_step(kind, rng, slots) for kind in kinds]


def _step(kind: Kind, rng: Random, slots: int) -> Step:
    slot = rng.randrange(slots)
    step = Step(kind, rng.uniform(*PAUSE_S), rng.uniform(*LASTS_S[kind]), slot)
    if kind == "freeze" and rng.random() < 0.5:
        return step._replace(then_kill=(slot + rng.randrange(1, slots)) % slots)
    return step


def takes_s(steps: Sequence[Step]) -> float:
    """About how long a schedule takes, in s."""
    return sum(step.pause_s + step.lasts_s + SETTLE_S for step in steps)


def kills(steps: Sequence[Step]) -> int:
    """How many workers a schedule kills."""
    return sum((step.kind == "kill") + (step.then_kill is not None) for step in steps)
