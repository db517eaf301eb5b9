"""`python -m tests.soak.overload`: ten times and more of what the stages can hold at once, and how they take it.

All stages share one core, and are held while a backlog is sent, then they work it off. Prints memory, records behind
and how long the oldest waits, a line every few seconds; leaves build/overload.json. Exits with 1 where memory passes
its bound or anything is lost. Needs Apache Kafka: the embedded broker forgets what it cannot hold.
"""

import argparse
import json
import time
from itertools import islice
from pathlib import Path

from tests.soak.__main__ import say
from tests.soak.fleet import Record, traffic
from tests.soak.report import DAY_S, MB
from tests.soak.site import Site, site
from tests.support.command import run_main

OUT = Path(__file__).parents[2] / "build" / "overload.json"
EVENTS = 200_000
COPIES = 8
BOUND_MB = 250.0
"""By so much a stage may grow while it works a backlog off, beside its state: see docs/operations.md."""
RUN_BYTES = 17_000
"""Of memory, which a live run takes for good: not the overload's."""
TIMES = 10.0
"""The backlog has to come so many times as fast as it is worked off, else this says nothing."""
PATIENCE_S = 600.0
POLL_S, LINE_S = 0.5, 5.0

Counts = dict[str, dict[str, float]]


def line(elapsed_s: float, stages: Counts) -> str:
    """What there is to see."""
    memory = " ".join(f"{name} {s['rss_bytes'] / MB:.0f}" for name, s in stages.items())
    lag = " ".join(f"{name} {s['lag']:,.0f}/{s['behind_s']:.0f}" for name, s in stages.items())
    return (
        f"{elapsed_s:5.1f} s, {stages['ingest']['events']:,.0f} events taken | MB: {memory} | records/s behind: {lag}"
    )


def work_off(at: Site, records: list[Record]) -> tuple[float, float, list[Counts]]:
    """Seconds to send, seconds to work off, and samples on the way; the first is from before."""
    samples = [at.sample()]
    for child in at.stages.values():
        child.hold()
    begun = time.monotonic()
    at.send(records)
    sent_s = time.monotonic() - begun
    at.clock(records[-1].time)
    for child in at.stages.values():
        child.go()
    begun, told = time.monotonic(), 0.0
    calls = sum(record.kind == "call" for record in records)
    while (elapsed := time.monotonic() - begun) < PATIENCE_S:
        stages = at.sample()
        samples.append(stages)
        if elapsed >= told:
            told = elapsed + LINE_S
            say(line(elapsed, stages))
        done = stages["ingest"]["events"] >= len(records) and stages["watch"]["calls"] >= calls
        if done and not any(s["lag"] for s in stages.values()):
            break
        time.sleep(POLL_S)
    return sent_s, elapsed, samples


def main(argv: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.overload", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of the backlog (default: {EVENTS:,})")
    records = list(islice(traffic(time.time() - 7 * DAY_S, COPIES), parser.parse_args(argv).events))
    with site(records[0].time, cores=1) as at:
        if at.broker != "apache":
            say("Apache Kafka is not to be had: nothing was tried")
            return 1
        sent_s, worked_s, samples = work_off(at, records)
    last, calls = samples[-1], sum(record.kind == "call" for record in records)
    grown = {n: (max(s[n]["rss_bytes"] for s in samples) - samples[0][n]["rss_bytes"]) / MB for n in last}
    grown["watch"] -= last["watch"]["live_runs"] * RUN_BYTES / MB
    faults = [f"{n} grew by {mb:.0f} MB, more than {BOUND_MB:g}" for n, mb in grown.items() if mb > BOUND_MB]
    if last["ingest"]["events"] != len(records) or last["watch"]["calls"] != calls:
        faults.append(
            f"of {len(records):,} records ingest has {last['ingest']['events']:,.0f}, "
            f"of {calls:,} calls watch has {last['watch']['calls']:,.0f}"
        )
    if worked_s < TIMES * sent_s:
        faults.append(f"the load was {worked_s / sent_s:.1f} times what is worked off, and not {TIMES:g}; try --events")
    found = {
        "events": len(records),
        "sent_s": sent_s,
        "worked_off_s": worked_s,
        "times_too_much": worked_s / sent_s,
        "grown_mb": grown,
        "behind_s_highest": max(stage["behind_s"] for s in samples for stage in s.values()),
        "faults": faults,
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    say(line(worked_s, last))
    say(f"{len(records):,} events came in {sent_s:.1f} s and were worked off in {worked_s:.1f} s")
    say("grown by MB, beside live runs: " + " ".join(f"{name} {mb:.0f}" for name, mb in grown.items()))
    for fault in faults:
        say(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    run_main(main)
