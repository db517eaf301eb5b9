"""Asks the rules about what the walk found, and keeps the episodes that they speak of."""

from typing import Any, NamedTuple

import numpy.typing as npt

from detector.alerts.episodes import EpisodeBook, Purse
from detector.config import Config
from detector.model import packed as pk
from detector.model.alert import Alert
from detector.rules import RULES
from detector.rules.finding import Context, Facts
from detector.state import found as fnd
from detector.state.shard import KEEP_IDS, Shard
from detector.totals import Totals

_BY_KIND = {kind: [rule for rule in RULES if kind == rule.KIND] for kind in (fnd.STEP, fnd.CALLS, fnd.SPEND)}
_SHOWN_STEPS, _SHOWN_MINUTES = 12, 60


class Signal(NamedTuple):
    """What the rules saw of one call."""

    call: str
    run: str | None
    repeats: bool
    similarity: float
    period: int | None
    novel: bool
    cost_usd: float


class Inquiry:
    """The rules over one shard: rows of `found.FOUND` in, alert records (and signals) out, in their order."""

    def __init__(self, config: Config, shard: Shard, book: EpisodeBook, totals: Totals, signals: bool) -> None:
        self._config, self._shard, self._book, self._totals = config, shard, book, totals
        self._with_signals = signals
        self.signals: list[Signal] = []

    def ask(self, found: npt.NDArray[Any]) -> list[Alert]:
        """Asks about each thing found, in order; the records that are due."""
        alerts: list[Alert] = []
        lanes = set()
        for row in found.tolist():
            facts = Facts(*row)
            if facts.kind == fnd.MOVED:
                alerts += self._moved(facts)
                continue
            if facts.kind == fnd.STEP:
                lanes.add(facts.lane)
                if self._with_signals:
                    self._signal(facts)
            for rule in _BY_KIND[facts.kind]:
                alerts += self._ask(rule, facts)
        self._let_go(lanes)
        return alerts

    def _moved(self, facts: Facts) -> list[Alert]:
        """A status came: the tenant has a source of them, and a strong one ends the task's episodes."""
        shard = self._shard
        tenant = shard.subject_names[facts.subject].tenant
        shard.statuses[tenant] = max(shard.statuses.get(tenant, 0.0), facts.t)
        if facts.flags != pk.STRONG:
            return []
        purse = Purse(facts.calls, facts.tokens, facts.cost)
        return self._book.moved(int(shard.subjects.rows["key"][facts.subject]), facts.t, purse)

    def _ask(self, rule: Any, facts: Facts) -> list[Alert]:
        shard = self._shard
        of_step = facts.kind == fnd.STEP
        ident = shard.lane_names[facts.lane] if of_step else shard.pool.idents[facts.row]
        rules = self._config.rules_for(ident.tenant, ident.team, ident.agent)
        if not getattr(rules, rule.NAME).enabled:
            return []
        subject = shard.subjects.rows[facts.subject]
        key = int(shard.lanes.rows["key"][facts.lane]) if of_step else int(subject["key"])
        calls, name = self._calls(facts) if of_step else ([shard.pool.ids[facts.row]], "")
        context = Context(
            rules=rules,
            ident=ident,
            step_name=name,
            has_task=bool(subject["has_task"]),
            status_source=self._has_source(ident.tenant, facts.t),
            interactive=bool(facts.flags & pk.INTERACTIVE),
            standing=self._book.standing(rule.NAME, key, facts.t),
        )
        finding = rule.judge(facts, context)
        if finding is None:
            return []
        finding.evidence.update(
            interactive=context.interactive, told_late=bool(facts.flags & pk.LATE), calls=calls, **self._drawn(facts)
        )
        before = context.standing.cost_usd if context.standing else 0.0
        flagged = self._totals.flagged_usd
        flagged[rule.NAME] = flagged.get(rule.NAME, 0.0) + max(0.0, finding.standing.cost_usd - before)
        moved_t = facts.strong_t or facts.began_t
        since = round(facts.t - moved_t, 6) if context.status_source else None
        place = (int(subject["key"]), int(subject["segment"]))
        return self._book.found((rule.NAME, key), place, ident, facts.t, finding, since)

    def _has_source(self, tenant: str, t: float) -> bool:
        """Whether anything tells what becomes of this tenant's work."""
        statuses = self._config.statuses
        if statuses.connected != "auto":
            return statuses.connected == "yes"
        told = self._shard.statuses.get(tenant)
        return told is not None and t - told <= statuses.silent_s

    def _calls(self, facts: Facts) -> tuple[list[str], str]:
        """Ids of the calls of the rounds as far as they are kept, and the name of the step's tool."""
        trail = self._shard.trails[facts.lane]
        last = facts.step - trail.first
        first = max(0, facts.first_step - trail.first, last + 1 - KEEP_IDS)
        return trail.ids[first : last + 1], trail.names[last]

    def _drawn(self, facts: Facts) -> dict[str, Any]:
        """What a page about it draws: steps, and dollars by minute."""
        if facts.kind == fnd.STEP:
            return self._drawn_steps(facts)
        if facts.kind == fnd.SPEND:
            minutes = self._shard.subjects.rows["minutes"][facts.subject]
            now = int(facts.t // 60)
            told = [
                (m * 60, round(float(minutes[m % len(minutes)]), 6)) for m in range(now - len(minutes) + 1, now + 1)
            ]
            return {"usd_by_minute": [[t, usd] for t, usd in told if usd]}
        return {}

    def _drawn_steps(self, facts: Facts) -> dict[str, Any]:
        """The newest steps of a loop, and its dollars by minute as far as the history goes back."""
        trail, history = self._shard.trails[facts.lane], self._shard.lanes.rows["history"][facts.lane]
        size = len(history)
        # Of as many steps as the history holds the oldest may be gone: the next step may have been taken by now.
        numbers = range(max(facts.first_step, facts.step - size + 2), facts.step + 1)
        ends = [*(float(history[(n + 1) % size]["cost_before"]) for n in numbers[:-1]), facts.cost_after]
        steps: list[dict[str, Any]] = []
        minutes: dict[int, float] = {}
        for n, after in zip(numbers, ends, strict=True):
            h = history[n % size]
            usd, t = round(after - float(h["cost_before"]), 6), float(h["t"])
            minute = int(t // 60) * 60
            minutes[minute] = round(minutes.get(minute, 0.0) + usd, 6)
            kept = n >= trail.first and n > facts.step - KEEP_IDS
            name = trail.names[n - trail.first] if kept else ""
            same = int(h["signature"]) == facts.signature
            steps.append({"t": t, "usd": usd, "name": name, "same": same})
        return {"steps": steps[-_SHOWN_STEPS:], "usd_by_minute": [list(m) for m in minutes.items()][-_SHOWN_MINUTES:]}

    def _let_go(self, slots: set[int]) -> None:
        """Stops watching lanes in which no loop is under way."""
        lanes = self._shard.lanes.rows
        for slot in slots:
            if not self._book.is_open("loop", int(lanes["key"][slot])):
                lanes["watched"][slot] = 0

    def _signal(self, f: Facts) -> None:
        trail, ident = self._shard.trails[f.lane], self._shard.lane_names[f.lane]
        self.signals.append(
            Signal(
                call=trail.ids[f.step - trail.first],
                run=ident.run,
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
