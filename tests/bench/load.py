"""The events that the bench sends: agents side by side, each with runs of steps; all of it made up, from a seed.

A call has about 2.4 KB, 1.8 KB of it text (an answer and a tool's result) cut out of random words, so that no two
are alike. Of ten steps nine call a tool; of these one in twenty tells its result later, in an event of its own. Every
fortieth event is a status. One run in five repeats an action with the same result twelve times: something to alert.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

START_S = 1_790_000_000.0
"""Event time of the first event, s UTC."""
GAP_S = 12.0
"""From a step of a run to its next, on average."""
STEPS = 1000
"""Steps of a run, on average; then another run takes its place. So few that have ended are still remembered."""
ANSWER_BYTES, RESULT_BYTES = 1340, 540

_TEAMS, _AGENTS, _USERS = 8, 60, 200
_MODELS = (("anthropic", "claude-sonnet-4-5"), ("openai", "gpt-5"), ("openai", "gpt-4o-mini"))
_TOOLS = ("bash", "edit", "read", "search", "test")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_encode = msgspec.json.Encoder().encode


class Sent(NamedTuple):
    """An event on its way: topic 0 is llm.calls, 1 task.status; time in s UTC."""

    topic: int
    partition: int
    time: float
    value: bytes


@dataclass
class _Run:
    slot: int
    name: str
    task: str
    agent: int
    user: int
    left: int
    looping: int = 0


class Load:
    """An endless stream of events in the order of their times, from `runs` runs that are live at once.

    With `conversation` they are calls alone, each with so many bytes in a field `messages`, as a gateway writes it;
    no model of ours knows it.
    """

    def __init__(self, runs: int = 400, partitions: int = 8, seed: int = 1, conversation: int = 0) -> None:
        self._chance = random.Random(seed)
        words = ["".join(self._chance.choices(_LETTERS, k=self._chance.randint(2, 9))) for _ in range(5000)]
        self._text = " ".join(self._chance.choices(words, k=600_000))
        self._partitions, self._conversation = partitions, conversation
        self._rate = runs / GAP_S
        self._numbers = itertools.count()
        self._runs = [self._begin(slot, first=True) for slot in range(runs)]
        self.now = START_S
        self._events = self._stream()

    def take(self, n: int) -> list[Sent]:
        """The next `n` events."""
        events = self._events
        return [next(events) for _ in range(n)]

    def _begin(self, slot: int, first: bool = False) -> _Run:
        chance, number = self._chance, next(self._numbers)
        left = chance.randint(1, 2 * STEPS) if first else chance.randint(STEPS // 2, STEPS * 3 // 2)
        looping = 12 if chance.random() < 0.2 else 0
        agent, user = chance.randrange(_AGENTS), chance.randrange(_USERS)
        return _Run(slot, f"run-{number:08d}", f"TASK-{number:06d}", agent, user, left, looping)

    def _stream(self) -> Iterator[Sent]:
        chance, turns = self._chance, itertools.count()
        while True:
            self.now += chance.expovariate(self._rate)
            slot = chance.randrange(len(self._runs))
            run = self._runs[slot]
            # Of large calls the broker keeps only a dozen a partition: they are spread evenly.
            partition = (next(turns) if self._conversation else slot) % self._partitions
            event, later = self._call(run)
            yield Sent(0, partition, self.now, _encode(event))
            if later is not None:
                yield Sent(0, partition, self.now, _encode(later))
            if not self._conversation and chance.random() < 0.025:
                yield Sent(1, partition, self.now, _encode(self._status(run)))
            run.left -= 1
            if run.left <= 0:
                self._runs[slot] = self._begin(slot)

    def _call(self, run: _Run) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """A step of a run, and the result of its tool where that is told later."""
        chance, number = self._chance, next(self._numbers)
        provider, model = _MODELS[run.agent % len(_MODELS)]
        tokens = chance.randint(2_000, 60_000)
        event: dict[str, Any] = {
            "id": f"chatcmpl-{number:024d}",
            "time": self.now,
            "tenant": "acme",
            "team": f"team-{run.agent % _TEAMS}",
            "user": f"user-{run.user}@acme.example",
            "agent": f"agent-{run.agent}",
            "key": f"{run.agent * 0x9E3779B97F4A7C15:064x}",
            "run": run.name,
            "task": run.task,
            "task_type": "bugfix",
            "turn": "1",
            "model": model,
            "provider": provider,
            "operation": "chat",
            "usage": {
                "input_tokens": tokens,
                "cached_input_tokens": tokens * 3 // 4,
                "cache_write_tokens": tokens // 16,
                "output_tokens": chance.randint(50, 900),
                "reasoning_tokens": 32,
            },
            "duration_s": round(chance.uniform(0.5, 12.0), 3),
            "status": "ok",
            "output": {"text": self._cut(ANSWER_BYTES)},
        }
        if self._conversation:
            event["messages"] = self._messages()
        if chance.random() < 0.1:
            return event, None
        loops = run.looping > 0 and run.left < STEPS // 2
        run.looping -= loops
        tool: dict[str, Any] = {"call_id": f"call_{number}", "name": "test" if loops else chance.choice(_TOOLS)}
        path = "tests/test_all.py" if loops else f"src/{chance.randrange(9999)}.py"
        tool["arguments"] = {"path": path, "lines": [1, 200], "quiet": True}
        result = "FAILED tests/test_all.py::test_it - AssertionError" if loops else self._cut(RESULT_BYTES)
        event["tools"] = [tool]
        if loops or self._conversation or chance.random() < 0.95:
            tool["result"] = result
            return event, None
        later = {k: event[k] for k in ("time", "tenant", "run", "task")}
        later |= {"type": "tool_result", "id": f"result-{number}", "call_id": tool["call_id"], "result": result}
        return event, later

    def _status(self, run: _Run) -> dict[str, Any]:
        return {
            "type": "status", "id": f"status-{next(self._numbers)}", "time": self.now, "tenant": "acme",
            "task": run.task, "to": "review", "category": "started", "actor": "human", "source": "tracker",
            "strength": self._chance.choice(("weak", "medium", "strong")),
        }  # fmt: skip

    def _messages(self) -> list[dict[str, str]]:
        """A conversation of about `conversation` bytes, in messages of 4 KB."""
        roles = ("user", "assistant")
        many = max(1, self._conversation // 4096)
        texts = (self._cut(4096, spread=0.0).replace(" z", '\n"z') for _ in range(many))
        return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]

    def _cut(self, size: int, spread: float = 0.5) -> str:
        """Text of `size` bytes, more or less."""
        size = int(size * self._chance.uniform(1 - spread, 1 + spread))
        start = self._chance.randrange(len(self._text) - size)
        return self._text[start : start + size]
