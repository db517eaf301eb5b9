"""Random but repeatable input: agents that repeat, circle, answer alike, wait for results, work, and move tasks."""

import random
from typing import Any

from tests.support.judged import T0, Event
from tests.support.prose import words


class World:
    """Events of a few agents in the order of time; `seed` decides everything."""

    def __init__(self, seed: int, *, results_later: bool = False) -> None:
        self._chance, self._later, self._count = random.Random(seed), results_later, 0
        self.events: list[Event] = []
        for number in range(6):
            self._agent(number)
        # Calls before results before statuses: as the engine takes what happens at one moment.
        order = {"call": 0, "tool_result": 1, "status": 2}
        self.events.sort(key=lambda e: (e["time"], order[e.get("type", "call")]))

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _agent(self, number: int) -> None:
        chance = self._chance
        who: Event = {
            "tenant": chance.choice(("acme", "beta")), "agent": chance.choice(("a", "b", None)), "run": f"run-{number}",
            "team": "team", "task": chance.choice((None, "T1", "T2")),
        }  # fmt: skip
        kinds = chance.choice((["told"], ["untold"], ["answer"], ["told", "told", "untold", "answer", "nothing"]))
        gap_s, cycle = chance.choice((1.0, 7.0, 30.0, 200.0, 700.0)), chance.choice((1, 2, 3, 5, 9, 13))
        noise, t = chance.choice((0.0, 0.0, 0.05, 0.2)), chance.uniform(0, 100)
        for step in range(chance.choice((5, 20, 60, 120))):
            t += gap_s * chance.choice((0.5, 1.0, 1.0, 1.7)) + (chance.random() < 0.02) * chance.choice((1000, 3000))
            which = step % cycle if chance.random() >= noise else chance.randrange(cycle + 3)
            call = {"id": self._id("call"), "time": T0 + t, "model": chance.choice(("m1", "m2")), **who}
            call["usage"] = {"input_tokens": chance.randint(0, 1000), "output_tokens": chance.randint(0, 50)}
            call["cost_usd"] = chance.choice((0.0, 0.01, 0.1, 0.3, 1.0, 5.0))
            if chance.random() < 0.02:
                call["turn"] = f"turn {chance.randint(0, 2)}"
            if chance.random() < 0.02:
                call["interactive"] = True
            call |= self._done(chance.choice(kinds), which, chance.random() < noise, who, t, gap_s)
            self.events.append(call)
            if who["task"] and chance.random() < 0.01:
                self._status(who, t + chance.choice((0.0, 0.3)))

    def _done(self, kind: str, which: int, new: bool, who: Event, t: float, gap_s: float) -> dict[str, Any]:
        """What a step did: `output` or `tools`."""
        if kind == "nothing":
            return {}
        if kind == "answer":
            return {"output": {"text": " ".join(words(40, seed=which + 1))}}
        tool: Event = {"name": f"tool-{which}", "arguments": {"n": self._count if new else which}}
        if kind == "untold":
            return {"tools": [tool]}
        answer: Event = {"error": "refused"} if which % 3 == 2 else {"result": "same"}
        if new and self._chance.random() < 0.5:
            answer = {"result": f"result {self._count}"}
        if not self._later:
            return {"tools": [tool | answer]}
        tool["call_id"] = f"tool call {self._count}"
        told = {"type": "tool_result", "id": self._id("result"), "call_id": tool["call_id"], **answer}
        told |= {"tenant": who["tenant"], "run": who["run"], "task": who["task"]}
        told["time"] = T0 + t + gap_s * self._chance.choice((-0.001, 0.0, 0.1, 0.4, 0.9))
        if self._chance.random() < 0.9:
            self.events.append(told)
        return {"tools": [tool]}

    def _status(self, who: Event, t: float) -> None:
        strength = self._chance.choice(("weak", "medium", "strong"))
        told = {"type": "status", "id": self._id("status"), "time": T0 + t, "strength": strength}
        self.events.append(told | {"tenant": who["tenant"], "task": who["task"]})
