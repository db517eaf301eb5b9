"""An engine restored from any sequence of checkpoints, torn ones among them, is the engine that was never stopped."""

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from detector.config import Config, Time, Watch
from detector.engine import Engine
from detector.kafka.checkpoint import MOST_PARTS, Plan
from detector.model.alert import Alert
from detector.pipeline.owned import EngineLike, Owned
from detector.state.layout import VERSION
from detector.state.stored import open_stored
from tests.support.judged import Event, call, in_order, last, tool
from tests.support.stored import bytes_of
from tests.support.worlds import World
from tests.unit.test_engine import DAY, packed

CONFIG = Config(watch=Watch(segments=4))
FEW = Config(watch=Watch(segments=3, max_runs=6, max_seen_ids=40), time=Time(idle_s=900.0))
Log = dict[bytes, bytes]
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example takes a second."""


class Record:
    """A packed record as Faust hands it over."""

    timestamp = 0.0

    def __init__(self, offset: int, value: bytes, acked: set[int]) -> None:
        self.offset, self.value, self._acked = offset, value, acked

    @property
    def message(self) -> "Record":
        return self

    def ack(self) -> bool:
        self._acked.add(self.offset)
        return True


class Watching:
    """Engines over one partition, an owner after the other; `log` is its changelog as a reader finds it."""

    def __init__(self, config: Config, records: list[bytes]) -> None:
        self._config, self.records, self.log = config, records, Log()
        self.acked, self.generation = set[int](), 0
        self.take_over()

    def make(self, partition: int) -> EngineLike:
        return Engine(self._config, partition)

    def restore(self, partition: int, offset: int, segments: Mapping[int, Sequence[bytes]]) -> EngineLike:
        return Engine.restore(self._config, partition, offset, segments)

    def take_over(self) -> None:
        """A new owner reads the log; what the one before had not written is gone."""
        self.generation += 1
        self.owned = Owned.load(self, "source", "state", 0, self.generation, self.log, None)

    @property
    def next_offset(self) -> int:
        return self.owned.next_offset

    def process(self) -> list[Alert]:
        """The next record."""
        n = self.next_offset
        alerts: list[Alert] = self.owned.process(Record(n, self.records[n], self.acked)).alerts
        return alerts

    def checkpoint(self, torn_after: int | None = None) -> None:
        """Writes one, or only its first records: then whoever wrote it is dead."""
        plan: Plan = self.owned.plan()
        written = [*((key, None) for key in plan.tombstones), *plan.segments, plan.manifest]
        for key, value in written[:torn_after]:
            if value is None:
                self.log.pop(key, None)
            else:
                self.log[key] = value
        if torn_after is None or torn_after >= len(written):
            self.owned.finish(plan)


def world(seed: int) -> list[Event]:
    return World(seed, results_later=True).events


def as_it_came(events: list[Event], seed: int) -> list[Event]:
    """Some within the lateness, some minutes and hours too late, some twice, and links of runs to tasks."""
    chance = random.Random(seed)
    runs = sorted({(e["tenant"], e["run"]) for e in events if "run" in e and "tenant" in e})
    links = [
        {"type": "link", "id": f"link-{n}", "time": events[len(events) // (n + 2)]["time"], "tenant": tenant}
        | {"run": run, "task": f"T{n % 3}"}
        for n, (tenant, run) in enumerate(runs)
    ]
    told = [*events, *links, *chance.sample(events, len(events) // 20)]
    late_s = [chance.choice((0.0, 0.0, chance.uniform(0, 15), chance.choice((200.0, 4000.0, 9000.0)))) for _ in told]
    order = sorted(range(len(told)), key=lambda n: float(told[n]["time"]) + late_s[n])
    return [told[n] for n in order]


@cache
def undisturbed(which: str, size: int) -> tuple[list[bytes], list[dict[int, bytes]], list[Alert]]:
    """The records of a world, the state after each, and all alerts."""
    config = FEW if which.endswith("few") else CONFIG
    events = DAY if which.startswith("day") else in_order(world(int(which.split()[0])))
    if "late" in which:
        events = as_it_came(events, len(events))
    records = packed(events, [size], config)
    engine, states, alerts = Engine(config), [], list[Alert]()
    for n, record in enumerate(records):
        alerts += engine.process(record, n).alerts
        states.append(bytes_of(engine))
    return records, states, alerts


WORLDS = ["day", "day few", "day late", "1", "1 late", "2 few", "3", "3 late few", "5 few", "8", "8 late few"]
MOVES = st.sampled_from(["process"] * 5 + ["checkpoint"] * 3 + ["crash", "torn"])


def taken_over(watching: Watching, states: list[dict[int, bytes]]) -> None:
    """A new owner has what was acknowledged, and the very state that was there at that point."""
    watching.take_over()
    assert watching.next_offset > max(watching.acked, default=-1)
    if watching.next_offset:
        assert bytes_of(watching.owned.engine) == states[watching.next_offset - 1]


@settings(max_examples=40, deadline=None, phases=WITHOUT_SHRINKING)
@given(st.sampled_from(WORLDS), st.sampled_from([17, 40]), st.data())
def test_whatever_was_written_and_torn_the_state_and_the_alerts_are_those_of_an_undisturbed_engine(
    which: str, size: int, data: st.DataObject
) -> None:
    records, states, expected = undisturbed(which, size)
    watching, alerts = Watching(FEW if which.endswith("few") else CONFIG, records), list[Alert]()
    while watching.next_offset < len(records):
        match data.draw(MOVES):
            case "process":
                alerts += watching.process()
            case "checkpoint":
                watching.checkpoint()
            case "torn":
                watching.checkpoint(data.draw(st.integers(0, 12)))
                taken_over(watching, states)
            case "crash":
                taken_over(watching, states)
    assert bytes_of(watching.owned.engine) == states[-1]
    assert last(alerts) == last(expected)


def test_what_is_processed_while_a_checkpoint_is_written_is_not_acknowledged_by_it() -> None:
    watching = Watching(CONFIG, packed(DAY, [40], CONFIG))
    watching.process()
    plan = watching.owned.plan()
    watching.process()
    watching.owned.finish(plan)
    assert watching.acked == {0}
    watching.checkpoint()
    assert watching.acked == {0, 1}


def test_a_run_that_changes_little_costs_a_checkpoint_little() -> None:
    events = [call(i * 3.0, run=f"run-{i % 40}", tools=tool("read", result=f"{i}", n=i)) for i in range(1600)]
    engine, records = Engine(CONFIG), packed(events, [20], CONFIG)
    for n, record in enumerate(records[:-2]):
        if n == len(records) - 4:
            engine.clean()
        engine.process(record, n)
    whole, changed = (
        sum(len(encode(n) or b"") for n in (1, 2, 3)) for encode in (engine.encode_segment, engine.encode_changes)
    )
    assert changed * 5 < whole


def live(watching: Watching) -> Any:
    return watching.owned.engine._shard  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("config", "left"), [(Config(time=Time(idle_s=3600.0)), 10), (Config(watch=Watch(max_runs=50)), 50)]
)
def test_what_has_left_memory_has_left_the_changelog_and_is_not_read_again(config: Config, left: int) -> None:
    old = [call(i * 2.0, run=f"run-{i}-", task=f"TASK-{i}-", output={"text": f"note {i}"}) for i in range(300)]
    new = [call(20_000.0 + i * 5.0, run=f"new-{i % 10}-", task="NEW", output={"text": f"{i}"}) for i in range(900)]
    watching = Watching(config, packed(old + new, [30], config)[:-1])
    for _ in watching.records:
        watching.process()
        watching.checkpoint()
    for _ in range(2 * MOST_PARTS):
        watching.checkpoint()
    shard = live(watching)
    assert len(shard.lanes) == left
    lives = {name.run.encode() for names in (shard.lane_names, shard.subject_names) for name in names.values()}
    parts = (value for key, value in watching.log.items() if b"manifest" not in key)
    told = [bytes(open_stored(part, VERSION, msgspec.Raw)) for part in parts]
    assert {run for part in told for run in re.findall(rb"(?:run|new)-\d+-", part)} == lives
    assert size_of(watching.log) < 1.2 * size_of_all(watching)
    before = set(shard.lanes), set(shard.subjects)
    watching.take_over()
    assert (set(live(watching).lanes), set(live(watching).subjects)) == before


def size_of(log: Log) -> int:
    return sum(map(len, log.values()))


def size_of_all(watching: Watching) -> int:
    """Bytes of the state as it is."""
    return sum(map(len, bytes_of(watching.owned.engine).values()))
