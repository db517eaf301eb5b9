"""The one way into the rules: packed observations of a partition in, alert records out.

What comes out is a function of the sequence of packed records alone: of no clock, no batching, no restart. The Kafka
stage, the replay of files and the tests all call this.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector.alerts.episodes import Episode, EpisodeBook, Purse
from detector.config import Config, Rules
from detector.model import packed as pk
from detector.model.alert import Alert
from detector.model.packed import Columns, Ident, decode_packed
from detector.rules import RULES
from detector.rules.finding import Context, Facts
from detector.state import advance as adv
from detector.state.shard import SEEN_FROM, Shard
from detector.totals import Totals

_CLEAN_EVERY_S = 60.0
_BY_KIND = {kind: [rule for rule in RULES if kind == rule.KIND] for kind in (adv.STEP, adv.CALLS, adv.SPEND)}


class Signal(NamedTuple):
    """What the rules saw of one call."""

    call: str
    run: str | None
    repeats: bool
    similarity: float
    period: int | None
    novel: bool
    cost_usd: float


class Outcome(NamedTuple):
    """Alert records in order, and signals where they are asked for."""

    alerts: list[Alert]
    signals: list[Signal]


class Engine:
    """All rules over one partition of `detector.observations`."""

    def __init__(self, config: Config, partition: int = 0, *, signals: bool = False) -> None:
        self.partition, self.offset = partition, -1
        self.totals = Totals()
        self._config, self._signals = config, signals
        watch = config.watch
        self._shard = Shard(watch.segments, watch.max_seen_ids, watch.seen_s, self._rules_of)
        self._book = EpisodeBook(config)
        self._screen = _screen(config, signals)
        self._cleaned = 0.0
        self._alerts: list[Alert] = []
        self._seen_signals: list[Signal] = []

    # -- what the stage asks for ---------------------------------------------------------------------------------

    @property
    def live_runs(self) -> int:
        """Lanes in memory: a lane is one agent in one run."""
        return len(self._shard.lanes)

    @property
    def watermark(self) -> float:
        """All that happened before this event time (s UTC) has been judged."""
        return self._shard.watermark

    @property
    def open_episodes(self) -> dict[tuple[str, str], int]:
        """How many are open, by rule and severity."""
        return dict(Counter((e.rule, e.alert.severity) for e in self._book))

    @property
    def waiting(self) -> int:
        """Observations that the watermark has not passed yet."""
        return len(self._shard.pool)

    def process(self, packed: bytes, offset: int) -> Outcome:
        """Takes the packed record at `offset`; one that the state already includes changes nothing.

        Raises msgspec.DecodeError or ValueError on bytes that are no packed record.
        """
        if offset <= self.offset:
            return Outcome([], [])
        columns = decode_packed(packed)
        self._alerts, self._seen_signals = [], []
        before = self._shard.watermark
        self._take(columns)
        self._advance_watermark(columns.marks)
        self._judge(before)
        self._expire()
        self._alerts += self._book.tick(self._shard.watermark)
        self._clean()
        self.offset = offset
        return Outcome(self._alerts, self._seen_signals)

    # -- in ------------------------------------------------------------------------------------------------------

    def _take(self, columns: Columns) -> None:
        """Puts the rows that are new into the pool, where they wait for the watermark."""
        rows = columns.rows
        if not len(rows):
            return
        shard = self._shard
        keep = self._not_taken(rows)
        if len(keep):
            fresh = shard.seen.add(rows["id"][keep], shard.watermark)
            self.totals.duplicates += len(keep) - int(fresh.sum())
            keep = keep[fresh]
        if not len(keep):
            return
        mine = rows[keep]
        self.totals.add(mine, columns.idents)
        late = mine["t"] < shard.watermark
        self.totals.late += int(late.sum())
        slots = self._slots(columns, mine)
        # A late row waits once more for others of its run that are late too.
        slots["due"] = np.where(late, shard.watermark + self._config.time.lateness_s, mine["t"])
        shard.pool.add(columns, keep, slots)
        for row, key, _ in columns.waits.tolist():
            ident = columns.idents[rows["ident"][row]]
            shard.awaiting[key] = (ident.lane, float(rows["t"][row]))

    def _not_taken(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """Indices of the rows above the highest that was taken of their source."""
        taken, fresh = self._shard.taken, np.ones(len(rows), np.bool_)
        for source in np.unique(rows["source"]).tolist():
            of_source = rows["source"] == source
            fresh[of_source] = rows["seq"][of_source] > taken.get(source, -1)
            taken[source] = max(taken.get(source, -1), int(rows["seq"][of_source].max()))
        return np.flatnonzero(fresh)

    def _slots(self, columns: Columns, rows: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Slots of each row's lane, subject and actor, made where they are new; -1 where a row has none."""
        shard, code = self._shard, rows["ident"]
        calls = rows["kind"] == pk.CALL
        used, called = np.zeros((2, len(columns.idents)), np.bool_)
        used[code], called[code[calls]] = True, True
        by_ident = self._slots_of_idents(columns.idents, used.tolist(), called.tolist())
        lane, subject, actor = by_ident[:, code]
        lane, actor = np.where(calls, lane, -1), np.where(calls, actor, -1)
        for table, slots in ((shard.lanes, lane), (shard.subjects, subject), (shard.actors, actor)):
            table.heard(slots, rows["t"])
        segment = shard.subjects.rows["segment"][subject]
        shard.touched.update(np.unique(segment).tolist())
        shard.touched.update(np.unique(shard.actors.rows["segment"][actor[actor >= 0]]).tolist())
        return {"lane": lane, "subject": subject, "actor": actor, "segment": segment}

    def _slots_of_idents(
        self, idents: list[Ident], used: list[bool], called: list[bool]
    ) -> npt.NDArray[np.int64]:
        """Slots (3 × idents) of lane, subject and actor of the identities that are used."""
        shard = self._shard
        lanes = shard.lanes.slots([i.lane for i in idents])
        subjects = shard.subjects.slots([i.subject for i in idents])
        actors = shard.actors.slots([i.actor for i in idents])
        made: dict[tuple[str, int], int] = {}
        for n, ident in enumerate(idents):
            if not used[n]:
                continue
            if subjects[n] < 0:
                subjects[n] = made.get(("subject", ident.subject), -1)
                if subjects[n] < 0:
                    subjects[n] = made["subject", ident.subject] = shard.subject(ident)
            if not called[n]:
                continue
            if shard.subject_names[subjects[n]].model is None:
                shard.name_subject(subjects[n], ident)  # a status came before the first call
            if actors[n] < 0:
                actors[n] = made.get(("actor", ident.actor), -1)
                if actors[n] < 0:
                    actors[n] = made["actor", ident.actor] = shard.actor(ident)
            if lanes[n] < 0:
                lanes[n] = made.get(("lane", ident.lane), -1)
                if lanes[n] < 0:
                    lanes[n] = made["lane", ident.lane] = shard.lane(ident)
            shard.lane_names[lanes[n]] = ident
        return np.array([lanes, subjects, actors], np.int64)

    def _rules_of(self, ident: Ident) -> Rules:
        return self._config.rules_for(ident.tenant, ident.team, ident.agent)

    def _advance_watermark(self, marks: Mapping[int, float]) -> None:
        """The lowest time that every source has been forwarded to, less the lateness; it never goes back."""
        shard, time = self._shard, self._config.time
        for source, mark in marks.items():
            shard.marks[source] = max(mark, shard.marks.get(source, 0.0))
        if not shard.marks:
            return
        lowest, highest = min(shard.marks.values()), max(shard.marks.values())
        reached = max(lowest, highest - time.hold_back_s) - time.lateness_s
        shard.watermark = max(shard.watermark, reached)

    # -- through -------------------------------------------------------------------------------------------------

    def _judge(self, before: float) -> None:
        """Walks over what the watermark has passed and asks the rules about what was found."""
        shard = self._shard
        order = shard.pool.due(shard.watermark)
        if not len(order):
            return
        rows = shard.pool.rows
        self._find_lanes(order)
        found, pushed = np.zeros(4 * len(order), adv.FOUND), np.empty(len(order), np.int64)
        n, m = adv.advance(
            order,
            rows,
            shard.lanes.rows,
            shard.subjects.rows,
            shard.actors.rows,
            self._screen,
            before,
            found,
            pushed,
        )
        lanes = self._keep_steps(pushed[:m])
        self._ask(found[:n])
        if self._signals:
            self._signal_stepless(order, pushed[:m])
        for lane in set(lanes):
            shard.trails[lane].trim()
        shard.touched.update(np.unique(rows["segment"][order]).tolist())
        shard.pool.take(order)

    def _find_lanes(self, order: npt.NDArray[np.int64]) -> None:
        """Gives each tool result the lane of the call that waits for it."""
        shard = self._shard
        rows = shard.pool.rows
        for r in order[rows["kind"][order] == pk.TOOL_RESULT].tolist():
            lane, _ = shard.awaiting.pop(int(rows["action"][r]), (0, 0.0))
            rows["lane"][r] = shard.lanes.get(lane)
            self.totals.orphans += int(rows["lane"][r] < 0)

    def _keep_steps(self, pushed: npt.NDArray[np.int64]) -> list[int]:
        """Keeps ids and tool names of the calls that became steps; returns their lanes."""
        shard = self._shard
        ids, names, trails = shard.pool.ids, shard.pool.names, shard.trails
        lanes: list[int] = shard.pool.rows["lane"][pushed].tolist()
        for r, lane in zip(pushed.tolist(), lanes, strict=True):
            trail = trails[lane]
            trail.ids.append(ids[r])
            trail.names.append(names[r])
        return lanes

    def _ask(self, found: npt.NDArray[Any]) -> None:
        """Asks the rules about each thing found, in order."""
        for row in found.tolist():
            facts = Facts(*row)
            if facts.kind == adv.MOVED:
                self._moved(facts)
                continue
            if facts.kind == adv.STEP and self._signals:
                self._signal(facts)
            for rule in _BY_KIND[facts.kind]:
                self._ask_one(rule, facts)
        self._let_go(found)

    def _moved(self, facts: Facts) -> None:
        """A status came: the tenant has a source of them, and a strong one ends the task's episodes."""
        shard = self._shard
        tenant = shard.subject_names[facts.subject].tenant
        shard.statuses[tenant] = max(shard.statuses.get(tenant, 0.0), facts.t)
        if facts.flags == pk.STRONG:
            purse = Purse(facts.calls, facts.tokens, facts.cost)
            self._alerts += self._book.moved(int(shard.subjects.rows["key"][facts.subject]), facts.t, purse)

    def _ask_one(self, rule: Any, facts: Facts) -> None:
        shard = self._shard
        of_step = facts.kind == adv.STEP
        ident = shard.lane_names[facts.lane]
        rules = self._rules_of(ident)
        if not getattr(rules, rule.NAME).enabled:
            return
        subject = shard.subjects.rows[facts.subject]
        key = int(shard.lanes.rows["key"][facts.lane]) if of_step else int(subject["key"])
        calls, name = self._calls(facts) if of_step else ([], "")
        source = self._has_source(ident.tenant, facts.t)
        context = Context(
            rules=rules, ident=ident, step_name=name, has_task=bool(subject["has_task"]), status_source=source,
            interactive=bool(facts.flags & pk.INTERACTIVE), standing=self._book.standing(rule.NAME, key, facts.t),
        )  # fmt: skip
        finding = rule.judge(facts, context)
        if finding is None:
            return
        since = round(facts.t - max(facts.strong_t, facts.began_t), 6) if source else None
        before = context.standing.cost_usd if context.standing else 0.0
        flagged = self.totals.flagged_usd
        flagged[rule.NAME] = flagged.get(rule.NAME, 0.0) + max(0.0, finding.standing.cost_usd - before)
        self._alerts += self._book.found(
            rule.NAME,
            key,
            int(subject["key"]),
            int(subject["segment"]),
            ident,
            facts.t,
            finding,
            calls,
            since,
        )

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
        return trail.ids[max(0, facts.first_step - trail.first) : last + 1], trail.names[last]

    def _let_go(self, found: npt.NDArray[Any]) -> None:
        """Stops watching lanes in which no loop is under way."""
        lanes = self._shard.lanes.rows
        for slot in np.unique(found["lane"][found["kind"] == adv.STEP]).tolist():
            if not self._book.is_open("loop", int(lanes["key"][slot])):
                lanes["watched"][slot] = 0

    def _signal(self, f: Facts) -> None:
        trail, ident = self._shard.trails[f.lane], self._shard.lane_names[f.lane]
        self._seen_signals.append(
            Signal(
                trail.ids[f.step - trail.first], ident.run, bool(f.repeats), round(f.similarity, 4), f.period or None, bool(f.novel),
                round(f.step_cost, 9),
            )
        )  # fmt: skip

    def _signal_stepless(self, order: npt.NDArray[np.int64], pushed: npt.NDArray[np.int64]) -> None:
        """Calls that are no step (embeddings, compactions, come too late) have a line too."""
        rows, pool = self._shard.pool.rows, self._shard.pool
        for r in np.setdiff1d(order[rows["kind"][order] == pk.CALL], pushed).tolist():
            run = self._shard.lane_names[int(rows["lane"][r])].run
            usd = round(float(rows["cost_usd"][r]), 9)
            self._seen_signals.append(Signal(pool.ids[r], run, False, 0.0, None, False, usd))

    # -- out -----------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Judges steps whose results did not come in time."""
        shard, limit = self._shard, self._shard.watermark - self._config.time.result_wait_s
        slots = []
        while shard.awaiting:
            key, (lane, t) = next(iter(shard.awaiting.items()))
            if t > limit:
                break
            del shard.awaiting[key]
            slot = shard.lanes.get(lane)
            if slot >= 0 and slot not in slots:
                row = shard.lanes.rows[slot]
                newest = row["history"][(row["steps"] - 1) % len(row["history"])]["t"]
                if row["open"] and newest <= limit:
                    slots.append(slot)
        if not slots:
            return
        lanes = shard.lanes.rows
        subjects = [shard.subjects.get(int(lanes["subject_key"][s])) for s in slots]
        found = np.zeros(len(slots), adv.FOUND)
        n = adv.expire(np.array(slots), lanes, np.array(subjects), shard.subjects.rows, self._screen, found)
        shard.touched.update(lanes["segment"][slots].tolist())
        self._ask(found[:n])

    def _clean(self) -> None:
        """Forgets, once a minute of event time, what was idle for too long, and what exceeds the bound."""
        shard = self._shard
        if shard.watermark < self._cleaned + _CLEAN_EVERY_S:
            return
        self._cleaned = shard.watermark
        limit = shard.watermark - self._config.time.idle_s
        busy = set(np.unique(shard.pool.rows["lane"][: len(shard.pool.ids)]).tolist())
        gone = shard.lanes.idle_since(limit)
        excess = len(shard.lanes) - len(gone) - self._config.watch.max_runs
        if excess > 0:
            gone = shard.lanes.longest_unheard(len(gone) + excess)
        for key in gone:
            if shard.lanes.get(key) not in busy:
                shard.forget_lane(key)
        self._forget_subjects(limit)
        for key in shard.actors.idle_since(shard.watermark - 8 * 86_400.0):
            shard.forget_actor(key)

    def _forget_subjects(self, limit: float) -> None:
        """Forgets subjects that were idle for too long and have neither lanes nor rows that wait."""
        shard = self._shard
        idle = shard.subjects.idle_since(limit)
        if not idle:
            return
        lanes = shard.lanes.rows
        busy = set(lanes["subject_key"][lanes["used"] == 1].tolist())
        waiting = set(shard.pool.rows["subject"][: len(shard.pool.ids)].tolist())
        for key in idle:
            slot = shard.subjects.get(key)
            if key not in busy and slot not in waiting:
                row = shard.subjects.rows[slot]
                purse = Purse(int(row["calls"]), int(row["tokens"]), float(row["cost"]))
                self._alerts += self._book.forget(key, float(row["heard"]) + self._config.time.idle_s, purse)
                shard.forget_subject(key)

    # -- checkpoints ---------------------------------------------------------------------------------------------

    def segments(self) -> set[int]:
        """Numbers of all segments that make up the state."""
        return self._shard.numbers()

    def dirty(self) -> list[int]:
        """Numbers of the segments that changed since `clean`, in order."""
        self._shard.touched |= self._book.touched
        return sorted(self._shard.dirty())

    def encode_segment(self, n: int) -> bytes:
        """A segment's bytes; equal states give equal bytes."""
        if n == 0:
            return self._shard.encode(0, self._cleaned)
        if n >= SEEN_FROM:
            return self._shard.encode(n, None)
        mine = sorted((e for e in self._book if e.segment == n), key=lambda e: (e.rule, e.key))
        return self._shard.encode(n, msgspec.to_builtins(mine))

    def clean(self) -> None:
        """A checkpoint of all segments has been written."""
        self._shard.clean()
        self._book.touched = set()

    @classmethod
    def restore(
        cls,
        config: Config,
        partition: int,
        offset: int,
        segments: Mapping[int, bytes],
        *,
        signals: bool = False,
    ) -> "Engine":
        """The engine as it was after the packed record at `offset`. Raises StateError."""
        engine = cls(config, partition, signals=signals)
        more = engine._shard.restore(segments)
        engine._cleaned = next((m for m in more if isinstance(m, float)), 0.0)
        episodes: Iterable[Any] = (e for m in more if isinstance(m, list) for e in m)
        engine._book.restore(msgspec.convert(e, Episode) for e in episodes)
        engine.offset = offset
        return engine


def _screen(config: Config, signals: bool) -> Any:
    """The loosest thresholds of all overrides: what a rule could fire on is told."""
    every = [config.rules, *(config.rules_for(o.tenant or "", o.team, o.agent) for o in config.overrides)]
    spikes = [r.spend_spike for r in every]
    screen = np.zeros(1, adv.SCREEN)[0]
    screen["rounds"] = 3
    screen["spike_usd"] = min(s.floor_usd for s in spikes)
    screen["spike_times"] = min(s.times_usual for s in spikes)
    screen["update_factor"] = config.episodes.update_factor
    screen["result_wait_s"] = config.time.result_wait_s
    screen["all_steps"] = signals
    return screen


def warm() -> None:
    """Compiles what is compiled, so that the first event does not wait for it."""
    rows = np.zeros(1, adv.FOUND)
    engine = Engine(Config())
    shard = engine._shard
    slots = np.zeros(0, np.int64)
    adv.advance(
        slots,
        shard.pool.rows,
        shard.lanes.rows,
        shard.subjects.rows,
        shard.actors.rows,
        engine._screen,
        0.0,
        rows,
        slots,
    )
    adv.expire(slots, shard.lanes.rows, slots, shard.subjects.rows, engine._screen, rows)
    shard.seen.add(np.ones(1, np.uint64), 0.0)
