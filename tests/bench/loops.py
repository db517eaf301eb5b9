"""How well loops are recognised in recorded runs: the signal `repeats` against labels, alerts run by run, and money.

PATH: recorded runs, a JSON object a line (.jsonl or .jsonl.gz), with `run`, `agent`, `steps` (each `thought`, `action`
{`name`, `arguments`}, `result`) and, where there are any, `labels` (of each step but the first against the one before
it; `Repetition` is what is looked for) or `reward` (1: solved). Several files are told one by one, then pooled.

The recordings have no times and no dollars, and a page depends on both: a loop pages from $1 burnt at $10 an hour, or
$20 burnt. So what a step costs and takes is made up (--usd-a-step, --step-s), and named in what is printed.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.model.alert import SEVERITIES
from tests.bench import labelled, loop_alerts, loop_pairs
from tests.bench.labelled import FormatError, Run
from tests.bench.loop_alerts import GUARD_USD, PAGED, Played, guard_step
from tests.bench.loop_pairs import aim, listed
from tests.bench.progress import progress
from tests.support.command import run_main

STUCK_AIM, NOT_STUCK_AIM, QUIET_AIM = 0.8, 0.04, 0.02
"""Shares of runs with a loop warning or page: of the stuck at least, of the rest of a labelled file, of other files."""
NOT_STUCK_MOST = 2
"""So many of the rest of a labelled file are no failure, however small it is."""
_WORTH = {"stuck": "saved", PAGED: "in dispute", "not stuck": "honest work cut", "solved": "honest work cut"}
_REACHED = {"info": "its alert", "warning": "a warning or more", "critical": "a page"}


class Made(NamedTuple):
    """What the recordings lack."""

    usd_a_step: float
    step_s: float
    runs_a_week: float


class Measured(NamedTuple):
    """What was counted in a file, or several."""

    played: Played
    counts: loop_pairs.Counts  # of the labelled runs alone


def measure(name: str, runs: Sequence[Run], made: Made) -> Measured:
    """Plays runs through the detector and scores their pairs."""
    step_s, usd = made.step_s, made.usd_a_step
    played = loop_alerts.play(runs, step_s, usd, progress(f"{name}: replayed", len(runs), "runs"))
    of = [j for j in played.judged if j.run.labels]
    compared = progress(f"{name}: compared", len(of), "runs")
    return Measured(played, loop_pairs.count([j.run for j in of], [j.repeats for j in of], compared))


def pooled(every: Sequence[Measured]) -> Measured:
    """Files as one."""
    played = [m.played for m in every]
    others = sum((p.others for p in played), Counter[str]())
    judged = [j for p in played for j in p.judged]
    counts = np.concatenate([m.counts for m in every])
    return Measured(Played(judged, others, sum(p.refused for p in played)), counts)


def figures(m: Measured, made: Made) -> dict[str, Any]:
    """All figures, as --json writes them; `pairs` is None where nothing is labelled."""
    runs = [j.run for j in m.played.judged]
    labels = [run for run in runs if run.labels]
    return {
        "runs": len(runs),
        "agents": len({run.agent for run in runs}),
        "steps": sum(len(run.steps) for run in runs),
        "refused": m.played.refused,
        "labels": dict(Counter(label for run in labels for label in run.labels or ()).most_common()),
        "pairs": loop_pairs.figures(m.counts, labels) if labels else None,
        "alerts": loop_alerts.figures(m.played.judged, made.runs_a_week, made.usd_a_step),
        "other_rules": dict(sorted(m.played.others.items())),
    }


def told(name: str, f: Mapping[str, Any], made: Made) -> list[str]:
    """The figures as lines."""
    labels = ", ".join(f"{n:,} {label}" for label, n in f["labels"].items())
    head = f"{name}; runs: {f['runs']:,}, agents: {f['agents']:,}, steps: {f['steps']:,}, labels: {labels or 'none'}"
    lines = [head, "=" * len(head)]
    if f["refused"]:
        lines.append(f"{f['refused']:,} steps were refused as events and count as not told")
    if f["pairs"]:
        lines += loop_pairs.lines(f["pairs"])
    alerts = f["alerts"]
    return [*lines, *_shares(alerts, f["other_rules"]), *_fired(alerts), *_rates(alerts, made), *_stops(alerts, made)]


def _shares(alerts: Mapping[str, Any], others: Mapping[str, int]) -> list[str]:
    groups = alerts["groups"]
    shown = _shown(groups)
    lines = ["", "Alerts of `loop`, run by run, by the highest severity that a run reached"]
    lines += [f"  {'':24}" + "".join(f"{name:>18}" for name in shown)]
    lines += [f"  {'runs':24}" + "".join(f"{g['runs']:>11,}{'':7}" for g in shown.values())]
    for severity in reversed(SEVERITIES):
        cells = [f"{g[severity]:>11,}{100 * g[severity] / g['runs']:>5.1f} %" for g in shown.values()]
        lines.append(f"  {severity:24}" + "".join(cells))
    cells = [f"{g['episodes'] / g['runs']:>11.2f}{'':7}" for g in shown.values()]
    lines.append(f"  {'episodes a run (mean)':24}" + "".join(cells))
    if alerts["classes"]:
        told = "; ".join(f"{class_}: {listed(n)}" for class_, n in alerts["classes"].items())
        lines.append(f"  episodes by class: {told}")
    for severity, d in alerts["steps_to"].items():
        lines.append(
            f"  steps from an episode's first repeat to {_REACHED[severity]}: median {d['median']:g}, "
            f"most {d['most']} ({d['episodes']} episodes)"
        )
    apart = {what: n for what, n in others.items() if what.startswith("run_inflation")}
    lines.append(f"  run_inflation, counted apart: {listed(apart) or 'none (no task is told of these runs)'}")
    rest = {what: n for what, n in others.items() if what not in apart}
    lines.append(f"  episodes of other rules: {listed(rest) or 'none'}")
    return lines + _aims(groups)


def _shown(groups: Mapping[str, Any]) -> Mapping[str, Any]:
    """All, and the groups where there are several."""
    return groups if len(groups) > 2 else {"all": groups["all"]}


def _aims(groups: Mapping[str, Any]) -> list[str]:
    def fired(*kinds: str) -> tuple[int, int, int]:
        held = [groups[kind] for kind in kinds if kind in groups]
        sums = [sum(g[what] for g in held) for what in ("runs", "critical", "warning")]
        return sums[0], sums[1], sums[1] + sums[2]

    lines = []
    runs, _, n = fired("stuck")
    if runs:
        lines.append(
            aim("a loop alert of warning or more on 4 of 5 stuck runs", n >= STUCK_AIM * runs, f"{n} of {runs}")
        )
    runs, _, n = fired("not stuck")
    if runs:
        what = f"the same on at most {NOT_STUCK_MOST} of the others in labelled files, or {NOT_STUCK_AIM:.0%}"
        lines.append(aim(what, n <= max(NOT_STUCK_MOST, NOT_STUCK_AIM * runs), f"{n} of {runs}"))
    runs, pages, n = fired("solved", "failed", "unlabelled")
    if runs:
        lines.append(aim("where no loops are (unlabelled runs): no page", not pages, f"{pages} of {runs}"))
        what = f"the same: warning or more on at most {QUIET_AIM:.0%} of runs"
        lines.append(aim(what, n <= QUIET_AIM * runs, f"{n} of {runs}"))
    return lines


def _fired(alerts: Mapping[str, Any]) -> list[str]:
    lines = ["", "Runs that fired" if alerts["fired"] else "No run fired"]
    for e in alerts["fired"]:
        # An alert that opens at a severity reaches those below it with the same step, which says nothing.
        steps = {at: severity for severity, at in e["reached"].items()}
        reached = ", ".join(f"{severity} at {at}" for at, severity in steps.items())
        lines.append(
            f"  {e['run']} ({e['kind']}, {e['steps']} steps): {e['class']}, first repeat at step {e['first_repeat']}, "
            f"{reached}; {e['calls']} calls"
        )
    return lines


def _rates(alerts: Mapping[str, Any], made: Made) -> list[str]:
    lines = [
        "",
        "Pages a week per 1,000 agents, were each to do such runs only (95 %: Poisson; of none: the rule of three)",
    ]
    lines.append(f"  made up: {made.runs_a_week:g} runs a week of each agent (--runs-a-week), {_priced(made)}")
    for name, g in _shown(alerts["groups"]).items():
        rate, low, high = g["pages_a_week"]
        interval = f"{low:,.0f} to {high:,.0f}" if g["pages"] else f"at most {high:,.0f}"
        lines.append(f"  {name:24}{rate:>9,.0f}   ({interval}), from {g['pages']} pages in {g['runs']:,} runs")
    return lines


def _stops(alerts: Mapping[str, Any], made: Made) -> list[str]:
    lines = [
        "",
        f"What stopping runs would do: runs cut short, and the dollars they spent after it. Made up: {_priced(made)},",
        f"so the ${GUARD_USD:g} guard stops after step {guard_step(made.usd_a_step) + 1}; the alert at its first page",
        f"  {'':28}{'runs':>6}{'spent':>12}   " + "".join(f"{n:>18}" for n in ("$5 guard", "page", "both")),
    ]
    for name, g in alerts["stops"].items():
        cells = [f"{x['runs']:>6,}{'$' + format(x['usd'], ',.2f'):>12}" for x in g["guards"].values()]
        usd = "$" + format(g["usd"], ",.2f")
        lines.append(f"  {name:28}{g['runs']:>6,}{usd:>12}   {''.join(cells)}   {_WORTH.get(name, 'unknown which')}")
    return lines


def _priced(made: Made) -> str:
    return f"${made.usd_a_step:g} and {made.step_s:g} s a step"


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.loops", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="recorded runs, .jsonl or .jsonl.gz")
    price, pace, traffic = labelled.STEP_USD, labelled.STEP_S, 100.0
    usd = "what a step costs (made up; default %(default)s): whether a loop pages depends on it"
    parser.add_argument("--usd-a-step", type=_positive, default=price, metavar="USD", help=usd)
    s = "seconds from a step to the next (made up; default %(default)s): dollars an hour depend on it"
    parser.add_argument("--step-s", type=_positive, default=pace, metavar="S", help=s)
    runs = "runs a week of one agent (made up; default %(default)s), to tell pages as a rate"
    parser.add_argument("--runs-a-week", type=_positive, default=traffic, metavar="N", help=runs)
    parser.add_argument("--json", metavar="FILE", help="leaves the figures here too")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """The exit code: 2 where a file is not of this format."""
    options = parsed(argv)
    made = Made(options.usd_a_step, options.step_s, options.runs_a_week)
    try:
        files = {path: list(labelled.read(path)) for path in options.paths}
    except FormatError as error:
        print(error, file=sys.stderr)
        return 2
    every = {path: measure(path, runs, made) for path, runs in files.items()}
    found = {path: figures(m, made) for path, m in every.items()}
    if len(every) > 1:
        found["pooled"] = figures(pooled(list(every.values())), made)
        if sum(len(m.counts) > 0 for m in every.values()) < 2:
            found["pooled"]["pairs"] = None  # they are those of the one labelled file
    print("\n\n".join("\n".join(line.rstrip() for line in told(name, f, made)) for name, f in found.items()))
    if options.json:
        try:
            Path(options.json).write_text(json.dumps({"made_up": made._asdict(), "files": found}, indent=2) + "\n")
        except OSError as error:
            print(f"--json: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    run_main(main)
