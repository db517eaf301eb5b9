"""`make chaos`, or `python -m tests.chaos`: is anything lost or doubled when things die?

Three workers on Apache Kafka judge the stream of a fleet with runaways, while a seeded schedule kills workers (-9),
freezes them past their session, makes them leave and come back, and takes the broker and Alertmanager away. Then the
alerts are compared with what `detector replay` says of the same events. Exits with 1 where one is lost, doubled or
wrong, or the pager behind a real Alertmanager was told something twice. Needs Java, Maven and Alertmanager.
"""

import argparse
import asyncio
import json
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import schedule
from tests.chaos.run import WORKERS, Outcome, chaos
from tests.support.command import run_main

BUILD = Path(__file__).parents[2] / "build"
SHOWN = 20


def main(argv: list[str]) -> int:
    """Plays and tells; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=1, help="decides the stream and the schedule (default 1)")
    parser.add_argument("--steps", type=int, default=24, help="how much goes wrong (default 24)")
    parser.add_argument("--short", action="store_true", help="three kills and one outage, in two minutes, as in CI")
    parser.add_argument("--keep", type=Path, help="a directory for logs and alerts; a temporary one unless told")
    options = parser.parse_args(argv)
    steps = schedule.short(options.seed, WORKERS) if options.short else None
    steps = steps or schedule.schedule(options.seed, options.steps, WORKERS)
    began_s = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began_s:5.0f} s  {what}", file=sys.stderr, flush=True)

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the brokers are taken away on purpose
    directory = options.keep or Path(tempfile.mkdtemp(prefix="detector-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    outcome = asyncio.run(chaos(directory, options.seed, steps, say))
    tell(outcome)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "chaos.json").write_text(json.dumps(figures(outcome), indent=1) + "\n")
    if not outcome.passed:
        print(f"logs, alerts and the stream are in {directory}")
    return 0 if outcome.passed else 1


def figures(outcome: Outcome) -> dict[str, int | float]:
    """What build/chaos.json holds; times in s, sizes in bytes."""
    verdict, kinds = outcome.verdict, [step.kind for step in outcome.steps]
    return {
        "seed": outcome.seed,
        "events": outcome.events,
        "kills": schedule.kills(outcome.steps),
        "freezes": kinds.count("freeze"),
        "rebalances": kinds.count("rebalance"),
        "outages": kinds.count("broker") + kinds.count("alertmanager"),
        "expected": verdict.expected,
        "got": verdict.got,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "wrong": len(verdict.wrong),
        "longest_recovery_s": round(max((r.time_s for r in outcome.recoveries), default=0.0), 1),
        "longest_recovery_with_broker_s": round(max((r.time_s - r.away_s for r in outcome.recoveries), default=0.0), 1),
        "recoveries": len(outcome.recoveries),
        "unrecovered": len(outcome.unrecovered),
        "peak_rss_bytes": outcome.peak_rss_bytes,
        "worker_starts": outcome.starts,
        "worker_failures": outcome.failures,
        "notifications": outcome.notifications,
        "notifications_doubled": sum(n - 1 for n in outcome.told_twice.values()),
        "seconds": round(outcome.seconds, 1),
    }


def tell(outcome: Outcome) -> None:
    """The figures, and what is wrong one by one."""
    for name, figure in figures(outcome).items():
        print(f"{name:24} {figure:,}")
    for time_s, away_s, (stage, partition) in sorted(outcome.recoveries, reverse=True)[:3]:
        print(f"recovery of {stage} {partition}: {time_s:.1f} s, of these {away_s:.1f} s without a broker")
    for id in outcome.verdict.lost[:SHOWN]:
        print(f"lost: {id}")
    for id in outcome.verdict.doubled[:SHOWN]:
        print(f"doubled: {id}")
    for each in outcome.verdict.wrong[:SHOWN]:
        print(f"wrong: {each.id} ({each.rule}): {each.fields}")
    for (episode, severity, status), n in list(outcome.told_twice.items())[:SHOWN]:
        print(f"told {n} times: {episode} {severity} {status}")
    print("PASS" if outcome.passed else "FAIL")


if __name__ == "__main__":
    run_main(main)
