"""`python -m tests.bench.memory PARTITIONS`: engines in a fresh process, fed by standard input, and what they hold.

Memory is what the process has grown by while the runs came to life. The rows are made by the process that asks, as
ingest would pack them: each run of its own task, with an action, a result and their sketches in each step.
"""

import contextlib
import gc
import json
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from detector.config import Config
from detector.engine import Engine, warm
from detector.enrich.identity import hash64, subject_hash
from detector.model import packed as pk
from tests.bench.children import rss_bytes, say
from tests.bench.load import START_S

STEPS = 30
STEP_S = 20.0
ROWS = 500
"""Observations in a packed record."""
_FRAME = struct.Struct("<IQ")  # partition, bytes that follow


def packed_runs(runs: int, partitions: int, steps: int = STEPS) -> Iterator[tuple[int, bytes]]:
    """Packed records, with their partitions, of `runs` runs that take `steps` steps side by side."""
    chance = np.random.default_rng(1)
    placed: list[list[pk.Ident]] = [[] for _ in range(partitions)]
    for n in range(runs):
        ident = _ident(n)
        placed[ident.subject % partitions].append(ident)
    for step in range(steps):
        for partition, idents in enumerate(placed):
            for start in range(0, len(idents), ROWS):
                some = idents[start : start + ROWS]
                t = START_S + (step + (start + np.arange(len(some))) / len(idents)) * STEP_S
                yield partition, _pack(some, step, t, chance)


def _ident(n: int) -> pk.Ident:
    tenant, run, task, agent = "acme", f"run-{n:08d}", f"TASK-{n:06d}", f"agent-{n % 1000}"
    return pk.Ident(
        subject=subject_hash(tenant, task, run), lane=hash64(tenant, task, run, agent), cell=hash64(task, agent),
        tenant=tenant, team=f"team-{n % 50}", user=f"p-{n % 700:032x}", agent=agent, key=f"{n % 1000:064x}", run=run,
        parent_run=None, task=task, task_type="bugfix", model="claude-sonnet-4-5", provider="anthropic",
    )  # fmt: skip


def _pack(idents: list[pk.Ident], step: int, t: npt.NDArray[np.float64], chance: np.random.Generator) -> bytes:
    """One step of each of these runs."""
    n = len(idents)
    rows = np.zeros(n, pk.ROW)
    rows["kind"], rows["flags"], rows["ident"], rows["t"] = pk.CALL, pk.TOKENS_KNOWN, np.arange(n), t
    rows["seq"] = np.arange(n) + int(t[0] * 1e3) * 1000
    for name in ("id", "action", "result", "output"):
        rows[name] = chance.integers(1, 1 << 63, n, np.uint64)
    rows["turn"], rows["cost_usd"], rows["input"], rows["out"] = 1, 0.02, 20_000, 300
    rows["sketch"] = np.arange(n)
    packed = pk.Packed(
        format=pk.FORMAT,
        marks={0: float(t[-1])},
        idents=idents,
        ids=[f"chatcmpl-{id:024x}" for id in rows["id"].tolist()],
        names=["edit"] * n,
        rows=rows.tobytes(),
        words=chance.integers(0, 1 << 63, (n, 16), np.uint64).tobytes(),
        levels=bytes(n),
        waits=b"",
    )
    return pk.encode_packed(packed)


def measure_memory(runs: int, partitions: int) -> Iterator[dict[str, float]]:
    """Progress as {"sent": share}, and at last what `main` says."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.memory", str(partitions)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        for sent, (partition, packed) in enumerate(packed_runs(runs, partitions), 1):
            child.stdin.write(_FRAME.pack(partition, len(packed)))
            child.stdin.write(packed)
            if sent % 500 == 0:
                yield {"sent": sent * ROWS / (runs * STEPS)}
        child.stdin.close()
        yield json.loads(child.stdout.read())
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def main(partitions: int) -> None:
    """Reads packed records to the end of standard input; says what the engines hold and how soon they are back.

    Runs, bytes the process has grown by, episodes that are open, CPU microseconds an observation, bytes and seconds of
    encoding all segments, seconds of restoring all partitions one after the other.
    """
    warm()
    config = Config()
    engines = [Engine(config, p) for p in range(partitions)]
    gc.collect()
    empty = rss_bytes()
    engine_us = _feed(engines)
    gc.collect()
    found = {
        "runs": sum(engine.live_runs for engine in engines),
        "grown_bytes": rss_bytes() - empty,
        "episodes": sum(sum(engine.open_episodes.values()) for engine in engines),
        "engine_us": engine_us,
    }
    say(found | _stored(config, engines))


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


def _stored(config: Config, engines: list[Engine]) -> dict[str, float]:
    encoded_bytes, encode_s, recovery_s = 0, 0.0, 0.0
    for engine in engines:
        began = time.perf_counter()
        segments = {n: engine.encode_segment(n) for n in engine.segments()}
        encode_s += time.perf_counter() - began
        encoded_bytes += sum(map(len, segments.values()))
        began = time.perf_counter()
        Engine.restore(config, engine.partition, engine.offset, segments)
        recovery_s += time.perf_counter() - began
    return {"encoded_bytes": encoded_bytes, "encode_s": encode_s, "recovery_s": recovery_s}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(int(sys.argv[1]))
