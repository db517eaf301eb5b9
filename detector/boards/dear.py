"""Dear models on trivial work: what a type of tasks costs, and what it costs with the cheapest model that ships it."""

import numpy as np

from detector.boards.of_window import OfWindow
from detector.boards.sums import TypeCost
from detector.boards.table import Table, most_of_each
from detector.ledger.names import Who

LEAST_COMPLETED = 5
"""Tasks of a type completed with a model, before it is said to ship the type."""
MOST_TYPES = 20
"""Types of a tenant that are told, the dearest."""

_Name = tuple[str, str | None, str | None]


def costs_of_types(table: Table, told: OfWindow) -> dict[tuple[str, str | None], TypeCost]:
    """By tenant and type what a completed task costs. A task is of the model on which most of its dollars went.

    What shipped nothing is in it, so a cheap model that fails is not cheap. Experiments are left out.
    """
    names = [_name_of(who) for who in table.whos]
    known = {name: n for n, name in enumerate(sorted(set(names), key=str))}
    code_of = np.array([known[name] for name in names], np.int64)
    asked = table.purses["has_task"][told.purse].astype(np.bool_) & (told.usd > 0.0)
    asked &= ~(table.learns[told.cells["who"]] | told.is_folded[told.purse])
    codes = code_of[told.cells["who"][asked]]
    purse, code, _ = most_of_each(told.purse[asked], codes, told.usd[asked], max(1, len(known)))
    completed = np.isin(purse, told.completed["purse"])
    usd = np.bincount(code, told.spent_usd[purse], len(known)).tolist()
    done = np.bincount(code[completed], minlength=len(known)).tolist()
    sums: dict[tuple[str, str | None], list[tuple[str | None, float, int]]] = {}
    for (tenant, task_type, model), n in known.items():
        if usd[n] > 0.0:
            sums.setdefault((tenant, task_type), []).append((model, usd[n], done[n]))
    return _dearest({name: (sum(usd for _, usd, _ in of), _cost(of)) for name, of in sums.items()})


def _name_of(who: Who) -> _Name:
    return who.tenant, who.task_type, who.model


def _cost(of: list[tuple[str | None, float, int]]) -> TypeCost | None:
    """Of a type by its models: dollars, and tasks completed."""
    count = sum(done for _, _, done in of)
    if not count:
        return None
    ships = [(usd / done, model or "", model) for model, usd, done in of if done >= LEAST_COMPLETED]
    cheapest = min(ships, default=None)
    used = sum(usd for _, usd, _ in of) / count
    return TypeCost(used, *((None, None) if cheapest is None else (cheapest[0], cheapest[2])))


def _dearest(
    costs: dict[tuple[str, str | None], tuple[float, TypeCost | None]],
) -> dict[tuple[str, str | None], TypeCost]:
    told: dict[tuple[str, str | None], TypeCost] = {}
    count: dict[str, int] = {}
    for (tenant, task_type), (_, cost) in sorted(costs.items(), key=lambda item: -item[1][0]):
        if cost is not None and count.get(tenant, 0) < MOST_TYPES:
            count[tenant] = count.get(tenant, 0) + 1
            told[tenant, task_type] = cost
    return told
