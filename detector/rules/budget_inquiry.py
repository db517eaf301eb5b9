"""Asks at each full hour what budgets have used, and keeps the episode of each budget and month."""

from detector.accounts.tables import Accounts
from detector.alerts.episodes import EpisodeBook
from detector.boards.sums import BudgetState
from detector.config import Config
from detector.config.budgets import Budget
from detector.enrich.identity import hash64
from detector.ledger.books import HOUR_S, Books
from detector.ledger.budgets import Month, costliest_tasks, months_of
from detector.model.alert import Alert
from detector.model.rollup import Party
from detector.rules import budget as rule
from detector.rules.finding import Context
from detector.rules.shipping import costliest


class BudgetInquiry:
    """The budgets of the configuration over the books of a partition; those of tenants elsewhere are asked there."""

    def __init__(self, config: Config, accounts: Accounts, books: Books, book: EpisodeBook) -> None:
        self._config, self._accounts, self._books, self._book = config, accounts, books, book

    def ask(self, t: float) -> list[Alert]:
        """What is asked at a full hour (`t`: s UTC)."""
        budgets, alerts = self._config.budgets, list[Alert]()
        if budgets:
            for budget, month in zip(budgets, months_of(self._books, budgets, t), strict=True):
                if month is not None:
                    alerts += self._ask(budget, month)
        return alerts

    def states(self) -> dict[tuple[str, str | None, str], BudgetState]:
        """Of each budget of which anybody is in the books how it stands at the end of the hour under way."""
        budgets, told = self._config.budgets, dict[tuple[str, str | None, str], BudgetState]()
        t = (self._books.common.newest_t // HOUR_S + 1) * HOUR_S
        for budget, month in zip(budgets, months_of(self._books, budgets, t), strict=True):
            if month is not None:
                rules = self._config.rules_for(budget.tenant, budget.team, None)
                expected = rule.forecast(month.facts, rules.budget.forecast_days)
                state = BudgetState(budget.usd_per_month, month.facts.used_usd, expected)
                told[budget.tenant, budget.team, budget.label] = state
        return told

    def _ask(self, budget: Budget, month: Month) -> list[Alert]:
        facts, rules = month.facts, self._config.rules_for(budget.tenant, budget.team, None)
        # A month has a key of its own: its episode ends with it, and the next one begins anew.
        names = budget.team, budget.key, str(budget.experiments), str(facts.began_t)
        key = hash64(budget.tenant, rule.NAME, *names)
        if not rules.budget.enabled:
            return []
        who, episode = Party(key, budget.tenant, budget.team, key=budget.key), (rule.NAME, key)
        context = Context(rules, who, (), False, False, False, self._book.standing(*episode, facts.t))
        finding = rule.judge(facts, context).finding
        if finding is None:
            return []
        finding.evidence.update(calls=[])
        return self._book.found(
            episode, (key, self._accounts.segment_of(key)), who, facts.t, finding, None,
            lambda: {"tasks": costliest(costliest_tasks(self._books, month))},
        )  # fmt: skip
