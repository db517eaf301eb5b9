"""One event loop as the proxy's, with one callback or none: `python -m tests.bench.callback_loop WAY`, in LiteLLM's
environment. Tells what calls and the loop itself have waited for, and what processes took, as JSON.

Each call has a conversation of CONVERSATION_BYTES, of which the last result is new. They come evenly; beside them a
task asks every millisecond whether the loop is free.
"""

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

CONVERSATION_BYTES, RESULT_BYTES = 400_000, 4_000
CALLS, EVERY_S, TICK_S = 600, 0.02, 0.001
SETTLE_S = 8.0
"""More than generic_api waits until it sends."""

_LINE = "2026-11-29T04:{0:02d}:07.123Z  PASS src/cart-{1}.test.js ({2} ms), request id=7f3a91{1:04x}\n"


def result(n: int) -> str:
    """Of a tool, RESULT_BYTES long, another each time."""
    lines = (_LINE.format(k % 60, n * 31 + k, (n * 7 + k) % 977) for k in range(RESULT_BYTES // 50))
    return "".join(lines)[:RESULT_BYTES]


def payloads() -> list[dict[str, Any]]:
    """The calls of a session that is long already."""
    said: list[dict[str, Any]] = [{"role": "user", "content": "make the tests pass"}]
    calls: list[dict[str, Any]] = []
    rounds = CONVERSATION_BYTES // RESULT_BYTES
    for n in range(rounds + CALLS):
        call = {"id": f"t{n}", "type": "function", "function": {"name": "run", "arguments": '{"cmd": "npm test"}'}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        if n >= rounds:
            calls.append(_payload(n, [said[0], *said[-2 * rounds :]], message))
        said += [message, {"role": "tool", "tool_call_id": f"t{n}", "content": result(n)}]
    return calls


def _payload(n: int, messages: list[dict[str, Any]], message: dict[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 100_000, "completion_tokens": 90, "prompt_tokens_details": {"cached_tokens": 90_000}}
    return {
        "id": f"chatcmpl-{n}", "trace_id": "trace-1", "call_type": "acompletion", "status": "success",
        "model": "openai/gpt-5-mini", "custom_llm_provider": "openai", "startTime": time.time(),
        "endTime": time.time(), "response_time": 1.0, "prompt_tokens": 100_000, "completion_tokens": 90,
        "response_cost": 0.01, "request_tags": ["task:PAY-1"],
        "metadata": {"usage_object": usage, "user_api_key_team_alias": "payments"},
        "messages": messages, "response": {"choices": [{"message": message, "finish_reason": "tool_calls"}]},
        "model_parameters": {"tools": [{"name": f"tool-{k}", "description": "does it " * 60} for k in range(40)]},
        "model_map_information": {"model_map_value": {f"cost-{k}": k / 7 for k in range(150)}},
    }  # fmt: skip


def logger(way: str) -> Any:
    """The callback; None for none."""
    if way == "ours":
        from detector.litellm_callback import callback

        return callback
    if way == "generic":
        from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

        return GenericAPILogger()
    return None


async def ticking(late_s: list[float]) -> None:
    """How much later than asked for the loop wakes somebody."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_S)
        late_s.append(time.perf_counter() - began - TICK_S)


async def run(way: str) -> dict[str, Any]:
    """Makes all calls."""
    told, to = payloads(), logger(way)
    before_kb, cpu_s = _peak_kb("self"), time.process_time()
    late_s: list[float] = []
    calls_s: list[float] = []
    ticks = asyncio.create_task(ticking(late_s))
    for payload in told:
        began = time.perf_counter()
        if to is not None:
            await to.async_log_success_event({"standard_logging_object": payload}, None, None, None)
        calls_s.append(time.perf_counter() - began)
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(SETTLE_S)
    ticks.cancel()
    found: dict[str, Any] = {
        "call_us": [1e6 * s for s in calls_s],
        "late_ms": [1e3 * s for s in late_s],
        "cpu_ms": 1e3 * (time.process_time() - cpu_s) / CALLS,
        "grown_mb": (_peak_kb("self") - before_kb) / 1024,
    }
    if way == "ours":
        pid = to._feed._child._process.pid
        found |= {"sent": to.sent, "child_mb": _peak_kb(str(pid)) / 1024}
        to.close()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        found["child_cpu_ms"] = 1e3 * (used.ru_utime + used.ru_stime) / CALLS
    return found


def _peak_kb(pid: str) -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    answer = asyncio.run(run(sys.argv[1]))
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # LiteLLM leaves threads
