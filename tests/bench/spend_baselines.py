"""Two simple detectors beside `spend_spike`: dollars per agent in steps of ten minutes, a score, and a threshold.

Both see an agent's dollars of the last hour at the end of each step, and nothing of its work: a robust z against the
same time of the day, and the ratio to the dearest hour of the 7 days before. An agent with fewer than 20 active
hours in these days has no score. The threshold is chosen on the fleets on which it is then scored, in their favour.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tests.bench.spend_truth import Page, Truth

STEP_S = 600.0
HOUR, DAY, WEEK = 6, 144, 1008
"""Steps."""
AIM = 0.9
"""Of the ten-fold spikes, those whose score reaches the threshold within 60 minutes."""
SCALE_USD = 1.0
"""A spread of the usual is taken to be no less: else it is none where an agent is idle, and z infinite."""
YOUNG_HOURS = 20
LEAST_DAYS = 3
"""Days with the same time of the day, before there is a z."""
_TEN_FOLD = 10

Floats = npt.NDArray[np.float64]


class Spending(NamedTuple):
    """Dollars of a fleet's agents (rows, as in its truth) by step since its start."""

    truth: Truth
    usd: Floats


class Ledger:
    """Takes dollars of agents at times, gives them by step."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._row = {agent: n for n, agent in enumerate(truth.agents)}
        self._usd = np.zeros((len(self._row), int(truth.days * 86_400 / STEP_S)))

    def add(self, agent: str | None, t: float, usd: float) -> None:
        """Adds what an agent spent at `t` (s UTC); what lies outside the fleet's time or agents is left out."""
        row, step = self._row.get(agent or "", -1), int((t - self._truth.start) // STEP_S)
        if row >= 0 and 0 <= step < self._usd.shape[1]:
            self._usd[row, step] += usd

    def spending(self) -> Spending:
        """All that was added."""
        return Spending(self._truth, self._usd)


def hours_of(usd: Floats) -> Floats:
    """Dollars of the hour that ends with each step."""
    total = np.cumsum(np.pad(usd, ((0, 0), (HOUR, 0))), axis=1)
    hours: Floats = total[:, HOUR:] - total[:, :-HOUR]
    return np.maximum(hours, 0.0)


def known(usd: Floats) -> npt.NDArray[np.bool_]:
    """Whether an agent had enough active hours in the 7 days before the hour that ends with each step."""
    active = np.zeros_like(usd)
    active[:, HOUR - 1 :: HOUR] = hours_of(usd)[:, HOUR - 1 :: HOUR] > 0.0  # counted as a clock hour ends
    count = np.cumsum(np.pad(active, ((0, 0), (WEEK, 0))), axis=1)
    within = count[:, WEEK:] - count[:, :-WEEK]
    enough: npt.NDArray[np.bool_] = np.pad(within, ((0, 0), (HOUR, 0)))[:, : usd.shape[1]] >= YOUNG_HOURS
    return enough


def robust_z(usd: Floats) -> Floats:
    """(hour - median) / (1.4826 MAD, at least SCALE_USD), over the same time of the 7 days before, an hour about."""
    hours, score = hours_of(usd), np.full(usd.shape, -np.inf)
    for step in range(LEAST_DAYS * DAY + HOUR, usd.shape[1]):
        days = range(1, min(7, (step - HOUR) // DAY) + 1)
        about = hours[:, [step - DAY * day + off for day in days for off in (-HOUR, 0, HOUR)]]
        middle = np.median(about, axis=1)
        spread = 1.4826 * np.median(np.abs(about - middle[:, None]), axis=1)
        score[:, step] = (hours[:, step] - middle) / np.maximum(spread, SCALE_USD)
    score[~known(usd)] = -np.inf
    return score


def ratio_to_most(usd: Floats) -> Floats:
    """The hour over the dearest hour of the 7 days before it, which is taken to be SCALE_USD at least."""
    hours, score = hours_of(usd), np.full(usd.shape, -np.inf)
    for step in range(HOUR, usd.shape[1]):
        most = hours[:, max(0, step - WEEK) : step - HOUR + 1].max(axis=1)
        score[:, step] = hours[:, step] / np.maximum(most, SCALE_USD)
    score[~known(usd)] = -np.inf
    return score


BASELINES: Mapping[str, Callable[[Floats], Floats]] = {
    "robust z by hour of the day": robust_z,
    "ratio to the own 7-day maximum": ratio_to_most,
}


def threshold(fleets: Sequence[tuple[Truth, Floats]]) -> float:
    """The highest score that AIM of the ten-fold spikes reach within 60 minutes of their start; infinite without any.

    Where fewer have any score, the lowest that one of them reaches.
    """
    reached: list[float] = []
    for truth, score in fleets:
        rows = {agent: n for n, agent in enumerate(truth.agents)}
        for spike in truth.items:
            if spike.kind == "guilty" and spike.factor == _TEN_FOLD:
                first = int((spike.start - truth.start) // STEP_S)
                last = int((spike.start + 3600.0 - truth.start) // STEP_S)  # the step that ends within the hour
                reached.append(max(float(score[rows[a], first:last].max(initial=-np.inf)) for a in spike.agents))
    needed = math.ceil(AIM * len(reached))
    scored = sorted((x for x in reached if x > -np.inf), reverse=True)[:needed]
    return scored[-1] if scored else float("inf")


def pages_of(truth: Truth, score: Floats, least: float) -> list[Page]:
    """A page where an agent's score reaches `least`; steps less than an hour apart are of one page."""
    names, pages = list(truth.agents), []
    for row, agent in enumerate(names):
        last = -WEEK
        for step in np.flatnonzero(score[row] >= least).tolist():
            if step - last >= HOUR:
                pages.append(Page(truth.start + STEP_S * (step + 1), truth.agents[agent], agent))
            last = step
    return pages
