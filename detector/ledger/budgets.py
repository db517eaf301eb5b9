"""What budgets have used, as the books have it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from detector.clock import month_of
from detector.config.budgets import Budget
from detector.ledger.books import DAY_S, HOUR_S, Books
from detector.ledger.names import EXPERIMENT
from detector.rules.budget import BudgetFacts
from detector.rules.shipping import TOLD_TASKS, Fate, TaskSpend

DAYS_BEFORE = 28
"""Days before a month that a forecast may look at."""


class Month(NamedTuple):
    """What a budget has used of a month; `codes`: of whoever it is of."""

    facts: BudgetFacts
    codes: tuple[int, ...]


def months_of(books: Books, budgets: Sequence[Budget], t: float) -> list[Month | None]:
    """Of each budget the month to which the moment before `t` belongs, a full hour (s UTC); None: nobody is of it."""
    codes = _codes_of(books, budgets)
    asked = sorted({code for of in codes for code in of})
    if not asked:
        return [None for _ in budgets]
    began_t, ends_t = month_of(math.nextafter(t, 0.0))
    slots, cells = books.cells.slots(), books.cells.rows
    hour, first = cells["hour"][slots], int(began_t // DAY_S) - DAYS_BEFORE
    place = np.full(len(books.whos.rows), -1)
    place[asked] = np.arange(len(asked))
    slots = slots[(hour >= first * DAY_S / HOUR_S) & (hour < t / HOUR_S) & (place[cells["who"][slots]] >= 0)]
    mine, days = cells[slots], math.ceil(t / DAY_S) - first
    day, of = (mine["hour"] * HOUR_S // DAY_S).astype(np.int64) - first, place[mine["who"]]
    by_day = np.bincount(of * days + day, mine["usd"], len(asked) * days).reshape(len(asked), days)
    mine, of = mine[day >= DAYS_BEFORE], of[day >= DAYS_BEFORE]
    tokens = mine["input"].astype(np.float64) + mine["out"]
    counts = np.array([np.bincount(of, n, len(asked)) for n in (mine["calls"], tokens)])
    told: list[Month | None] = []
    for budget, theirs in zip(budgets, codes, strict=True):
        rows = place[theirs]
        usd = by_day[rows].sum(axis=0).tolist()
        calls, used_tokens = (round(n) for n in counts[:, rows].sum(axis=1).tolist())
        facts = BudgetFacts(
            "team" if budget.key is None else "key",
            budget.label,
            t,
            began_t,
            ends_t,
            budget.usd_per_month,
            tuple(usd[DAYS_BEFORE:]),
            tuple(usd[:DAYS_BEFORE]),
            calls,
            used_tokens,
        )
        told.append(Month(facts, tuple(theirs)) if theirs else None)
    return told


def costliest_tasks(books: Books, month: Month) -> list[TaskSpend]:
    """Those on which the budget's dollars of the month went, and what became of them; the five dearest."""
    f, cells = month.facts, books.cells.live()
    hours = (cells["hour"] >= f.began_t / HOUR_S) & (cells["hour"] < f.t / HOUR_S)
    cells = cells[hours & np.isin(cells["who"], month.codes)]
    usd = np.bincount(cells["purse"], cells["usd"], len(books.purses.rows))
    usd[books.purses.rows["has_task"] == 0] = 0.0
    learns = [code for code in month.codes if books.whos.beside[code].task_type == EXPERIMENT]
    learning = set(cells["purse"][np.isin(cells["who"], learns)].tolist())
    told = []
    for slot in np.lexsort((books.purses.rows["key"], -usd))[:TOLD_TASKS].tolist():
        if usd[slot] > 0.0:
            fate: Fate = "experiment" if slot in learning else _fate(books, slot, f)
            told.append(TaskSpend(books.purses.beside[slot].task or "", float(usd[slot]), fate))
    return told


def _fate(books: Books, slot: int, f: BudgetFacts) -> Fate:
    row = books.purses.rows[slot]
    key, metered_t = int(row["key"]), float(row["metered_t"]) or math.inf
    if books.outcomes.within(key, metered_t, math.nextafter(f.began_t, 0.0), f.t) is not None:
        return "shipped"
    return "dropped" if books.outcomes.given_up(key) else "open"


def _codes_of(books: Books, budgets: Sequence[Budget]) -> list[list[int]]:
    """Of each budget the codes of whoever it is of."""
    of_teams: dict[tuple[str, str | None], list[int]] = {}
    of_keys: dict[tuple[str, str | None], list[int]] = {}
    whos = books.whos.beside
    for code, who in whos.items():
        if not who.notional:
            of_teams.setdefault((who.tenant, who.team), []).append(code)
            of_keys.setdefault((who.tenant, who.key), []).append(code)
    told = []
    for budget in budgets:
        if budget.key is not None:
            told.append(of_keys.get((budget.tenant, budget.key), []))
        else:
            mine = of_teams.get((budget.tenant, budget.team), [])
            told.append([code for code in mine if not budget.experiments or whos[code].task_type == EXPERIMENT])
    return told
