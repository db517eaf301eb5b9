"""What it costs to compare a step and to decide, in CPU, and what the history of a run holds; one process, no broker.

`make bench` prints it for made-up traffic (tests.bench.mix). `python -m tests.bench.steps PATH…` prints the history
alone, the mean over the runs of recorded files (.jsonl or .jsonl.gz, as tests.bench.labelled reads them).
"""

import argparse
import gc
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from statistics import mean
from typing import Any, NamedTuple
from unittest.mock import patch

from detector import engine as walked
from detector.config import Config
from detector.engine import Engine
from detector.pipeline.intake import Intake, SourceRecord
from detector.state.layout import LANE
from tests.bench import labelled
from tests.bench.labelled import FormatError, Run
from tests.bench.mix import SHARES, Mix
from tests.bench.plain import PLAIN, PlainStep, plain_steps
from tests.support.command import run_main

OBSERVATIONS = 50
"""In a packed record: of a batch of ingest, about so many go to one of eight partitions."""
RUNS = 400
FILLING = 60
"""Steps of each live run in the round that warms up: more than its history holds."""
HISTORY_AIM_BYTES = 8_000


class Stepped(NamedTuple):
    """CPU microseconds a step, of all rounds but the first; `counts` are of these too; `history` in bytes by run.

    compare: the compiled walk, which books money too; decide: asking the rules; engine: these two and all else that
    watch does with packed observations; numpy, python: the baselines of tests.bench.plain.
    """

    rounds: list[dict[str, float]]
    counts: Mapping[str, int]
    history: list[int]


class Packer:
    """Events of a mix as ingest packs them."""

    def __init__(self, mix: Mix) -> None:
        self.intake = Intake(Config(), 1)
        self._mix, self._offsets = mix, count()

    def take(self, events: int) -> Iterator[bytes]:
        """The next events, packed."""
        for start in range(0, events, OBSERVATIONS):
            sent = self._mix.take(min(OBSERVATIONS, events - start))
            for event in sent:
                record = SourceRecord(next(self._offsets), event.value, event.time)
                self.intake.take(event.topic, "any", [record])
            marks = dict.fromkeys((0, 1), sent[-1].time)
            yield from (packed for _, packed in self.intake.flush(marks).packed)


class Timed:
    """An engine, and the seconds of CPU that it has spent on comparing and on asking the rules."""

    def __init__(self) -> None:
        self.engine = Engine(Config())
        self.spent_s: dict[str, float] = defaultdict(float)
        self.counts: Counter[str] = Counter()
        self._ask = self.engine._inquiry.ask
        self._compiled = {name: getattr(walked, name) for name in ("advance", "expire")}

    def process(self, records: Sequence[bytes]) -> None:
        """Packed records through the engine."""
        engine = self.engine
        with (
            patch.object(walked, "advance", self._advance),
            patch.object(walked, "expire", self._expire),
            patch.object(engine._inquiry, "ask", self._asked),
        ):
            before = time.process_time()
            for packed in records:
                self.counts["alerts"] += len(engine.process(packed, engine.offset + 1).alerts)
                engine.totals.take()
            self.spent_s["engine"] += time.process_time() - before
        self.counts["records"] += len(records)

    def _advance(self, *given: Any) -> tuple[int, int, int]:
        before = time.process_time()
        done, told, steps = self._compiled["advance"](*given)
        self.spent_s["compare"] += time.process_time() - before
        self.counts.update(walks=1, told=told, steps=steps)
        return done, told, steps

    def _expire(self, *given: Any) -> int:
        before = time.process_time()
        told: int = self._compiled["expire"](*given)
        self.spent_s["compare"] += time.process_time() - before
        self.counts["told"] += told
        return told

    def _asked(self, found: Any) -> Any:
        before = time.process_time()
        alerts = self._ask(found)
        self.spent_s["decide"] += time.process_time() - before
        return alerts


def measure_steps(rounds: int, events: int, shares: Mapping[str, int] = SHARES, runs: int = RUNS) -> Stepped:
    """`rounds` rounds of `events` events each, after one that fills the histories of all runs and is not told."""
    packer, timed = Packer(Mix(shares, runs)), Timed()
    plain: dict[str, dict[int, Any]] = {name: {} for name in PLAIN}
    done: list[dict[str, float]] = []
    counts: Counter[str] = Counter()
    for n in range(rounds + 1):
        records = list(packer.take(events if n else runs * FILLING))
        gc.collect()
        spent_s, before = timed.spent_s.copy(), timed.counts.copy()
        timed.process(records)
        steps = timed.counts["steps"] - before["steps"]
        us = {name: (s - spent_s[name]) / steps * 1e6 for name, s in timed.spent_s.items()}
        us |= _plainly(list(plain_steps(records)), plain)
        if n:
            counts += timed.counts - before
            done.append(us)
    return Stepped(done, counts, histories(timed.engine))


def _plainly(steps: list[PlainStep], lanes: Mapping[str, dict[int, Any]]) -> dict[str, float]:
    """The same steps, compared as one would without compiling anything; microseconds a step."""
    us = {}
    for name, compare in PLAIN.items():
        before = time.process_time()
        for step in steps:
            compare(lanes[name], step)
        us[name] = (time.process_time() - before) / len(steps) * 1e6
    return us


def histories(engine: Engine) -> list[int]:
    """Bytes of what is remembered of each run that is live: its row, its ids and names."""
    shard = engine._shard
    return [LANE.itemsize + held_bytes(shard.trails[slot]) for slot in shard.lane_names]


def held_bytes(trail: Any) -> int:
    """Bytes of a trail, its lists and the texts in them; a text that is there twice counts once."""
    kept = [getattr(trail, name) for name in trail.__struct_fields__]
    lists = [each for each in kept if isinstance(each, list)]
    texts = {id(text): text for each in lists for text in each}
    return sum(map(sys.getsizeof, (trail, *lists, *texts.values())))


def recorded_history(intake: Intake, run: Run) -> int:
    """Bytes of a run's history after its last step."""
    engine, t = Engine(Config()), labelled.START_S
    for n, event in enumerate(labelled.of_run(run, t)):
        t = event["time"]
        intake.take(0, "calls", [SourceRecord(n, json.dumps(event).encode(), None)])
    reached = t + Config().time.lateness_s
    for _, packed in intake.flush({0: reached}).packed:
        engine.process(packed, engine.offset + 1)
    return max(histories(engine), default=0)


def tell_recorded(path: str) -> str:
    """A line on a file. Raises FormatError."""
    intake, bytes_of, steps = Intake(Config(), 1), [], 0
    for run in labelled.read(path):
        bytes_of.append(recorded_history(intake, run))
        steps += len(run.steps)
    bytes_of = [n for n in bytes_of if n]
    if not bytes_of:
        return f"{path}: no run has a step"
    return (
        f"{path}: {len(bytes_of):,} runs, {steps:,} steps; history of a run: mean {mean(bytes_of):,.0f} bytes "
        f"(most {max(bytes_of):,}), {LANE.itemsize:,} of it the row; "
        f"aim: mean at most {HISTORY_AIM_BYTES:,}: {'met' if mean(bytes_of) <= HISTORY_AIM_BYTES else 'not met'}"
    )


def main(argv: Sequence[str]) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.steps", description=__doc__)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="recorded runs, .jsonl or .jsonl.gz")
    for path in parser.parse_args(argv).paths:
        try:
            print(tell_recorded(path), flush=True)
        except FormatError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    run_main(main)
