"""What watch knows of the whole of each team: the baselines that portfolio tells."""

from collections import OrderedDict

from detector.model.baseline import Baseline, Baselines, decode_baselines
from detector.model.packed import Ident
from detector.model.rollup import team_key

MAX_TEAMS = 20_000
"""Teams of which baselines are held, the longest untold leave first; some 100 B an agent."""
LEAST_ENDED = 30
"""Tasks of a type that have ended, before it says what is usual of it."""
LEAST_CALLS = 50
"""Calls of an agent, before its mean input says what is usual of it."""
UNKNOWN = Baseline(0.0, 0.0, {}, {})


class Whole:
    """Baselines by team; shared by all engines of a process."""

    def __init__(self) -> None:
        self._teams: OrderedDict[int, Baselines] = OrderedDict()

    def learn(self, value: bytes) -> None:
        """Takes a record of `detector.baselines`. Raises msgspec.DecodeError or ValueError."""
        told = decode_baselines(value)
        key = team_key(told.tenant, told.team)
        self._teams[key] = told
        self._teams.move_to_end(key)
        if len(self._teams) > MAX_TEAMS:
            self._teams.popitem(last=False)

    def at(self, team: int, t: float) -> Baseline:
        """What counts of a team (its key) at `t` (s UTC)."""
        told = self._teams.get(team)
        return (told.at(t) if told is not None else None) or UNKNOWN

    def usual_calls(self, ident: Ident, t: float) -> int:
        """Calls without a move that tasks of this type stay below, 95 of 100; 0 where too few have ended."""
        ended, calls = self.at(team_key(ident.tenant, ident.team), t).calls.get(ident.task_type or "", (0, 0))
        return calls if ended >= LEAST_ENDED else 0

    def usual_input(self, ident: Ident, t: float) -> int:
        """Mean input tokens of a call of this agent; 0 where there were too few."""
        calls, tokens = self.at(team_key(ident.tenant, ident.team), t).inputs.get(ident.agent or "", (0, 0))
        return tokens if calls >= LEAST_CALLS else 0
