"""What the fleet has told so far, summed up for the screen: by team and by task, never by person."""

from collections import deque
from dataclasses import dataclass, field

from detector.demo.desk import HOUR_S, Sent

_SLICE_S = 60.0


@dataclass
class TeamFlow:
    """Sums of one team since the beginning, and its dollars by minute (s UTC, USD) of the last hour."""

    calls: int = 0
    usd: float = 0.0
    moved: int = 0
    minutes: deque[list[float]] = field(default_factory=deque)

    def spend(self, time: float, usd: float) -> None:
        """Adds a call at `time` (s UTC), which never runs backwards."""
        self.calls += 1
        self.usd += usd
        begins = time - time % _SLICE_S
        if not self.minutes or self.minutes[-1][0] != begins:
            self.minutes.append([begins, 0.0])
        self.minutes[-1][1] += usd
        while self.minutes[0][0] <= time - HOUR_S:
            self.minutes.popleft()

    def usd_per_hour(self, now: float) -> float:
        """Dollars of the hour before `now`."""
        return sum(usd for begins, usd in self.minutes if begins > now - HOUR_S)


@dataclass
class TaskFlow:
    """A task that is not completed: dollars since it last moved, and what its last status said."""

    team: str
    agent: str
    moved_at: float
    usd: float = 0.0
    said: str = "no status yet"


@dataclass
class Flow:
    """Sums over the fleet; `tasks` holds the open ones only."""

    teams: dict[str, TeamFlow] = field(default_factory=dict)
    tasks: dict[str, TaskFlow] = field(default_factory=dict)
    events: int = 0
    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, sent: Sent) -> None:
        """Counts one event; they come in the order of event time."""
        self.events += 1
        team = self.teams.setdefault(sent.team, TeamFlow())
        task = self.tasks.setdefault(sent.key, TaskFlow(sent.team, sent.agent, sent.time))
        if sent.event["type"] == "call":
            self.calls += 1
            self.tokens += sent.tokens
            self.usd += sent.cost_usd
            team.spend(sent.time, sent.cost_usd)
            task.usd += sent.cost_usd
        elif sent.event["type"] == "status":
            task.said = sent.event["to"]
            if sent.event["strength"] == "strong":
                team.moved += 1
                task.usd, task.moved_at = 0.0, sent.time
                if sent.event.get("category") in ("completed", "not_planned"):
                    del self.tasks[sent.key]

    def dearest(self, count: int) -> list[tuple[str, TaskFlow]]:
        """The open tasks that have burnt most since they last moved."""
        return sorted(self.tasks.items(), key=lambda item: -item[1].usd)[:count]
