"""Which agents, keys and people of a team have most of its dollars, and how much of its outcomes."""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import numpy as np

from detector.config.shipped_thresholds import ConcentrationRule
from detector.ledger.month import EXPERIMENT, Month
from detector.ledger.payers import Ints, totals
from detector.ledger.survey import Kind, Survey
from detector.rules.concentration import ShareFacts

Part = Literal["agent", "key", "user"]
KINDS: tuple[Part, ...] = ("agent", "key", "user")
"""In the order in which they are asked: who a person is, is told where nothing else tells it."""


class Shares:
    """What a month's payers have of their teams."""

    def __init__(self, month: Month) -> None:
        self._month, survey = month, month.survey
        self._shipped = np.where(month.fates == EXPERIMENT, 0, month.outcomes)
        self._starts = {kind: _starts(survey, kind) for kind in KINDS}
        self._led: dict[Kind, Ints] = {}

    @cached_property
    def team_outcomes(self) -> Ints:
        """By team the outcomes of its tasks."""
        return self._by_code(self._month.survey.owner, "team")

    def of(self, team: int, kind: Part, rule: ConcentrationRule, history_days: float) -> Iterator[ShareFacts]:
        """Those of a team (its code) that have so large a share of its dollars, in the order of their names."""
        month, starts = self._month, self._starts[kind]
        mine = slice(int(starts[team]), int(starts[team + 1]))
        team_usd, counted = float(month.counted("team")[team]), month.counted(kind)[mine]
        dear = (counted >= rule.least_usd) & (counted >= rule.share * team_usd - 1e-9)
        for n in np.flatnonzero(dear).tolist():
            code = mine.start + n
            yield ShareFacts(
                kind=kind,
                name=month.survey.payers[kind].names[code][2] or "",
                window=month.window(kind, code, history_days),
                team_usd=team_usd,
                subjects=int((month.sums(kind).usd[mine] > 0.0).sum()),
                outcomes=int(self._outcomes(kind)[code]),
                team_outcomes=int(self.team_outcomes[team]),
            )

    def _outcomes(self, kind: Kind) -> Ints:
        """By code the outcomes of tasks of the team on which the payer spent most of its kind."""
        if kind not in self._led:
            self._led[kind] = self._by_code(self._month.survey.leaders(kind), kind)
        return self._led[kind]

    def _by_code(self, of_purse: Ints, kind: Kind) -> Ints:
        known = of_purse >= 0
        count = len(self._month.survey.payers[kind].names)
        return totals(of_purse[known], self._shipped[known], count).astype(np.int64)


def _starts(survey: Survey, kind: Kind) -> Ints:
    """Where the payers of each team (teams + 1) begin."""
    return np.searchsorted(survey.teams_of(kind), np.arange(len(survey.payers["team"].names) + 1))
