"""`python -m tests.bench.memory RUNS CONFIG [publish]`: engines in a fresh process, fed by standard input.

What they hold, and what their checkpoints cost. Memory is what the process has grown by while the runs came to life.
The rows are made by the process that asks, as ingest would pack them: each run of its own task, with an action, a
result and their sketches in each step.
"""

import asyncio
import contextlib
import gc
import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from detector.config import Config
from detector.engine import Engine, warm
from tests.bench.checkpoints import Worker, figures, publish
from tests.bench.children import ChildError, rss_bytes, say
from tests.bench.rows import ROWS, STEPS, packed_runs

_FRAME = struct.Struct("<IQ")  # partition, bytes that follow


def measure_memory(runs: int, config: Config, *publish: str) -> Iterator[dict[str, Any]]:
    """Progress as {"sent": share}, and at last what `main` says."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.memory", str(runs), config.model_dump_json(), *publish],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for sent, (partition, packed) in enumerate(packed_runs(runs, config.topics.partitions), 1):
            child.stdin.write(_FRAME.pack(partition, len(packed)))
            child.stdin.write(packed)
            if sent % 500 == 0:
                yield {"sent": sent * ROWS / (runs * STEPS)}
        child.stdin.close()
        told = child.stdout.read()
        if child.wait():
            raise ChildError(f"the process with {runs:,} runs has ended with {child.returncode}")
        yield json.loads(told)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def main(runs: int, settings: str, *publishing: str) -> None:
    """Reads packed records to the end of standard input; says what the engines hold, and what checkpoints cost.

    Runs, bytes the process has grown by, episodes that are open, CPU microseconds an observation, bytes and CPU seconds
    of encoding all segments; `checkpoints` as tests.bench.checkpoints says. With `publish` topics then hold the state.
    """
    warm()
    config = Config.model_validate_json(settings)
    engines = [Engine(config, p) for p in range(config.topics.partitions)]
    gc.collect()
    empty = rss_bytes()
    engine_us = _feed(engines)
    gc.collect()
    found: dict[str, Any] = {
        "runs": sum(engine.live_runs for engine in engines),
        "grown_bytes": rss_bytes() - empty,
        "episodes": sum(sum(engine.open_episodes.values()) for engine in engines),
        "engine_us": engine_us,
    }
    found |= _stored(engines)
    worker = Worker(config, engines, runs)
    engines.clear()
    found["checkpoints"] = figures(worker)
    if publishing:
        asyncio.run(publish(config, worker))
    say(found)


def _feed(engines: list[Engine]) -> float:
    cpu_s, records = 0.0, 0
    while head := sys.stdin.buffer.read(_FRAME.size):
        partition, size = _FRAME.unpack(head)
        packed = sys.stdin.buffer.read(size)
        before = time.process_time()
        engine = engines[partition]
        engine.process(packed, engine.offset + 1)
        engine.totals.take()
        cpu_s += time.process_time() - before
        records += 1
    return cpu_s / (records * ROWS) * 1e6


def _stored(engines: list[Engine]) -> dict[str, float]:
    """Bytes and seconds of encoding all segments."""
    began = time.process_time()
    encoded_bytes = sum(len(engine.encode_segment(n)) for engine in engines for n in engine.segments())
    return {"encoded_bytes": encoded_bytes, "encode_s": time.process_time() - began}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(int(sys.argv[1]), *sys.argv[2:])
