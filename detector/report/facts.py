"""What a report says, as figures: the page, the terminal and --json all show these and nothing else.

Money in USD, times in s UTC. No person is in it, and no text of a prompt or an answer.
"""

from typing import Literal

import msgspec

from detector.model.alert import Level, Severity

Outcome = Literal["completed", "moved", "dropped", "stood", "no_task"]
OUTCOMES: tuple[Outcome, ...] = ("completed", "moved", "dropped", "stood", "no_task")
"""What came of a task since its first call, by its last strong or medium status: completed; moved; put back or closed
undone; none came; or no task claims what was spent."""


class Sums(msgspec.Struct):
    """Sums of calls. `unpriced`: calls of models without a price; `unmetered`: calls that tell no tokens."""

    calls: int = 0
    usd: float = 0.0
    unpriced: int = 0
    unmetered: int = 0

    def add(self, more: "Sums") -> None:
        """Adds these to it."""
        self.calls += more.calls
        self.usd += more.usd
        self.unpriced += more.unpriced
        self.unmetered += more.unmetered

    def sums(self) -> tuple[int, float, int, int]:
        """The figures, in their order."""
        return self.calls, self.usd, self.unpriced, self.unmetered


class Usage(Sums):
    """Of all calls, with their tokens."""

    fresh_input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class Row(Sums, kw_only=True):
    """What one agent, model, team or task spent; `name` None: of those that tell none."""

    name: str | None
    tenant: str
    outcome: Outcome | None = None


class Rest(Sums, kw_only=True):
    """What all others spent; `names`: how many these are."""

    names: int = 0


class Ranking(msgspec.Struct):
    """Names, the dearest first, and all others; together they are everything."""

    rows: list[Row]
    rest: Rest


class Came(msgspec.Struct):
    """Tasks by what came of them in the end, and dollars by what came after these were spent.

    So what a task burnt since it moved last is "stood", and what it burnt before it was put back "dropped".
    """

    outcome: Outcome
    tasks: int
    usd: float


class Series(msgspec.Struct):
    """Dollars of one name by bin; `name` and `tenant` None: of all others."""

    name: str | None
    tenant: str | None
    usd: list[float]


class Spend(msgspec.Struct):
    """Dollars over time: bins of `width_s` from `began_t` on, by agent or model, the dearest first."""

    by: Literal["agent", "model"]
    began_t: float
    width_s: int
    calls: list[int]
    series: list[Series]


class Strip(msgspec.Struct):
    """A flagged run (or task) over time: bins of `width_s` from `began_t` on."""

    of: Literal["run", "task"]
    began_t: float
    width_s: int
    usd: list[float]
    calls: list[int]


class Flag(msgspec.Struct):
    """An episode as it ended. `since`: when what it is about began; `what`, `rounds`: what repeated, how often."""

    id: str
    rule: str
    class_: str | None = msgspec.field(name="class")
    level: Level
    severity: Severity
    tenant: str
    team: str | None
    agent: str | None
    run: str | None
    task: str | None
    model: str | None
    since: float
    opened_at: float
    ended_at: float
    ended_by: str | None
    usd: float
    usd_per_hour: float
    usual_usd_per_hour: float | None
    calls: int
    tokens: int
    summary: str
    what: str | None
    rounds: int | None
    steps: list[str]
    strip: Strip | None = None


class Counted(msgspec.Struct):
    """Episodes of a rule by the highest severity that they reached; dollars of several rules may be the same."""

    rule: str
    severity: Severity
    episodes: int
    usd: float


class Facts(msgspec.Struct):
    """All of it. `moved_share`: of the dollars, what was followed by a status that completed or moved the task.

    It is None where no status is told. `flags`: of the pages, tickets and loops that `counted` counts the dearest.
    """

    version: int
    began_t: float | None
    ended_t: float | None
    events: int
    refused: dict[str, int]
    runs: int
    tasks: int
    total: Usage
    unpriced_models: dict[str, int]
    priced_as_standard: int
    status_source: bool
    moved_share: float | None
    came: list[Came]
    by_agent: Ranking
    by_model: Ranking
    by_team: Ranking
    by_task: Ranking
    spend: Spend | None
    loops: Counted
    counted: list[Counted]
    flags: list[Flag]
    tenants: int


def to_json(facts: Facts) -> bytes:
    """The figures for machines: one object on one line."""
    return msgspec.json.encode(facts) + b"\n"


def decode(value: bytes) -> Facts:
    """Reads it back; raises msgspec.DecodeError."""
    return msgspec.json.decode(value, type=Facts)
