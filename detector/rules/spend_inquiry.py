"""Asks the rules of spend about what a minute or an hour has brought, and keeps the episodes that they speak of."""

from typing import NamedTuple

from detector.accounts.appraisal import agents, task, tasks
from detector.accounts.booking import Booked
from detector.accounts.facts import SpendFacts
from detector.accounts.group_appraisal import models, teams
from detector.accounts.groups import Group
from detector.accounts.last_hour import Dear, LastHour
from detector.accounts.tables import Accounts, key_of_team
from detector.accounts.usual import bar
from detector.alerts.episodes import EpisodeBook
from detector.config import Config, Rules
from detector.config.thresholds import SpikeRule
from detector.model.alert import Alert
from detector.model.rollup import Party
from detector.rules import no_task, spend_spike
from detector.rules.evidence import moves
from detector.rules.finding import Context, Finding, Verdict

_LAPSE_MIN = 15
"""A subject that was not looked at for so long has to be dear anew."""


class SpendExplanation(NamedTuple):
    """What a rule was told of a subject at the end of a minute, and what it made of it."""

    rule: str
    ident: Party
    facts: SpendFacts
    verdict: Verdict


class SpendInquiry:
    """The rules of spend over the accounts of a partition.

    `wanted`: the key of a task's account and a minute; the verdict on these is kept in `explanations`.
    """

    def __init__(self, config: Config, accounts: Accounts, book: EpisodeBook) -> None:
        self._config, self._accounts, self._book = config, accounts, book
        self._loosest = loosest(config)
        self.wanted: tuple[int, int] | None = None
        self.explanations: list[SpendExplanation] = []

    def ask(self, minute: int, booked: Booked) -> list[Alert]:
        """Asks about all that spent in this minute: wide subjects first, since their page tells of the narrow ones."""
        hour = LastHour(self._accounts, minute, self._loosest)
        alerts: list[Alert] = []
        for dear in (*models(hour, booked), *teams(hour, booked)):
            alerts += self._ask(hour, dear)
        asked = {dear.key: dear for dear in (*agents(hour, booked), *tasks(hour, booked))}
        for dear in asked.values():
            if not self._is_told_by_its_agent(dear):
                alerts += self._ask(hour, self._placed(dear, hour, minute))
        if self.wanted is not None and self.wanted[1] == minute and self.wanted[0] not in asked:
            slot = self._accounts.tasks.get(self.wanted[0])
            if slot in booked.tasks:
                wanted = task(hour, slot)
                self._judge(wanted, self._rules(wanted.who))
        return alerts

    def ask_teams(self, t: float) -> list[Alert]:
        """What is asked of teams at a full hour (`t`: s UTC)."""
        alerts: list[Alert] = []
        for _, group in sorted(self._accounts.teams.items()):
            rules = self._config.rules_for(group.tenant, group.name, None)
            if rules.no_task.enabled and group.heard > t - 3600.0:
                group.reach(int(t // 60.0))
                alerts += self._ask_claims(group, rules, t)
        return alerts

    def _ask_claims(self, group: Group, rules: Rules, t: float) -> list[Alert]:
        hours = rules.no_task.hours
        history = max(0, int(t // 3600.0) - int(group.first_t // 3600.0) - hours)
        sums = (group.usd, group.calls, group.tokens)
        facts = no_task.ClaimFacts(t, hours, *group.shares(hours), history, *sums)
        who = Party(group.key, group.tenant, group.name)
        key = (no_task.NAME, group.key)
        context = Context(rules, who, (), False, group.status_t > 0.0, False, self._book.standing(*key, t))
        finding = no_task.judge(facts, context).finding
        if finding is None:
            return []
        finding.evidence.update(calls=[])
        return self._book.found(key, (group.key, group.segment), who, t, finding, None)

    def learn(self, slot: int, t: float) -> None:
        """A strong status of `t` (s UTC) came for the task at `slot`: pages shortly before it were wrong."""
        agents = self._accounts.agents
        name = self._accounts.task_names[slot]
        rule = self._rules(name).spend_spike
        for key in self._accounts.tasks.rows["helpers"][slot].tolist():
            agent = agents.get(key) if key else -1
            if agent < 0:
                continue
            row = agents.rows[agent]
            if row["paged_t"] > 0.0 and 0.0 <= t - row["paged_t"] <= rule.wrong_within_s:
                row["bar"], row["bar_t"] = min(rule.bar_most, bar(row, t) * rule.bar_factor), t
                row["paged_t"] = 0.0

    def _team_of(self, dear: Dear) -> int:
        rows = self._accounts.agents.rows if dear.facts.level == "agent" else self._accounts.tasks.rows
        return int(rows["team"][dear.slot])

    def _is_told_by_its_agent(self, dear: Dear) -> bool:
        """Whether a task is one of several of an agent that is a ticket itself: one cause, one alert."""
        if dear.facts.level == "agent" or len(dear.culprits) != 1:
            return False
        agent = int(self._accounts.agents.rows["key"][dear.culprits[0]])
        severity = self._book.severity(spend_spike.NAME, agent)
        mine = self._book.severity(spend_spike.NAME, dear.key)
        return severity in ("warning", "critical") and mine in (None, "info")

    def _placed(self, dear: Dear, hour: LastHour, minute: int) -> Dear:
        """The subject with what depends on its team and on the minutes before.

        Where its team rises with it, it waits for the team's page, unless it spends most of what is above usual.
        """
        rule, team = self._rules(dear.who).spend_spike, self._team_of(dear)
        group, movers = self._accounts.teams[team], len(hour.movers(team))
        held_s = self._held_s(dear, rule, minute)
        wide = self._book.severity(spend_spike.NAME, team) == "critical"
        waits = movers >= rule.movers and held_s < rule.hold_s + rule.together_s
        most = dear.facts.above_usd > rule.most_of_it * (group.last(60) - group.usual())
        within = (wide or waits) and not most
        return dear._replace(facts=dear.facts._replace(held_s=held_s, movers=movers, within_team=within))

    def _held_s(self, dear: Dear, rule: SpikeRule, minute: int) -> float:
        """For how long the subject has been dear and still."""
        f = dear.facts
        if f.level == "agent":
            return rule.hold_s  # its tasks change, and it is looked at anew each minute
        row = self._accounts.tasks.rows[dear.slot]
        dear_and_still = (
            f.hour_usd >= rule.times_usual * f.bar * f.usual_usd
            and f.above_usd >= spend_spike.ticket_usd(rule) * f.bar
            and f.calm_s >= rule.calm_s
        )
        if not dear_and_still:
            row["held"] = 0
        elif row["held"] == 0 or minute - row["looked"] > _LAPSE_MIN:
            row["held"] = minute
        row["looked"] = minute
        return 60.0 * (minute - int(row["held"])) if dear_and_still else 0.0

    def _ask(self, hour: LastHour, dear: Dear) -> list[Alert]:
        rules, facts = self._rules(dear.who), dear.facts
        if not rules.spend_spike.enabled:
            return []
        context, finding = self._judge(dear, rules)
        if finding is None:
            return []
        calls = self._accounts.newest.get(dear.slot, []) if facts.level in ("task", "run") else []
        finding.evidence.update(interactive=dear.interactive, told_late=False, calls=calls)
        moved_t = max(facts.strong_t, facts.medium_t)
        since = round(facts.t - moved_t, 6) if context.status_source and moved_t else None
        before = self._book.severity(spend_spike.NAME, dear.key)
        out = self._book.found(
            (spend_spike.NAME, dear.key), (dear.key, dear.segment), dear.who, facts.t, finding, since,
            lambda: {"usd_by_minute": hour.by_minute(dear), "moves": moves(facts.strong_t, facts.medium_t)},
        )  # fmt: skip
        if finding.severity == "critical" != before:
            self._accounts.agents.rows["paged_t"][dear.culprits] = facts.t
        return out

    def _judge(self, dear: Dear, rules: Rules) -> tuple[Context, Finding | None]:
        facts = dear.facts
        context = Context(
            rules=rules,
            ident=dear.who,
            names=(),
            has_task=dear.has_task,
            status_source=self._has_source(dear.who, facts, dear.key),
            interactive=dear.interactive,
            standing=self._book.standing(spend_spike.NAME, dear.key, facts.t),
        )
        verdict = spend_spike.judge(facts, context)
        if self.wanted == (dear.key, round(facts.t // 60.0)):
            self.explanations.append(SpendExplanation(spend_spike.NAME, dear.who, facts, verdict))
        return context, verdict.finding

    def _has_source(self, who: Party, facts: SpendFacts, key: int) -> bool:
        """Whether anything tells what becomes of the team's work; of a model: of any team's."""
        statuses = self._config.statuses
        if statuses.connected != "auto":
            return statuses.connected == "yes"
        if facts.level == "model":
            told = self._accounts.models[key].status_t
        else:
            told = self._accounts.teams[key_of_team(who.tenant, who.team)].status_t
        return told > 0.0 and facts.t - told <= statuses.silent_s

    def _rules(self, who: Party) -> Rules:
        return self._config.rules_for(who.tenant, who.team, who.agent)


def loosest(config: Config) -> SpikeRule:
    """The thresholds of all overrides at which the first of them may fire."""
    every = [config.rules, *(config.rules_for(o.tenant or "", o.team, o.agent) for o in config.overrides)]
    spikes = [r.spend_spike for r in every]
    least = {
        name: min(getattr(s, name) for s in spikes)
        for name in ("times_usual", "info_usd", "team_times", "team_usd", "model_usd")
    }
    return spikes[0].model_copy(update=least)
