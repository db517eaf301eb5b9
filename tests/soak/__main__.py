"""`make soak`, or `python -m tests.soak`: a week of made-up traffic in an hour through all stages; memory and lag.

A process for each stage, on Apache Kafka where Java and Maven are there. Events carry the times of their week, the
broker has each at that time, and the stages' clock runs as fast as the events: it is judged as a real week would be. A
line a minute tells of each stage

  MB              its memory
  records/s       records that it has not read, and for how many seconds of the wall the oldest waits: as
                  detector_behind_seconds, but of ingest since when it last had nothing left to read
  judged          how far behind the present watch or portfolio judges: minutes of event time, as
                  detector_watermark_lag_seconds, and the seconds of the wall that these take at this speed

Leaves build/soak.json. Exits with 1 where something is lost or late, or memory grows; with 130 after Ctrl-C.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from tests.soak.fleet import traffic
from tests.soak.report import DAY_S, LEAST_DAYS, MB, Counted, Sample, unjudged_s, verdict
from tests.soak.site import EMBEDDED, Site, site
from tests.support.command import run_main

OUT = Path(__file__).parents[2] / "build" / "soak.json"
SPEED = 7 * 24.0
"""A week in an hour; a shorter soak plays less of the week, at the same pace."""
COPIES = 8
"""Of the demo's 22 agents: about 73,000 events a day."""
AGO_S = DAY_S
"""The last event is so long before the present: a broker's time in the future would hide how far behind a stage is."""
TICK_S, SAMPLE_S, LINE_S = 0.2, 5.0, 60.0
END_S = 120.0
"""Within this all that was sent has to be worked off."""


def say(line: str) -> None:
    """A line of news."""
    print(line, flush=True)


class Soak:
    """Plays; `samples` are what was seen."""

    def __init__(self, at: Site, start: float, seconds: float, speed: float) -> None:
        self._site, self._start, self._seconds, self._speed = at, start, seconds, speed
        self._events = traffic(start, COPIES)
        self._next = next(self._events)
        self._counts = {"call": 0, "other": 0, "bad": 0}
        self._begun = time.monotonic()
        self.samples: list[Sample] = []

    @property
    def sent(self) -> Counted:
        """So far."""
        return Counted(*self._counts.values())

    def play(self) -> None:
        """Until the time is over and all is worked off."""
        now_s = sampled_s = told_s = 0.0
        while now_s < self._seconds:
            now_s = min(time.monotonic() - self._begun, self._seconds)
            self._advance(now_s * self._speed)
            if now_s >= sampled_s + SAMPLE_S:
                sampled_s = now_s
                self._sample(now_s * self._speed)
            if now_s >= told_s + LINE_S:
                told_s = now_s
                say(line(self.samples[-1], self.sent, self._speed))
            time.sleep(max(0.0, self._begun + now_s + TICK_S - time.monotonic()))
        self._settle()

    def _advance(self, event_s: float) -> None:
        """Sends everything up to this event time, and moves the clock once the broker has it."""
        records = []
        while self._next.time <= self._start + event_s:
            records.append(self._next)
            self._counts[self._next.kind] += 1
            self._next = next(self._events)
        self._site.send(records)
        self._site.clock(self._start + event_s)

    def _sample(self, event_s: float) -> None:
        self.samples.append(Sample(event_s, time.monotonic() - self._begun, self._site.sample()))

    def _settle(self) -> None:
        """Waits until everything is accounted for, or does not get on."""
        until = time.monotonic() + END_S
        while True:
            self._sample(self._seconds * self._speed)
            stages, sent = self.samples[-1].stages, self.sent
            done = stages["ingest"]["events"] >= sent.all and stages["watch"]["calls"] >= sent.calls
            if (done and not any(s["lag"] for s in stages.values())) or time.monotonic() > until:
                return
            time.sleep(0.5)


def line(sample: Sample, sent: Counted, speed: float) -> str:
    """What a minute has brought."""
    day, hour = divmod(sample.event_s / 3600, 24)
    memory = " ".join(f"{name} {s['rss_bytes'] / MB:.0f}" for name, s in sample.stages.items())
    lag = " ".join(f"{name} {s['lag']:.0f}/{s['behind_s']:.1f}" for name, s in sample.stages.items())
    watch, unjudged = sample.stages["watch"], unjudged_s(sample)
    return (
        f"{sample.wall_s / 60:5.1f} min, day {day + 1:.0f} {hour:04.1f} h, {sent.all:,} events, "
        f"{watch['live_runs']:,.0f} runs, dead letters {sample.stages['ingest']['refused']:,.0f}, "
        f"late {watch['late']:,.0f} | MB: {memory} | records/s behind: {lag} | "
        f"judged {unjudged / 60:.0f} min of event time behind, {unjudged / speed:.1f} s"
    )


def tell(found: dict[str, Any], speed: float) -> None:
    """What it has come to."""
    if found["grown_mb_a_day"] is None:
        say(f"less than {LEAST_DAYS:g} days of events: whether memory grows is not judged")
    else:
        say("grown, MB a day: " + " ".join(f"{name} {mb:.1f}" for name, mb in found["grown_mb_a_day"].items()))
    behind = " ".join(
        f"{name} {found['lag_records_highest'][name]:,.0f}/{behind_s:.1f}"
        for name, behind_s in found["behind_s_highest"].items()
    )
    unjudged = found["unjudged_event_s_highest"]
    say(
        f"most records/s behind: {behind}; "
        f"judged {unjudged / 60:.0f} min of event time behind, {unjudged / speed:.1f} s"
    )
    for fault in found["faults"]:
        say(f"FAULT: {fault}")
    say(
        f"{found['accepted']:,.0f} accepted + {found['dead_letters']:,.0f} dead letters of {found['sent']:,} sent, "
        f"{found['calls_metered']:,.0f} of {found['calls_sent']:,} calls metered, {found['late']:,.0f} late"
    )
    say("FAIL" if found["faults"] else "PASS")


def main(argv: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long to play (default: an hour, a week)")
    parser.add_argument(
        "--speed", type=float, default=SPEED, help=f"event time runs so many times as fast as the wall ({SPEED:g})"
    )
    options = parser.parse_args(argv)
    seconds, speed = options.seconds, options.speed
    if not (seconds > 0 and speed > 0):
        parser.error("--seconds and --speed take what is above 0")
    start = time.time() - seconds * speed - AGO_S
    say(f"starting a broker and the stages; {seconds * speed / DAY_S:.1f} days of events in {seconds:g} s")
    with site(start) as at:
        say(f"on the {at.broker} broker" + (f": {EMBEDDED}" if at.broker == "embedded" else ""))
        soak = Soak(at, start, seconds, speed)
        soak.play()
        found = {"broker": at.broker, "speed": speed, **verdict(soak.samples, soak.sent)}
    say(line(soak.samples[-1], soak.sent, speed))
    tell(found, speed)
    OUT.parent.mkdir(exist_ok=True)
    series = [{"event_s": s.event_s, "wall_s": s.wall_s, "stages": s.stages} for s in soak.samples]
    OUT.write_text(json.dumps(found | {"samples": series}, indent=1) + "\n")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    run_main(main)
