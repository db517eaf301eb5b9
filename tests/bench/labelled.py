"""Labelled runs of coding agents as native events. Times and dollars are made up: the data has none.

Made up: each step ends 20 s after the one before it, runs follow each other by an hour of their own, a step costs
$0.25, has 4,000 input tokens, and output tokens at four characters each. A result is told with its step.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STEP_S, RUN_S, STEP_USD, INPUT_TOKENS = 20.0, 3600.0, 0.25, 4000
START_S = 1_780_000_000.0


def events(path: Path | str) -> Iterator[dict[str, Any]]:
    """Native call events of a file of runs (.jsonl or .jsonl.gz), run after run."""
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        for n, line in enumerate(f):
            yield from of_run(json.loads(line), START_S + n * RUN_S)


def of_run(run: dict[str, Any], start_s: float) -> Iterator[dict[str, Any]]:
    """Native call events of one run from `start_s` on; an answer of the person begins a new turn."""
    turn = 0
    for i, step in enumerate(run["steps"]):
        action = step["action"]
        event: dict[str, Any] = {
            "id": f"{run['run']}/{i}",
            "time": start_s + i * STEP_S,
            "run": run["run"],
            "agent": run["agent"],
            "turn": str(turn),
            "model": "made-up",
            "usage": {"input_tokens": INPUT_TOKENS, "output_tokens": max(1, len(step["thought"] or "") // 4)},
            "cost_usd": STEP_USD,
            "output": {"text": step["thought"] or ""},
        }
        if step.get("result_from") == "user":
            turn += 1
        else:
            event["tools"] = [{"call_id": str(i), "name": action["name"], "arguments": action["arguments"]}]
            event["tools"][0]["result"] = step["result"] or ""
        yield event
