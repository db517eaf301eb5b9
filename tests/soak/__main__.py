"""`python -m tests.soak`: a week of made-up traffic in an hour through all stages; memory and lag, a line a minute.

A process for each stage, on Apache Kafka where Java and Maven are there. Leaves build/soak.json, and exits with 1 where
something is lost or memory grows.
"""

import argparse
import json
import time
from pathlib import Path

from tests.soak.fleet import traffic
from tests.soak.report import DAY_S, LEAST_DAYS, MB, Counted, Sample, verdict
from tests.soak.site import EMBEDDED, Site, site
from tests.support.command import run_main

OUT = Path(__file__).parents[2] / "build" / "soak.json"
SPEED = 7 * 24.0
"""A week in an hour; a shorter soak plays less of the week, at the same pace."""
COPIES = 8
"""Of the demo's 22 agents: about 73,000 events a day."""
CLOCK_BEHIND_S = 3.0
"""The stages' clock is so much behind what was sent, on the wall: a busy process sees an answer long after it came."""
TICK_S, SAMPLE_S, LINE_S = 0.2, 5.0, 60.0
END_S = 120.0
"""Within this all that was sent has to be worked off."""


def say(line: str) -> None:
    """A line of news."""
    print(line, flush=True)


class Soak:
    """Plays; `samples` are what was seen."""

    def __init__(self, at: Site, start: float, seconds: float) -> None:
        self._site, self._start, self._seconds = at, start, seconds
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
            self._advance(now_s * SPEED)
            if now_s >= sampled_s + SAMPLE_S:
                sampled_s = now_s
                self._sample(now_s * SPEED)
            if now_s >= told_s + LINE_S:
                told_s = now_s
                say(line(self.samples[-1], self.sent))
            time.sleep(max(0.0, self._begun + now_s + TICK_S - time.monotonic()))
        self._settle()

    def _advance(self, event_s: float) -> None:
        """Sends everything up to this event time, then moves the clock."""
        records = []
        while self._next.time <= self._start + event_s:
            records.append(self._next)
            self._counts[self._next.kind] += 1
            self._next = next(self._events)
        self._site.send(records)
        self._site.clock(self._start + event_s - CLOCK_BEHIND_S * SPEED)

    def _sample(self, event_s: float) -> None:
        self.samples.append(Sample(event_s, time.monotonic() - self._begun, self._site.sample()))

    def _settle(self) -> None:
        """Waits until everything is accounted for, or does not get on."""
        until = time.monotonic() + END_S
        while True:
            self._sample(self._seconds * SPEED)
            stages, sent = self.samples[-1].stages, self.sent
            done = stages["ingest"]["events"] >= sent.all and stages["watch"]["calls"] >= sent.calls
            if (done and not any(s["lag"] for s in stages.values())) or time.monotonic() > until:
                return
            time.sleep(0.5)


def line(sample: Sample, sent: Counted) -> str:
    """What a minute has brought."""
    day, hour = divmod(sample.event_s / 3600, 24)
    memory = " ".join(f"{name} {s['rss_bytes'] / MB:.0f}" for name, s in sample.stages.items())
    lag = " ".join(f"{name} {s['lag']:.0f}/{s['behind_s']:.1f}" for name, s in sample.stages.items())
    watch = sample.stages["watch"]
    return (
        f"{sample.wall_s / 60:5.1f} min, day {day + 1:.0f} {hour:04.1f} h, {sent.all:,} events, "
        f"{watch['live_runs']:,.0f} runs, dead letters {sample.stages['ingest']['refused']:,.0f} | "
        f"MB: {memory} | records/s behind: {lag}"
    )


def main(argv: list[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long to play (default: an hour, a week)")
    seconds = parser.parse_args(argv).seconds
    start = time.time() - 7 * DAY_S
    say(f"starting a broker and the stages; {seconds * SPEED / DAY_S:.1f} days of events in {seconds:g} s")
    with site(start) as at:
        say(f"on the {at.broker} broker" + (f": {EMBEDDED}" if at.broker == "embedded" else ""))
        soak = Soak(at, start, seconds)
        soak.play()
        found = {"broker": at.broker, **verdict(soak.samples, soak.sent)}
    say(line(soak.samples[-1], soak.sent))
    if found["grown_mb_a_day"] is None:
        say(f"less than {LEAST_DAYS:g} days of events: whether memory grows is not judged")
    else:
        say("grown, MB a day: " + " ".join(f"{name} {mb:.1f}" for name, mb in found["grown_mb_a_day"].items()))
    for fault in found["faults"]:
        say(f"FAULT: {fault}")
    say(f"{found['accepted']:,.0f} accepted + {found['dead_letters']:,.0f} dead letters of {found['sent']:,} sent")
    OUT.parent.mkdir(exist_ok=True)
    series = [{"event_s": s.event_s, "wall_s": s.wall_s, "stages": s.stages} for s in soak.samples]
    OUT.write_text(json.dumps(found | {"samples": series}, indent=1) + "\n")
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    run_main(main)
