"""What the bench found: a table for people, and build/bench.json for whoever compares."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from detector.state.layout import LANE
from tests.bench.checkpoints import CALLS_S, EVERY_S
from tests.bench.decoders import Cost
from tests.bench.gateway import Posted
from tests.bench.mix import KINDS, SHARES
from tests.bench.portfolio import Minute
from tests.bench.rounds import PACE, PARTITIONS, STAGES, Measured
from tests.bench.rows import STEPS
from tests.bench.steps import HISTORY_AIM_BYTES, OBSERVATIONS, RUNS, Stepped

PATH = Path("build/bench.json")
TOTAL_AIM_US, IDIOMATIC_AIM, STEP_AIM_US, RECOVERY_AIM_S, RECORD_AIM_US = 30.0, 6.0, 8.0, 5.0, 25.0
TASK_AIM_BYTES = 300
_STEPPED = {
    "compare": "compare, book money",
    "decide": "ask the rules",
    "numpy": "in numpy",
    "python": "in plain Python",
}


class Spread(NamedTuple):
    """Of one process over the rounds, µs an event."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:9.1f}   ({self.least:.1f} to {self.most:.1f})"


def spread(measured: Measured | Stepped, *names: str) -> Spread:
    """Of one process, or of several together."""
    values = [sum(found[name] for name in names) for found in measured.rounds]
    return Spread(median(values), min(values), max(values))


def most_looping(us: Mapping[str, float], shares: Mapping[str, int], aim_us: float) -> float:
    """The share of runs that may loop, 0 to 1, until a step costs more than `aim_us` on average.

    us: of a step by kind; shares: runs of each kind, which say how the honest ones relate.
    """
    honest = {kind: many for kind, many in shares.items() if kind != "looping"}
    least = sum(us[kind] * many for kind, many in honest.items()) / sum(honest.values())
    if least >= aim_us:
        return 0.0
    return 1.0 if us["looping"] <= aim_us else (aim_us - least) / (us["looping"] - least)


class Found:
    """Collects results; `figures` is what goes into the file."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {
            "machine": {"cpus": os.cpu_count(), "load": list(os.getloadavg()), "python": platform.python_version()}
        }
        self._lines: list[str] = []
        self._total = 0.0

    def stages(self, measured: Measured) -> None:
        """The stages and their floor."""
        each = {name: spread(measured, name) for name in STAGES}
        floor, total = spread(measured, "floor"), spread(measured, *STAGES)
        self._total = sum(found.median for found in each.values())
        watch, checkpoint = measured.counts["watch"], spread(measured, "checkpoint").median
        self.figures |= {
            "cpu_us_per_event": {name: round(found.median, 3) for name, found in each.items()}
            | {"total": round(self._total, 3)},
            "floor_us_per_event": round(floor.median, 3),
            "spread_us": {name: list(found) for name, found in (each | {"total": total, "floor": floor}).items()},
            "checkpoint_us_per_event": round(checkpoint, 3),
            "event_bytes": round(measured.event_bytes),
            "events": measured.events,
            "alerts_per_1000_events": round(1000 * watch["alerts"] / measured.counts["ingest"]["events"], 1),
            "paced_us_per_event": measured.paced and {k: round(us, 3) for k, us in measured.paced.items()},
        }
        a_round = measured.events // len(measured.rounds)
        self._lines += [
            "",
            f"CPU microseconds an event of {measured.event_bytes / 1000:.1f} kB: median (least to most) of "
            f"{len(measured.rounds)} rounds of {a_round:,} events",
            *(f"  {name:22}{found}" for name, found in each.items()),
            f"  {'total':22}{self._total:9.1f}   ({total.least:.1f} to {total.most:.1f})",
            f"  {'getmany and decode':22}{floor}   the floor; total is {self._total / floor.median:.1f} times as much",
            f"  watch includes {checkpoint:.1f} for a checkpoint a round, of {watch['live_runs']:.0f} runs at the end",
        ]
        if measured.paced:
            told = ", ".join(f"{name} {us:.1f}" for name, us in measured.paced.items())
            whole = sum(measured.paced.values())
            self._lines.append(f"  at {PACE:,} events a second, when batches are small: {whole:.1f} ({told})")

    def idiomatic(self, measured: Measured) -> None:
        """The idiomatic app, beside the stages where they were measured too."""
        found = spread(measured, "idiomatic")
        self.figures["idiomatic_faust_us_per_event"] = round(found.median, 3)
        self._lines.append(f"  {'idiomatic Faust app':22}{found}")
        if self._total:
            ratio = found.median / self._total
            self.figures["idiomatic_to_total"] = round(ratio, 2)
            self._aim(f"total at most {TOTAL_AIM_US:g} µs", self._total <= TOTAL_AIM_US, f"{self._total:.1f}")
            self._aim(f"{IDIOMATIC_AIM:g} times less than idiomatic", ratio >= IDIOMATIC_AIM, f"{ratio:.1f} times")

    def _aim(self, what: str, met: bool, found: str) -> None:
        self.figures.setdefault("aims", {})[what] = met
        self._lines.append(f"  aim: {what}: {'met' if met else 'not met'} ({found})")

    def large(self, measured: Mapping[int, Measured]) -> None:
        """Calls with their conversation, by nominal size."""
        self._lines += ["", "CPU microseconds a call that carries its conversation (ingest, and its floor)"]
        self.figures["large_us_per_event"] = {}
        for size, found in measured.items():
            ingest, floor = spread(found, "ingest"), spread(found, "floor")
            self.figures["large_us_per_event"][f"{size // 1000}kB"] = {
                "bytes": round(found.event_bytes),
                "ingest": round(ingest.median, 1),
                "floor": round(floor.median, 1),
            }
            name = f"{found.event_bytes / 1000:.0f} kB"
            self._lines += [f"  {name + ' ingest':22}{ingest}", f"  {name + ' floor':22}{floor}"]

    def decoders(self, found: Mapping[str, Cost]) -> None:
        """Foreign formats, by client."""
        self.figures["decoder_us_per_record"] = {name: round(cost.us, 2) for name, cost in found.items()}
        self._lines += [
            "",
            "CPU microseconds a record of a foreign format: decoded, and whose it is; its body read alone",
        ]
        for name, cost in found.items():
            self._lines.append(f"  {name:24}{cost.us:8.1f}   {cost.floor_us:8.1f}   of {cost.record_bytes:,.0f} bytes")
        dearest = max(cost.us for name, cost in found.items() if name.startswith("codex"))
        self._aim(f"an OTLP log record at most {RECORD_AIM_US:g} µs", dearest <= RECORD_AIM_US, f"{dearest:.1f}")

    def gateway(self, found: Mapping[str, Posted]) -> None:
        """Codex's log records over HTTP, by size of body."""
        self.figures["gateway_us_per_record"] = {
            name: {"gateway": round(posted.us, 2), "floor": round(posted.floor_us, 2)} for name, posted in found.items()
        }
        self._lines += ["", "CPU microseconds a log record over HTTP, checked and written; aiohttp alone"]
        for name, posted in found.items():
            told = f"{posted.us:8.1f}   {posted.floor_us:8.1f}   in bodies of {posted.records:,} records"
            self._lines.append(f"  {name:24}{told}")

    def steps(self, mixed: Stepped, alone: Mapping[str, Stepped]) -> None:
        """Comparing and deciding, in mixed traffic and of each kind of run alone, and the history of a run."""
        each = {name: spread(mixed, name) for name in _STEPPED}
        both, engine = spread(mixed, "compare", "decide"), spread(mixed, "engine")
        kinds = {kind: [spread(found, name).median for name in ("compare", "decide")] for kind, found in alone.items()}
        most = most_looping({kind: sum(us) for kind, us in kinds.items()}, SHARES, STEP_AIM_US)
        held = mean(mixed.history)
        self.figures["steps"] = {
            "cpu_us_per_step": {name: round(found.median, 3) for name, found in each.items()}
            | {"compare_and_decide": round(both.median, 3), "engine": round(engine.median, 3)},
            "spread_us": {name: list(found) for name, found in (each | {"compare_and_decide": both}).items()},
            "by_kind_us": {kind: [round(us, 3) for us in found] for kind, found in kinds.items()},
            "runs_of_each_kind": dict(SHARES),
            "most_runs_looping": round(most, 4),
            "counts": dict(mixed.counts),
            "history_bytes": round(held),
        }
        self._lines += _step_lines(mixed, each | {"both": both, "engine": engine}, kinds)
        self._aim(f"compare and decide at most {STEP_AIM_US:g} µs", both.median <= STEP_AIM_US, f"{both.median:.2f}")
        self._lines.append(f"  this holds as long as at most {100 * most:.1f} % of the runs loop")
        what = f"history of a run at most {HISTORY_AIM_BYTES:,} bytes"
        self._aim(what, held <= HISTORY_AIM_BYTES, f"mean {held:,.0f}, of it {LANE.itemsize:,} the row")

    def memory(self, found: Mapping[str, Any], recovery: Mapping[str, float] | None) -> None:
        """Live runs in memory, their checkpoints, and how they are taken over."""
        runs, cost = int(found["runs"]), found["checkpoints"]
        per_run, encoded = found["grown_bytes"] / runs, found["encoded_bytes"] / runs
        self.figures |= {
            "bytes_per_live_run": round(per_run),
            "encoded_bytes_per_live_run": round(encoded),
            "live_runs": runs,
            "open_episodes": int(found["episodes"]),
            "steps_per_run": STEPS,
            "encode_s": round(found["encode_s"], 2),
            "checkpoint": {name: round(value, 3) for name, value in cost.items()},
        }
        changelog, size, first = (cost[name] / 1e6 for name in ("changelog_bytes", "bytes", "first_bytes"))
        waits, waits_first = (1e3 * cost[name] for name in ("longest_s", "first_longest_s"))
        self._lines += [
            "",
            f"Memory with {runs:,} live runs of {STEPS} steps each, in {PARTITIONS} partitions of one process;",
            f"{found['episodes']:,.0f} of them have an open episode (run_inflation); seconds of CPU",
            f"  a live run            {per_run:9,.0f} bytes of memory, {encoded:,.0f} written whole",
            f"  the first checkpoint  {cost['first_cpu_s']:9.2f} s, {first:,.0f} MB; events wait {waits_first:.0f} ms",
            f"  a checkpoint          {cost['cpu_s']:9.2f} s, {size:,.0f} MB, every {EVERY_S:g} s at {CALLS_S:,} "
            f"calls a second; events wait {waits:.0f} ms at most",
            f"  all restored          {cost['restore_cpu_s']:9.1f} s from a changelog of {changelog:,.0f} MB",
        ]
        if recovery is None:
            self._lines.append("  a takeover was not measured: Apache Kafka needs Java 17 and Maven")
        else:
            self._recovery(runs, recovery)

    def _recovery(self, runs: int, found: Mapping[str, float]) -> None:
        if found["runs"] < runs:
            raise RuntimeError(f"only {found['runs']:,.0f} of {runs:,} runs came back")
        self.figures |= {name: round(found[name], 2) for name in ("recovery_s", "recovery_cpu_s")}
        seconds = found["recovery_s"]
        self._lines.append(
            f"  a takeover            {seconds:9.1f} s from the assignment until each partition has its next record "
            f"processed, {found['recovery_cpu_s']:.1f} s of CPU, on Apache Kafka"
        )
        if runs == 100_000:
            self.figures["recovery_s_100k_runs"] = self.figures["recovery_s"]
            self._aim(f"taken over within {RECOVERY_AIM_S:g} s", seconds <= RECOVERY_AIM_S, f"{seconds:.1f} s")

    def portfolio(self, teams: int, rows: int, minute: Minute, ledgers: Mapping[str, Mapping[str, Any]]) -> None:
        """A minute's rollups beside a plain dict, and what the ledger of tasks takes, by what became of these."""
        self.figures["portfolio"] = {"teams": teams, "rows": rows, **minute._asdict(), "ledgers": ledgers}
        self._lines += [
            "",
            f"CPU seconds of portfolio for a minute of {teams:,} teams, {rows:,} rows",
            f"  portfolio             {minute.portfolio_s:9.3f}   {100 * minute.portfolio_s / 60:.2f} % of a core",
            f"  its ledger alone      {minute.ledger_s:9.3f}",
            f"  a dict of sums        {minute.plain_s:9.3f}   {minute.plain_s / minute.ledger_s:.1f} times the ledger; "
            "it asks no rule",
            "Memory of a ledger of 100 days",
        ]
        for name, found in ledgers.items():
            cells, tasks, grown = found["cells"] * found["cell_bytes"], found["tasks"], found["grown_bytes"]
            stored_mb = found["stored_bytes"] / 1e6
            self._lines.append(
                f"  {tasks:,} tasks, {name}: {grown / 1e6:,.0f} MB, of it {cells / 1e6:,.0f} for {found['cells']:,} "
                f"cells; {(grown - cells) / tasks:,.0f} B a task; {stored_mb:,.0f} MB are written whole "
                f"in {found['write_s']:.1f} s of CPU and read in {found['restore_s']:.1f}, and the rules about a month "
                f"are asked, once a day, in {found['ask_s']:.1f}"
            )
        open_tasks = ledgers["open"]
        each = (open_tasks["grown_bytes"] - open_tasks["cells"] * open_tasks["cell_bytes"]) / open_tasks["tasks"]
        self._aim(f"an open task at most {TASK_AIM_BYTES} bytes", each <= TASK_AIM_BYTES, f"{each:,.0f}")

    def tell(self) -> None:
        """Prints the table."""
        print("\n".join(self._lines), flush=True)

    def write(self) -> None:
        """Leaves the file."""
        PATH.parent.mkdir(exist_ok=True)
        PATH.write_text(json.dumps(self.figures, indent=2) + "\n")
        print(f"\nthe same figures: {PATH}", flush=True)


def _step_lines(mixed: Stepped, each: Mapping[str, Spread], kinds: Mapping[str, list[float]]) -> list[str]:
    """`kinds`: what comparing and asking cost in runs of one kind alone, µs a step."""
    steps, compare = mixed.counts["steps"], each["compare"].median
    told = 1000 * mixed.counts["alerts"] / steps
    plain = [(_STEPPED[name], each[name]) for name in ("numpy", "python")]
    return [
        "",
        f"CPU microseconds a step, beside its sketch: median (least to most) of {len(mixed.rounds)} rounds, "
        f"{steps:,} steps in all;",
        f"{RUNS} live runs, {OBSERVATIONS} observations a record, {told:.0f} alert records for 1,000 steps",
        *(f"  {_STEPPED[name]:22}{each[name]}" for name in ("compare", "decide")),
        f"  {'both':22}{each['both']}",
        f"  {'the whole engine':22}{each['engine']}   these, and decoding, order, repeats, names",
        "  a step compared with the twelve before it, and nothing else:",
        *(f"  {name:22}{found}   {found.median / compare:.1f} times as much" for name, found in plain),
        "  runs of one kind alone: both (compare, rules); of so many of the runs above",
        *(
            f"  {kind:22}{a + b:9.1f}   ({a:.1f}, {b:.1f})   {SHARES[kind]} %: {KINDS[kind]}"
            for kind, (a, b) in kinds.items()
        ),
    ]
