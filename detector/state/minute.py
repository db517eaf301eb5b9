"""The minute under way: which sums a call belongs to, which statuses and links go out with it, and how it ends."""

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import subject_hash
from detector.model.packed import CALL, TOOL, UNCOUNTED
from detector.model.rollup import LINKED, MOVED, Party
from detector.state.cells import OLD_S, Clocks, News, keys_of
from detector.state.shard import Shard

MAX_TEAMS = 8
"""Teams that spent on one task and are told of its statuses, the first ones."""


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
    old = waiting["due"][rows] - waiting["t"][rows] > OLD_S
    keys = keys_of(waiting["cell"][rows], old)
    _, first, code = np.unique(keys, return_index=True, return_inverse=True)
    slots = []
    for r, late in zip(rows[first].tolist(), old[first].tolist(), strict=True):
        ident, subject = shard.pool.idents[r], int(waiting["subject"][r])
        slots.append(shard.cells.open(ident, subject, shard.segment_of(ident.subject), late))
        teams = shard.teams.setdefault(subject, [])
        if ident.team not in teams and len(teams) < MAX_TEAMS:
            teams.append(ident.team)
            row = shard.subjects.rows[subject]
            shard.hear_of(ident.tenant, ident.team, max(float(row["strong"]), float(row["medium"])))
    waiting["cell_slot"][rows] = np.array(slots, np.int32)[code]


def note_calls(shard: Shard, walked: npt.NDArray[np.int64]) -> None:
    """Keeps of the waiting rows `walked` that are calls the newest id of each sum."""
    calls = called(shard, walked)
    rows = shard.pool.rows
    newest = dict(zip(rows["cell_slot"][calls].tolist(), calls.tolist(), strict=True))
    shard.cells.note(list(newest), [shard.pool.ids[r] for r in newest.values()])


def tell_moved(shard: Shard, slot: int, t: float, strength: int, category: int, longest: int) -> None:
    """A medium or strong status of `t` (s UTC) goes to the teams that spent on its subject.

    longest: the most calls it has had between two strong ones.
    """
    ident = shard.subject_names[slot]
    for team in shard.teams.get(slot, ()):
        shard.hear_of(ident.tenant, team, t)
        party = Party(ident.subject, ident.tenant, team, task=ident.task, task_type=ident.task_type)
        shard.cells.tell(News(MOVED, party, t, strength, category, longest))


def tell_links(shard: Shard, rows: npt.NDArray[np.int64]) -> None:
    """Links, the waiting rows at `rows`, go to the teams that spent on their runs."""
    for r in rows.tolist():
        ident = shard.pool.idents[r]
        slot = shard.subjects.get(ident.subject)
        task = Party(subject_hash(ident.tenant, ident.task, None), ident.tenant, task=ident.task)
        for team in shard.teams.get(slot, ()):
            run = Party(ident.subject, ident.tenant, team, run=ident.run)
            shard.cells.tell(News(LINKED, run, float(shard.pool.rows["t"][r]), other=task))


def close_minute(shard: Shard, t: float) -> None:
    """The minute that is under way ends by `t` (s UTC)."""
    subjects = shard.subjects.rows
    shard.cells.close(t, Clocks(subjects["strong"], subjects["medium"], subjects["has_task"]))
