"""Asks the rules about what the walk found, and keeps the episodes that they speak of."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.alerts.episodes import EpisodeBook, Purse
from detector.config import Config
from detector.model import packed as pk
from detector.model.alert import Alert
from detector.model.packed import Ident
from detector.model.rollup import REDUNDANT, team_key
from detector.rules import RULES, loop, loop_claim, redundant_work
from detector.rules.evidence import call_of, calls_of, drawn, names_of
from detector.rules.finding import Context, Facts, Verdict
from detector.state import found as fnd
from detector.state.advance import file_finals
from detector.state.cells import News, party_of
from detector.state.finals import Final
from detector.state.minute import tell_moved
from detector.state.retention import finished_of
from detector.state.shard import Shard
from detector.totals import Totals

_BY_KIND = {kind: [rule for rule in RULES if kind == rule.KIND] for kind in (fnd.STEP, fnd.CALLS, fnd.FINAL, fnd.BLOAT)}
_CLAIMS = 0x9E3779B97F4A7C15
"""Tells the keys of episodes that clients claim from those of their lanes."""
_NOTHING: Mapping[str, Any] = {}
FLAGGED = (loop.NAME, redundant_work.NAME)
"""Rules whose episodes mean that dollars bought nothing, once they are warnings."""


class Signal(NamedTuple):
    """What the rules saw of one call."""

    call: str
    run: str | None
    repeats: bool
    similarity: float
    period: int | None
    novel: bool
    cost_usd: float


class Explanation(NamedTuple):
    """What a rule was told of a call, and what it made of it."""

    call: str
    rule: str
    ident: Ident
    facts: Facts
    verdict: Verdict


class Inquiry:
    """The rules over one shard: rows of `found.FOUND` in, alert records (and signals) out, in their order.

    explain: the id of a call whose verdicts are kept in `explanations`.
    """

    def __init__(
        self, config: Config, shard: Shard, book: EpisodeBook, totals: Totals, *, signals: bool, explain: str | None
    ) -> None:
        self._config, self._shard, self._book, self._totals = config, shard, book, totals
        self._with_signals, self._explain = signals, explain
        self.signals: list[Signal] = []
        self.explanations: list[Explanation] = []

    def ask(self, found: npt.NDArray[Any]) -> list[Alert]:
        """Asks about each thing found, in order; the records that are due."""
        alerts: list[Alert] = []
        lanes = set()
        told: set[tuple[str, int, int]] = set()
        for row in found.tolist():
            facts = Facts(*row)
            if facts.kind == fnd.MOVED:
                alerts += self._moved(facts)
                continue
            if facts.kind == fnd.CLAIMED:
                alerts += self._claimed(facts)
                continue
            if facts.kind == fnd.FINAL:
                alerts += self._final(facts)
                continue
            if facts.kind == fnd.STEP:
                lanes.add(facts.lane)
                if self._with_signals and facts.how == fnd.EXACT:
                    self._signal(facts)
                if facts.flags & pk.MUTED:  # what another source tells better is judged there
                    continue
            for rule in _BY_KIND[facts.kind]:
                # Of the ways in which a step repeats the first that is a finding holds.
                asked = (rule.NAME, facts.lane, facts.step)
                if facts.kind == fnd.STEP and asked in told:
                    continue
                fired, due = self._ask(rule, facts)
                alerts += due
                if fired:
                    told.add(asked)
        self._let_go(lanes)
        return alerts

    def _moved(self, facts: Facts) -> list[Alert]:
        """A status came: the task's teams have a source of them, and a strong one ends its episodes."""
        shard = self._shard
        what = (facts.flags, facts.mode, facts.rounds)
        ends_turns = facts.flags == pk.STRONG and facts.t >= facts.strong_t
        turns = facts.turns if ends_turns else 0  # else they are counted on, for the next one
        tell_moved(shard, facts.subject, facts.t, *what, facts.row, facts.step_cost, turns)
        if facts.flags != pk.STRONG:
            return []
        subject = int(shard.subjects.rows["key"][facts.subject])
        alerts = self._end_runs(facts, subject) if facts.mode == pk.CATEGORIES["completed"] else []
        return alerts + self._book.moved(subject, facts.t, Purse(facts.calls, facts.tokens, facts.cost))

    def _end_runs(self, facts: Facts, subject: int) -> list[Alert]:
        """The task is completed: what its runs said last is final."""
        ended = finished_of(self._shard, subject, facts.t)
        slots, found = np.array([slot for _, slot in ended], np.int64), np.zeros(len(ended), fnd.FOUND)
        subjects, ends = np.full(len(ended), facts.subject), np.full(len(ended), facts.t)
        lanes, rows = self._shard.lanes, self._shard.subjects.rows
        lanes.touch(slots)
        file_finals(slots, lanes.rows, subjects, rows, ends, found)
        return [alert for row in found.tolist() for alert in self._final(Facts(*row))]

    def _final(self, facts: Facts) -> list[Alert]:
        """A run has given its final output: it is filed with those of its task."""
        shard = self._shard
        lane, ident = shard.lanes.rows[facts.lane], shard.lane_names[facts.lane]
        rule = self._config.rules_for(ident.tenant, ident.team, ident.agent).redundant_work
        words, ones, level = lane["final"]["words"].tobytes(), int(lane["final"]["ones"]), int(lane["final"]["level"])
        spent = (facts.cost, facts.calls, facts.tokens)
        final = Final(int(lane["key"]), ident.run, ident.agent, facts.first_t, words, ones, level, *spent)
        subject = int(shard.subjects.rows["key"][facts.subject])
        before = shard.finals.before(subject, ident.run)
        like = shard.finals.add(subject, final, rule.within_s, rule.similarity)
        if len(like) > 1:
            final.again = True
            self._tell_redundant(ident, final, before)
        likest = max((final.similarity(f) for f in like[:-1]), default=0.0)
        facts = facts._replace(
            rounds=len(like), first_t=min(f.t for f in like), similarity=likest,
            cost=sum(f.cost for f in like), calls=sum(f.calls for f in like), tokens=sum(f.tokens for f in like),
        )  # fmt: skip
        runs = [{"run": f.run, "agent": f.agent, "t": f.t, "usd": round(f.cost, 6)} for f in like]
        return [a for asked in _BY_KIND[fnd.FINAL] for a in self._ask(asked, facts, {"runs": runs})[1]]

    def _tell_redundant(self, ident: Ident, final: Final, before: list[Final]) -> None:
        """What a run cost that came to an answer which was there goes to whoever sums up a month.

        `before`: what its agents had answered so far, with what they had cost by then; that was told already.
        """
        told_usd = next((f.cost for f in before if f.lane == final.lane), 0.0)
        runs = int(not any(f.again for f in before))
        usd = max(0.0, final.cost - told_usd)
        self._shard.cells.tell(News(REDUNDANT, party_of(ident), final.t, usd=usd, runs=runs))

    def _claimed(self, facts: Facts) -> list[Alert]:
        """A client says that it loops: an episode of its own beside what is found of the run."""
        shard, ident = self._shard, self._shard.pool.idents[facts.row]
        if not self._config.rules_for(ident.tenant, ident.team, ident.agent).loop.enabled:
            return []
        key = (loop.NAME, ident.lane ^ _CLAIMS)
        subject = shard.subjects.rows[facts.subject]
        status_source = self._has_source(ident, facts.t)
        since = round(facts.t - (facts.strong_t or facts.began_t), 6) if status_source and facts.began_t else None
        told = (shard.pool.ids[facts.row], shard.pool.names[facts.row])
        finding = loop_claim.finding(facts, ident, *told, status_source, self._book.standing(*key, facts.t))
        return self._book.found(key, (int(subject["key"]), int(subject["segment"])), ident, facts.t, finding, since)

    def _ask(self, rule: Any, facts: Facts, more: Mapping[str, Any] = _NOTHING) -> tuple[bool, list[Alert]]:
        """Whether the rule fires, and the records that are due."""
        shard = self._shard
        of_step = facts.kind in (fnd.STEP, fnd.BLOAT)
        of_lane = of_step or facts.kind == fnd.FINAL
        ident = shard.lane_names[facts.lane] if of_lane else shard.pool.idents[facts.row]
        rules = self._config.rules_for(ident.tenant, ident.team, ident.agent)
        if not getattr(rules, rule.NAME).enabled:
            return False, []
        subject = shard.subjects.rows[facts.subject]
        key = int(shard.lanes.rows["key"][facts.lane]) if of_step else int(subject["key"])
        context = Context(
            rules=rules,
            ident=ident,
            names=names_of(shard, facts),
            has_task=bool(subject["has_task"]),
            status_source=self._has_source(ident, facts.t),
            interactive=bool(facts.flags & pk.INTERACTIVE),
            standing=self._book.standing(rule.NAME, key, facts.t),
        )
        verdict: Verdict = rule.judge(facts, context)
        if self._explain is not None and call_of(shard, facts) == self._explain:
            self.explanations.append(Explanation(self._explain, rule.NAME, ident, facts, verdict))
        finding = verdict.finding
        if finding is None or facts.how == fnd.UNTOLD:
            return False, []
        finding.evidence.update(
            interactive=context.interactive,
            told_late=bool(facts.flags & pk.LATE),
            calls=calls_of(shard, facts),
            **more,
        )
        before = context.standing.cost_usd if context.standing else 0.0
        flagged, more_usd = self._totals.flagged_usd, max(0.0, finding.standing.cost_usd - before)
        flagged[rule.NAME] = flagged.get(rule.NAME, 0.0) + more_usd
        was = self._book.severity(rule.NAME, key) if context.standing else None
        moved_t = facts.strong_t or facts.began_t
        since = round(facts.t - moved_t, 6) if context.status_source else None
        place = (int(subject["key"]), int(subject["segment"]))
        draw, late_s = partial(drawn, shard, facts), float(shard.lanes.rows["late_s"][facts.lane])
        due = self._book.found((rule.NAME, key), place, ident, facts.t, finding, since, draw, late_s)
        if rule.NAME in FLAGGED and self._book.severity(rule.NAME, key) != "info":
            # Once an episode becomes a warning, all that it has come to is flagged.
            usd = more_usd if was not in (None, "info") else finding.standing.cost_usd
            shard.cells.flag(ident, facts.subject, place[1], usd)
        return True, due

    def _has_source(self, ident: Ident, t: float) -> bool:
        """Whether anything tells what becomes of this team's work, here or in other partitions."""
        statuses = self._config.statuses
        if statuses.connected != "auto":
            return statuses.connected == "yes"
        team = team_key(ident.tenant, ident.team)
        told = max(self._shard.statuses.get(team, 0.0), self._shard.whole.at(team, t).status_t)
        return told > 0.0 and t - told <= statuses.silent_s

    def _let_go(self, slots: set[int]) -> None:
        """Stops watching lanes in which no loop is under way."""
        lanes = self._shard.lanes.rows
        for slot in slots:
            if not self._book.is_open("loop", int(lanes["key"][slot])):
                lanes["watched"][slot] = 0

    def _signal(self, f: Facts) -> None:
        self.signals.append(
            Signal(
                call=call_of(self._shard, f),
                run=self._shard.lane_names[f.lane].run,
                repeats=bool(f.repeats),
                similarity=round(f.similarity, 4),
                period=f.period or None,
                novel=bool(f.novel),
                cost_usd=round(f.step_cost, 9),
            )
        )

    def signal_stepless(self, rows: npt.NDArray[Any]) -> None:
        """Waiting rows of calls that are no step (embeddings, compactions, too late) have a signal too."""
        shard = self._shard
        for r in rows.tolist():
            run = shard.lane_names[int(shard.pool.rows["lane"][r])].run
            usd = round(float(shard.pool.rows["cost_usd"][r]), 9)
            self.signals.append(Signal(shard.pool.ids[r], run, False, 0.0, None, False, usd))
