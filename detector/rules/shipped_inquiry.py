"""Asks the rules about a month, once a day, of all whose spend the books hold, and keeps the episodes they speak of."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from detector.alerts.episodes import EpisodeBook
from detector.config import Config, Rules
from detector.enrich.identity import hash64
from detector.ledger.books import DAYS, Books
from detector.ledger.dear import Like, dear_tasks
from detector.ledger.month import Month
from detector.ledger.payers import Floats, Ints, totals
from detector.ledger.repeated import redundant_facts, repeated
from detector.ledger.shares import KINDS, Shares
from detector.ledger.survey import DAY_S, Survey
from detector.ledger.undone import churn_facts, is_told_of
from detector.ledger.weeks import cost_facts, ended_day
from detector.model.alert import Alert, Severity
from detector.model.rollup import Party
from detector.rules import churn, concentration, cost_per_outcome, no_deliverable, redundant_spend
from detector.rules.finding import Context, Verdict
from detector.rules.no_deliverable import NothingFacts

_CENT = 0.01
"""Sums that decide whether a rule is asked at all may be that far off."""
Spender = Literal["team", "agent", "key"]
_MOST = 0.5
"""Where another ticket is about more of the dollars than this, one is enough."""


class ShippedInquiry:
    """The rules about a month over the books of a partition. `segment_of`: where an episode's key is stored."""

    def __init__(self, config: Config, books: Books, book: EpisodeBook, segment_of: Callable[[int], int]) -> None:
        self._config, self._books, self._book, self._segment_of = config, books, book, segment_of

    def ask(self, t: float) -> list[Alert]:
        """Asks about the days that ended at the midnight `t` (s UTC)."""
        if not len(self._books.cells):
            return []
        survey = Survey(self._books, t, self._config.rules.churn.rewritten)
        return _Day(self._config, survey, self._book, self._segment_of).ask()


class _Day:
    """What is asked at one midnight. Each rule is told what it needs, and only of whom it may speak of at all."""

    def __init__(self, config: Config, survey: Survey, book: EpisodeBook, segment_of: Callable[[int], int]) -> None:
        self._config, self._survey, self._book, self._segment_of = config, survey, book, segment_of
        self._t, self._today = survey.t, round(survey.t / DAY_S)
        self._months: dict[tuple[int, int], Month] = {}
        self._ticketed: list[tuple[str, npt.NDArray[np.bool_]]] = []
        self._alerts: list[Alert] = []
        self._teams = [self._config.rules_for(tenant, team, None) for tenant, team, _ in survey.payers["team"].names]

    def ask(self) -> list[Alert]:
        """All rules, in order; `no_deliverable` of wide subjects first, whose ticket tells of the narrow ones."""
        self._ask_nothing("team", "its team")
        self._ask_nothing("agent", "an agent")
        self._ask_nothing("key", "a key")
        self._ask_dear()
        self._ask_shares()
        self._ask_costs()
        self._ask_undone()
        self._ask_redundant()
        return self._alerts

    def _month(self, days: int, ended: int | None = None) -> Month:
        """The days before the day `ended` (since 1970), or today."""
        ended = self._today if ended is None else ended
        if (days, ended) not in self._months:
            self._months[days, ended] = Month(self._survey, days, ended * DAY_S)
        return self._months[days, ended]

    def _history(self, first_day: np.int64) -> float:
        return float(self._today - first_day)

    def _told_days(self, tenant: str, days: int) -> float:
        """For how long something tells what ships in the tenant; what told nothing in all of these days tells not."""
        connected, common = self._config.statuses.connected, self._survey.books.common
        if connected != "auto":
            return float(DAYS) if connected == "yes" else 0.0
        since = common.shipping_since.get(tenant)
        if since is None or self._t - common.statuses.get(tenant, 0.0) > days * DAY_S:
            return 0.0
        return max(0.0, self._t - since) / DAY_S

    def _judge(
        self, rule: str, rules: Rules, who: Party, told: float, judge: Callable[[Context], Verdict]
    ) -> Severity | None:
        """Puts into the book what the rule finds of a subject; `told`: days for which it is told what ships."""
        key = (rule, who.subject)
        standing = self._book.standing(*key, self._t)
        finding = judge(Context(rules, who, (), who.task is not None, told > 0.0, False, standing)).finding
        if finding is None:
            return None
        finding.evidence.update(calls=[])
        place = (who.subject, self._segment_of(who.subject))
        self._alerts += self._book.found(key, place, who, self._t, finding, None)
        return finding.severity

    def _team(self, code: int, *more: str) -> Party:
        """A team, by its code; `more`: what tells its episodes apart."""
        tenant, team, _ = self._survey.payers["team"].names[code]
        return Party(hash64(tenant, "month", "team", team, *more), tenant, team)

    def _ask_nothing(self, kind: Spender, told_of: str) -> None:
        """`no_deliverable` of all teams, agents or keys; those with a ticket are remembered as `told_of`."""
        survey, payers = self._survey, self._survey.payers[kind]
        first, tickets = survey.first_days(kind), list[int]()
        counted: dict[int, list[float]] = {}
        elsewhere: dict[int, list[str | None]] = {}
        for code, (tenant, team, name) in enumerate(payers.names):
            rules = self._config.rules_for(tenant, team, name if kind == "agent" else None)
            rule = rules.no_deliverable
            if not rule.enabled:
                continue
            month = self._month(rule.days)
            if rule.days not in counted:
                counted[rule.days] = month.counted(kind).tolist()
                elsewhere[rule.days] = self._told_of(month.counted_usd, payers.by_code)
            if counted[rule.days][code] < rule.least_usd:
                continue
            told = self._told_days(tenant, rule.days)
            window = month.window(kind, code, self._history(first[code]))
            facts = NothingFacts(kind, window, month.outcomes_of(kind, code), told, elsewhere[rule.days][code])
            who = Party(
                hash64(tenant, "month", kind, team, name), tenant, team,
                agent=name if kind == "agent" else None, key=name if kind == "key" else None,
            )  # fmt: skip
            if self._judge(no_deliverable.NAME, rules, who, told, partial(no_deliverable.judge, facts)) == "warning":
                tickets.append(code)
        self._ticketed.append((told_of, np.isin(payers.of_who[survey.who], tickets)))

    def _told_of(self, usd: Floats, by: Callable[[Floats], Floats]) -> list[str | None]:
        """Of whatever payments (with dollars `usd`) are summed up by: whose ticket is about most of it, if any."""
        total = by(usd)
        found: list[str | None] = [None] * len(total)
        for told_of, covered in reversed(self._ticketed):  # the widest holds
            for n in np.flatnonzero(by(usd * covered) > _MOST * total).tolist():
                found[n] = told_of
        return found

    def _ask_dear(self) -> None:
        """`no_deliverable` of single tasks."""
        survey = self._survey
        for days in sorted({rules.no_deliverable.days for rules in self._teams}):
            month = self._month(days)
            least = min(rules.no_deliverable.task_usd for rules in self._teams)
            told_of = self._told_of(month.usd, lambda usd: totals(survey.purse, usd, survey.slots))
            for slot, facts in dear_tasks(month, Like(month), least):
                tenant, team, _ = survey.payers["team"].names[survey.owner[slot]]
                rules, kept = self._teams[survey.owner[slot]], survey.books.purses.beside[slot]
                task = kept.task
                if rules.no_deliverable.enabled and rules.no_deliverable.days == days and not kept.folded:
                    who = Party(
                        hash64(tenant, "month", "task", task), tenant, team, task=task, task_type=facts.task_type
                    )
                    asked = partial(no_deliverable.judge_task, facts._replace(told_of=told_of[slot]))
                    self._judge(no_deliverable.NAME, rules, who, self._told_days(tenant, days), asked)

    def _ask_shares(self) -> None:
        """`concentration` of the agents of a team, then of its keys, then of its people: the first that is one."""
        shares: dict[int, Shares] = {}
        first = self._survey.first_days("team")
        for team, rules in enumerate(self._teams):
            rule = rules.concentration
            if not rule.enabled or self._month(rule.days).counted("team")[team] < rule.least_usd:
                continue
            if rule.days not in shares:
                shares[rule.days] = Shares(self._month(rule.days))
            told = self._told_days(self._tenant(team), rule.days)
            for kind in KINDS:
                found = [
                    self._judge(
                        concentration.NAME, rules, self._team(team, kind, facts.name), told,
                        partial(concentration.judge, facts),
                    )
                    for facts in shares[rule.days].of(team, kind, rule, self._history(first[team]))
                ]  # fmt: skip
                if any(found):
                    break

    def _ask_costs(self) -> None:
        """`cost_per_outcome` of teams, over the weeks that are whole."""
        survey, ended = self._survey, ended_day(self._t)
        done = survey.results.done
        done = done[~survey.learning[done["purse"]]]
        of_team, first = _by_code(survey.owner[done["purse"]], len(self._teams)), survey.first_days("team")
        for team, rules in enumerate(self._teams):
            rule = rules.cost_per_outcome
            if not rule.enabled or not len(of_team[team]):
                continue
            month = self._month(7 * rule.weeks, ended)
            sums = month.sums("team")
            if sums.usd[team] - sums.experiment_usd[team] >= rule.least_usd:
                facts = cost_facts(survey, month, team, int(first[team]), done[of_team[team]])
                told = self._told_days(self._tenant(team), 7 * rule.weeks)
                self._judge(
                    cost_per_outcome.NAME, rules, self._team(team), told, partial(cost_per_outcome.judge, facts)
                )

    def _ask_undone(self) -> None:
        """`churn` of teams in whose tenants it was ever told that something came undone."""
        survey = self._survey
        came = survey.results.came
        came = came[~survey.learning[came["purse"]] & (survey.owner[came["purse"]] >= 0)]
        owner = survey.owner[came["purse"]]
        of_team, told_of = _by_code(owner, len(self._teams)), is_told_of(came)
        most_usd = np.bincount(owner[told_of], came["usd"][told_of], len(self._teams))
        for team, rules in enumerate(self._teams):
            rule, tenant = rules.churn, self._tenant(team)
            if rule.enabled and len(of_team[team]) >= rule.outcomes and most_usd[team] + _CENT >= rule.least_usd:
                facts = churn_facts(
                    self._month(rule.days), team, tenant in survey.results.known, came[of_team[team]], rule
                )
                told = self._told_days(tenant, rule.days)
                self._judge(churn.NAME, rules, self._team(team), told, partial(churn.judge, facts))

    def _ask_redundant(self) -> None:
        """`redundant_spend` of teams that had such runs."""
        for days in sorted({rules.redundant_spend.days for rules in self._teams}):
            month = self._month(days)
            found = repeated(month)
            usd = np.bincount(found.team, found.usd, len(self._teams))
            for team in np.unique(found.team).tolist():
                rules, rule = self._teams[team], self._teams[team].redundant_spend
                if rule.enabled and rule.days == days and usd[team] + _CENT >= rule.info_usd:
                    facts, told = redundant_facts(month, found, team), self._told_days(self._tenant(team), days)
                    asked = partial(redundant_spend.judge, facts)
                    self._judge(redundant_spend.NAME, rules, self._team(team), told, asked)

    def _tenant(self, team: int) -> str:
        return self._survey.payers["team"].names[team][0]


def _by_code(codes: Ints, count: int) -> list[Ints]:
    """For each code below `count` the places (of n) that have it, in their order."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(count + 1)))[1:-1]
