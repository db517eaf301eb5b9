"""What a team shipped in some days, and what of it came undone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.config.shipped_thresholds import ChurnRule
from detector.ledger.books import DAYS
from detector.ledger.month import Month
from detector.ledger.payers import totals
from detector.ledger.survey import DAY_S
from detector.rules.churn import ChurnFacts, Shipped, is_undone


def churn_facts(month: Month, team: int, known: bool, came: npt.NDArray[Any], rule: ChurnRule) -> ChurnFacts:
    """What `churn` asks of a team, by its code; `came`: all outcomes of its tasks (rows of CAME)."""
    told, undone = is_told_of(came), np.zeros(len(came), np.bool_)
    undone[told] = [_is_undone(row, rule) for row in came[told]]
    now = (came["t"] > month.began_t) & (came["t"] <= month.ended_t)
    before = (came["t"] > month.ended_t - (DAYS - 1) * DAY_S) & (came["t"] <= month.began_t)
    lost = came[now & undone]
    purses, place = np.unique(lost["purse"], return_inverse=True)
    usd = totals(place, lost["usd"], len(purses))
    tasks = tuple(map(month.task, purses.tolist(), usd.tolist()))
    window = month.window("team", team, 0.0)._replace(tasks=tasks)
    return ChurnFacts(window, known, _shipped(came[now], undone[now]), _shipped(came[before], undone[before]))


def is_told_of(came: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Of which outcomes (n rows of CAME) it was ever told that they came undone, or how much of them did."""
    columns = ("reverted_t", "reopened_t", "churned_t")
    told: npt.NDArray[np.bool_] = np.logical_or.reduce([np.isfinite(came[name]) for name in columns])
    return told


def _is_undone(row: Any, rule: ChurnRule) -> bool:
    by = float(row["t"]) + rule.days * DAY_S
    churned = float(row["churned"]) if row["churned_t"] <= by else None
    return is_undone(bool(row["reverted_t"] <= by), bool(row["reopened_t"] <= by), churned, rule)


def _shipped(came: npt.NDArray[Any], undone: Sequence[bool] | npt.NDArray[np.bool_]) -> Shipped:
    usd = came["usd"]
    return Shipped(len(came), int(np.sum(undone)), round(float(usd.sum()), 6), round(float(usd[undone].sum()), 6))
