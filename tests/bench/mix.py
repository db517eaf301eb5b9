"""The steps that the bench compares: live runs of four kinds side by side, in one partition; made up, from a seed.

They differ from the bench's ordinary traffic (tests.bench.load) in what a step did, and in that a run has about a
hundred steps; another run of the next kind then takes its place.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import Any, NamedTuple

from tests.bench.load import ANSWER_BYTES, Load, _Run

KINDS = {
    "tools": "nine of ten steps call a tool, with a new result",
    "outputs": "answers alone, no two alike",
    "failing": "as tools, but three of five steps fail, in four ways",
    "looping": "from step 13 a loop: an action, five in turn, or an answer",
}
SHARES = {"tools": 62, "outputs": 20, "failing": 15, "looping": 3}
"""Runs of each kind among 100. Of 882 recorded runs 27 loop, by whoever labelled them: 3 in 100."""
RUN_STEPS = 100
"""Of a run, on average: from half of it to half as much again."""
HONEST_STEPS = 12
_FAILURES = (
    "bash: command not found",
    "error: No such file or directory",
    "Traceback (most recent call last): KeyError",
    "FAILED tests/test_all.py::test_it - AssertionError",
)
LOOPS = ("one action", "five in turn", "answers")


class _Way(NamedTuple):
    """How a run goes: its kind, its loop where it has one, its steps, what it answers when it loops."""

    kind: str
    loop: str
    steps: int
    answer: str


class Mix(Load):
    """An endless stream of events; `shares` are runs of each kind."""

    def __init__(self, shares: Mapping[str, int] = SHARES, runs: int = 400, seed: int = 1) -> None:
        # Spread evenly, so that the shares hold whichever runs are live.
        turns = sorted(((n + 0.5) / many, kind) for kind, many in shares.items() for n in range(many))
        self._kinds, self._loops = cycle(kind for _, kind in turns), cycle(LOOPS)
        self._ways: dict[int, _Way] = {}
        super().__init__(runs, partitions=1, seed=seed)

    def _begin(self, slot: int, first: bool = False) -> _Run:
        run = super()._begin(slot, first)
        run.looping, run.left = 0, self._chance.randint(RUN_STEPS // 2, RUN_STEPS * 3 // 2)
        kind = next(self._kinds)
        loop = next(self._loops) if kind == "looping" else ""
        self._ways[slot] = _Way(kind, loop, run.left, self._cut(ANSWER_BYTES))
        return run

    def _call(self, run: _Run) -> tuple[dict[str, Any], dict[str, Any] | None]:
        event, later = super()._call(run)
        way = self._ways[run.slot]
        done = way.steps - run.left
        if way.kind == "outputs":
            event.pop("tools", None)
            return event, None
        if way.kind == "failing" and "tools" in event and self._chance.random() < 2 / 3:
            event["tools"][0].pop("result", None)
            event["tools"][0]["error"] = self._chance.choice(_FAILURES)
            return event, None
        if way.kind != "looping" or done < HONEST_STEPS:
            return event, later
        if way.loop == "answers":
            event.pop("tools", None)
            event["output"] = {"text": self._reworded(way.answer)}
        else:
            n = done % 5 if way.loop == "five in turn" else 0
            event["tools"] = [{"name": "test", "arguments": {"path": f"tests/test_{n}.py"}, "result": _FAILURES[n % 4]}]
        return event, None

    def _reworded(self, text: str) -> str:
        """Text that differs in other places each time: what differs in the same ones is a form filled in."""
        for _ in range(len(text) // 400):
            at = self._chance.randrange(len(text) - 20)
            text = text[:at] + self._cut(20, spread=0.0) + text[at + 20 :]
        return text
