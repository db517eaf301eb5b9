"""Packed records of many live runs, as ingest would write them: each run of its own task, an action in each step."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from detector.enrich.identity import hash64, subject_hash
from detector.model import packed as pk
from tests.bench.load import START_S

STEPS = 30
STEP_S = 20.0
ROWS = 500
"""Observations in a packed record."""


def packed_runs(runs: int, partitions: int, steps: int = STEPS) -> Iterator[tuple[int, bytes]]:
    """Packed records, with their partitions, of `runs` runs that take `steps` steps side by side."""
    chance, placed = np.random.default_rng(1), runs_of(runs, partitions)
    for step in range(steps):
        for partition, idents in enumerate(placed):
            for start in range(0, len(idents), ROWS):
                some = idents[start : start + ROWS]
                t = START_S + (step + (start + np.arange(len(some))) / len(idents)) * STEP_S
                yield partition, pack(some, t, chance)


def runs_of(runs: int, partitions: int) -> list[list[pk.Ident]]:
    """Who these runs are, by partition."""
    placed: list[list[pk.Ident]] = [[] for _ in range(partitions)]
    for n in range(runs):
        ident = _ident(n)
        placed[ident.subject % partitions].append(ident)
    return placed


def _ident(n: int) -> pk.Ident:
    tenant, run, task, agent = "acme", f"run-{n:08d}", f"TASK-{n:06d}", f"agent-{n % 1000}"
    return pk.Ident(
        subject=subject_hash(tenant, task, run), lane=hash64(tenant, task, run, agent), cell=hash64(task, agent),
        tenant=tenant, team=f"team-{n % 50}", user=f"p-{n % 700:032x}", agent=agent, key=f"{n % 1000:064x}", run=run,
        parent_run=None, task=task, task_type="bugfix", model="claude-sonnet-4-5", provider="anthropic",
    )  # fmt: skip


def pack(idents: list[pk.Ident], t: npt.NDArray[np.float64], chance: np.random.Generator) -> bytes:
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
