"""What the detector tells of whole runs: their loops, the pages as a rate, and what stopping at a page is worth."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from statistics import median
from typing import Any, Literal, NamedTuple, get_args

from detector.config import Config
from detector.engine import Outcome
from detector.model.alert import SEVERITIES, Alert, Severity
from detector.pipeline.intake import Flushed
from detector.replay.run import Replay
from detector.rules.inquiry import Signal
from tests.bench.labelled import Run, of_run, timed
from tests.bench.loop_pairs import REPETITION

STUCK_IN_A_ROW = 3
GUARD_USD = 5.0
_SURE = 0.95

Kind = Literal["stuck", "not stuck", "solved", "failed", "unlabelled"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PAGED = "paged, not labelled stuck"


class Loop(NamedTuple):
    """One `loop` episode. Steps are counted from 0."""

    class_: str
    begun: int  # step of its first round
    repeated: int  # the first step from there on that repeats or goes on with a cycle
    reached: dict[Severity, int]  # step at which each severity up to the highest was reached
    calls: int

    @property
    def severity(self) -> Severity:
        return max(self.reached, key=SEVERITIES.index)


class Judged(NamedTuple):
    """A run and what was told of it. `repeats`: the signal at each step."""

    run: Run
    kind: Kind
    repeats: list[bool]
    loops: list[Loop]

    @property
    def severity(self) -> Severity | None:
        """The highest that a loop of this run reached."""
        return max((loop.severity for loop in self.loops), key=SEVERITIES.index, default=None)

    @property
    def paged(self) -> int | None:
        """The step of its first page."""
        return min((loop.reached["critical"] for loop in self.loops if "critical" in loop.reached), default=None)


class Played(NamedTuple):
    """A file of runs: `others` are episodes of the other rules by rule and severity; `refused` events were no use."""

    judged: list[Judged]
    others: Counter[str]
    refused: int


def kind_of(run: Run, labelled: bool) -> Kind:
    """Which of the groups of a file a run is in. `labelled`: the file has labels."""
    if run.labels or (labelled and len(run.steps) < 2):
        longest = max((len(list(same)) for label, same in groupby(run.labels or ()) if label == REPETITION), default=0)
        return "stuck" if longest >= STUCK_IN_A_ROW else "not stuck"
    if run.reward is None:
        return "unlabelled"
    return "solved" if run.reward >= 1 else "failed"


def play(
    runs: Sequence[Run], step_s: float, step_usd: float, progress: Callable[[int], None] = lambda n: None
) -> Played:
    """All runs through one detector in the order of time. Raises RuntimeError where a loop holds a foreign call."""
    replay = Replay(Config(), signals=True)
    starts = {run.run: start_s for start_s, run in timed(runs, step_s)}
    episodes: dict[str, list[Alert]] = {}
    signals: dict[str, Signal] = {}

    def keep(outcomes: Iterable[tuple[Flushed, Outcome]]) -> None:
        for _, outcome in outcomes:
            for alert in outcome.alerts:
                episodes.setdefault(alert.id, []).append(alert)
            signals.update((signal.call, signal) for signal in outcome.signals)

    for n, run in enumerate(runs):
        for event in of_run(run, starts[run.run], step_s, step_usd):
            keep(replay.take(json.dumps(event).encode(), event["time"]))
        progress(n + 1)
    keep(replay.finish())
    loops: dict[str, list[Loop]] = {run.run: [] for run in runs}
    for records in episodes.values():
        if records[0].rule == "loop":
            name = run_of(records[-1])
            loops[name].append(loop_of(records, starts[name], step_s, signals))
    labelled = any(run.labels for run in runs)
    judged = [Judged(run, kind_of(run, labelled), _repeats(run, signals), loops[run.run]) for run in runs]
    others = Counter(f"{last.rule}, {last.severity}" for *_, last in episodes.values() if last.rule != "loop")
    return Played(judged, others, replay.summary.refused.total())


def _repeats(run: Run, signals: dict[str, Signal]) -> list[bool]:
    """The signal at each step; a call that was refused has none."""
    found = (signals.get(f"{run.run}/{i}") for i in range(len(run.steps)))
    return [signal is not None and signal.repeats for signal in found]


def run_of(alert: Alert) -> str:
    """The run that a loop is in, which is that of all its calls."""
    of_calls = {call.rpartition("/")[0] for call in alert.evidence["calls"]}
    if of_calls != {alert.run}:
        raise RuntimeError(f"a loop in run {alert.run} holds calls of {sorted(of_calls)}")
    return str(alert.run)


def loop_of(records: Sequence[Alert], start_s: float, step_s: float, signals: dict[str, Signal]) -> Loop:
    """The episode that these records tell, in a run whose first step was at `start_s`; records in their order."""

    def step(t: float) -> int:
        return round((t - start_s) / step_s)

    first, last = records[0], records[-1]
    begun, opened = step(first.evidence["since"]), step(first.opened_at)
    reached: dict[Severity, int] = {}
    for record in records:
        for severity in SEVERITIES[: SEVERITIES.index(record.severity) + 1]:
            reached.setdefault(severity, step(record.updated_at))
    repeated = min(begun + 1, opened)  # near copies carry no signal
    for i in range(begun + 1, opened):
        signal = signals.get(f"{first.run}/{i}")
        if signal is not None and (signal.repeats or signal.period):
            repeated = i
            break
    return Loop(last.class_ or "", begun, repeated, reached, last.calls)


def poisson_interval(n: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean of which `n` was counted (Garwood 1936).

    For none it is one-sided, 0 to 3.0: the rule of three.
    """

    def at_most(k: int, mean: float) -> float:
        return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1))

    def solve(k: int, chance: float) -> float:
        low, high = 1e-12, 2.0 * k + 20
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if at_most(k, middle) > chance else (low, middle)
        return high

    if n == 0:
        return 0.0, solve(0, 1 - _SURE)
    return solve(n - 1, (1 + _SURE) / 2), solve(n, (1 - _SURE) / 2)


class Stopped(NamedTuple):
    """What a guard did to runs: how many it cut short, and the dollars they spent after it."""

    runs: int
    usd: float


def guard_step(step_usd: float) -> int:
    """The number, from 0, of the step with which a run has cost GUARD_USD."""
    return math.ceil(round(GUARD_USD / step_usd, 9)) - 1


def stopped(judged: Iterable[Judged], step_usd: float) -> dict[str, Stopped]:
    """By guard: stopped once it has cost $5, at the first page, at whichever comes first."""
    out = {"$5 guard": Stopped(0, 0.0), "page": Stopped(0, 0.0), "both": Stopped(0, 0.0)}
    guard = guard_step(step_usd)
    for one in judged:
        size = len(one.run.steps)
        paged = size if one.paged is None else one.paged
        for name, at in (("$5 guard", guard), ("page", paged), ("both", min(guard, paged))):
            after = size - 1 - at
            if after > 0:
                out[name] = Stopped(out[name].runs + 1, out[name].usd + after * step_usd)
    return out


def figures(judged: Sequence[Judged], runs_a_week: float, step_usd: float) -> dict[str, Any]:
    """All that is told of the alerts on runs, and of stopping them; steps are counted from 1."""
    groups = {"all": list(judged)} | {kind: [j for j in judged if j.kind == kind] for kind in KINDS}
    loops = [loop for j in judged for loop in j.loops]
    classes: dict[str, Counter[str]] = {}
    for loop in loops:
        classes.setdefault(loop.class_, Counter())[loop.severity] += 1
    delays = {s: sorted(x.reached[s] - x.repeated for x in loops if s in x.reached) for s in SEVERITIES}
    return {
        "groups": {name: _told(members, runs_a_week) for name, members in groups.items() if members},
        "classes": {name: dict(found) for name, found in sorted(classes.items())},
        "steps_to": {s: {"median": median(d), "most": d[-1], "episodes": len(d)} for s, d in delays.items() if d},
        "stops": {name: _stops(members, step_usd) for name, members in by_worth(judged).items() if members},
        "fired": [_fired(j, loop) for j in judged for loop in j.loops],
    }


def _told(judged: Sequence[Judged], runs_a_week: float) -> dict[str, Any]:
    """Of one group: runs by the highest severity, episodes, and pages a week of 1,000 agents with their interval."""
    pages = sum("critical" in loop.reached for j in judged for loop in j.loops)
    scale = 1000 * runs_a_week / len(judged)
    return {
        "runs": len(judged),
        **{severity: sum(j.severity == severity for j in judged) for severity in SEVERITIES},
        "episodes": sum(len(j.loops) for j in judged),
        "most_episodes": max(len(j.loops) for j in judged),
        "pages": pages,
        "pages_a_week": [round(x * scale, 1) for x in (pages, *poisson_interval(pages))],
    }


def by_worth(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Runs by what their steps after a stop are worth: those that are paged and not labelled stuck by themselves."""
    out: dict[str, list[Judged]] = {name: [] for name in ("stuck", PAGED, *KINDS[1:])}
    for j in judged:
        out[PAGED if j.kind == "not stuck" and j.paged is not None else j.kind].append(j)
    return out


def _stops(judged: Sequence[Judged], step_usd: float) -> dict[str, Any]:
    steps = sum(len(j.run.steps) for j in judged)
    guards = {name: found._asdict() for name, found in stopped(judged, step_usd).items()}
    return {"runs": len(judged), "usd": steps * step_usd, "guards": guards}


def _fired(j: Judged, loop: Loop) -> dict[str, Any]:
    return {
        "run": j.run.run,
        "kind": j.kind,
        "steps": len(j.run.steps),
        "class": loop.class_,
        "severity": loop.severity,
        "first_repeat": loop.repeated + 1,
        "reached": {severity: at + 1 for severity, at in loop.reached.items()},
        "calls": loop.calls,
    }
