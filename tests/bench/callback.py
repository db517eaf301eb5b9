"""What the callback costs LiteLLM's proxy: `python -m tests.bench.callback`, beside none and beside `generic_api`.

Skipped, with the reason, where there is no LiteLLM in build/litellm.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

import pytest

from tests.bench.callback_loop import CALLS, CONVERSATION_BYTES, RESULT_BYTES
from tests.support import litellm_proxy
from tests.support.command import run_main
from tests.support.receiving import receiving

WAYS = ("none", "ours", "generic")
RUN_S = 180.0


def measure(way: str, **variables: str) -> dict[str, Any]:
    """What a loop found that had this callback."""
    with receiving() as receiver:
        told = {
            "PYTHONPATH": str(litellm_proxy.ROOT),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DETECTOR_CALLBACK_ENDPOINT": receiver.url,
            "GENERIC_LOGGER_ENDPOINT": receiver.url,
            **variables,
        }
        ended = subprocess.run(
            [litellm_proxy.python(), "-m", "tests.bench.callback_loop", way],
            env={**os.environ, **told},
            stdout=subprocess.PIPE,
            check=True,
            timeout=RUN_S,
        )
        found: dict[str, Any] = json.loads(ended.stdout)
        return found | {"received": len(receiver.taken)}


def line(way: str, found: dict[str, Any]) -> str:
    """One callback's figures."""
    call, late = found["call_us"], found["late_ms"]
    child = f"{found['child_mb']:9.0f} {found['child_cpu_ms']:10.2f}" if "child_mb" in found else f"{'':20}"
    return (
        f"  {way:18}{median(call):10.0f}{quantiles(call, n=100)[98]:10.0f}{median(late):9.2f}"
        f"{quantiles(late, n=100)[98]:9.2f}{max(late):9.1f}{found['cpu_ms']:9.2f}{found['grown_mb']:9.0f}{child}"
    )


def main(argv: Sequence[str]) -> int:
    """Measures and tells; the exit code."""
    try:
        litellm_proxy.python()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        print(f"skipped: {reason.msg}")
        return 0
    print(f"{CALLS} calls, 50 a second, of {CONVERSATION_BYTES / 1000:.0f} kB each, {RESULT_BYTES / 1000:.0f} kB new")
    print(f"  {'callback':18}{'µs a call':>10}{'p99':>10}{'ms late':>9}{'p99':>9}{'most':>9}{'CPU ms':>9}{'MB more':>9}"
          f"{'child MB':>10}{'CPU ms':>10}")  # fmt: skip
    for way in WAYS:
        print(line(way, measure(way)), flush=True)
    return 0


if __name__ == "__main__":
    run_main(main)
