"""Observations arrive: what was taken before is left out, the rest finds its rows and waits for the watermark."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.config import Time
from detector.model import packed as pk
from detector.model.packed import Columns, Ident
from detector.state.merging import fill
from detector.state.shard import Shard
from detector.state.tellings import hear
from detector.totals import Totals

Slots = npt.NDArray[np.int64]
Ranks = npt.NDArray[np.uint8]


def take(shard: Shard, columns: Columns, totals: Totals, lateness_s: float) -> None:
    """Puts the observations that are new into the shard's pool."""
    rows = columns.rows
    keep, again = _not_taken(shard, rows), np.zeros(0, np.intp)
    if len(keep):
        evicted = shard.seen.evicted
        now_s = shard.watermark or float(rows["t"][keep].max())  # before any watermark they are not ages old
        fresh = shard.seen.add(rows["id"][keep], now_s)
        totals.duplicates += len(keep) - int(fresh.sum())
        totals.evicted += shard.seen.evicted - evicted
        again, keep = keep[~fresh], keep[fresh]
    if len(keep):
        _put(shard, columns, keep, totals, lateness_s)
    again = again[[shard.rank_of(columns.idents[n].source) > 0 for n in rows["ident"][again].tolist()]]
    if len(again):
        _merge(shard, columns, again)


def _put(shard: Shard, columns: Columns, keep: npt.NDArray[np.intp], totals: Totals, lateness_s: float) -> None:
    """Puts the rows at `keep` into the pool."""
    rows = columns.rows
    columns = columns._replace(idents=[shard.known(ident) for ident in columns.idents])
    mine = rows[keep]
    late = mine["t"] < shard.watermark
    totals.late += int(late.sum())
    slots: dict[str, npt.NDArray[Any]] = _slots(shard, columns.idents, mine)
    heard = _hear(shard, columns.idents, mine)
    if heard is not None:
        slots["rank"], slots["told"] = heard
    # Of those with a rank it is not known yet what counts.
    totals.add(mine if heard is None else mine[heard[0] == 0], columns.idents)
    # A late row waits once more, for others of its run that are late too.
    slots["due"] = np.where(late, shard.watermark + lateness_s, mine["t"])
    shard.pool.add(columns, keep, slots)
    if len(columns.waits):
        _ask(shard, columns, {i: columns.idents[rows["ident"][i]].lane for i in keep.tolist()})


def _merge(shard: Shard, columns: Columns, again: npt.NDArray[np.intp]) -> None:
    """Calls that were told before, the rows at `again`, fill those that still wait to be judged."""
    merged, waiting, lanes = fill(shard.pool, columns, again), shard.pool.rows, shard.lanes.rows
    if len(columns.waits):
        _ask(shard, columns, {m.new: int(lanes["key"][waiting["lane"][m.old]]) for m in merged if m.step})


def _ask(shard: Shard, columns: Columns, lanes: dict[int, int]) -> None:
    """The calls among the rows that have a lane (its key, by row) wait for the results of their tools."""
    for row, key, _ in columns.waits.tolist():
        if row in lanes:
            shard.touch_lanes(shard.awaiting.ask(key, lanes[row], float(columns.rows["t"][row])))


def advance_watermark(shard: Shard, marks: Mapping[int, float], written_s: float, time: Time, most: int) -> None:
    """The lowest time that every source has been forwarded to, less the lateness; it never goes back.

    A source holds it back while its mark rises, and for `hold_back_s` longer (see Sources); but where more than `most`
    observations wait, the oldest wait no longer.
    """
    shard.sources.tell(marks, written_s, time.hold_back_s)
    reached = shard.sources.reached(time.hold_back_s) - time.lateness_s
    shard.watermark = max(shard.watermark, reached, shard.pool.due_beyond(most))


def put_off(shard: Shard, order: Slots, lateness_s: float) -> bool:
    """Lets each due result that was told before its call (clocks differ) wait for it; True where there was one."""
    rows, found = shard.pool.rows, False
    for r in order[rows["kind"][order] == pk.TOOL_RESULT].tolist():
        t = float(rows["t"][r])
        called = shard.awaiting.times(int(rows["action"][r]))
        if called and t < called[0] <= t + lateness_s:
            rows["t"][r] = called[0]
            rows["due"][r] = max(float(rows["due"][r]), called[0])
            rows["kept"][r] = 0  # a checkpoint that holds it would have it due by now
            found = True
    return found


def find_lanes(shard: Shard, order: Slots) -> int:
    """Gives each tool result among the waiting rows the lane of its call; returns how many have none."""
    rows = shard.pool.rows
    orphans = 0
    for r in order[rows["kind"][order] == pk.TOOL_RESULT].tolist():
        lane = shard.awaiting.answered(int(rows["action"][r]), float(rows["t"][r]))
        rows["lane"][r] = shard.lanes.get(lane)
        orphans += int(rows["lane"][r] < 0)
    return orphans


def _not_taken(shard: Shard, rows: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Indices of the rows above the highest that was taken of their source."""
    sources, code = np.unique(rows["source"], return_inverse=True)
    names, seq = sources.tolist(), rows["seq"]
    highest = np.array([shard.taken.get(source, -1) for source in names], np.int64)
    fresh = seq > highest[code]
    np.maximum.at(highest, code, seq)
    shard.taken.update(zip(names, highest.tolist(), strict=True))
    return np.flatnonzero(fresh)


def _slots(shard: Shard, idents: list[Ident], rows: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Slots of each row's lane and subject, -1 where a row has none; the key of its cell; and its segment."""
    code, calls = rows["ident"], rows["kind"] == pk.CALL
    used, called = np.zeros((2, len(idents)), np.bool_)
    used[code[rows["kind"] != pk.LINK]], called[code[calls]] = True, True
    lane, subject = _slots_of(shard, idents, used.tolist(), called.tolist())[:, code]
    lane = np.where(calls, lane, -1)
    for table, slots in ((shard.lanes, lane), (shard.subjects, subject)):
        table.heard(slots, np.maximum(rows["t"], shard.watermark))
        table.touch(slots)
    np.maximum.at(shard.subjects.rows["newest_t"], subject[subject >= 0], rows["t"][subject >= 0])
    _set_clocks(shard.lanes.rows, lane, rows["t"], shard.watermark)
    segment = np.array([shard.segment_of(i.subject) for i in idents], np.int32)[code]
    cell = np.array([i.cell for i in idents], np.uint64)[code]
    return {"lane": lane, "subject": subject, "cell": cell, "segment": segment}


def _hear(shard: Shard, idents: list[Ident], rows: npt.NDArray[Any]) -> tuple[Ranks, Slots] | None:
    """Ranks (n) of the sources of rows, and slots (n) of who tells of their runs, -1 where there is nothing to decide.

    None where no source has a rank.
    """
    of_idents = [shard.rank_of(i.source) for i in idents]
    if not any(of_idents):
        return None
    code = rows["ident"]
    ranks, told = np.array(of_idents, np.uint8)[code], np.full(len(rows), -1, np.int64)
    in_runs = np.array([i.run is not None for i in idents], np.bool_)[code]
    ranked = np.flatnonzero((ranks > 0) & in_runs & (rows["kind"] == pk.CALL))
    place = {c: shard.telling(idents[c]) for c in np.unique(code[ranked]).tolist()}
    told[ranked] = slots = np.array([place[c] for c in code[ranked].tolist()], np.int64)
    hear(rows[ranked], slots, ranks[ranked], shard.tellings.rows)
    shard.tellings.heard(slots, np.maximum(rows["t"][ranked], shard.watermark))
    shard.tellings.touch(slots)
    return ranks, told


def _set_clocks(lanes: npt.NDArray[Any], slots: Slots, t: npt.NDArray[np.float64], watermark: float) -> None:
    """Notes how late the newest call of each lane is; slots (n) below 0 are passed over, t (n) is in s UTC."""
    slots, t = slots[slots >= 0], t[slots >= 0]
    np.maximum.at(lanes["newest_t"], slots, t)
    newest = t == lanes["newest_t"][slots]
    lanes["late_s"][slots[newest]] = np.maximum(0.0, watermark - t[newest])


def _slots_of(shard: Shard, idents: list[Ident], used: list[bool], called: list[bool]) -> Slots:
    """Slots (2 × idents) of lane and subject, made where they are new; only for what is used."""
    lanes = shard.lanes.slots([i.lane for i in idents])
    subjects = shard.subjects.slots([i.subject for i in idents])
    for n, ident in enumerate(idents):
        if not used[n]:
            continue
        if subjects[n] < 0:
            subjects[n] = shard.subject(ident)
        if not called[n]:
            continue
        if shard.subject_names[subjects[n]].model is None:
            shard.name_subject(subjects[n], ident)  # a status came before the first call
        if lanes[n] < 0:
            lanes[n] = shard.lane(ident)
    return np.array([lanes, subjects], np.int64)
