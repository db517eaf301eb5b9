"""The minute under way: which sums a call belongs to, which statuses and links go out with it, and how it ends."""

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import subject_hash
from detector.model.packed import CALL, STATUS, TOOL, UNCOUNTED
from detector.model.rollup import CHURNED, CLAIMED, LINKED, MOVED, OUTCOME, RESUMED, REVERTED, Party
from detector.state.cells import OLD_S, Clocks, News, keys_of, party_of
from detector.state.shard import Shard

MAX_TEAMS = 8
"""Teams that spent on one task and are told of its statuses, the first ones."""
HOUR_S, DAY_S = 3600.0, 86_400.0


def called(shard: Shard, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of the waiting rows at `rows` that are calls of a model, and are counted."""
    waiting = shard.pool.rows
    of_calls = (waiting["kind"][rows] == CALL) & (waiting["flags"][rows] & (TOOL | UNCOUNTED) == 0)
    calls: npt.NDArray[np.int64] = rows[of_calls]
    return calls


def look_up_usual(shard: Shard, rows: npt.NDArray[np.int64], t: float) -> None:
    """Lanes whose first call is among the waiting rows at `rows` learn what is usual at `t` (s UTC)."""
    lanes = np.unique(shard.pool.rows["lane"][rows])
    for slot in lanes[shard.lanes.rows["warning_calls"][lanes] == 0].tolist():
        shard.look_up_usual(slot, t)


def open_cells(shard: Shard, rows: npt.NDArray[np.int64]) -> None:
    """Gives the waiting rows of calls at `rows` the sums that they belong to."""
    waiting = shard.pool.rows
    due, t = waiting["due"][rows], waiting["t"][rows]
    old, days = due - t > OLD_S, (due // DAY_S - t // DAY_S).astype(np.int64)
    keys, first, code = np.unique(keys_of(waiting["cell"][rows], old, days), return_index=True, return_inverse=True)
    slots = []
    for key, r, late in zip(keys.tolist(), rows[first].tolist(), old[first].tolist(), strict=True):
        ident, subject = shard.pool.idents[r], int(waiting["subject"][r])
        slots.append(shard.cells.open(key, ident, subject, shard.segment_of(ident.subject), late))
        teams = shard.teams.setdefault(subject, [])
        if ident.team not in teams and len(teams) < MAX_TEAMS:
            teams.append(ident.team)
            row = shard.subjects.rows[subject]
            shard.hear_of(ident.tenant, ident.team, max(float(row["strong"]), float(row["medium"])))
    waiting["cell_slot"][rows] = np.array(slots, np.int32)[code]


def count_runs(shard: Shard, rows: npt.NDArray[np.int64]) -> None:
    """Counts runs that are heard of for the first time, and those that go on in another hour, among the waiting rows of
    calls at `rows`, which have their sums."""
    waiting, lanes = shard.pool.rows, shard.lanes.rows
    lane, hour = waiting["lane"][rows], (waiting["t"][rows] // HOUR_S).astype(np.int64)
    fresh = np.flatnonzero(hour > lanes["hour"][lane])
    if not len(fresh):
        return
    _, first = np.unique(np.stack([lane[fresh], hour[fresh]]), axis=1, return_index=True)
    fresh = fresh[first[np.lexsort((rows[fresh[first]], hour[fresh[first]]))]]
    known = _hours_of_runs(shard, lanes["run_key"][lane[fresh]])
    for r, slot, at in zip(rows[fresh].tolist(), lane[fresh].tolist(), hour[fresh].tolist(), strict=True):
        lanes["hour"][slot], ident = at, shard.pool.idents[r]
        before = known.get(key := int(lanes["run_key"][slot]), 0)
        if ident.run is None or at <= before:
            continue
        known[key] = at
        if before == 0:
            shard.cells.table.rows["runs"][waiting["cell_slot"][r]] += 1
        else:
            t = float(waiting["t"][r])
            shard.cells.tell(News(RESUMED, party_of(ident), t, first_t=before * HOUR_S))


def _hours_of_runs(shard: Shard, keys: npt.NDArray[np.uint64]) -> dict[int, int]:
    """By key the newest hour with a call of these runs, whichever agent's; of those that have had one."""
    lanes = shard.lanes.rows
    of = np.flatnonzero((lanes["hour"] > 0) & np.isin(lanes["run_key"], keys))
    order = of[np.argsort(lanes["hour"][of], kind="stable")]
    return dict(zip(lanes["run_key"][order].tolist(), lanes["hour"][order].tolist(), strict=True))


def note_calls(shard: Shard, walked: npt.NDArray[np.int64]) -> None:
    """Keeps of the waiting rows `walked` that are calls the newest id of each sum."""
    calls = called(shard, walked)
    rows = shard.pool.rows
    newest = dict(zip(rows["cell_slot"][calls].tolist(), calls.tolist(), strict=True))
    shard.cells.note(list(newest), [shard.pool.ids[r] for r in newest.values()])


def tell_moved(
    shard: Shard,
    slot: int,
    t: float,
    strength: int,
    category: int,
    longest: int,
    row: int,
    spent_usd: float,
    turns: int,
) -> None:
    """A medium or strong status of `t` (s UTC), the waiting row at `row`, goes to the teams that spent on its subject.

    And, with what it delivers, to whoever asks what shipped. longest: the most calls it has had between two strong
    ones; spent_usd: what was billed of its subject in the minute under way before it; turns: of persons, since the
    strong status before.
    """
    ident = shard.subject_names[slot]
    whole = Party(ident.subject, ident.tenant, task=ident.task, run=ident.run if ident.task is None else None)
    delivers = int(shard.pool.rows["output"][row])
    shard.cells.tell(News(OUTCOME, whole, t, strength, category, turns=turns, usd=spent_usd, deliverable=delivers))
    for team in shard.teams.get(slot, ()):
        shard.hear_of(ident.tenant, team, t)
        party = Party(ident.subject, ident.tenant, team, task=ident.task, task_type=ident.task_type)
        shard.cells.tell(News(MOVED, party, t, strength, category, longest))


def tell_links(shard: Shard, rows: npt.NDArray[np.int64]) -> None:
    """Links, the waiting rows at `rows`, go to the teams that spent on their runs, and to whoever asks what shipped."""
    for r in rows.tolist():
        ident = shard.pool.idents[r]
        slot = shard.subjects.get(ident.subject)
        task = Party(subject_hash(ident.tenant, ident.task, None), ident.tenant, task=ident.task)
        claimed = Party(ident.subject, ident.tenant, run=ident.run)
        shard.cells.tell(News(CLAIMED, claimed, float(shard.pool.rows["t"][r]), other=task))
        for team in shard.teams.get(slot, ()):
            run = Party(ident.subject, ident.tenant, team, run=ident.run)
            shard.cells.tell(News(LINKED, run, float(shard.pool.rows["t"][r]), other=task))


def tell_taken_back(shard: Shard, rows: npt.NDArray[np.int64]) -> None:
    """Of the statuses among the waiting rows at `rows` those go out that take back or rewrite what was delivered."""
    waiting = shard.pool.rows
    statuses = rows[waiting["kind"][rows] == STATUS]
    for r in statuses[(waiting["said"][statuses] != 0) | (waiting["duration_s"][statuses] >= 0.0)].tolist():
        ident, row, t = shard.pool.idents[r], waiting[r], float(waiting["t"][r])
        of = Party(ident.subject, ident.tenant, task=ident.task)
        if row["said"]:
            shard.cells.tell(News(REVERTED, of, t, deliverable=int(row["said"])))
        if row["output"] and row["duration_s"] >= 0.0:
            shard.cells.tell(News(CHURNED, of, t, deliverable=int(row["output"]), churned=float(row["duration_s"])))


def close_minute(shard: Shard, t: float) -> None:
    """The minute that is under way ends by `t` (s UTC)."""
    subjects = shard.subjects.rows
    shard.cells.close(t, Clocks(subjects["strong"], subjects["medium"], subjects["has_task"]))
