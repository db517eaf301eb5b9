"""What portfolio remembers of the teams of one partition: accounts of agents and tasks, sums of teams and models."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.accounts import rows as acc
from detector.accounts.groups import Group, ModelGroup
from detector.accounts.rows import HOURS, MINUTES
from detector.accounts.windows import Slots, freshen, since
from detector.enrich.identity import hash64
from detector.errors import StateError
from detector.fairness import giving_way
from detector.model.rollup import Party, team_key
from detector.state.table import Table

PAIR_IDLE_S = 7200.0
"""What an agent spent on a task is kept by the minute for the last hour; twice that keeps it whole."""
AGENT_IDLE_S = TASK_IDLE_S = 8 * 86_400.0
"""An agent is what its last 7 days say of it, and a task that long unheard of has ended."""
OTHER = "other"
"""The team, of each tenant, that takes in those beyond the bound."""
PAIRS_A_TASK = 4
"""Pairs of agent and task that are kept at once, for each task that may be."""
MAX_LINKED = 100_000
"""Links of runs that are remembered, for calls that come behind them."""
MAX_NAMES = 10_000
_SHARED = ("tenant", "team", "user", "agent", "key", "task_type", "model")
_MIX, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
PAIR_RINGS = ("minutes", "minute_calls", "minute_tokens")

key_of_team = lru_cache(65_536)(team_key)
"""The key of a team, remembered."""


@lru_cache(200_000)
def _key_of_agent(tenant: str, team: str | None, agent: str | None) -> int:
    return hash64(tenant, "agent", team, agent)


def within(outer: int, inner: int) -> int:
    """The key of something within something else."""
    return ((outer * _MIX) & _MASK) ^ inner


class Accounts:
    """Tables of agents, tasks and pairs with their names, groups, and links."""

    def __init__(self, segments: int, max_accounts: int, max_teams: int) -> None:
        self._segments, self._max, self.max_teams = max(2, segments), max_accounts, max_teams
        self.agents, self.tasks, self.pairs = Table(acc.AGENT), Table(acc.TASK), Table(acc.PAIR)
        self.agent_names: dict[int, Party] = {}  # by slot
        self.task_names: dict[int, Party] = {}
        self.teams: dict[int, Group] = {}  # by key
        self.models: dict[int, ModelGroup] = {}
        self.linked: OrderedDict[int, Party] = OrderedDict()  # by key of a run's account
        self.newest: dict[int, list[str]] = {}  # ids of the newest calls of a task in this minute, by slot
        self.touched: set[int] = {0}
        self._names: dict[str, str] = {}

    def of_known_team(self, party: Party) -> Party:
        """The party, of the team that takes in all beyond the bound where its own is one of these."""
        if len(self.teams) < self.max_teams or key_of_team(party.tenant, party.team) in self.teams:
            return party
        return msgspec.structs.replace(party, team=OTHER)

    def segment_of(self, key: int) -> int:
        """The segment of a team's or model's key, 1 and up."""
        return 1 + (key >> 33) % (self._segments - 1)

    def place(self, party: Party, minute: int) -> tuple[int, int, int, int]:
        """Slots of a party's task, agent and pair, made where they are new, and the key of its team."""
        party = self.of_known_team(party)
        team = key_of_team(party.tenant, party.team)
        task_key = within(team, party.subject)
        if party.task is None and (known := self.linked.get(task_key)) is not None:
            party = on_task(party, known)
            task_key = within(team, party.subject)
        agent_key = _key_of_agent(party.tenant, party.team, party.agent)
        if team not in self.teams:
            self._make_team(team, party.tenant, party.team, minute)
        segment = self.teams[team].segment
        self.touched.add(segment)
        task, agent = self.tasks.get(task_key), self.agents.get(agent_key)
        if task < 0:
            task = self.make_task(task_key, team, segment, party)
        if self.task_names.get(task) != party:
            self.task_names[task] = self._with_shared_names(party)
        if agent < 0:
            agent = self.agents.add(agent_key, segment)
            self.agents.rows["team"][agent], self.agents.rows["first"][agent] = team, minute * 60.0
            self.agent_names[agent] = Party(0, party.tenant, party.team, agent=party.agent)
        pair_key = within(agent_key, task_key)
        pair = self.pairs.get(pair_key)
        if pair < 0:
            pair = self.pairs.add(pair_key, segment)
            row = self.pairs.rows[pair]
            row["agent_key"], row["task_key"], row["agent"], row["task"] = agent_key, task_key, agent, task
            helpers = self.tasks.rows["helpers"][task]
            if agent_key not in helpers:
                helpers[1:] = helpers[:-1].copy()
                helpers[0] = agent_key
        return task, agent, pair, team

    def _make_team(self, key: int, tenant: str, team: str | None, minute: int) -> None:
        self.teams[key] = Group(key, tenant, team, self.segment_of(key), minute * 60.0)

    def _with_shared_names(self, party: Party) -> Party:
        """The party, of whose names those that many tasks have are one object: else they were half of an account."""
        if len(self._names) > MAX_NAMES:
            self._names.clear()
        one = self._names.setdefault
        told = {name: value for name in _SHARED if (value := getattr(party, name)) is not None}
        return msgspec.structs.replace(party, **{name: one(value, value) for name, value in told.items()})

    def make_task(self, key: int, team: int, segment: int, party: Party) -> int:
        """The slot of a new account of a task, or of a run without one."""
        slot = self.tasks.add(key, segment)
        row = self.tasks.rows[slot]
        row["team"], row["has_task"] = team, party.task is not None
        return slot

    def reach(self, slots: Slots, minute: int) -> None:
        """Brings agents (each once) to this minute: hours that are over go into their rings."""
        agents, hour = self.agents.rows, minute // 60
        ended = slots[(agents["hour"][slots] < hour) & (agents["hour"][slots] > 0)]
        past, usd = agents["hour"][ended].copy(), agents["hour_usd"][ended].copy()
        freshen(agents, slots, "hour", ("hours",), hour)
        kept = past > hour - HOURS
        agents["hours"][ended[kept], past[kept] % HOURS] = usd[kept]
        agents["hour_usd"][ended] = 0.0
        freshen(agents, slots, "day", ("calls", "inputs", "moves"), minute // 1440)

    def live_pairs(self, minute: int) -> Slots:
        """Slots of the pairs that spent within the hour up to `minute`, their rings brought up to it."""
        pairs = self.pairs.rows
        return self._fresh_pairs((pairs["used"] == 1) & (pairs["heard"] > (minute + 1 - MINUTES) * 60.0), minute)

    def pairs_of(self, task: int, minute: int) -> Slots:
        """The same of all pairs of the task at slot `task`."""
        pairs = self.pairs.rows
        return self._fresh_pairs((pairs["used"] == 1) & (pairs["task"] == task), minute)

    def _fresh_pairs(self, chosen: npt.NDArray[np.bool_], minute: int) -> Slots:
        """By their keys: sums are the same after a restart, whatever slots they have then."""
        pairs = self.pairs.rows
        slots = np.flatnonzero(chosen)
        freshen(pairs, slots, "minute", PAIR_RINGS, minute)
        return slots[np.argsort(pairs["key"][slots])]

    def spent_since(self, task: int, t: float, minute: int) -> float:
        """Dollars of the task at a slot after the minute of `t` (s UTC), as far as they are known by the minute."""
        of = self.pairs_of(task, minute)
        return float(since(self.pairs.rows["minutes"][of], minute, int(t // 60.0) + 1).sum())

    @property
    def crowded(self) -> bool:
        """Whether there are more tasks, agents or pairs than there may be."""
        return max(len(self.tasks), len(self.agents), len(self.pairs) // PAIRS_A_TASK) > self._max

    def forget(self, t: float) -> list[int]:
        """Forgets what is idle by `t` (s UTC), and beyond the bounds the longest unheard of the tenants with most.

        Returns the keys of the tasks that left.
        """
        for key in _leaving(self.pairs, t - PAIR_IDLE_S, PAIRS_A_TASK * self._max, self._tenant_of_pair):
            self._remove(self.pairs, key)
        gone = _leaving(self.tasks, t - TASK_IDLE_S, self._max, lambda slot: self.task_names[slot].tenant)
        for key in gone:
            del self.task_names[self._remove(self.tasks, key)]
        agents = _leaving(self.agents, t - AGENT_IDLE_S, self._max, lambda slot: self.agent_names[slot].tenant)
        for key in agents:
            del self.agent_names[self._remove(self.agents, key)]
        pairs = self.pairs.rows
        for slot in np.flatnonzero(pairs["used"] == 1).tolist() if gone or agents else ():
            if int(pairs["task_key"][slot]) not in self.tasks or int(pairs["agent_key"][slot]) not in self.agents:
                self._remove(self.pairs, int(pairs["key"][slot]))
        for groups in (self.teams, self.models):
            for key in [k for k, g in groups.items() if g.heard < t - AGENT_IDLE_S]:
                self.touched.add(groups.pop(key).segment)
        return gone

    def _tenant_of_pair(self, slot: int) -> str:
        return self.agent_names[int(self.pairs.rows["agent"][slot])].tenant

    def _remove(self, table: Table, key: int) -> int:
        self.touched.add(int(table.rows["segment"][table.get(key)]))
        return table.remove(key)

    def encode(self, number: int) -> dict[str, Any]:
        """The rows, names and groups of a segment as plain values."""
        agents, tasks = self.agents.slots_of_segment(number), self.tasks.slots_of_segment(number)
        pairs = self.pairs.rows[self.pairs.slots_of_segment(number)]
        pairs["agent"] = pairs["task"] = -1  # the keys stand for them: slots are not the same after a restart
        return {
            "agents": self.agents.rows[agents].tobytes(),
            "agent_names": [msgspec.to_builtins(self.agent_names[s]) for s in agents.tolist()],
            "tasks": self.tasks.rows[tasks].tobytes(),
            "task_names": [msgspec.to_builtins(self.task_names[s]) for s in tasks.tolist()],
            "pairs": pairs.tobytes(),
            "teams": [g.encode() for _, g in sorted(self.teams.items()) if g.segment == number],
            "models": [g.encode() for _, g in sorted(self.models.items()) if g.segment == number],
        }

    def restore_links(self, linked: Sequence[tuple[int, Any]]) -> None:
        """Takes back `linked` from plain values."""
        self.linked.update((key, msgspec.convert(task, Party)) for key, task in linked)

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Takes back what `encode` gave."""
        for table, dtype, name, names in (
            (self.agents, acc.AGENT, "agents", self.agent_names),
            (self.tasks, acc.TASK, "tasks", self.task_names),
        ):
            slots = table.put(np.frombuffer(kept[name], dtype))
            parties = msgspec.convert(kept[f"{name[:-1]}_names"], list[Party])
            names.update(zip(slots, map(self._with_shared_names, parties), strict=True))
        for slot in self.pairs.put(np.frombuffer(kept["pairs"], acc.PAIR)):
            row = self.pairs.rows[slot]
            row["agent"], row["task"] = self.agents.get(int(row["agent_key"])), self.tasks.get(int(row["task_key"]))
            if row["agent"] < 0 or row["task"] < 0:
                raise StateError("a stored account is damaged; restore the topic or start with an empty one")
        self.teams.update((g.key, g) for g in map(Group.decode, kept["teams"]))
        self.models.update((g.key, g) for g in map(ModelGroup.decode, kept["models"]))


def _leaving(table: Table, limit: float, most: int, tenant_of: Callable[[int], str]) -> list[int]:
    """Keys of rows that are idle since `limit` (s UTC), and of those beyond `most`; `tenant_of` a slot."""
    idle = table.idle_since(limit)
    excess = len(table) - len(idle) - most
    if excess <= 0:
        return idle
    left = set(idle)
    rest = [key for key in table.longest_unheard(len(table)) if key not in left]
    return idle + [rest[place] for place in giving_way([tenant_of(slot) for slot in table.slots(rest)], excess)]


def on_task(party: Party, task: Party) -> Party:
    """A run's party as one of a task."""
    return msgspec.structs.replace(party, subject=task.subject, task=task.task, run=None)
