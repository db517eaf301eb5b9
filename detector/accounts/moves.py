"""What a status or a link does to the accounts: a task moves, or a run turns out to work on one."""

from typing import Any

import numpy as np
import numpy.typing as npt

from detector.accounts import rows as acc
from detector.accounts.groups import Group
from detector.accounts.tables import MAX_LINKED, PAIR_RINGS, Accounts, key_of_team, on_task, within
from detector.accounts.windows import freshen, since
from detector.model.packed import ENDED, STRONG
from detector.model.rollup import Party


def moved(accounts: Accounts, party: Party, t: float, strength: int, category: int, longest: int, minute: int) -> int:
    """A medium or strong status of `t` (s UTC) came in `minute`; the slot of its task, -1 where it is forgotten.

    What was spent since by what is known of each minute is left in the purse: a status may come late.
    """
    party = accounts.of_known_team(party)
    team = key_of_team(party.tenant, party.team)
    group = accounts.teams.get(team)
    if group is not None:
        group.status_t = max(group.status_t, t)
    slot = accounts.tasks.get(within(team, party.subject))
    if slot < 0:
        return slot
    row = accounts.tasks.rows[slot]
    accounts.touched.add(int(row["segment"]))
    left = accounts.spent_since(slot, t, minute) if int(t // 60.0) < minute else 0.0
    if t >= max(row["strong"], row["medium"]):
        row["still_usd"] = min(row["still_usd"], left)
    if strength == STRONG and t >= row["strong"]:
        row["since_usd"] = min(row["since_usd"], left)
        row["strong"], row["ended"] = t, ENDED[0] <= category <= ENDED[-1]
        if row["ended"] and party.task_type is not None and group is not None:
            group.end_task(party.task_type, longest)
    elif strength != STRONG:
        row["medium"] = max(row["medium"], t)
    _credit(accounts, row["helpers"], minute)
    return slot


def _credit(accounts: Accounts, helpers: npt.NDArray[np.uint64], minute: int) -> None:
    """The agents of a task have moved it once more."""
    for key in helpers.tolist():
        slot = accounts.agents.get(key) if key else -1
        if slot >= 0:
            accounts.reach(np.array([slot]), minute)
            moves = accounts.agents.rows["moves"][slot]
            moves[minute // 1440 % acc.DAYS] = min(65_535, moves[minute // 1440 % acc.DAYS] + 1)


def link(accounts: Accounts, run: Party, task: Party, minute: int) -> None:
    """What a run without a task has spent moves to this task, as does what still comes."""
    run = accounts.of_known_team(run)
    team = key_of_team(run.tenant, run.team)
    run_key = within(team, run.subject)
    accounts.linked[run_key] = task
    accounts.linked.move_to_end(run_key)
    if len(accounts.linked) > MAX_LINKED:
        accounts.linked.popitem(last=False)
    accounts.touched.add(0)
    source = accounts.tasks.get(run_key)
    if source < 0 or accounts.tasks.rows["has_task"][source]:
        return
    named = on_task(accounts.task_names[source], task)
    key = within(team, task.subject)
    target = accounts.tasks.get(key)
    if target < 0:
        target = accounts.make_task(key, team, int(accounts.tasks.rows["segment"][source]), named)
        accounts.task_names[target] = named
    _merge(accounts, source, target, minute)
    _unclaim(accounts.teams[team], accounts.tasks.rows[source])
    _move_pairs(accounts, source, target, minute)
    del accounts.task_names[accounts.tasks.remove(run_key)]


def _merge(accounts: Accounts, source: int, target: int, minute: int) -> None:
    tasks = accounts.tasks.rows
    a, b = tasks[source], tasks[target]
    of = accounts.pairs_of(source, minute)
    for purse, moved in (("since_usd", b["strong"]), ("still_usd", max(b["strong"], b["medium"]))):
        after = float(since(accounts.pairs.rows["minutes"][of], minute, int(moved // 60.0) + 1).sum())
        b[purse] += a[purse] if moved <= a["first"] else min(a[purse], after)
    for name in ("usd", "calls", "tokens"):
        b[name] += a[name]
    b["first"] = min(a["first"], b["first"]) if b["first"] else a["first"]
    b["heard"] = max(a["heard"], b["heard"])
    known = [*b["helpers"].tolist(), *a["helpers"].tolist()]
    helpers = [k for k in dict.fromkeys(known) if k][: acc.HELPERS]
    b["helpers"] = helpers + [0] * (acc.HELPERS - len(helpers))
    accounts.touched.update((int(a["segment"]), int(b["segment"])))


def _unclaim(team: Group, run: Any) -> None:
    """A task claims what this run has spent: evenly over its hours, which is all that is known of them."""
    first, last = int(run["first"] // 3600.0), int(run["heard"] // 3600.0)
    for hour in range(first, last + 1):
        team.claim(hour * 3600.0, float(run["usd"]) / (last - first + 1))


def _move_pairs(accounts: Accounts, source: int, target: int, minute: int) -> None:
    task_key = int(accounts.tasks.rows["key"][target])
    for slot in accounts.pairs_of(source, minute).tolist():
        row = accounts.pairs.rows[slot].copy()
        accounts.pairs.remove(int(row["key"]))
        key = within(int(row["agent_key"]), task_key)
        other = accounts.pairs.get(key)
        if other < 0:
            row["key"], row["task_key"], row["task"] = key, task_key, target
            accounts.pairs.put(row.reshape(1))
            continue
        freshen(accounts.pairs.rows, np.array([other]), "minute", PAIR_RINGS, minute)
        for ring in PAIR_RINGS:
            accounts.pairs.rows[ring][other] += row[ring]
        accounts.pairs.rows["heard"][other] = max(row["heard"], accounts.pairs.rows["heard"][other])
