"""All that is remembered of one partition, and how it is written down in segments."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector.config import LoopRule
from detector.errors import StateError
from detector.model.packed import Ident
from detector.state import layout as lay
from detector.state.pool import WAITING, Pool
from detector.state.seen import Seen
from detector.state.table import Table

KEEP_IDS = 24
SEEN_FROM = 1_000_000
"""Segment numbers from here on are chunks of seen ids; 0 holds what belongs to no subject."""


class Step(NamedTuple):
    """What a lane keeps of a step beside the numbers: its call's id and its first tool's name."""

    number: int
    id: str
    name: str


class Shard:
    """Tables of lanes, subjects and actors, with their names; rows that wait; ids that were seen."""

    def __init__(self, segments: int, max_ids: int, seen_s: float, loop_rule: Callable[[Ident], LoopRule]) -> None:
        self._segments, self._loop_rule = max(2, segments), loop_rule
        self.lanes, self.subjects, self.actors = Table(lay.LANE), Table(lay.SUBJECT), Table(lay.ACTOR)
        self.lane_names: dict[int, Ident] = {}  # by slot
        self.subject_names: dict[int, Ident] = {}
        self.steps: dict[int, list[Step]] = {}  # by lane's slot, the newest
        self.awaiting: OrderedDict[int, tuple[int, float]] = OrderedDict()  # wait key -> lane's key, time
        self.pool = Pool()
        self.seen = Seen(max_ids, seen_s)
        self.marks: dict[int, float] = {}
        self.taken: dict[int, int] = {}  # source -> highest seq
        self.statuses: dict[str, float] = {}  # tenant -> time of its newest strong or medium status
        self.watermark = 0.0
        self.touched: set[int] = {0}

    def segment_of(self, key: int) -> int:
        """The segment of a 64-bit key, 1 and up."""
        return 1 + (key >> 33) % (self._segments - 1)

    def subject(self, ident: Ident) -> int:
        """The slot of an identity's subject, made where it is new."""
        slot = self.subjects.get(ident.subject)
        if slot < 0:
            slot = self.subjects.add(ident.subject, self.segment_of(ident.subject))
            self.subjects.rows["has_task"][slot] = ident.task is not None
            self.subject_names[slot] = ident
        elif self.subject_names[slot].team is None and ident.team is not None:
            self.subject_names[slot] = ident  # a status came before the first call
        return slot

    def lane(self, ident: Ident) -> int:
        """The slot of an identity's lane, made where it is new."""
        slot = self.lanes.get(ident.lane)
        if slot < 0:
            slot = self.lanes.add(ident.lane, self.segment_of(ident.subject))
            row, rule = self.lanes.rows[slot], self._loop_rule(ident)
            row["subject_key"], row["alike"], row["window"] = ident.subject, rule.output_similarity, rule.window_steps
            self.steps[slot] = []
        self.lane_names[slot] = ident
        return slot

    def actor(self, ident: Ident) -> int:
        """The slot of an identity's actor, made where it is new."""
        slot = self.actors.get(ident.actor)
        return slot if slot >= 0 else self.actors.add(ident.actor, self.segment_of(ident.actor))

    def forget_lane(self, key: int) -> None:
        """Takes a lane out of memory."""
        self.touched.add(self.segment_of(int(self.lanes.rows["subject_key"][self.lanes.get(key)])))
        slot = self.lanes.remove(key)
        del self.lane_names[slot], self.steps[slot]

    def forget_subject(self, key: int) -> None:
        """Takes a subject out of memory."""
        self.touched.add(self.segment_of(key))
        del self.subject_names[self.subjects.remove(key)]

    def forget_actor(self, key: int) -> None:
        """Takes an actor out of memory."""
        self.touched.add(self.segment_of(key))
        self.actors.remove(key)

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
            return msgspec.msgpack.encode([lay.VERSION, self.seen.encode(number - SEEN_FROM)])
        if number == 0:
            kept = [self.marks, self.taken, self.statuses, self.watermark, more]
            return msgspec.msgpack.encode([lay.VERSION, kept])
        lanes, subjects = self.lanes.slots_of_segment(number), self.subjects.slots_of_segment(number)
        waiting = self.pool.waiting(number)
        lane_keys = set(self.lanes.rows["key"][lanes].tolist())
        rows = self.pool.rows[waiting]
        kept = {
            "lanes": self.lanes.rows[lanes].tobytes(),
            "lane_names": [self.lane_names[s] for s in lanes.tolist()],
            "steps": [self.steps[s] for s in lanes.tolist()],
            "subjects": self.subjects.rows[subjects].tobytes(),
            "subject_names": [self.subject_names[s] for s in subjects.tolist()],
            "actors": self.actors.rows[self.actors.slots_of_segment(number)].tobytes(),
            "awaiting": [(k, lane, t) for k, (lane, t) in self.awaiting.items() if lane in lane_keys],
            "pool": rows.tobytes(),
            "pool_keys": [self._keys_of(row) for row in rows],
            "pool_ids": [self.pool.ids[i] for i in waiting.tolist()],
            "pool_names": [self.pool.names[i] for i in waiting.tolist()],
            "more": more,
        }
        return msgspec.msgpack.encode([lay.VERSION, kept])

    def _keys_of(self, row: Any) -> tuple[int, int, int]:
        """Keys of a waiting row's lane, subject and actor: slots are not the same after a restart."""
        tables = ((self.lanes, row["lane"]), (self.subjects, row["subject"]), (self.actors, row["actor"]))
        lane, subject, actor = (int(t.rows["key"][slot]) if slot >= 0 else 0 for t, slot in tables)
        return lane, subject, actor

    def restore(self, segments: Mapping[int, bytes]) -> list[Any]:
        """Reads segments into this empty shard; returns what was kept beside them. Raises StateError."""
        more, chunks, waiting = [], [], []
        for number, raw in sorted(segments.items()):
            kept = _open(raw)
            if number >= SEEN_FROM:
                chunks.append(kept)
            elif number == 0:
                marks, taken, statuses, self.watermark, beside = kept
                self.marks = {int(k): v for k, v in marks.items()}
                self.taken = {int(k): v for k, v in taken.items()}
                self.statuses = statuses
                more.append(beside)
            else:
                self._restore_rows(kept)
                waiting.append(kept)
                more.append(kept["more"])
        self.seen.restore(chunks)
        for kept in waiting:
            self._restore_pool(kept)
        self.touched = set()
        return more

    def _restore_rows(self, kept: dict[str, Any]) -> None:
        slots = self.lanes.put(np.frombuffer(kept["lanes"], lay.LANE))
        for slot, names, steps in zip(slots, kept["lane_names"], kept["steps"], strict=True):
            self.lane_names[slot] = msgspec.convert(names, Ident)
            self.steps[slot] = [Step(*s) for s in steps]
        slots = self.subjects.put(np.frombuffer(kept["subjects"], lay.SUBJECT))
        for slot, names in zip(slots, kept["subject_names"], strict=True):
            self.subject_names[slot] = msgspec.convert(names, Ident)
        self.actors.put(np.frombuffer(kept["actors"], lay.ACTOR))
        for key, lane, t in sorted(kept["awaiting"], key=lambda a: float(a[2])):
            self.awaiting[key] = (lane, t)

    def _restore_pool(self, kept: dict[str, Any]) -> None:
        rows: npt.NDArray[Any] = np.frombuffer(kept["pool"], WAITING).copy()
        for row, (lane, subject, actor) in zip(rows, kept["pool_keys"], strict=True):
            row["lane"], row["subject"] = self.lanes.get(lane), self.subjects.get(subject)
            row["actor"] = self.actors.get(actor)
        self.pool.put(rows, kept["pool_ids"], kept["pool_names"])


def _open(raw: bytes) -> Any:
    try:
        version, kept = msgspec.msgpack.decode(raw, strict=False)
    except (msgspec.DecodeError, ValueError, TypeError) as e:
        raise StateError("a segment of the stored state is damaged; restore the topic or start with an empty one") from e
    if version != lay.VERSION:
        raise StateError(
            f"the stored state has format {version}, this version reads {lay.VERSION}: "
            "run the version that wrote it, or start with an empty state topic"
        )
    return kept
