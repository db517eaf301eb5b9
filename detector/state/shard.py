"""All that is remembered of one partition, and what of it changed since the last checkpoint."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from detector.config import Rules
from detector.enrich.identity import hash64
from detector.model.packed import APART, CALL, COMPACTION, TOOL, UNCOUNTED, Ident
from detector.model.rollup import team_key
from detector.state import layout as lay
from detector.state.awaiting import Awaiting
from detector.state.cells import Cells
from detector.state.finals import Finals
from detector.state.pool import Pool
from detector.state.seen import Seen
from detector.state.sources import Sources
from detector.state.table import grown
from detector.state.tracked import Tracked
from detector.state.trails import Trails
from detector.state.whole import Whole

SEEN_FROM = 1_000_000
"""Segment numbers from here on are chunks of seen ids; 0 holds what belongs to no subject."""


MAX_TEAMS = 20_000
"""Teams of which it is known when one of their tasks moved last."""
MAX_TOOL_NAMES = 10_000


class Shard:
    """Tables of lanes and subjects, with their names; the minute under way; rows that wait; ids that were seen.

    meters: sources in the order in which they count a run that several of them tell of.
    """

    def __init__(
        self,
        segments: int,
        max_ids: int,
        seen_s: float,
        rules_of: Callable[[Ident], Rules],
        cells: Cells,
        whole: Whole,
        max_awaiting: int = 1_000_000,
        meters: Sequence[str] = (),
    ) -> None:
        self._segments, self._rules_of = max(2, segments), rules_of
        self.lanes, self.subjects, self.cells = Tracked(lay.LANE), Tracked(lay.SUBJECT), cells
        self.tellings = Tracked(lay.TELLING)
        self._ranks: dict[str | None, int] = {name: n + 1 for n, name in enumerate(meters)}
        self.told = np.zeros((64, 2), np.int32)  # by lane's slot: steps, and what it has seen, that a checkpoint holds
        self.renamed_lanes: set[int] = set()  # slots
        self.renamed_subjects: set[int] = set()
        self.lane_names: dict[int, Ident] = {}  # by slot
        self.subject_names: dict[int, Ident] = {}
        self.teams: dict[int, list[str | None]] = {}  # that spent on a subject, by its slot
        self.trails = Trails()
        self.awaiting = Awaiting(max_awaiting)
        self._tool_names: dict[str, str] = {}
        self.pool = Pool()
        self.seen = Seen(max_ids, seen_s)
        self.finals = Finals()
        self.whole = whole
        self.sources = Sources()
        self.taken: dict[int, int] = {}  # source -> highest seq
        self.statuses: dict[int, float] = {}  # key of a team -> time of the newest strong or medium status of its tasks
        self.watermark = 0.0

    def segment_of(self, key: int) -> int:
        """The segment of a 64-bit key, 1 and up."""
        return 1 + (key >> 33) % (self._segments - 1)

    def subject(self, ident: Ident) -> int:
        """The slot of an identity's subject, made where it is new."""
        if ident.subject in self.subjects:
            return self.subjects.get(ident.subject)
        slot = self.subjects.add(ident.subject, self.segment_of(ident.subject))
        self.name_subject(slot, ident)
        return slot

    def name_subject(self, slot: int, ident: Ident) -> None:
        """Names a subject."""
        self.subject_names[slot] = ident
        self.renamed_subjects.add(slot)
        self.subjects.rows["has_task"][slot] = ident.task is not None

    def lane(self, ident: Ident) -> int:
        """The slot of an identity's lane, made where it is new."""
        if ident.lane in self.lanes:
            return self.lanes.get(ident.lane)
        slot = self.lanes.add(ident.lane, self.segment_of(ident.subject))
        row, rules = self.lanes.rows[slot], self._rules_of(ident)
        rule = rules.loop
        row["subject_key"], row["window"] = ident.subject, rule.window_steps
        row["run_key"] = telling_key(ident)
        row["alike"], row["near"] = rule.output_similarity, rule.near_similarity
        row["final_s"] = rules.redundant_work.idle_s
        row["info_calls"] = rules.run_inflation.info_calls
        self.lane_names[slot] = ident
        self.renamed_lanes.add(slot)
        self.trails.start(slot)
        return slot

    def rank_of(self, source: str | None) -> int:
        """Of a source among those that count calls, from 1 on; 0 where it is none of them."""
        return self._ranks.get(source, 0)

    def telling(self, ident: Ident) -> int:
        """The slot of who tells of an identity's run, made where it is new."""
        key = telling_key(ident)
        slot = self.tellings.get(key)
        return slot if slot >= 0 else self.tellings.add(key, self.segment_of(ident.subject))

    def look_up_usual(self, slot: int, t: float) -> None:
        """What a lane is measured by from its first call on, judged at `t` (s UTC): when it came says nothing."""
        row, ident = self.lanes.rows[slot], self.lane_names[slot]
        least = self._rules_of(ident).run_inflation.warning_calls
        row["warning_calls"] = max(least, self.whole.usual_calls(ident, t))
        row["usual_input"] = self.whole.usual_input(ident, t)

    def hear_of(self, tenant: str, team: str | None, t: float) -> None:
        """A task of the team has moved at `t` (s UTC; 0: not yet): something tells what becomes of its work."""
        if t > 0.0:
            key = team_key(tenant, team)
            self.statuses[key] = max(self.statuses.get(key, 0.0), t)

    def forget_statuses(self) -> None:
        """Beyond MAX_TEAMS the teams whose tasks moved longest ago are forgotten."""
        if len(self.statuses) > MAX_TEAMS:
            newest = sorted(self.statuses.items(), key=lambda told: (told[1], told[0]))[-MAX_TEAMS:]
            self.statuses = dict(sorted(newest))

    def keep_steps(self, pushed: npt.NDArray[np.int64]) -> None:
        """Keeps ids and tool names of the waiting rows that became steps, in their order.

        A lane goes by its newest call: model, user and such may change from call to call.
        """
        ids, names, trails = self.pool.ids, self.pool.names, self.trails
        tools = self.pool.rows["flags"][pushed] & TOOL != 0
        lanes: list[int] = self.pool.rows["lane"][pushed].tolist()
        for r, lane, tool in zip(pushed.tolist(), lanes, tools.tolist(), strict=True):
            trail = trails[lane]
            trail.ids.append(ids[r])
            trail.names.append(self._one(names[r]))
            if not tool:
                self._name_lane(lane, r)

    def name_by_calls(self, walked: npt.NDArray[np.int64]) -> None:
        """Lanes go by those of the waiting rows `walked` that are calls whose tools are told apart, too."""
        rows = self.pool.rows
        for r in walked[(rows["kind"][walked] == CALL) & (rows["flags"][walked] & APART != 0)].tolist():
            self._name_lane(int(rows["lane"][r]), r)

    def _name_lane(self, lane: int, row: int) -> None:
        if self.lane_names[lane] is not self.pool.idents[row]:
            self.lane_names[lane] = self.pool.idents[row]
            self.renamed_lanes.add(lane)

    def _one(self, name: str) -> str:
        """The name as one object: many runs have the same few tools. What Python interns itself it may keep forever."""
        if len(self._tool_names) >= MAX_TOOL_NAMES:
            self._tool_names.clear()
        return self._tool_names.setdefault(name, name)

    def keep_compactions(self, walked: npt.NDArray[np.int64]) -> None:
        """Keeps ids of those of the waiting rows `walked` that only shortened a context."""
        rows = self.pool.rows
        for r in walked[rows["flags"][walked] & COMPACTION != 0].tolist():
            if rows["kind"][r] == CALL:
                self.trails[int(rows["lane"][r])].compactions.append(self.pool.ids[r])

    def known(self, ident: Ident) -> Ident:
        """The identity as its lane has it, where it is the same: one object stands for all of them."""
        known = self.lane_names.get(self.lanes.get(ident.lane))
        return known if known is not None and known == ident else ident

    def touch_lanes(self, keys: list[int]) -> None:
        """Lanes, by their keys, change; those that have left are passed over."""
        self.lanes.touch(self.lanes.slots(keys))

    def touch_waiting(self, order: npt.NDArray[np.int64]) -> None:
        """What the waiting rows at `order` are about changes."""
        rows = self.pool.rows
        self.lanes.touch(rows["lane"][order])
        self.subjects.touch(rows["subject"][order])
        if len(self.tellings):
            self.tellings.touch(rows["told"][order])
        calls = (rows["kind"][order] == CALL) & (rows["flags"][order] & (TOOL | UNCOUNTED) == 0)
        self.cells.table.touch(rows["cell_slot"][order[calls]])

    def waits_since(self, key: int) -> float:
        """The time (s UTC) of the newest step of a lane where it waits for results, else infinite."""
        slot = self.lanes.get(key)
        if slot < 0 or not self.lanes.rows["open"][slot]:
            return float("inf")
        row = self.lanes.rows[slot]
        return float(row["history"]["t"][(row["steps"] - 1) % lay.HISTORY])

    def forget_lane(self, key: int) -> None:
        """Takes a lane out of memory."""
        slot = self.lanes.remove(key)
        self.renamed_lanes.discard(slot)
        if slot < len(self.told):
            self.told[slot] = 0
        del self.lane_names[slot]
        self.trails.forget(slot)

    def forget_subject(self, key: int) -> None:
        """Takes a subject out of memory."""
        self.finals.forget(key)
        slot = self.subjects.remove(key)
        self.renamed_subjects.discard(slot)
        del self.subject_names[slot]
        self.teams.pop(slot, None)

    def numbers(self) -> set[int]:
        """Numbers of all segments that make up this state."""
        return {*range(self._segments), *(SEEN_FROM + n for n in self.seen.numbers())}

    def dirty(self) -> set[int]:
        """Numbers of the segments that changed since `clean`."""
        tables = (self.lanes, self.subjects, self.tellings, self.cells.table)
        changed = set().union(*(table.segments_changed() for table in tables))
        seen = (SEEN_FROM + n for n in self.seen.dirty)
        return {0, *changed, *self.pool.segments_changed(), *seen} & self.numbers()

    def clean(self) -> None:
        """Forgets what was changed: a checkpoint holds it."""
        self.seen.dirty = set()
        slots, rows = self.lanes.changed(), self.lanes.rows
        self.reach_told()
        self.told[slots, 0], self.told[slots, 1] = rows["steps"][slots], rows["seen_count"][slots]
        for table in (self.lanes, self.subjects, self.tellings, self.cells.table):
            table.clean()
        self.renamed_lanes, self.renamed_subjects, self.finals.changed = set(), set(), set()
        self.pool.clean()

    def reach_told(self) -> None:
        """There is a place in `told` for every lane."""
        if len(self.told) < len(self.lanes.rows):
            self.told = grown(self.told, len(self.lanes.rows))


def telling_key(ident: Ident) -> int:
    """What the tellings of one run within one subject have in common."""
    return hash64(str(ident.subject), "run", ident.run)
