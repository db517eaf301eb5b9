"""What pages show: the newest record of each episode, and what the fleet burns; already cut down to a scope."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from detector.model.alert import Alert, Severity
from detector.policy.scope import Scope

MOST_ENDED = 500
"""Ended incidents of a list, the newest of those that are asked for."""


class Listed(Protocol):
    """An episode among thousands: what these are counted, summed and placed by, and the record of what is shown.

    The record is made anew each time, without history and stop, and of its evidence with LISTED of the book alone.
    """

    @property
    def alert(self) -> Alert:
        """Its record."""

    @property
    def firing(self) -> bool:
        """Whether it goes on."""

    @property
    def severity(self) -> Severity:
        """How loud it is."""

    @property
    def cost_usd(self) -> float:
        """What it has burnt."""

    @property
    def opened_at(self) -> float:
        """When it opened (s UTC)."""

    @property
    def task_key(self) -> tuple[str, str | None]:
        """Its tenant and its task."""


class Incident(NamedTuple):
    """An episode as it was told last. `written_s`: when the broker took that record (s UTC).

    `stop`: what became of the request to stop it, None where none was made.
    """

    alert: Alert
    written_s: float
    stop: dict[str, Any] | None = None


class Wanted(NamedTuple):
    """Which incidents are asked for; None: whichever."""

    open: bool = False
    tenant: str | None = None
    team: str | None = None
    rule: str | None = None
    severity: str | None = None

    def is_of(self, tenant: str, team: str | None) -> bool:
        """Whether a tenant and a team, as they are shown, are what is asked for."""
        return self.tenant in (None, tenant) and self.team in (None, team)

    def is_such(self, firing: bool, rule: str, severity: Severity) -> bool:
        """Whether an episode of this rule is."""
        return (firing or not self.open) and self.rule in (None, rule) and self.severity in (None, severity)


EVERY = Wanted()
"""All of them."""


class Choices(NamedTuple):
    """What can be asked for of all that a scope may see: names, those of people masked; None: no team is named."""

    rules: frozenset[str]
    teams: frozenset[str | None]
    tenants: frozenset[str]


class TeamSpend(NamedTuple):
    """What a team was billed: `usd` and `flagged_usd` by slice, as many as the overview has, oldest first."""

    tenant: str
    team: str | None
    usd: list[float]
    flagged_usd: list[float]


class Overview(NamedTuple):
    """What the fleet burns now and what of it is flagged. Times in seconds UTC, money in USD.

    `until_s`: the event time up to which all has been told, None: nothing yet; `now_s` less that is how far behind the
    detector is. `reading`: records still to be read before the figures are whole; 0 once they are. `teams` begin with
    the dearest of the last hour; beyond a hundred all others are one, 'other' of 'other'. `hour_usd`,
    `flagged_hour_usd`: the sums of the hour before `until_s`.
    """

    now_s: float
    until_s: float | None
    reading: int
    begins_s: float
    slice_s: float
    teams: list[TeamSpend]
    hour_usd: float
    flagged_hour_usd: float
    open: Sequence[Listed]


class Source(Protocol):
    """Where pages get what they show; each answer is what the scope may see, people masked.

    Of several episodes each is told for a list.
    """

    def overview(self, scope: Scope) -> Overview:
        """What burns now."""

    def incidents(self, scope: Scope, wanted: Wanted = EVERY) -> Sequence[Listed]:
        """Those that are wanted: open ones, the loudest and dearest first; then MOST_ENDED that ended, newest first."""

    def choices(self, scope: Scope) -> Choices:
        """What can be asked for."""

    def related(self, scope: Scope, id: str) -> Sequence[Listed]:
        """The other episodes of its tenant with its group or its task, open ones first."""

    def incident(self, scope: Scope, id: str) -> Incident | None:
        """One episode; None where there is none, or the scope may not see it."""
