"""`python -m tests.bench.boards [TASKS] [CELLS]`: what it costs to reckon the boards of a full partition, and its list.

A ledger of tasks of 1,000 teams that began over 100 days; two of three shipped something and are completed.
"""

import sys
import time
import tracemalloc

import numpy as np

from detector.boards.reckon import reckon
from detector.config.budgets import Budget
from detector.enrich.identity import subject_hash
from detector.incidents.tasks import open_tasks
from detector.ledger.booking import book
from detector.ledger.books import DAYS, Books
from detector.ledger.budgets import months_of
from detector.ledger.upkeep import reach
from detector.model.packed import CATEGORIES, STRONG
from detector.model.rollup import OUTCOME, ROLL, SPENT, Opened, Party
from tests.bench.load import START_S

_TEAMS = 1000
_ROUNDS = 3


def ledger(tasks: int, cells: int) -> Books:
    """Books in which as many agents have worked on each task as it takes."""
    books, dice, minute = Books(), np.random.default_rng(1), int(START_S // 60)
    agents, a_day = -(-cells // tasks), tasks // DAYS
    for day in range(DAYS):
        at = minute + day * 1440
        parties = [_party(day, n, agent) for n in range(a_day) for agent in range(agents)]
        rows, done = np.zeros(len(parties), ROLL), np.zeros(2 * a_day // 3, ROLL)
        rows["kind"], rows["party"], rows["calls"], rows["runs"] = SPENT, np.arange(len(rows)), 4, 1
        rows["usd"], rows["input"], rows["out"] = dice.uniform(0.01, 2.0, len(rows)), 80_000, 1200
        rows["flagged_usd"] = np.where(dice.random(len(rows)) < 0.002, rows["usd"], 0.0)
        for name in ("first_t", "t", "metered_t"):
            rows[name] = at * 60.0 + 30.0
        done["kind"], done["party"], done["strength"] = OUTCOME, np.arange(len(done)) * agents, STRONG
        done["category"], done["t"] = CATEGORIES["completed"], at * 60.0 + 90.0
        done["deliverable"] = np.arange(len(done)) + day * a_day + 1
        reach(books, at // 60)
        book(books, at, [Opened(0, parties, [""] * len(rows), rows)])
        book(books, at + 1, [Opened(0, parties, [""] * len(done), done)])
    return books


def _party(day: int, n: int, agent: int) -> Party:
    task, kind = f"T-{day}-{n}", f"type-{n % 7}"
    return Party(
        subject_hash("acme", task, None), "acme", f"team-{n % _TEAMS}", None, f"agent-{agent}", None, None, task, kind,
        f"model-{(n + agent) % 5}",
    )  # fmt: skip


def main(tasks: int = 300_000, cells: int = 1_000_000) -> None:
    """Prints CPU seconds in all and of the longest step, of budgets beside, and the memory that it takes meanwhile."""
    books = ledger(tasks, cells)
    print(f"{len(books.purses):,} tasks, {len(books.cells):,} cells")
    for _ in range(_ROUNDS):
        steps, began = [], time.process_time()
        for _step in reckon(books):
            steps.append(time.process_time() - began)
            began = time.process_time()
        steps.append(time.process_time() - began)
        print(f"boards: {sum(steps):.2f} s of CPU in {len(steps)} steps, the longest {max(steps):.2f} s")
    budgets = [Budget(tenant="acme", team=f"team-{n}", usd_per_month=5.0) for n in range(_TEAMS)]
    began = time.process_time()
    months_of(books, budgets, (books.common.newest_t // 3600.0 + 1.0) * 3600.0)
    print(f"{_TEAMS:,} budgets: {time.process_time() - began:.2f} s of CPU an hour")
    began = time.process_time()
    told = open_tasks([books], 0.0)
    spent, count = time.process_time() - began, sum(of.tasks for of in told.teams.values())
    print(f"open tasks: {spent:.2f} s of CPU for {count:,}, of which {len(told.rows):,} are listed")
    tracemalloc.start()
    for _ in reckon(books):
        pass
    print(f"memory meanwhile: {tracemalloc.get_traced_memory()[1] / 1e6:,.0f} MB")
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    kept = open_tasks([books], 0.0)
    now, peak = tracemalloc.get_traced_memory()
    meanwhile, after = (peak - before) / 1e6, (now - before) / 1e6
    print(f"of the list: {meanwhile:,.0f} MB, then {after:,.1f} MB for {len(kept.rows):,} tasks")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
