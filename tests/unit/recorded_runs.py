"""Recorded runs for the tests of the measure of loops."""

import random
from typing import Any

from tests.bench.labelled import Action, Run, Step
from tests.bench.loop_pairs import REPETITION
from tests.support.prose import words


def step(name: str = "fetch", result: Any = "done", thought: str = "", **arguments: Any) -> Step:
    return Step(Action(name, arguments), thought, result)


def answer(text: str, request: str = "and then?") -> Step:
    return Step(Action("reply"), text, request, "user")


def run(*steps: Step, name: str = "r", agent: str = "a", labels: str = "", reward: float | None = None) -> Run:
    """`labels`: a letter for each step but the first, R is a repetition."""
    told = [REPETITION if letter == "R" else "Follow-up" for letter in labels]
    return Run(name, agent, list(steps), told or None, reward)


def worker(name: str, stuck: int, **fields: Any) -> Run:
    """Reads five files, sends one refused edit `stuck` times, and looks for four words."""
    chance = random.Random(name)
    reads = [step("read", " ".join(words(40, seed=chance.randrange(10**6))), path=f"{name}/{n}") for n in range(5)]
    edits = [step("edit", "refused: no such line", f"approach {n}", path=f"{name}/3", line=12) for n in range(stuck)]
    finds = [step("find", " ".join(words(40, seed=chance.randrange(10**6))), word=f"{name} {n}") for n in range(4)]
    return run(*reads, *edits, *finds, name=name, **fields)
