"""The open tasks of teams, by name: what the histograms of boards count, from the same books by the same rule."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from detector.boards.open_tasks import may_be_open
from detector.boards.table import Floats, Ints, Table, most_of_each, sums_by
from detector.boards.windows import windows_of
from detector.ledger.books import Books
from detector.ledger.outcomes import Record
from detector.policy.scope import NOTHING, Scope, may_sum, shown_agent

OF_TEAM = 200
"""Tasks of a team that are kept by name, the dearest: so many does a page show at most."""
OF_ALL = 50_000
"""Tasks that are kept by name, 0.2 kB each and names; where teams have more, of each team its dearest stay."""

DELIVERED, REOPENED, STATUS = "deliverable", "taken up again", "strong status"
"""With what a task moved last, as far as it is kept."""


class OpenTask(NamedTuple):
    """A task that was metered, is neither completed nor given up, and was heard of within 30 days.

    `team`: the one that spent most on it; `agent`: who did, masked where it is a person: of people nothing
    is kept. `age_s`: since its first call that told tokens, up to the newest event. `usd`: billed in all; `day_usd`: in
    the hour under way and the 23 before it. `moved_t`: when its newest strong status came (s UTC), 0: none did;
    `moved_by`: what that was.
    """

    tenant: str
    team: str | None
    task: str
    agent: str | None
    age_s: float
    usd: float
    day_usd: float
    calls: int
    moved_t: float = 0.0
    moved_by: str = ""


class TeamTasks(NamedTuple):
    """How many open tasks a team has, and what they cost (USD)."""

    tasks: int
    usd: float


class OpenTasks(NamedTuple):
    """What was read at `read_s` (s UTC): `rows`, the dearest first, and by tenant and team how many there are.

    `until_s`: the time of the newest event, 0: there is none.
    """

    read_s: float
    until_s: float
    rows: list[OpenTask]
    teams: dict[tuple[str, str | None], TeamTasks]


def open_tasks(books: Sequence[Books], read_s: float) -> OpenTasks:
    """The open tasks of all partitions."""
    rows: list[OpenTask] = []
    counts: dict[tuple[str, str | None], TeamTasks] = {}
    for of_partition in books:
        found, more = _of_partition(of_partition)
        rows = _dearest([*rows, *found])
        for team, told in more.items():
            counts[team] = _sum(counts.get(team), told)
    return OpenTasks(read_s, max((b.common.newest_t for b in books), default=0.0), rows, counts)


def seen_tasks(told: OpenTasks, scope: Scope, tenant: str | None = None, team: str | None = None) -> OpenTasks:
    """Those that the scope may see, of a tenant and a team where these are asked for; people masked."""
    rows, teams = list[OpenTask](), dict[tuple[str, str | None], TeamTasks]()

    def as_shown(of: str, named: str | None) -> tuple[str, str | None] | None:
        """A tenant and a team as they may be named, None where they may not or are not asked for."""
        shown = shown_agent(scope, named)
        fits = tenant in (None, of) and team in (None, shown)
        return (of, shown) if fits and may_sum(scope, of, named) else None

    for raw, sums in told.teams.items():
        if (shown := as_shown(*raw)) is not None:
            teams[shown] = _sum(teams.get(shown), sums)
    for row in told.rows:
        if (shown := as_shown(row.tenant, row.team)) is not None:
            rows.append(row._replace(team=shown[1]))
    return told._replace(rows=rows, teams=teams)


def _sum(known: TeamTasks | None, more: TeamTasks) -> TeamTasks:
    return more if known is None else TeamTasks(known.tasks + more.tasks, known.usd + more.usd)


def _of_partition(books: Books) -> tuple[list[OpenTask], dict[tuple[str, str | None], TeamTasks]]:
    newest_t = books.common.newest_t
    windows = windows_of(newest_t)
    table = Table(books, min(w.began_t for w in windows.values()))
    table.find_owners()
    may_be = np.flatnonzero(may_be_open(table, newest_t))
    kept = (books.purses.beside[slot] for slot in may_be.tolist())
    slots = may_be[[not of.folded and (of.record is None or not of.record.closed) for of in kept]]
    team, usd = table.owner[slots], table.purses["usd"][slots]
    counts, sums = np.bincount(team, minlength=len(table.names)).tolist(), sums_by(team, usd, len(table.names)).tolist()
    teams = {name: TeamTasks(counts[n], sums[n]) for n, name in enumerate(table.names) if counts[n]}
    chosen = slots[_rank(team, usd) < OF_TEAM]
    day_usd = np.where(windows["24h"].holds(table.t), table.usd, 0.0)
    return list(_rows(books, table, chosen, day_usd)), teams


def _rank(team: Ints, usd: Floats) -> Ints:
    """Of each task (n) its place among those of its team, 0: the dearest."""
    order = np.lexsort((-usd, team))
    begins = np.flatnonzero(np.diff(team[order], prepend=-1))
    rank = np.empty(len(team), np.int64)
    rank[order] = np.arange(len(team)) - np.repeat(begins, np.diff(begins, append=len(team)))
    return rank


def _rows(books: Books, table: Table, slots: Ints, day_usd: Floats) -> Iterator[OpenTask]:
    """The tasks at these slots."""
    mine = np.isin(table.purse, slots)
    purse = table.purse[mine]
    calls = sums_by(purse, table.cells["calls"][mine], len(table.purses))
    recent = sums_by(purse, day_usd[mine], len(table.purses))
    agents = sorted({who.agent or "" for who in table.whos}, key=lambda agent: (not agent, agent))
    place = {agent: n for n, agent in enumerate(agents)}
    code = np.array([place[who.agent or ""] for who in table.whos], np.int64)[table.cells["who"][mine]]
    of, most, _ = most_of_each(purse, code, table.usd[mine], max(1, len(agents)))
    agent_of = dict(zip(of.tolist(), most.tolist(), strict=True))
    newest_t = books.common.newest_t
    for slot in slots.tolist():
        kept, row = books.purses.beside[slot], table.purses[slot]
        tenant, team = table.names[table.owner[slot]]
        yield OpenTask(
            tenant, team, kept.task or "", shown_agent(NOTHING, agents[agent_of[slot]] or None),
            newest_t - float(row["metered_t"]),
            float(row["usd"]), float(recent[slot]), round(float(calls[slot])), *_moved(kept.record),
        )  # fmt: skip


def _moved(record: Record | None) -> tuple[float, str]:
    if record is None or record.moved_t <= 0.0:
        return 0.0, ""
    t = record.moved_t
    if record.reopened_t == t:
        return t, REOPENED
    return t, DELIVERED if t in record.deliverables.values() else STATUS


def _dearest(rows: list[OpenTask]) -> list[OpenTask]:
    """The dearest first: of each team OF_TEAM, of all OF_ALL, of which every team has its dearest."""
    ordered = sorted(rows, key=lambda row: (-row.usd, row.tenant, row.task))
    count = Counter[tuple[str, str | None]]()
    ranked: list[tuple[int, int]] = []
    for n, row in enumerate(ordered):
        count[row.tenant, row.team] += 1
        # The very dearest of all are shown to whoever sees all, however many of them are of one team.
        ranked.append((0 if n < OF_TEAM else count[row.tenant, row.team], n))
    chosen = sorted(ranked)[:OF_ALL]
    return [ordered[n] for rank, n in sorted(chosen, key=lambda pair: pair[1]) if rank <= OF_TEAM]
