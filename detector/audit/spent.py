"""Sums of the calls of a window."""

import numpy as np


class Spent:
    """What the calls of a window come to: by subject, by team, in all. `metered_t` and `by_team` are of all calls."""

    def __init__(self, subjects: int, teams: int, weeks: int, whos: int) -> None:
        self.metered_t = np.full(subjects, np.inf)
        self.by_team: dict[int, float] = {}  # subject times teams, and team -> USD
        self.usd, self.calls = np.zeros(subjects), np.zeros(subjects, np.int64)
        self.learning = np.zeros(subjects, np.bool_)
        self.team_usd, self.team_no_task_usd = np.zeros((2, teams))
        self.team_calls = np.zeros(teams, np.int64)
        self.who_usd, self.who_calls = np.zeros(whos), np.zeros(whos, np.int64)
        self.week_usd, self.week_calls = np.zeros(weeks), np.zeros(weeks, np.int64)
        self.unpriced = self.unmetered = 0
        self.notional_usd = self.no_task_usd = self.experiments_usd = 0.0
        self.runs = np.zeros(subjects, np.int64)
        self.team_runs, self.team_useful_runs = np.zeros((2, teams), np.int64)
