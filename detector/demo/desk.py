"""One simulated agent at its desk: its random stream, its hours, its tasks, and the events that it tells."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp
from random import Random
from typing import Any, Literal, NamedTuple

from detector.enrich.pricing import Prices
from detector.enrich.rates import cost_usd

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
CONTEXT_TOKENS = 180_000
"""Where an agent starts over from a summary of its context."""


class Lognormal(NamedTuple):
    """Most are near the median, some far above; `sigma` is the deviation of the logarithm."""

    median: float
    sigma: float

    def draw(self, rng: Random) -> float:
        """One value, cut at three deviations so that no single call decides a verdict."""
        return self.median * exp(self.sigma * max(-3.0, min(3.0, rng.gauss(0.0, 1.0))))


class Gamma(NamedTuple):
    """Waiting times that cluster; their mean is `mean`, and the larger `shape`, the steadier they are."""

    mean: float
    shape: float

    def draw(self, rng: Random) -> float:
        """One value."""
        return rng.gammavariate(self.shape, self.mean / self.shape)


class Habits(NamedTuple):
    """How an agent calls its model: tokens a call, and the time from the end of one call to the next's."""

    model: str
    base: Lognormal = Lognormal(9_000, 0.4)
    """Tokens of the context that a run begins with: instructions, tools, the task."""
    grows: Lognormal = Lognormal(1_800, 0.7)
    """Tokens that each step adds to the context besides its own output."""
    output: Lognormal = Lognormal(420, 0.6)
    gap: Lognormal | Gamma = Lognormal(85, 0.6)
    """Seconds."""
    cached: float = 0.85
    """Share of the context of the step before that the provider reads from its cache."""


@dataclass(frozen=True)
class Member:
    """Who an agent is. `told`: its gateway sends the dollars, otherwise the detector prices its calls."""

    name: str
    team: str
    users: tuple[str, ...]
    task_type: str
    habits: Habits
    interactive: bool = False
    told: bool = False


class Sent(NamedTuple):
    """An event for its topic: event time in s UTC, what it is keyed by, and what a board needs of it."""

    time: float
    topic: Literal["calls", "status"]
    key: str
    event: dict[str, Any]
    team: str
    agent: str
    cost_usd: float
    tokens: int


Told = Iterator[Sent]
Tool = dict[str, Any]
Says = Callable[[], tuple[str | Tool, ...]]
"""Makes what a call tells: the text, then its tools."""


class Desk:
    """The agent's own time runs from `start` (s UTC) on; after `words_from` its events carry texts and tools.

    It works `shift_s` a day; the last of its days began `begins_before_s` before `present`. Of the days
    before, `days_off` (1 is the one before the last) it rests. `rng` decides everything that it does.
    """

    def __init__(
        self,
        who: Member,
        rng: Random,
        start: float,
        words_from: float,
        present: float,
        *,
        shift_s: float = 9 * HOUR_S,
        begins_before_s: float = 6.5 * HOUR_S,
        days_off: frozenset[int] = frozenset(),
    ) -> None:
        self.who, self.rng, self.now = who, rng, start
        self.habits = who.habits
        self.task = self.run = self.turn = ""
        self.user = who.users[0]
        self.context = 0.0
        self._words_from, self._present, self._shift_s = words_from, present, shift_s
        self._first_shift, self._days_off = present - begins_before_s, days_off
        self._numbers: dict[str, int] = {}
        self.pause(0.0)

    @property
    def talks(self) -> bool:
        """Whether events carry texts yet; history has counts only."""
        return self.now >= self._words_from

    def number(self, of: str) -> int:
        """1, 2, 3… for each kind of thing."""
        self._numbers[of] = self._numbers.get(of, 0) + 1
        return self._numbers[of]

    def pause(self, seconds: float) -> None:
        """Lets time pass; outside of the shift it goes on with the next one."""
        self.now += seconds
        while self.now < self._present:
            day = (self.now - self._first_shift) // DAY_S
            into = self.now - self._first_shift - day * DAY_S
            if into < self._shift_s and int(-day) not in self._days_off:
                return
            self.now = self._first_shift + (day + 1) * DAY_S + self.rng.uniform(0, 0.4 * HOUR_S)

    def begin(self, task: str | None = None) -> None:
        """A new run with a fresh context, on a new task unless one is named."""
        self.task = task or f"{self.who.team[:3].upper()}-{self.who.name}-{self.number('task')}"
        self.run = f"{self.who.name}/{self.rng.getrandbits(48):012x}"
        self.user = self.rng.choice(self.who.users)
        self.ask()
        self.context = self.habits.base.draw(self.rng)

    def ask(self) -> None:
        """A person's new request in the same run."""
        self.turn = f"t{self.number('turn')}"

    def call(self, says: Says | None = None) -> Sent:
        """The next call of the model, after a gap. `says` is asked only where texts are told."""
        gap = self.habits.gap.draw(self.rng)
        self.pause(gap)
        usage = self._usage()
        dollars = price(self.habits.model, int(self.now // HOUR_S), **usage)
        event = self._event("c", "call") | {
            "team": self.who.team,
            "user": self.user,
            "agent": self.who.name,
            "run": self.run,
            "turn": self.turn,
            "task_type": self.who.task_type,
            "model": self.habits.model,
            "operation": "chat",
            "usage": usage,
            "duration_s": round(min(gap * 0.8, 1 + usage["output_tokens"] / 60), 3),
        }
        if self.who.interactive:
            event["interactive"] = True
        if self.who.told:
            event |= {"cost_usd": round(dollars, 6), "cost_basis": "told"}
        if says is not None and self.talks:
            text, *tools = says()
            event["output"] = {"text": text}
            if tools:
                event["tools"] = tools
        return self._sent("calls", event, dollars, usage["input_tokens"] + usage["output_tokens"])

    def tool(self, name: str, arguments: dict[str, Any], result: str | None, error: str | None = None) -> Tool:
        """A tool call for says(); `result` None where it is told later."""
        told: Tool = {"call_id": f"{self.rng.getrandbits(48):012x}", "name": name, "arguments": arguments}
        if result is not None:
            told["result"] = result
        if error is not None:
            told["error"] = error
        return told

    def result(self, tool: Tool, result: str, after_s: float) -> Sent:
        """What a tool answered, told some seconds after its call."""
        self.now += after_s
        event = self._event("r", "tool_result") | {
            "run": self.run,
            "call_id": tool["call_id"],
            "name": tool["name"],
            "result": result,
            "duration_s": round(after_s, 3),
        }
        return self._sent("calls", event)

    def status(self, strength: Literal["strong", "medium", "weak"], to: str, **fields: str) -> Sent:
        """Something moved the task a few seconds after the last call."""
        self.now += self.rng.uniform(1.0, 5.0)
        return self._sent("status", self._event("s", "status") | {"strength": strength, "to": to, **fields})

    def _event(self, prefix: str, type_: str) -> dict[str, Any]:
        id_ = f"{self.who.name}-{prefix}{self.number(type_)}"
        return {"type": type_, "id": id_, "time": round(self.now, 3), "task": self.task}

    def _sent(
        self, topic: Literal["calls", "status"], event: dict[str, Any], dollars: float = 0.0, tokens: int = 0
    ) -> Sent:
        return Sent(self.now, topic, self.task, event, self.who.team, self.who.name, dollars, tokens)

    def _usage(self) -> dict[str, int]:
        """The context grows by what was read and said; most of the step before comes from the cache."""
        rng, habits = self.rng, self.habits
        output = int(habits.output.draw(rng)) + 1
        cached = self.context * habits.cached if rng.random() < 0.95 else 0.0
        self.context += habits.grows.draw(rng) + output
        if self.context > CONTEXT_TOKENS:
            self.context, cached = habits.base.draw(rng) + output, 0.0
        return {
            "input_tokens": int(self.context),
            "cached_input_tokens": int(cached),
            "output_tokens": output,
        }


_prices = Prices()


def price(model: str, hour: int, input_tokens: int, cached_input_tokens: int, output_tokens: int) -> float:
    """Dollars of a call in that clock hour, by the detector's own rates; 0 for a model without any."""
    tiers = _prices.rates(model, None, hour * HOUR_S)
    return cost_usd(tiers, input_tokens, cached_input_tokens, 0, output_tokens) if tiers else 0.0
