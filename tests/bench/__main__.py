"""`make bench`, or `python -m tests.bench`: what an event and a step cost in CPU, and a live run in memory.

Takes about seven minutes on two cores. Figures are of this machine as it is: other work on it makes them worse.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from detector import warm
from tests.bench.decoders import measure_decoders
from tests.bench.gateway import measure_gateway
from tests.bench.load import Load
from tests.bench.memory import measure_memory
from tests.bench.mix import KINDS
from tests.bench.portfolio import Minute, measure_ledger, measure_minutes, medians
from tests.bench.recovery import measure_recovery
from tests.bench.report import Found
from tests.bench.rounds import Measured, Say, bench_config, measure, measure_idiomatic
from tests.bench.steps import Stepped, measure_steps
from tests.support.apache import apache_if_any
from tests.support.command import run_main

PARTS = ("stage", "idiomatic", "large", "decoders", "gateway", "steps", "memory", "portfolio")
LARGE_BYTES = (100_000, 400_000)
ENVELOPE_BYTES = 2_500
"""Of a call beside its conversation."""


def main(argv: Sequence[str]) -> int:
    """Measures and tells; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and 10,000 live runs in place of 100,000")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; leaves no build/bench.json")
    options = parser.parse_args(argv)
    chosen, found, began = options.only or PARTS, Found(), time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {what}", file=sys.stderr, flush=True)

    say("compiling what is compiled")
    warm.main()
    if "stage" in chosen:
        # Three parts are what a worker at full speed does between two checkpoints, five seconds.
        rounds, parts = (2, 1) if options.quick else (4, 3)
        found.stages(measure(say, Load(), rounds, parts, paced=True))
    if "idiomatic" in chosen:
        found.idiomatic(measure_idiomatic(say, Load(), *((2, 1000) if options.quick else (3, 3000))))
    if "large" in chosen:
        found.large({size: _large(say, size, 2 if options.quick else 5) for size in LARGE_BYTES})
    if "decoders" in chosen:
        say("decoders of foreign formats")
        found.decoders(measure_decoders(20 if options.quick else 100))
    if "gateway" in chosen:
        say("the gateway")
        found.gateway(measure_gateway(3 if options.quick else 7))
    if "steps" in chosen:
        found.steps(*_steps(say, options.quick))
    if "memory" in chosen:
        found.memory(*_memory(say, 10_000 if options.quick else 100_000))
    if "portfolio" in chosen:
        found.portfolio(*_portfolio(say, options.quick))
    found.tell()
    if options.only is None:
        found.write()
    return 0


def _large(say: Say, size: int, rounds: int) -> Measured:
    say(f"calls of {size // 1000} kB")
    return measure(say, Load(conversation=size - ENVELOPE_BYTES), rounds, names=("ingest",))


def _steps(say: Say, quick: bool) -> tuple[Stepped, dict[str, Stepped]]:
    say("comparing and deciding")
    mixed = measure_steps(*((2, 5_000) if quick else (5, 20_000)))
    alone = {}
    for kind in KINDS:
        say(f"the same of {kind} alone")
        alone[kind] = measure_steps(*((1, 5_000) if quick else (3, 10_000)), {kind: 1})
    return mixed, alone


def _portfolio(say: Say, quick: bool) -> tuple[int, int, Minute, dict[str, dict[str, Any]]]:
    teams, days = (1_000, 10) if quick else (10_000, 100)
    say(f"rollups of {teams:,} teams")
    rows, minutes = measure_minutes(teams, 3 if quick else 7)
    ledgers = {}
    for name, share in (("open", 0.0), ("four of five completed", 0.8)):
        say(f"a ledger of {days} days: {name}")
        ledgers[name] = measure_ledger(teams // 10, days, share)
    return teams, rows, medians(minutes), ledgers


def _memory(say: Say, runs: int) -> tuple[dict[str, Any], dict[str, float] | None]:
    """What runs hold, and how a worker takes them over; None where there is no Apache Kafka for that."""
    last: dict[str, Any] = {}
    with apache_if_any() as server:
        say(f"{runs:,} live runs" + ("" if server else "; no takeover: Apache Kafka needs Java 17 and Maven"))
        config = bench_config(server.bootstrap if server else "localhost:1")
        for last in measure_memory(runs, config, *(("publish",) if server else ())):
            if "sent" in last:
                say(f"{last['sent']:.0%} of their steps")
        if not server:
            return last, None
        say("a worker takes them over")
        return last, measure_recovery(config)


if __name__ == "__main__":
    run_main(main)
