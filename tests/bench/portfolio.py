"""What portfolio costs: CPU for a fleet's rollups of a minute, and memory for a hundred days of its ledger.

`python -m tests.bench.portfolio TEAMS DAYS SHARE` fills a ledger in a fresh process and says what it holds.
"""

import gc
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.alerts.episodes import EpisodeBook
from detector.config import Config
from detector.enrich.identity import subject_hash
from detector.ledger.booking import book
from detector.ledger.books import DAY_S
from detector.ledger.rows import CELL
from detector.ledger.upkeep import reach
from detector.model.packed import CATEGORIES, STRONG
from detector.model.rollup import FORMAT, MODEL, OUTCOME, ROLL, SPENT, Opened, Party, Rollup, Sheet, encode_rollup
from detector.portfolio import Portfolio
from detector.rules.shipped_inquiry import ShippedInquiry
from tests.bench.children import ChildError, rss_bytes, say
from tests.bench.load import START_S

FIRST_MINUTE = int(START_S // 60)
TASKS_OF_TEAM = 3
"""Tasks of a team that spend in a minute, each by an agent of its own."""
TASKS_A_DAY = 5
"""Tasks of a team that begin and end on a day of the ledger, each by two agents."""


class Minute(NamedTuple):
    """CPU seconds of portfolio for a minute, of them in the ledger; and of a dict that a loop adds rows to."""

    portfolio_s: float
    ledger_s: float
    plain_s: float


def measure_minutes(teams: int, minutes: int) -> tuple[int, list[Minute]]:
    """Rows of a minute, and what each minute costs; the first one, which makes all accounts, is left out."""
    portfolio, alone, plain = Portfolio(Config()), Portfolio(Config()).books, Plain()
    found, rows = [], 0
    for n, (rollup, opened) in enumerate(_minutes(teams, minutes + 2)):
        rows = len(opened.rows)
        began = time.process_time()
        portfolio.process(rollup, n)
        processed = time.process_time()
        reach(alone, (FIRST_MINUTE + n) // 60)
        book(alone, FIRST_MINUTE + n, [opened])
        booked = time.process_time()
        plain.take(opened)
        found.append(Minute(processed - began, booked - processed, time.process_time() - booked))
    # A minute is judged when the next one is told: the first two are of nothing, and of accounts that are made.
    return rows, found[2:]


class Plain:
    """The baseline: a dict of sums by who, task and hour, to which a loop adds each row. It asks no rule."""

    def __init__(self) -> None:
        self.sums: dict[Any, list[float]] = defaultdict(lambda: [0.0] * 8)

    def take(self, opened: Opened) -> None:
        """Adds a minute."""
        names = ("usd", "calls", "input", "cached", "written", "out", "reasoning", "unpriced")
        for row in opened.rows:
            if row["kind"] == SPENT:
                sums = self.sums[opened.parties[row["party"]], int(row["t"] // 3600.0)]
                for n, name in enumerate(names):
                    sums[n] += float(row[name])


def _minutes(teams: int, minutes: int) -> Iterator[tuple[bytes, Opened]]:
    parties = [
        _party(f"T-{team}-{k}", f"team-{team}", f"agent-{k}") for team in range(teams) for k in range(TASKS_OF_TEAM)
    ]
    models = [Party(1, "acme", team=f"team-{team}", model="claude-sonnet-4-5") for team in range(teams)]
    for n in range(minutes):
        minute = FIRST_MINUTE + n
        rows = np.zeros(len(parties) + len(models), ROLL)
        _fill(rows[: len(parties)], minute, 0)
        rows["kind"][len(parties) :], rows["party"][len(parties) :] = MODEL, np.arange(len(models)) + len(parties)
        rows["calls"][len(parties) :], rows["usd"][len(parties) :] = TASKS_OF_TEAM, 0.02 * TASKS_OF_TEAM
        everyone = [*parties, *models]
        sheet = Sheet(minute, [""] * len(rows), rows.tobytes())
        rollup = encode_rollup(Rollup(FORMAT, 0, 1, (minute + 1) * 60.0, everyone, [sheet]))
        yield rollup, Opened(0, everyone, sheet.last_ids, rows)


def _party(task: str, team: str, agent: str) -> Party:
    key = subject_hash("acme", task, None)
    return Party(
        key, "acme", team, f"u-{agent}-{team}", agent, f"{agent}-{team}", None, task, "bugfix", "claude-sonnet-4-5",
        "anthropic",
    )  # fmt: skip


def _fill(rows: npt.NDArray[Any], minute: int, first: int) -> None:
    """Calls of as many parties, from the one numbered `first` on."""
    t = minute * 60.0 + 30.0
    rows["kind"], rows["party"] = SPENT, np.arange(len(rows)) + first
    rows["calls"], rows["runs"], rows["input"], rows["out"], rows["usd"] = 4, 1, 80_000, 1200, 0.02
    for name in ("first_t", "t", "metered_t"):
        rows[name] = t


def measure_ledger(teams: int, days: int, share: float) -> dict[str, Any]:
    """What `main` says."""
    command = [sys.executable, "-m", "tests.bench.portfolio", str(teams), str(days), str(share)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if told.returncode:
        raise ChildError(f"the process with the ledger has ended with {told.returncode}")
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def main(teams: int, days: int, share: float) -> None:
    """Fills a ledger with tasks of which this `share` ships something and is completed.

    Says its tasks and cells, what it holds in memory, what it takes to write and to read it, and to ask the rules
    about a month of it.
    """
    portfolio = Portfolio(Config(portfolio={"max_tasks": teams * days * TASKS_A_DAY + 1}))  # type: ignore[arg-type]
    gc.collect()
    empty = rss_bytes()
    for day in range(days):
        minute = FIRST_MINUTE + day * 1440
        reach(portfolio.books, minute // 60)
        book(portfolio.books, minute, [_day(teams, day, minute, share)])
    gc.collect()
    books = portfolio.books
    found = {"tasks": len(books.purses), "cells": len(books.cells), "grown_bytes": rss_bytes() - empty}
    began = time.process_time()
    stored = {n: [portfolio.encode_segment(n)] for n in portfolio.segments()}
    wrote = time.process_time()
    size = sum(len(part) for parts in stored.values() for part in parts)
    Portfolio.restore(Config(), 0, 0, stored)
    found |= {"stored_bytes": size, "write_s": wrote - began, "restore_s": time.process_time() - wrote}
    found["ask_s"] = _ask(portfolio, (FIRST_MINUTE // 1440 + days) * DAY_S)
    say(found | {"cell_bytes": CELL.itemsize})


def _ask(portfolio: Portfolio, midnight: float) -> float:
    """CPU seconds in which the rules about a month are asked, as once a day."""
    config = Config()
    inquiry, began = ShippedInquiry(config, portfolio.books, EpisodeBook(config), lambda key: 1), time.process_time()
    inquiry.ask(midnight)
    return time.process_time() - began


def _day(teams: int, day: int, minute: int, share: float) -> Opened:
    names = [(f"T-{day}-{n}-{team}", f"team-{team}") for team in range(teams) for n in range(TASKS_A_DAY)]
    parties = [_party(task, team, agent) for task, team in names for agent in ("coder", "reviewer")]
    rows = np.zeros(len(parties) + len(names), ROLL)
    _fill(rows[: len(parties)], minute, 0)
    statuses = rows[len(parties) :]
    statuses["kind"], statuses["party"], statuses["t"] = OUTCOME, np.arange(len(names)) * 2, minute * 60.0 + 50.0
    done = np.arange(len(names)) % TASKS_A_DAY < share * TASKS_A_DAY
    statuses["strength"] = np.where(done, STRONG, 2)
    statuses["category"], statuses["usd"] = CATEGORIES["completed"], 0.04
    statuses["deliverable"] = np.where(done, np.arange(len(names)) + day * len(names) + 1, 0)
    return Opened(0, parties, [""] * len(rows), rows)


def medians(found: list[Minute]) -> Minute:
    """Of each figure the median."""
    return Minute(*(median(values) for values in zip(*found, strict=True)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
