"""A minute's rollups go into the accounts: pairs, agents, tasks, teams and models."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.accounts import rows as acc
from detector.accounts.groups import ModelGroup
from detector.accounts.rows import MINUTES
from detector.accounts.tables import PAIR_RINGS, Accounts
from detector.accounts.windows import Slots, freshen
from detector.model.rollup import MODEL, OLD, SPENT, Opened, Party


class Booked(NamedTuple):
    """What a minute touched: slots and keys, each once."""

    tasks: Slots
    agents: Slots
    teams: list[int]
    models: list[int]


def book(accounts: Accounts, minute: int, told: Sequence[Opened]) -> Booked:
    """Books what all sources say of a minute; minutes come in their order."""
    booked = [_book_one(accounts, minute, opened.parties, opened.last_ids, opened.rows) for opened in told]
    tasks, agents = (np.unique(np.concatenate(slots)) for slots in zip(*(b[:2] for b in booked), strict=True))
    teams, models = (sorted(set().union(*keys)) for keys in zip(*(b[2:] for b in booked), strict=True))
    return Booked(tasks, agents, teams, models)


def _book_one(
    accounts: Accounts, minute: int, parties: Sequence[Party], last_ids: Sequence[str], rows: npt.NDArray[Any]
) -> Booked:
    called = rows["calls"] > 0  # else watch found in this minute what earlier calls were: nothing was spent
    spent = np.flatnonzero(((rows["kind"] == SPENT) | (rows["kind"] == OLD)) & called)
    of = [accounts.place(parties[p], minute) for p in rows["party"][spent].tolist()]
    task, agent, pair, team = (list(x) for x in zip(*of, strict=True)) if of else ([], [], [], [])
    mine = rows[spent]
    new = mine.copy()  # what counts in the windows of time: calls from before the last hour are in none that is left
    for name in ("usd", "calls", "input", "out"):
        new[name][mine["kind"] == OLD] = 0
    _book_pairs(accounts, np.array(pair, np.int64), new, minute)
    _book_agents(accounts, np.array(agent, np.int64), new, minute)
    _book_tasks(accounts, np.array(task, np.int64), mine, minute)
    for slot, i in zip(task, spent.tolist(), strict=True):
        if last_ids[i]:
            accounts.newest.setdefault(slot, []).append(last_ids[i])
    _book_teams(accounts, team, task, mine, minute)
    models = _book_models(accounts, rows[(rows["kind"] == MODEL) & called], parties, minute)
    return Booked(np.array(task, np.int64), np.array(agent, np.int64), team, models)


def _book_pairs(accounts: Accounts, slots: Slots, rows: npt.NDArray[Any], minute: int) -> None:
    pairs = accounts.pairs.rows
    freshen(pairs, np.unique(slots), "minute", PAIR_RINGS, minute)
    place = minute % MINUTES
    np.add.at(pairs["minutes"][:, place], slots, rows["usd"].astype(np.float32))
    np.add.at(pairs["minute_calls"][:, place], slots, rows["calls"])
    np.add.at(pairs["minute_tokens"][:, place], slots, (rows["input"] + rows["out"]).astype(np.float32))
    pairs["heard"][slots] = (minute + 1) * 60.0


def _book_agents(accounts: Accounts, slots: Slots, rows: npt.NDArray[Any], minute: int) -> None:
    agents = accounts.agents.rows
    accounts.reach(np.unique(slots), minute)
    place = minute // 1440 % acc.DAYS
    np.add.at(agents["hour_usd"], slots, rows["usd"])
    np.add.at(agents["calls"][:, place], slots, rows["calls"])
    np.add.at(agents["inputs"][:, place], slots, rows["input"].astype(np.float32))
    agents["heard"][slots] = (minute + 1) * 60.0


def _book_tasks(accounts: Accounts, slots: Slots, rows: npt.NDArray[Any], minute: int) -> None:
    tasks = accounts.tasks.rows
    before = tasks["strong"][slots], tasks["medium"][slots]
    tasks["first"][slots[tasks["first"][slots] == 0.0]] = np.inf
    np.minimum.at(tasks["first"], slots, rows["first_t"])
    for name in ("since_usd", "still_usd", "usd"):
        np.add.at(tasks[name], slots, rows["usd"])
    np.add.at(tasks["calls"], slots, rows["calls"])
    np.add.at(tasks["tokens"], slots, (rows["input"] + rows["out"]).astype(np.int64))
    np.maximum.at(tasks["heard"], slots, rows["t"])
    np.maximum.at(tasks["strong"], slots, rows["strong_t"])
    np.maximum.at(tasks["medium"], slots, rows["medium_t"])
    # Statuses that nobody told this team of: they came before its run was linked, say.
    for purse, name, known in (
        ("since_usd", "strong", before[0]),
        ("still_usd", "strong", before[0]),
        ("still_usd", "medium", before[1]),
    ):
        for slot in set(slots[(tasks[name][slots] > known) & (tasks[name][slots] >= tasks["first"][slots])].tolist()):
            tasks[purse][slot] = min(tasks[purse][slot], accounts.spent_since(slot, tasks[name][slot], minute))
    tasks["interactive"][slots] = rows["interactive"] * 2 > rows["calls"]


def _book_teams(
    accounts: Accounts, teams: Sequence[int], tasks: Sequence[int], rows: npt.NDArray[Any], minute: int
) -> None:
    """Sums by team; statuses that came before a team's first call are known from its rows."""
    has_task = accounts.tasks.rows["has_task"]
    sums: dict[int, list[float]] = {}
    moved = np.maximum(rows["strong_t"], rows["medium_t"]).tolist()
    tokens = (rows["input"] + rows["out"]).tolist()
    old = (rows["kind"] == OLD).tolist()
    told = zip(teams, tasks, rows["usd"].tolist(), rows["calls"].tolist(), tokens, moved, old, strict=True)
    for team, task, usd, calls, used, moved_t, late in told:
        s = sums.setdefault(team, [0.0, 0.0, 0, 0, 0.0, 0.0])
        s[0] += 0.0 if late else usd
        s[1] += 0.0 if late or has_task[task] else usd
        s[5] += usd if late else 0.0
        s[2] += calls
        s[3] += used
        s[4] = max(s[4], moved_t)
    for team, (usd, unclaimed, calls, used, moved_t, late_usd) in sums.items():
        group = accounts.teams[team]
        group.usd += late_usd
        group.spend(minute, usd, unclaimed, int(calls), int(used))
        group.status_t = max(group.status_t, moved_t)


def _book_models(accounts: Accounts, rows: npt.NDArray[Any], parties: Sequence[Party], minute: int) -> list[int]:
    touched = set()
    for row in rows:
        party = parties[row["party"]]
        key = party.subject
        group = accounts.models.get(key)
        if group is None:
            if len(accounts.models) >= accounts.max_teams:
                continue  # of so many none is looked at by itself
            segment = accounts.segment_of(key)
            group = accounts.models[key] = ModelGroup(key, party.tenant, party.model, segment, minute * 60.0)
        tokens = int(row["input"]) + int(row["out"])
        group.spend(minute, float(row["usd"]), 0.0, int(row["calls"]), tokens)
        group.status_t = max(group.status_t, float(row["strong_t"]))
        group.share(minute, party.team, float(row["usd"]), float(row["still_usd"]))
        accounts.touched.add(group.segment)
        touched.add(key)
    return sorted(touched)
