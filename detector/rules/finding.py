"""What a rule is given and what it says."""

from typing import Any, NamedTuple

from detector.config import Rules
from detector.model.alert import Level, Severity
from detector.model.packed import Ident


class Facts(NamedTuple):
    """One row of `found.FOUND`, the features that a rule judges; see there for units.

    Of a subject's spend `first_step` is the number of its calls so far.
    """

    kind: int
    row: int
    lane: int
    subject: int
    t: float
    step: int
    signature: int
    flags: int
    mode: int
    repeats: int
    novel: int
    similarity: float
    period: int
    rounds: int
    first_step: int
    first_t: float
    cost: float
    cost_after: float
    step_cost: float
    tokens: int
    tokens_after: int
    calls: int
    hour_usd: float
    usual_usd: float
    active_hours: int
    slices: int
    since_strong_usd: float
    strong_t: float
    medium_t: float
    began_t: float


class Standing(NamedTuple):
    """What an open episode has come to: the money and calls it holds, and where it was last seen."""

    opened_t: float
    begin_t: float
    cost_usd: float
    calls: int
    tokens: int
    last_step: int
    cost_after: float
    tokens_after: int
    rounds: int = 0
    signatures: tuple[int, ...] = ()


class Context(NamedTuple):
    """What a rule may know beside the facts."""

    rules: Rules
    ident: Ident
    step_name: str  # the tool of the step; "" where it has none
    has_task: bool
    status_source: bool  # something tells what becomes of the work
    interactive: bool
    standing: Standing | None  # the open episode of this rule and subject


class Finding(NamedTuple):
    """A rule's word: an episode is under way."""

    level: Level
    severity: Severity
    class_: str | None
    begin_t: float
    standing: Standing
    burn_usd_per_hour: float
    usual_usd_per_hour: float | None
    spend_only: bool
    summary: str
    group: tuple[str, ...]
    evidence: dict[str, Any]


def usd(x: float) -> str:
    """Dollars for a person."""
    return f"${x:,.2f}" if x >= 0.01 or x == 0 else f"${x:.4f}"
