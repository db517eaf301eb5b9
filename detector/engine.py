"""The one way into the rules: packed observations of a partition in, alert records out.

What comes out is a function of the sequence of packed records alone: of no clock, no batching, no restart. The
Kafka stage, the replay of files and the tests all call this.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector.alerts.episodes import Episode, EpisodeBook, Key, Purse
from detector.config import Config
from detector.forgetting import forgotten, masked_segment
from detector.model import packed as pk
from detector.model.alert import Alert
from detector.model.packed import Ident, decode_packed
from detector.rules.inquiry import Explanation, Inquiry, Signal
from detector.state import arrival, retention
from detector.state.advance import MOST_OF_A_STEP, ROOM, advance, expire, file_finals
from detector.state.cells import Cells
from detector.state.compact import raw
from detector.state.found import FOUND
from detector.state.layout import VERSION
from detector.state.minute import (
    called,
    close_minute,
    count_runs,
    look_up_usual,
    note_calls,
    open_cells,
    tell_links,
    tell_taken_back,
)
from detector.state.screen import screen_of
from detector.state.seen import Chunk
from detector.state.segments import Common, Reader, Rows, Writer
from detector.state.shard import SEEN_FROM, Shard
from detector.state.stored import open_stored, refusing_damage, store
from detector.state.tellings import hear, settle
from detector.state.whole import Whole
from detector.totals import Totals

_MINUTE_S = 60.0
_LOOK_EVERY = 16
"""Packed records between two looks at how many runs there are; at full minutes they are counted anyway."""


class Counted(NamedTuple):
    """Calls that count, each once: rows (n of WAITING) in the order of event time, and whose each is (n)."""

    rows: npt.NDArray[Any]
    idents: list[Ident]


class Outcome(NamedTuple):
    """Alert records in order, signals and counted calls where they are asked for, and (partition, bytes) of rollups."""

    alerts: list[Alert]
    signals: list[Signal]
    rollups: list[tuple[int, bytes]]
    calls: list[Counted]


class Spread(NamedTuple):
    """How many partitions the observations and the rollups have."""

    observations: int = 1
    rollups: int = 1


ALONE = Spread()
"""One partition has it all."""


class _Segment(msgspec.Struct, array_like=True):
    """What is written of a segment: rows, open episodes, and which have resolved since it was written last."""

    rows: Rows
    episodes: list[Episode]
    resolved: list[Key]


class Engine:
    """All rules over one partition of `detector.observations`; `whole`: what portfolio tells of teams."""

    def __init__(
        self,
        config: Config,
        partition: int = 0,
        *,
        spread: Spread = ALONE,
        whole: Whole | None = None,
        signals: bool = False,
        explain: str | None = None,
        calls: bool = False,
    ) -> None:
        self.partition, self.offset = partition, -1
        self.totals, self.forgot = Totals(), False
        self._spread, self._explain = spread, explain
        self._config, self._with_signals, self._with_calls = config, signals, calls
        self._counted: list[Counted] = []

        def rules_of(ident: Ident) -> Any:
            return config.rules_for(ident.tenant, ident.team, ident.agent)

        watch = config.watch
        cells = Cells(partition, spread.observations, spread.rollups, config.ingest.max_record_bytes)
        whole = self._whole = whole or Whole()
        self._shard = Shard(
            watch.segments,
            watch.max_seen_ids,
            watch.seen_s,
            rules_of,
            cells,
            whole,
            4 * watch.max_runs,
            config.identity.meters,
        )
        self._book = EpisodeBook(config)
        self._inquiry = Inquiry(config, self._shard, self._book, self.totals, signals=signals, explain=explain)
        self._screen = screen_of(config, signals or explain is not None, explain is not None)
        self._found = np.zeros(ROOM, FOUND)
        self._kept_house = 0.0

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
    def explanations(self) -> list[Explanation]:
        """What the rules made of the call that is to be explained."""
        return self._inquiry.explanations

    @property
    def waiting(self) -> int:
        """Observations that the watermark has not passed yet."""
        return len(self._shard.pool)

    def process(self, packed: bytes, offset: int, written_s: float = 0.0) -> Outcome:
        """Takes the packed record at `offset`; one that the state already includes changes nothing.

        `written_s`: when, in s UTC by the broker's record, 0 where that is not known; see Sources.
        Raises msgspec.DecodeError or ValueError on bytes that are no packed record.
        """
        if offset <= self.offset:
            return Outcome([], [], [], [])
        if (person := forgotten(packed)) is not None:
            alerts = self._forget(person)
            self.offset = offset
            return Outcome(alerts, [], [], [])
        columns = decode_packed(packed)
        shard, time = self._shard, self._config.time
        self._inquiry.signals = []
        if len(columns.rows):
            arrival.take(shard, columns, self.totals, time.lateness_s)
        arrival.advance_watermark(shard, columns.marks, written_s, time, self._config.watch.max_waiting)
        alerts = self._judge()
        alerts += self._keep_house(shard.watermark)
        alerts += self._book.tick(shard.watermark, shard.waits_since)
        most = self._config.watch.max_runs
        if offset % _LOOK_EVERY == 0 and len(shard.lanes) > 2 * most:  # a flood within the minute
            retention.forget_lanes(shard, shard.watermark - time.idle_s, most, self._book.keys())
        self.offset = offset
        counted, self._counted = self._counted, []
        return Outcome(alerts, self._inquiry.signals, shard.cells.flush(), counted)

    def _judge(self) -> list[Alert]:
        """Walks over what the watermark has passed, minute by minute, and asks the rules about what was found."""
        shard = self._shard
        order = shard.pool.due(shard.watermark)
        if not len(order):
            return []
        rows = shard.pool.rows
        if arrival.put_off(shard, order, self._config.time.lateness_s):
            order = shard.pool.due(shard.watermark)
        self.totals.orphans += arrival.find_lanes(shard, order)
        if rows["rank"][order].any():
            self._settle(order)
        alerts: list[Alert] = []
        minutes = rows["due"][order] // _MINUTE_S
        for minute in np.unique(minutes).tolist():
            alerts += self._keep_house(minute * _MINUTE_S)
            mine, done = order[minutes == minute], 0
            shard.cells.minute = int(minute)
            calls = called(shard, mine)
            if self._with_calls and len(calls):
                self._counted.append(Counted(rows[calls], [shard.pool.idents[r] for r in calls.tolist()]))
            look_up_usual(shard, calls, minute * _MINUTE_S)
            open_cells(shard, calls)
            count_runs(shard, calls)
            shard.touch_waiting(mine)
            tell_links(shard, mine[rows["kind"][mine] == pk.LINK])
            tell_taken_back(shard, mine)
            while done < len(mine):
                n, more = self._walk(mine[done:])
                alerts += more
                done += n
            shard.pool.rows["due"][mine] = np.inf  # they wait no more, whatever the next minute forgets
        for lane in set(rows["lane"][order].tolist()):
            if lane >= 0 and lane in shard.trails:
                shard.trails[lane].trim()
        shard.pool.take(order)
        return alerts

    def _settle(self, order: npt.NDArray[np.int64]) -> None:
        """Where several sources tell of a run: what of the waiting rows at `order` counts."""
        shard, rows = self._shard, self._shard.pool.rows
        settle(order, rows, shard.tellings.rows, self._config.time.lateness_s)
        counted = order[(rows["rank"][order] > 0) & (rows["flags"][order] & pk.UNCOUNTED == 0)]
        if len(counted):
            told = raw(rows[counted])[:, : pk.ROW.itemsize].copy().view(pk.ROW)[:, 0]
            told["ident"] = np.arange(len(counted))
            self.totals.add(told, [shard.pool.idents[r] for r in counted.tolist()])

    def _keep_house(self, t: float) -> list[Alert]:
        """What time alone brings about, once a minute of event time (`t`: s UTC), however observations are packed."""
        t = t // _MINUTE_S * _MINUTE_S
        if t <= self._kept_house:
            return []
        self._kept_house = t
        alerts = self._expire(t)
        alerts += self._file_finals(t)
        alerts += self._book.tick(t, self._shard.waits_since)  # first: a lane of an open episode is not forgotten
        close_minute(self._shard, t)
        return alerts + self._clean(t)

    def _walk(self, order: npt.NDArray[np.int64]) -> tuple[int, list[Alert]]:
        """Walks until something was found, and asks about it; how many rows that took, and the records."""
        shard, rows = self._shard, self._shard.pool.rows
        found, pushed = self._found, np.empty(len(order), np.int64)
        tables = (shard.lanes.rows, shard.subjects.rows, shard.cells.table.rows)
        done, n, m = advance(order, rows, *tables, self._screen, found, pushed)
        shard.keep_steps(pushed[:m])
        shard.keep_compactions(order[:done])
        shard.name_by_calls(order[:done])
        note_calls(shard, order[:done])
        alerts = self._inquiry.ask(found[:n])
        found[:n] = np.zeros(n, FOUND)  # what one kind of row does not say is not what another one said before
        if self._with_signals:
            calls = order[:done][rows["kind"][order[:done]] == pk.CALL]
            self._inquiry.signal_stepless(np.setdiff1d(calls, pushed[:m]))
        return done, alerts

    def _expire(self, t: float) -> list[Alert]:
        """Judges steps whose results did not come in time."""
        shard = self._shard
        slots = retention.overdue(shard, t - self._config.time.result_wait_s)
        if not slots:
            return []
        lanes, found = shard.lanes.rows, np.zeros(len(slots) * MOST_OF_A_STEP, FOUND)
        n = expire(np.array(slots), lanes, self._subjects_of(slots), shard.subjects.rows, self._screen, found)
        return self._inquiry.ask(found[:n])

    def _file_finals(self, t: float) -> list[Alert]:
        """Takes the last outputs of runs that have been idle for long enough as their final ones."""
        idle = retention.finished(self._shard, t)
        if not idle:
            return []
        ends, slots = [end for end, _ in idle], [slot for _, slot in idle]
        lanes, subjects = self._shard.lanes.rows, self._shard.subjects.rows
        found = np.zeros(len(slots), FOUND)
        file_finals(np.array(slots), lanes, self._subjects_of(slots), subjects, np.array(ends), found)
        return self._inquiry.ask(found)

    def _subjects_of(self, slots: list[int]) -> npt.NDArray[np.int64]:
        """Slots of the subjects of lanes that change by this."""
        shard = self._shard
        subjects = shard.subjects.slots(shard.lanes.rows["subject_key"][slots].tolist())
        shard.lanes.touch(slots)
        shard.subjects.touch(subjects)
        return np.array(subjects)

    def _clean(self, t: float) -> list[Alert]:
        """Forgets what was idle for too long by `t`, and what exceeds the bound."""
        shard, idle_s = self._shard, self._config.time.idle_s
        limit, most = t - idle_s, self._config.watch.max_runs
        alerts = self._book.make_room(t)
        shard.forget_statuses()
        retention.forget_lanes(shard, limit, most, self._book.keys())
        retention.forget_tellings(shard, limit, 2 * most)
        for key in retention.idle_subjects(shard, limit, most, self._book.keys()):
            row = shard.subjects.rows[shard.subjects.get(key)]
            purse = Purse(int(row["calls"]), int(row["tokens"]), float(row["cost"]))
            alerts += self._book.forget(key, float(row["newest_t"]) + idle_s, purse)
            shard.forget_subject(key)
        return alerts

    def _forget(self, pseudonym: str) -> list[Alert]:
        """The state is as if nobody had ever had this pseudonym; the next checkpoint is written whole.

        Returns the records of open episodes without it.
        """
        told_of = self._book.naming(pseudonym)
        stored = {n: [masked_segment(self.encode_segment(n), pseudonym)] for n in self.segments()}
        told: dict[str, Any] = {"spread": self._spread, "whole": self._whole, "signals": self._with_signals}
        other = Engine.restore(self._config, self.partition, self.offset, stored, **told)
        self._shard, self._book, self._kept_house = other._shard, other._book, other._kept_house
        self._inquiry = Inquiry(
            self._config, self._shard, self._book, self.totals, signals=self._with_signals, explain=self._explain
        )
        self.forgot = True
        return self._book.tell_again(told_of)

    def segments(self) -> set[int]:
        """Numbers of all segments that make up the state."""
        return self._shard.numbers()

    def dirty(self) -> list[int]:
        """Numbers of the segments that changed since `clean`, in order."""
        return sorted(self._shard.dirty() | self._book.touched)

    def encode_segment(self, n: int) -> bytes:
        """A segment's bytes; equal states give equal bytes."""
        if n == 0:
            return store(VERSION, Common.of(self._shard, self._kept_house))
        if n >= SEEN_FROM:
            return store(VERSION, self._shard.seen.encode(n - SEEN_FROM))
        return store(VERSION, _Segment(Writer(self._shard, n, whole=True).rows(), self._book.of_segment(n), []))

    def encode_changes(self, n: int) -> bytes | None:
        """What changed in a segment since `clean`, to be read after it; None where it is only written whole."""
        if n == 0 or n >= SEEN_FROM:
            return None
        return store(VERSION, _Segment(Writer(self._shard, n, whole=False).rows(), *self._book.changed_of(n)))

    def clean(self) -> None:
        """A checkpoint of all segments has been written."""
        self.forgot = False
        self._shard.clean()
        self._book.clean()

    @classmethod
    def restore(
        cls,
        config: Config,
        partition: int,
        offset: int,
        segments: Mapping[int, Sequence[bytes]],
        *,
        spread: Spread = ALONE,
        whole: Whole | None = None,
        signals: bool = False,
    ) -> "Engine":
        """The engine as it was after the packed record at `offset`. Raises StateError.

        segments: each whole, and what changed in it after that, in the order of writing.
        """
        engine = cls(config, partition, spread=spread, whole=whole, signals=signals)
        with refusing_damage():
            engine._restore(segments)
        engine.offset = offset
        return engine

    def _restore(self, segments: Mapping[int, Sequence[bytes]]) -> None:
        shard, reader, episodes = self._shard, Reader(self._shard), dict[Key, Episode]()
        for common in segments.get(0, ()):
            self._kept_house = open_stored(common, VERSION, Common).back_to(shard)
        numbers = sorted(n for n in segments if 0 < n < SEEN_FROM)
        for number in numbers:
            parts = [open_stored(part, VERSION, _Segment) for part in segments[number]]
            reader.read(part.rows for part in parts)
            for part in parts:
                for key in part.resolved:
                    episodes.pop(key, None)
                episodes.update(((e.rule, e.key), e) for e in part.episodes)
            if number == numbers[0]:
                reader.expect(len(numbers))
        seen = [open_stored(part, VERSION, Chunk) for n, parts in segments.items() if n >= SEEN_FROM for part in parts]
        shard.seen.restore(seen)
        reader.finish()
        self._book.restore(episodes.values())


def warm() -> None:
    """Compiles what is compiled, so that the first event does not wait for it."""
    engine, found, none = Engine(Config()), np.zeros(ROOM, FOUND), np.zeros(0, np.int64)
    shard, screen = engine._shard, engine._screen
    lanes, subjects, cells = shard.lanes.rows, shard.subjects.rows, shard.cells.table.rows
    advance(none, shard.pool.rows, lanes, subjects, cells, screen, found, none)
    expire(none, lanes, none, subjects, screen, found)
    file_finals(none, lanes, none, subjects, np.zeros(0), found)
    shard.seen.add(np.ones(1, np.uint64), 0.0)
    hear(np.zeros(0, pk.ROW), none, np.zeros(0, np.uint8), shard.tellings.rows)
    settle(none, shard.pool.rows, shard.tellings.rows, 0.0)
    Engine.restore(Config(), 0, 0, {n: [engine.encode_segment(n)] for n in (0, 1)})
    engine.totals.add(np.zeros(0, pk.ROW), [])
