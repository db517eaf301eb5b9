"""What the rule `spend_spike` is told of a task, run, agent, team or model at the end of a minute."""

from typing import NamedTuple

from detector.model.alert import Level


class SpendFacts(NamedTuple):
    """Dollars of the last hour against what is usual, and whether the work moved. USD, s UTC."""

    level: Level
    t: float  # of the newest call
    hour_usd: float
    twenty_usd: float  # of the last 20 and 10 minutes
    ten_usd: float
    usual_usd: float  # what an hour usually costs
    usual_is: str  # how that is known
    known: bool  # whether it is
    history: int  # hours that it is known by
    dearest_usd: float  # of the hours before
    bar: float  # factor on the bars, 1 unless pages were wrong
    strong_t: float  # last strong and medium status, 0: none came
    medium_t: float
    since_strong_usd: float
    moves_due: float | None  # statuses that the dollars since the last usually bring; None where that is not known
    held_s: float  # how long it has been dear and still
    still_share: float  # of the hour's dollars, what went to tasks that did not move
    movers: int  # agents that are dear and still at the same time, in its team
    top_share: float  # of what is above usual, the part of the narrower subject that spent most
    top: str | None  # and who that is
    within_team: bool  # the page of its team tells of it
    calls: int  # of the hour
    tokens: int
    usd_after: float  # in all
    calls_after: int
    tokens_after: int

    @property
    def above_usd(self) -> float:
        """Dollars above usual in the hour."""
        return self.hour_usd - self.usual_usd

    @property
    def strong_s(self) -> float:
        """How long no strong status came; infinite where none ever did."""
        return self.t - self.strong_t if self.strong_t > 0.0 else float("inf")

    @property
    def calm_s(self) -> float:
        """The same of strong and medium ones."""
        return min(self.strong_s, self.t - self.medium_t if self.medium_t > 0.0 else float("inf"))
