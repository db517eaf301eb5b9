"""What an overview calls flagged the ledger does too, of the same events, but for the minute in which a spike ends."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import pytest

from detector.audit.accounting import Audit
from detector.audit.of_books import BooksSource
from detector.audit.window import Window
from detector.config import Config
from detector.engine import ALONE, Spread
from detector.incidents.book import IncidentBook
from detector.incidents.live import Live
from detector.incidents.spend import Spend
from detector.model.alert import encode_alert
from detector.model.rollup import decode_rollup
from detector.policy.scope import TEAMS
from detector.portfolio import Portfolio
from tests.support.fleets import spiking_fleet
from tests.support.judged import T0
from tests.support.spread import Told, before_the_end, rollups
from tests.support.worked import spent

CONFIG = Config()
HOUR_S = 3600.0
LAST_MINUTE_USD = 1.0
"""Of the fleet's spikes: $60 in an hour."""


class Hour(NamedTuple):
    """What was billed by team, and flagged in all, from `began_t` (s UTC) on."""

    began_t: float
    usd: dict[str | None, float]
    flagged_usd: float


class Both:
    """Portfolio, and what pages make of the rollups that it takes and the alerts that it writes."""

    def __init__(self) -> None:
        self.portfolio = Portfolio(CONFIG)
        self.book, self.spend = IncidentBook(), Spend(CONFIG.portfolio.max_teams, CONFIG.time.hold_back_s)
        self.live = Live(self.book, self.spend, lambda: 0.0, lambda: 0)

    def take(self, rollups: Sequence[Told]) -> None:
        for n, told in enumerate(rollups):
            for alert in self.portfolio.process(told.value, n).alerts:
                self.book.take(encode_alert(alert), 0.0)
            self.spend.take(told.to, decode_rollup(told.value), 0.0)
            self.live.settle()

    def hours(self) -> list[tuple[Hour, Hour]]:
        """(by pages, by the ledger) of each whole hour of the overview that is over."""
        overview, out = self.live.overview(TEAMS), list[tuple[Hour, Hour]]()
        first = -(-overview.begins_s // HOUR_S) * HOUR_S
        for began_t in (first + n * HOUR_S for n in range(5)):
            a = round((began_t - overview.begins_s) / overview.slice_s)
            b = a + round(HOUR_S / overview.slice_s)
            usd = {team.team: sum(team.usd[a:b]) for team in overview.teams if any(team.usd[a:b])}
            pages = Hour(began_t, usd, sum(sum(team.flagged_usd[a:b]) for team in overview.teams))
            window = Window(began_t - 1e-6, began_t + HOUR_S - 1e-6)
            figures = Audit(BooksSource(self.portfolio.books), window, None).figures()
            ledger = Hour(began_t, {team.team: team.spend_usd for team in figures.teams}, figures.flagged_usd)
            out.append((pages, ledger))
        return out


@pytest.mark.parametrize("spread", [ALONE, Spread(3, 1)])
def test_a_loop_is_flagged_each_dollar_once(spread: Spread) -> None:
    both = Both()
    loop = [spent(30.0 * n, 0.5, output={"text": "the very same answer"}, team="red") for n in range(40)]
    both.take(before_the_end(rollups([*loop, spent(9000.0, 1.0, "T-2", team="red")], CONFIG, spread)))
    told = both.live.overview(TEAMS)
    assert [(team.team, sum(team.usd), sum(team.flagged_usd)) for team in told.teams] == [("red", 21.0, 20.0)]


@cache
def of_fleet() -> list[Told]:
    """Rollups of some days, and of four hours with two spikes of spend."""
    return rollups([event for event in spiking_fleet() if event["time"] <= T0 + 4.0 * HOUR_S])


@pytest.mark.parametrize("hours", [1.2, 4.0])
def test_loops_and_spikes_of_a_fleet_are_flagged_as_in_the_ledger(hours: float) -> None:
    both = Both()
    both.take([told for told in of_fleet() if decode_rollup(told.value).mark <= T0 + hours * HOUR_S])
    told = both.hours()
    for pages, ledger in told:
        assert pages.usd == pytest.approx(ledger.usd, abs=1e-6)
        more_usd = pages.flagged_usd - ledger.flagged_usd
        assert -1e-6 <= more_usd <= LAST_MINUTE_USD + 1e-6, pages.began_t - T0
    assert sum(pages.flagged_usd for pages, _ in told) > 10.0
