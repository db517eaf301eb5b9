"""All that is remembered of one partition, and how it is written down in segments."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.config import Rules
from detector.model.packed import CALL, COMPACTION, Ident
from detector.model.rollup import team_key
from detector.state import layout as lay
from detector.state.cells import Cells
from detector.state.finals import Finals
from detector.state.pool import WAITING, Pool
from detector.state.seen import Seen
from detector.state.sources import Sources
from detector.state.stored import open_stored, store
from detector.state.table import Table
from detector.state.whole import Whole

KEEP_IDS = 16
SEEN_FROM = 1_000_000
"""Segment numbers from here on are chunks of seen ids; 0 holds what belongs to no subject."""


MAX_TEAMS = 20_000
"""Teams of which it is known when one of their tasks moved last."""
MAX_TOOL_NAMES = 10_000
MAX_ASKED = 8
"""Calls that wait under one key at once: some producers count their tool calls anew in each step or run."""

Asked = tuple[int, float]
"""Key of the lane of a call that waits for a result, and its time (s UTC)."""


class Trail(msgspec.Struct, array_like=True):
    """What a lane keeps of its newest steps beside the numbers: ids of their calls, names of their first tools.

    And ids of the calls that only shortened its context.
    """

    first: int = 0  # number of the oldest step that is kept
    ids: list[str] = []
    names: list[str] = []
    compactions: list[str] = []

    def trim(self) -> None:
        """Lets go of what no alert will name."""
        over = len(self.ids) - KEEP_IDS
        if over > 0:
            del self.ids[:over], self.names[:over]
            self.first += over
        del self.compactions[:-KEEP_IDS]


class Shard:
    """Tables of lanes and subjects, with their names; the minute under way; rows that wait; ids that were seen."""

    def __init__(
        self,
        segments: int,
        max_ids: int,
        seen_s: float,
        rules_of: Callable[[Ident], Rules],
        cells: Cells,
        whole: Whole,
        max_awaiting: int = 1_000_000,
    ) -> None:
        self._max_awaiting = max_awaiting
        self._segments, self._rules_of = max(2, segments), rules_of
        self.lanes, self.subjects, self.cells = Table(lay.LANE), Table(lay.SUBJECT), cells
        self.lane_names: dict[int, Ident] = {}  # by slot
        self.subject_names: dict[int, Ident] = {}
        self.teams: dict[int, list[str | None]] = {}  # that spent on a subject, by its slot
        self.trails: dict[int, Trail] = {}  # by lane's slot
        self.awaiting: OrderedDict[int, list[Asked]] = OrderedDict()  # by wait key, the newest asked last
        self._tool_names: dict[str, str] = {}
        self.pool = Pool()
        self.seen = Seen(max_ids, seen_s)
        self.finals = Finals()
        self.whole = whole
        self.sources = Sources()
        self.taken: dict[int, int] = {}  # source -> highest seq
        self.statuses: dict[int, float] = {}  # key of a team -> time of the newest strong or medium status of its tasks
        self.watermark = 0.0
        self.touched: set[int] = {0}

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
        self.subjects.rows["has_task"][slot] = ident.task is not None

    def lane(self, ident: Ident) -> int:
        """The slot of an identity's lane, made where it is new."""
        if ident.lane in self.lanes:
            return self.lanes.get(ident.lane)
        slot = self.lanes.add(ident.lane, self.segment_of(ident.subject))
        row, rules = self.lanes.rows[slot], self._rules_of(ident)
        rule = rules.loop
        row["subject_key"], row["window"] = ident.subject, rule.window_steps
        row["alike"], row["near"] = rule.output_similarity, rule.near_similarity
        row["final_s"] = rules.redundant_work.idle_s
        row["info_calls"] = rules.run_inflation.info_calls
        self.lane_names[slot] = ident
        self.trails[slot] = Trail()
        return slot

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

        A lane goes by its newest step: model, user and such may change from call to call.
        """
        ids, names, trails = self.pool.ids, self.pool.names, self.trails
        lanes: list[int] = self.pool.rows["lane"][pushed].tolist()
        for r, lane in zip(pushed.tolist(), lanes, strict=True):
            trail = trails[lane]
            trail.ids.append(ids[r])
            trail.names.append(self._one(names[r]))
            self.lane_names[lane] = self.pool.idents[r]

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

    def await_result(self, key: int, lane: int, t: float) -> None:
        """A call of `lane` at `t` (s UTC) waits for a result under `key`."""
        asked = self.awaiting.setdefault(key, [])
        asked.append((lane, t))
        asked.sort(key=lambda a: a[1])
        del asked[:-MAX_ASKED]
        self.awaiting.move_to_end(key)
        if len(self.awaiting) > self._max_awaiting:
            self.awaiting.popitem(last=False)

    def answered(self, key: int, t: float) -> int:
        """The key of the lane that waits for the result under `key` of time `t` (s UTC), 0 where none does."""
        asked = self.awaiting.get(key, [])
        for n, (lane, called) in enumerate(asked):
            if called <= t:
                del asked[n]
                if not asked:
                    del self.awaiting[key]
                return lane
        return 0

    def waits_since(self, key: int) -> float:
        """The time (s UTC) of the newest step of a lane where it waits for results, else infinite."""
        slot = self.lanes.get(key)
        if slot < 0 or not self.lanes.rows["open"][slot]:
            return float("inf")
        row = self.lanes.rows[slot]
        return float(row["history"]["t"][(row["steps"] - 1) % lay.HISTORY])

    def forget_lane(self, key: int) -> None:
        """Takes a lane out of memory."""
        self.touched.add(self.segment_of(int(self.lanes.rows["subject_key"][self.lanes.get(key)])))
        slot = self.lanes.remove(key)
        del self.lane_names[slot], self.trails[slot]

    def forget_subject(self, key: int) -> None:
        """Takes a subject out of memory."""
        self.touched.add(self.segment_of(key))
        self.finals.forget(key)
        slot = self.subjects.remove(key)
        del self.subject_names[slot]
        self.teams.pop(slot, None)

    def numbers(self) -> set[int]:
        """Numbers of all segments that make up this state."""
        return {*range(self._segments), *(SEEN_FROM + n for n in self.seen.numbers())}

    def dirty(self) -> set[int]:
        """Numbers of the segments that changed since `clean`."""
        return {0, *self.touched, *(SEEN_FROM + n for n in self.seen.dirty)} & self.numbers()

    def clean(self) -> None:
        """Forgets what was changed: a checkpoint holds it."""
        self.touched, self.seen.dirty = set(), set()

    def encode(self, number: int, more: Any) -> bytes:
        """A segment's bytes; `more` is kept beside it for the engine."""
        if number >= SEEN_FROM:
            return store(lay.VERSION, self.seen.encode(number - SEEN_FROM))
        if number == 0:
            told = [
                msgspec.to_builtins(self.sources),
                self.taken,
                self.statuses,
                self.watermark,
                self.cells.encode(),
                more,
            ]
            return store(lay.VERSION, told)
        lanes, subjects = self.lanes.slots_of_segment(number), self.subjects.slots_of_segment(number)
        waiting = self.pool.waiting(number)
        lane_keys = set(self.lanes.rows["key"][lanes].tolist())
        rows = self.pool.rows[waiting]
        row_keys = [self._keys_of(row) for row in rows]
        for name in ("lane", "subject", "cell_slot"):
            rows[name] = -1  # the keys stand for them
        idents: dict[Ident, int] = {}
        ident_of = [idents.setdefault(self.pool.idents[i], len(idents)) for i in waiting.tolist()]
        kept = {
            "lanes": self.lanes.rows[lanes].tobytes(),
            "lane_names": [self.lane_names[s] for s in lanes.tolist()],
            "trails": [self.trails[s] for s in lanes.tolist()],
            "subjects": self.subjects.rows[subjects].tobytes(),
            "subject_names": [self.subject_names[s] for s in subjects.tolist()],
            "teams": [self.teams.get(s, []) for s in subjects.tolist()],
            "awaiting": sorted((t, k, lane) for k, a in self.awaiting.items() for lane, t in a if lane in lane_keys),
            "pool": rows.tobytes(),
            "pool_keys": row_keys,
            "pool_ids": [self.pool.ids[i] for i in waiting.tolist()],
            "pool_names": [self.pool.names[i] for i in waiting.tolist()],
            "pool_idents": (list(idents), ident_of),
            "finals": self.finals.of(self.subjects.rows["key"][subjects].tolist()),
            "more": more,
        }
        return store(lay.VERSION, kept)

    def _keys_of(self, row: Any) -> tuple[int, int]:
        """Keys of a waiting row's lane and subject: slots are not the same after a restart."""
        tables = ((self.lanes, row["lane"]), (self.subjects, row["subject"]))
        lane, subject = (int(t.rows["key"][slot]) if slot >= 0 else 0 for t, slot in tables)
        return lane, subject

    def restore(self, segments: Mapping[int, bytes]) -> dict[int, Any]:
        """Reads segments into this empty shard; what was kept beside them by number. Raises StateError."""
        opened = {number: open_stored(raw, lay.VERSION) for number, raw in sorted(segments.items())}
        of_rows = [kept for number, kept in opened.items() if 0 < number < SEEN_FROM]
        more: dict[int, Any] = {n: kept["more"] for n, kept in opened.items() if 0 < n < SEEN_FROM}
        if 0 in opened:
            sources, self.taken, self.statuses, self.watermark, cells, more[0] = opened[0]
            self.sources = msgspec.convert(sources, Sources)
        for kept in of_rows:
            self._restore_rows(kept)
            self._restore_pool(kept)
        if 0 in opened:
            self.cells.restore(cells, self.subjects.get)
        for t, key, lane in sorted(tuple(asked) for kept in of_rows for asked in kept["awaiting"]):
            self.await_result(key, lane, t)
        self.seen.restore([kept for number, kept in opened.items() if number >= SEEN_FROM])
        self.touched = set()
        return more

    def _restore_rows(self, kept: dict[str, Any]) -> None:
        slots = self.lanes.put(np.frombuffer(kept["lanes"], lay.LANE))
        for slot, names, trail in zip(slots, kept["lane_names"], kept["trails"], strict=True):
            self.lane_names[slot] = msgspec.convert(names, Ident)
            self.trails[slot] = msgspec.convert(trail, Trail)
        slots = self.subjects.put(np.frombuffer(kept["subjects"], lay.SUBJECT))
        for slot, names, teams in zip(slots, kept["subject_names"], kept["teams"], strict=True):
            self.subject_names[slot] = msgspec.convert(names, Ident)
            self.teams[slot] = teams
        self.finals.restore(kept["finals"])

    def _restore_pool(self, kept: dict[str, Any]) -> None:
        rows: npt.NDArray[Any] = np.frombuffer(kept["pool"], WAITING).copy()
        for row, (lane, subject) in zip(rows, kept["pool_keys"], strict=True):
            row["lane"], row["subject"] = self.lanes.get(lane), self.subjects.get(subject)
        idents, ident_of = msgspec.convert(kept["pool_idents"], tuple[list[Ident], list[int]])
        self.pool.put(rows, kept["pool_ids"], kept["pool_names"], [idents[n] for n in ident_of])
