"""What a rule is given and what it says: checks, and the finding that follows from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from detector.config import Rules
from detector.model.alert import SEVERITIES, Level, Severity
from detector.model.packed import Ident
from detector.model.rollup import Party

Who = Ident | Party
"""Whom a finding is about."""


class Facts(NamedTuple):
    """One row of `found.FOUND`, the features that a rule judges; see there for units."""

    kind: int
    how: int
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
    calls_after: int
    compactions: int
    form: float
    input: int
    input_before: int
    cached: int
    turns: int
    strong_t: float
    medium_t: float
    began_t: float


class Standing(NamedTuple):
    """What an open episode has come to: the money and calls it holds, and where it was last seen."""

    begin_t: float
    cost_usd: float
    calls: int
    tokens: int
    last_step: int
    cost_after: float
    tokens_after: int
    calls_after: int
    rounds: int = 0
    class_: str | None = None
    signatures: tuple[int, ...] = ()


class Context(NamedTuple):
    """What a rule may know beside the facts."""

    rules: Rules
    ident: Who
    names: tuple[str, ...]  # the tools of the steps of one round, the newest last; "" where a step has none
    has_task: bool
    status_source: bool  # something tells what becomes of the work
    interactive: bool
    standing: Standing | None  # the open episode of this rule and subject


class Check(NamedTuple):
    """One condition of a severity: what was asked, what was found, what it needs, and whether that holds.

    `found` is empty where nothing could hold: `needs` then says so.
    """

    level: Severity
    what: str
    found: str
    needs: str
    holds: bool

    @property
    def told(self) -> str:
        """In words: `burnt: $2.00, needs at least $5.00`."""
        return f"{self.what}: {self.found}, needs {self.needs}" if self.found else f"{self.what}: {self.needs}"


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


class Verdict(NamedTuple):
    """Every check of a rule, and the finding where those of `info` hold."""

    checks: tuple[Check, ...]
    finding: Finding | None


def decide(checks: Sequence[Check]) -> tuple[Severity | None, Check | None]:
    """The highest severity all of whose checks hold, those of the lower ones too; and the first check that does not.

    None: not even those of `info` hold.
    """
    reached: Severity | None = None
    for severity in SEVERITIES:
        for check in checks:
            if check.level == severity and not check.holds:
                return reached, check
        reached = severity
    return reached, None


def decided_by(stopped: Check | None) -> str:
    """What keeps a finding from the next severity, for its evidence: the first check that does not hold."""
    return stopped.told if stopped else "every check holds"


def at_least(level: Severity, what: str, found: float, needs: float) -> Check:
    """A check that a number is large enough."""
    return Check(level, what, number(found), f"at least {number(needs)}", found >= needs)


def at_most(level: Severity, what: str, found: float, needs: float) -> Check:
    """A check that a number is small enough."""
    return Check(level, what, number(found), f"at most {number(needs)}", found <= needs)


def number(x: float) -> str:
    """A number for a person."""
    return f"{x:,.0f}" if float(x).is_integer() else f"{x:,.3g}"


def usd(x: float) -> str:
    """Dollars for a person."""
    return f"${x:,.2f}" if x >= 0.01 or x == 0 else f"${x:.4f}"
