"""`python -m tests.bench.idiomatic CONFIG`: the same work as one would write it first with Faust, an event at a time.

A JSON topic, an agent that iterates over it, a table of runs and one of tasks that are written for each event. It
sketches the answer in numpy and compares it with the run's last twelve, counts how often its action came with the
same result, prices the call and adds that to the task, and sends an alert. No more: no order by event time, no
results that come later, no dead letters, no episodes, no duplicates left out.
"""

import asyncio
import hashlib
import json
import re
import sys
import tempfile
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import faust
import genai_prices
import numpy as np
import numpy.typing as npt

from detector.config import Config
from tests.bench.children import Answers

TOPIC, ALERTS, APP = "bench.calls", "bench.alerts", "bench-idiomatic"
TABLES = ("runs", "tasks")
LAST = 12
ROUNDS, ALIKE, ALIKE_ROUNDS = 4, 0.35, 6
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_NOISE = re.compile(r"\d+|\s+")

Sketch = npt.NDArray[np.uint64]


def changelog(table: str) -> str:
    """The topic behind a table, as Faust names it."""
    return f"{APP}-{table}-changelog"


class Run(faust.Record):  # type: ignore[misc]
    """What is kept of a run: the newest sketches in hex, fingerprints of the newest steps, and sums."""

    sketches: list[str] = []  # noqa: RUF012 - a field
    steps: list[str] = []  # noqa: RUF012
    calls: int = 0
    cost_usd: float = 0.0


class Task(faust.Record):  # type: ignore[misc]
    """What is kept of a task."""

    calls: int = 0
    cost_usd: float = 0.0


def sketch(text: str) -> Sketch:
    """A bitmap of 1024 bits over the hashed 8-byte shingles of a text."""
    raw = np.frombuffer(_NOISE.sub(" ", text.lower()).encode(), np.uint8)
    if len(raw) < 8:
        return np.zeros(16, np.uint64)
    shingles = np.lib.stride_tricks.sliding_window_view(raw, 8).copy().view(np.uint64).ravel()
    bits = np.zeros(1024, np.uint8)
    bits[(shingles * _MULTIPLIER) >> np.uint64(54)] = 1
    return np.packbits(bits).view(np.uint64)


def alike(new: Sketch, others: list[str]) -> int:
    """How many of the others have a Jaccard similarity with one bitmap that is high."""
    if not others:
        return 0
    held = np.frombuffer(bytes.fromhex("".join(others)), np.uint64).reshape(-1, 16)
    both = np.bitwise_count(held & new).sum(axis=1)
    either = np.bitwise_count(held | new).sum(axis=1)
    return int((both >= ALIKE * either).sum())


@lru_cache
def rates(model: str, provider: str) -> tuple[float, float, float]:
    """USD a token: input, cached input, output. Looked up once a model, since a look-up takes 250 µs."""
    price = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1), model, provider_id=provider, genai_request_timestamp=datetime.now(UTC)
    ).model_price
    told: tuple[Any, ...] = (price.input_mtok, price.cache_read_mtok, price.output_mtok)
    plain, cached, output = (float(getattr(p, "base", p) or 0) / 1e6 for p in told)
    return plain, cached, output


def cost_usd(event: dict[str, Any]) -> float:
    """What a call cost."""
    usage = event["usage"]
    plain, cached, output = rates(event["model"], event["provider"])
    read = usage["cached_input_tokens"]
    return float((usage["input_tokens"] - read) * plain + read * cached + usage["output_tokens"] * output)


def judge(run: Run, event: dict[str, Any]) -> str | None:
    """Brings the run up to date; what is wrong with it, if anything."""
    new = sketch(event["output"]["text"])
    copies = alike(new, run.sketches)
    run.sketches = [*run.sketches, new.tobytes().hex()][-LAST:]
    if "tools" not in event:
        return "near copies" if copies >= ALIKE_ROUNDS else None
    told = [(tool["name"], tool["arguments"], tool.get("result")) for tool in event["tools"]]
    step = hashlib.md5(json.dumps(told, sort_keys=True).encode()).hexdigest()
    run.steps = [*run.steps, step][-LAST:]
    return "same action and result" if run.steps.count(step) >= ROUNDS else None


class Idiomatic:
    """The app, and how many events it has seen."""

    def __init__(self, config: Config, datadir: str) -> None:
        partitions = config.topics.partitions
        self.events = 0
        self.app = app = faust.App(
            APP,
            broker=f"kafka://{config.kafka.bootstrap}",
            datadir=datadir,
            store="memory://",
            topic_partitions=partitions,
            topic_disable_leader=True,
            topic_allow_declare=False,  # the embedded broker makes no topics by request
            web_enabled=False,
        )
        calls = app.topic(TOPIC, key_type=str, value_serializer="json", partitions=partitions)
        alerts = app.topic(ALERTS, value_serializer="json", partitions=partitions)
        runs = app.Table("runs", default=Run, value_type=Run, partitions=partitions)
        tasks = app.Table("tasks", default=Task, value_type=Task, partitions=partitions)

        @app.agent(calls)  # type: ignore[untyped-decorator]
        async def watch(stream: Any) -> None:
            async for event in stream:
                self.events += 1
                if event.get("type", "call") != "call":
                    continue
                spent = cost_usd(event)
                task = tasks[event["task"]]
                task.calls += 1
                task.cost_usd += spent
                tasks[event["task"]] = task
                run = runs[event["run"]]
                run.calls += 1
                run.cost_usd += spent
                found = judge(run, event)
                runs[event["run"]] = run
                if found:
                    alert = {"run": event["run"], "what": found, "cost_usd": run.cost_usd, "task_usd": task.cost_usd}
                    await alerts.send(value=alert)


async def main(settings: str) -> None:
    """Works until standard input ends."""
    stop = asyncio.Event()
    with tempfile.TemporaryDirectory() as datadir:
        idiomatic = Idiomatic(Config.model_validate_json(settings), datadir)
        idiomatic.app.finalize()
        await idiomatic.app.start()
        Answers(stop, lambda: {"events": idiomatic.events})
        await stop.wait()
        await idiomatic.app.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
