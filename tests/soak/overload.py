"""`make overload`, or `python -m tests.soak.overload`: ten times and more of what the stages can hold, all at once.

All stages share one core, and are held while a backlog is sent: of some days, in arrays of events, as gateways send
them that gather. Then they work it off. A line every few seconds tells of each stage its memory (MB), the records that
it has not read, and for how many seconds the oldest waits (detector_behind_seconds; of ingest since when it last had
nothing left). Ends with the rates at which events came and were worked off, how memory grew, how far behind each stage
said it was, and what was lost.

Leaves build/overload.json. Exits with 1 where the load was less than ten times what is worked off, memory passes its
bound, anything is lost or late, or ingest says less than it is behind; with 130 after Ctrl-C. Needs Apache Kafka: the
embedded broker forgets what it cannot hold.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from tests.soak.__main__ import say
from tests.soak.fleet import Record, arrays, traffic
from tests.soak.report import DAY_S, MB, Counted
from tests.soak.site import Site, site
from tests.support.command import run_main

OUT = Path(__file__).parents[2] / "build" / "overload.json"
EVENTS = 200_000
ARRAY = 50
"""Events in a record."""
COPIES = 8
AGO_S = 40 * DAY_S
"""The backlog began so long ago, and MOST events end before the present."""
MOST = 2_000_000
BOUND_MB = 250.0
"""By so much a stage may grow while it works a backlog off, beside its state: see docs/operations.md."""
RUN_BYTES = 17_000
"""Of memory, which a live run takes for good: not the overload's."""
TIMES = 10.0
"""The backlog has to come so many times as fast as it is worked off, else this says nothing."""
PATIENCE_S = 600.0
POLL_S, LINE_S = 0.5, 5.0

Counts = dict[str, dict[str, float]]


class Taken(NamedTuple):
    """How the stages took it: seconds to send, and samples by the seconds since they were let go, the first before."""

    sent_s: float
    samples: Sequence[tuple[float, Counts]]


def line(elapsed_s: float, stages: Counts) -> str:
    """What there is to see."""
    memory = " ".join(f"{name} {s['rss_bytes'] / MB:.0f}" for name, s in stages.items())
    lag = " ".join(f"{name} {s['lag']:,.0f}/{s['behind_s']:.0f}" for name, s in stages.items())
    return (
        f"{elapsed_s:5.1f} s, {stages['ingest']['events']:,.0f} events taken | MB: {memory} | records/s behind: {lag}"
    )


def work_off(at: Site, records: Sequence[Record], sent: Counted) -> Taken:
    """Sends these records, in which are the events that `sent` counts, and waits until all of it is worked off."""
    samples = [(0.0, at.sample())]
    for child in at.stages.values():
        child.hold()
    begun = time.monotonic()
    at.send(records)
    sent_s = time.monotonic() - begun
    at.clock(records[-1].time)
    for child in at.stages.values():
        child.go()
    begun, told = time.monotonic(), 0.0
    while (elapsed := time.monotonic() - begun) < PATIENCE_S:
        stages = at.sample()
        samples.append((elapsed, stages))
        if elapsed >= told:
            told = elapsed + LINE_S
            say(line(elapsed, stages))
        done = stages["ingest"]["events"] >= sent.all and stages["watch"]["calls"] >= sent.calls
        if done and not any(s["lag"] for s in stages.values()):
            break
        time.sleep(POLL_S)
    return Taken(sent_s, samples)


def verdict(taken: Taken, sent: Counted) -> dict[str, Any]:
    """Figures and `faults`: sentences, none where all is well."""
    (sent_s, samples), events = taken, sent.all
    before, (worked_s, last) = samples[0][1], samples[-1]
    grown = {n: (max(s[n]["rss_bytes"] for _, s in samples) - before[n]["rss_bytes"]) / MB for n in last}
    grown["watch"] -= last["watch"]["live_runs"] * RUN_BYTES / MB
    behind = {n: max(s[n]["behind_s"] for _, s in samples) for n in last}
    # The oldest record waited for as long as this at least.
    waited_s = max((t for t, s in samples if s["ingest"]["events"] < events), default=0.0)
    lost, unmetered = events - last["ingest"]["events"], sent.calls - last["watch"]["calls"]
    dead, late = last["ingest"]["refused"], last["watch"]["late"]
    times = worked_s / sent_s
    faults = [f"{n} grew by {mb:.0f} MB, more than {BOUND_MB:g}" for n, mb in grown.items() if mb > BOUND_MB]
    if lost:
        faults.append(f"of {events:,} events ingest has accounted for all but {lost:,.0f}")
    if dead != sent.bad:
        faults.append(f"{dead:,.0f} dead letters, and {sent.bad:,} events were bad")
    if unmetered:
        faults.append(f"of {sent.calls:,} calls watch has metered all but {unmetered:,.0f}")
    if late:
        faults.append(f"{late:,.0f} observations came late, and none was sent late")
    if left := sum(stage["lag"] for stage in last.values()):
        faults.append(f"{left:,.0f} records are not worked off after {worked_s:.0f} s")
    if times < TIMES:
        faults.append(f"the load was {times:.1f} times what is worked off, and not {TIMES:g}")
    if behind["ingest"] < waited_s:
        faults.append(f"ingest was {waited_s:.1f} s behind, and said {behind['ingest']:.1f}")
    return {
        "events": events,
        "sent_s": sent_s,
        "worked_off_s": worked_s,
        "events_a_second_in": events / sent_s,
        "events_a_second_out": events / worked_s,
        "times_too_much": times,
        "grown_mb": grown,
        "lag_records_highest": {n: max(s[n]["lag"] for _, s in samples) for n in last},
        "behind_s_highest": behind,
        "lost": lost,
        "calls_unmetered": unmetered,
        "late": late,
        "dead_letters": dead,
        "faults": faults,
    }


def tell(found: dict[str, Any]) -> None:
    """What was measured."""
    by_stage = {key: found[key].items() for key in ("grown_mb", "lag_records_highest", "behind_s_highest")}
    say(
        f"in:  {found['events']:,} events in {found['sent_s']:.2f} s, {found['events_a_second_in']:,.0f} a second\n"
        f"out: in {found['worked_off_s']:.1f} s, {found['events_a_second_out']:,.0f} a second; "
        f"the load was {found['times_too_much']:.1f} times what is worked off"
    )
    say("grown by MB, beside live runs: " + " ".join(f"{name} {mb:.0f}" for name, mb in by_stage["grown_mb"]))
    say("most records unread: " + " ".join(f"{name} {n:,.0f}" for name, n in by_stage["lag_records_highest"]))
    say("longest behind, s: " + " ".join(f"{name} {s:.1f}" for name, s in by_stage["behind_s_highest"]))
    say(
        f"lost: {found['lost']:,.0f} events; calls not metered: {found['calls_unmetered']:,.0f}; "
        f"late: {found['late']:,.0f}; dead letters: {found['dead_letters']:,.0f}"
    )
    for fault in found["faults"]:
        say(f"FAULT: {fault}")
    say("FAIL" if found["faults"] else "PASS")


def main(argv: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak.overload", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of the backlog (default: {EVENTS:,})")
    count = parser.parse_args(argv).events
    if not 1 <= count <= MOST:
        parser.error(f"--events {count}: takes 1 to {MOST:,}")
    events = list(islice(traffic(time.time() - AGO_S, COPIES), count))
    kinds = Counter(event.kind for event in events)
    sent, records = Counted(kinds["call"], kinds["other"], kinds["bad"]), arrays(events, ARRAY)
    with site(events[0].time, cores=1) as at:
        if at.broker != "apache":
            say("Apache Kafka is not to be had: nothing was tried")
            return 1
        found = verdict(work_off(at, records, sent), sent)
    tell(found)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    run_main(main)
