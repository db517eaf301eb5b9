"""What this month will have cost by its end, by team: as a budget's forecast is made, budget or not."""

from detector.config.budgets import Budget
from detector.config.thresholds import BudgetRule
from detector.ledger.books import HOUR_S, Books
from detector.ledger.budgets import months_of
from detector.rules.budget import forecast

FROM_DAYS = BudgetRule().forecast_days
"""Whole days of a month before there is any."""


def forecasts(books: Books) -> dict[tuple[str, str | None], float]:
    """USD by tenant and team at the end of the hour under way; none in the first days of a month."""
    teams = sorted({(who.tenant, who.team) for _, who in books.whos.beside.items()}, key=str)
    # No budget that could be configured: one may have no team, and names are as events tell them.
    asked = [Budget.model_construct(tenant=tenant, team=team, usd_per_month=1.0) for tenant, team in teams]
    t = (books.common.newest_t // HOUR_S + 1) * HOUR_S
    months = zip(teams, months_of(books, asked, t), strict=True)
    told = {team: forecast(month.facts, FROM_DAYS) for team, month in months if month is not None}
    return {team: usd for team, usd in told.items() if usd}
