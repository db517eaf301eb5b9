"""Recorded runs of agents as native events, with their labels. Times and dollars are made up: the data has none.

Made up: each step ends 20 s after the one before it, a run begins an hour after the one before it ended, a step costs
$0.25, has 4,000 input tokens, and output tokens at four characters each. A result is told with its step.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.traffic import opened

STEP_S, RUN_S, STEP_USD, INPUT_TOKENS = 20.0, 3600.0, 0.25, 4000
START_S = 1_780_000_000.0


class FormatError(ValueError):
    """A file that is not of this format; says the file, the line and the field."""


class Action(msgspec.Struct):
    """A tool call."""

    name: str
    arguments: Any = None


class Step(msgspec.Struct):
    """One call of the model; `result` is None where the recording does not say."""

    action: Action | None
    thought: str | None = None
    result: Any = None
    result_from: str | None = None

    @property
    def tool(self) -> Action | None:
        """The tool call; None where the step is an answer, whose result is the person's next request."""
        return None if self.result_from == "user" else self.action


class Run(msgspec.Struct):
    """`labels[i]` judges step i+1 against step i, if anybody did; `reward` is 1 where the run solved its task."""

    run: str
    agent: str
    steps: list[Step]
    labels: list[str] | None = None
    reward: float | None = None


def read(path: Path | str) -> Iterator[Run]:
    """The runs of a file (.jsonl or .jsonl.gz); of several with one name the later ones get a number behind it.

    Raises FormatError.
    """
    names: Counter[str] = Counter()
    try:
        with opened(path) as f:
            for number, line in enumerate(f, 1):
                if not line.strip():
                    continue
                run = _run(line, f"{path}, line {number}")
                names[run.run] += 1
                if names[run.run] > 1:
                    run.run = f"{run.run}#{names[run.run]}"
                yield run
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise FormatError(f"{path} cannot be read: {error}") from None
    if not names:
        raise FormatError(f"{path} is empty")


def _run(line: str, place: str) -> Run:
    try:
        run = msgspec.convert(json.loads(line), Run)
    except json.JSONDecodeError as error:
        raise FormatError(f"{place}: is no JSON: {error}") from None
    except msgspec.ValidationError as error:
        raise FormatError(f"{place}: {error}") from None
    if run.labels and len(run.labels) != len(run.steps) - 1:
        raise FormatError(
            f"{place}: labels: {len(run.labels)} for {len(run.steps)} steps; there is one for all but the first"
        )
    return run


def events(path: Path | str) -> Iterator[dict[str, Any]]:
    """Native call events of a file, run after run."""
    for start_s, run in timed(read(path)):
        yield from of_run(run, start_s)


def timed(runs: Iterable[Run], step_s: float = STEP_S) -> Iterator[tuple[float, Run]]:
    """Each run with the time (s UTC) of its first step."""
    start_s = START_S
    for run in runs:
        yield start_s, run
        start_s += len(run.steps) * step_s + RUN_S


def of_run(run: Run, start_s: float, step_s: float = STEP_S, step_usd: float = STEP_USD) -> Iterator[dict[str, Any]]:
    """Native call events of one run, `<run>/<number of the step from 0>`; an answer of the person begins a new turn."""
    turn = 0
    for i, step in enumerate(run.steps):
        text = step.thought or ""
        event: dict[str, Any] = {
            "id": f"{run.run}/{i}",
            "time": start_s + i * step_s,
            "run": run.run,
            "agent": run.agent,
            "turn": str(turn),
            "model": "made-up",
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": max(1, len(text) // 4)},
            "cost_usd": step_usd,
            "output": {"text": text},
        }
        if step.result_from == "user":
            turn += 1
        if step.tool is not None:
            tool = {"call_id": str(i), "name": step.tool.name, "arguments": step.tool.arguments}
            event["tools"] = [tool if step.result is None else {**tool, "result": step.result}]
        yield event
