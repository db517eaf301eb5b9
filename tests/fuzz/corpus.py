"""Valid records of every kind to start from, made by the code that makes them in earnest."""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from detector.config import Config
from detector.engine import Engine
from detector.kafka.checkpoint import Ledger
from detector.model.alert import encode_alert
from detector.model.rollup import decode_rollup
from detector.portfolio import Portfolio
from tests.support.judged import T0, Event, call, status, tool
from tests.support.spread import rollups
from tests.support.stored import Parts, whole, written
from tests.support.worlds import World
from tests.unit.test_engine import packed

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
MARK = "pLaNtEd"
"""Stands in every text that must go no further than ingest."""


class Made(NamedTuple):
    """What the stages wrote of one small world."""

    packed: list[bytes]
    rollups: list[bytes]
    baselines: list[bytes]
    alerts: list[bytes]
    watch: Parts
    portfolio: Parts
    changelog: list[list[bytes]]


def examples(name: str) -> list[bytes]:
    """The published examples of a topic, a record each."""
    return (EXAMPLES / f"{name}.jsonl").read_bytes().splitlines()


def events() -> list[Event]:
    """Calls of every kind, results, statuses, links; texts bear MARK."""
    said = f"{MARK} the build fails again " * 8
    deep = {"path": f"/tmp/{MARK}", "n": 1, "deep": [{"a": [1.5, None]}]}
    later = [{"name": "run", "call_id": "t1", "arguments": deep}]
    told = json.dumps({"cmd": MARK, "request_id": "1", "now": "2026-09-21T14:13:23Z"})
    several = tool("edit", result=f"{MARK} error", path="a", text=MARK) + tool("read", error=MARK, x=[1, {"y": ""}])
    link = {"type": "link", "id": "l1", "time": T0 + 3, "run": "r1", "task": "T1", "tenant": "acme", "source": "git"}
    result = {"type": "tool_result", "id": "x1", "time": T0 + 2, "run": "r1", "call_id": "t1", "result": {"out": MARK}}
    apart = {"type": "tool_call", "id": "y1", "time": T0 + 2, "run": "r1", "tool": {**later[0], "result": MARK}}
    sketch = json.loads(examples("llm.calls")[2])["output"]
    return [
        call(0, output={"text": said}),
        call(1, run="r1", tools=later, tenant="acme", user="mara", key="k", parent_run="p", task_type="bug", turn="2"),
        call(2, tools=several),
        call(3, tools=[{"name": "sh", "arguments": told}]),
        call(4, status="error", error=MARK, cost_usd=None, model="gpt-5-mini", provider="openai", service_tier="batch"),
        call(5, output=sketch, interactive=True, operation="compaction", duration_s=1.5, task="T1"),
        call(6, usage={"input_tokens": 9, "cached_input_tokens": 3, "cache_write_tokens": 1, "output_tokens": 2,
                       "reasoning_tokens": 1, "cache_write_1h_tokens": 1}, cost_usd=None, model="claude-sonnet-4-5"),
        call(7, time="2026-09-21T16:13:27+02:00", operation="embeddings", output={"text": ""}, tools=[]),
        call(7.5, run="r1", tools_apart=True),
        apart,
        result,
        {**result, "id": "x2", "result": MARK, "error": True, "name": "run", "duration_s": 0.5},
        status(8, "T1", category="completed", actor="human", source="jira", **{"from": "a", "to": "b"}),
        status(9, "T1", "medium", actor="agent", deliverable="d", reverts="r", churned_share=0.5),
        {"type": "status", "id": "s3", "time": T0 + 9, "run": "r1", "strength": "weak"},
        link,
    ]  # fmt: skip


@cache
def made() -> Made:
    """What watch and portfolio make of a loop, agents of many habits, and a spike."""
    config = Config()
    world = [e for seed in (1, 2) for e in World(seed, results_later=seed == 2).events][:700]
    loop = [call(i * 20.0, run="stuck", task="T9", tools=tool("read", result="same", path="a")) for i in range(12)]
    told = sorted([*loop, *world], key=lambda e: float(e["time"]))
    records = packed(told, [40], config)
    engine, alerts, watch = Engine(config), [], Parts()
    for n, record in enumerate(records[:-2]):
        alerts += engine.process(record, n).alerts
        if n in (len(records) // 2 - 2, len(records) // 2):
            watch = written(engine, watch)
    rolled = [t.value for t in rollups(told, config)]
    portfolio, baselines, accounts = Portfolio(config), [], Parts()
    for n, value in enumerate(rolled):
        baselines += [record for _, record in portfolio.process(value, n).baselines]
        if n == len(rolled) // 2:
            accounts = whole(portfolio)
    ledger = Ledger(3, 7, {})
    plan = ledger.plan(41, {0: b"zero", 1: b"one" * 20}, {}, {0, 1})
    ledger.finish(plan)
    later = ledger.plan(42, {0: b"none"}, {1: b"more"}, {0, 1})
    changelog = [list(pair) for pair in (*plan.segments, *later.segments, later.manifest)]
    few = [value for value in rolled if decode_rollup(value).sheets][:12]
    encoded = [encode_alert(a) for a in alerts][:40] + examples("detector.alerts")
    return Made(records[:8], few, baselines[:8], encoded, watch, accounts, changelog)


def as_trees(values: list[bytes]) -> list[Any]:
    """MessagePack as plain values."""
    return [msgspec.msgpack.decode(value, strict=False) for value in values]


TEXTS = [
    text.encode()
    for text in (
        "",
        "a",
        "The test fails because the fixture is read twice. I will read it once and run the test again.",
        "Traceback (most recent call last):\n  File \"/tmp/tmpab12/x.py\", line 3, in <module>\nKeyError: 'a'",
        "FAILED tests/test_all.py::test_it - AssertionError in 12.5s at 2026-11-20T09:14:03.250Z, 0x7f3a2b10, 3 of 41",
        "429: try again in 20 s; request req_011CUabcdef 550e8400-e29b-41d4-a716-446655440000 took 1h 2m 3.5s",
        "deadbeefcafe 12,345.67 KiB 10.0.0.1:8080 Mon, 20 Nov 2026 09:14:03 GMT yesterday à 9 h, étage 3",
        "same same same same same same same same same same same same same same same same",
        "日本語のテキスト 第三章 \U0001f600\u202e",
    )
]
SKETCHES = [
    *(json.loads(line)["output"]["sketch"].encode() for line in examples("llm.calls")[2:3]),
    b"AQ" + b"A" * 174,
]
