"""How well `spend_spike` finds spikes of spend in simulated fleets, beside spend alone and two simple detectors.

EVENTS: native events of a fleet in the order of time (.jsonl or .jsonl.gz). TRUTH: what was planted in it, a JSON
object with `start` (s UTC), `days`, `events`, `agents` {name: team} and `items`, the spikes (tests/bench/spend_truth.py
has their fields, and says which page is right). Several pairs are pooled. Statuses are never complete: the table is
printed for several shares of runs that are joined to their task (--joined); calls of the others lose it, statuses stay.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from detector.config import Config
from detector.errors import DetectorError
from detector.replay.trials import trials
from detector.rules import spend_spike
from tests.bench import spend_table
from tests.bench.progress import progress
from tests.bench.spend_baselines import BASELINES, Spending, pages_of, threshold
from tests.bench.spend_play import Played, play
from tests.bench.spend_truth import FormatError, Truth, figures, judged, read_truth
from tests.support.command import run_main

FLOORS_USD = (10, 15, 20, 30, 50)


class Pair(NamedTuple):
    """A fleet: where its events are, and what is true of it."""

    events: str
    truth: Truth


def settings(curve: bool) -> list[Config]:
    """The rule as configured, and with other floors."""
    told = [f"floor_usd={','.join(map(str, FLOORS_USD))}"] if curve else []
    return [trial.config for trial in trials(Config(), spend_spike.NAME, told)]


def measure(pairs: Sequence[Pair], shares: Sequence[float], curve: bool) -> dict[str, Any]:
    """All figures, as --json writes them."""
    by_share: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    spending: list[Spending] = []
    floor = Config().rules.spend_spike.floor_usd
    for share in shares:
        configs = settings(curve and share == max(shares))
        played = [_play(pair, share, configs) for pair in pairs]
        by_share.append(
            {
                "joined": share,
                "refused": sum(p.refused for p in played),
                "the rule": _figures(pairs, [p.pages[0] for p in played], floor),
                "spend alone": _figures(pairs, [p.alone for p in played], floor),
            }
        )
        if len(configs) > 1:
            points = _curve(pairs, configs, played)
        spending = [p.spending for p in played]  # the same at every share
    baselines = {name: _baseline(spending, score, floor) for name, score in BASELINES.items()}
    return {"fleets": [p.events for p in pairs], "by_share": by_share, "baselines": baselines, "curve": points}


def _figures(pairs: Sequence[Pair], pages: Sequence[Any], floor: float) -> dict[str, Any]:
    return figures([judged(pair.truth, mine) for pair, mine in zip(pairs, pages, strict=True)], floor)


def _curve(pairs: Sequence[Pair], configs: Sequence[Config], played: Sequence[Played]) -> list[dict[str, Any]]:
    """Figures of the rule by its floor."""
    points = []
    for n, config in enumerate(configs):
        floor = config.rules.spend_spike.floor_usd
        points.append({"floor_usd": floor, "figures": _figures(pairs, [p.pages[n] for p in played], floor)})
    return sorted(points, key=lambda point: point["floor_usd"])


def _baseline(spending: Sequence[Spending], score: Callable[[Any], Any], floor: float) -> dict[str, Any]:
    scores = [(s.truth, score(s.usd)) for s in spending]
    least = threshold(scores)
    fleets = [judged(truth, pages_of(truth, scored, least)) for truth, scored in scores]
    return {"threshold": least, **figures(fleets, floor)}


def _play(pair: Pair, share: float, configs: Sequence[Config]) -> Played:
    name = f"{Path(pair.events).name}, {share:.0%} joined"
    return play(pair.events, pair.truth, configs, share, progress(f"{name}:", pair.truth.events, "events", 5.0))


def told(found: dict[str, Any], pairs: Sequence[Pair]) -> list[str]:
    """The figures as lines."""
    agents = sum(len(p.truth.agents) for p in pairs)
    lines = [f"{len(pairs)} fleets, {agents:,} agents, {sum(p.truth.events for p in pairs):,} events"]
    for part in found["by_share"]:
        head = f"{part['joined']:.0%} of runs joined to their task"
        lines += ["", head, "=" * len(head)]
        if part["refused"]:
            lines.append(f"{part['refused']:,} events were refused")
        for name in ("the rule", "spend alone"):
            lines += spend_table.block(name, part[name])
    lines += ["", "Baselines, which see no tasks", "============================="]
    for name, f in found["baselines"].items():
        lines += spend_table.block(f"{name}, from {f['threshold']:.2f}", f)
    if found["curve"]:
        lines += spend_table.curve(found["curve"])
    return lines + spend_table.notes({name: f["threshold"] for name, f in found["baselines"].items()})


def _shares(text: str) -> list[float]:
    shares = [float(part) for part in text.split(",")]
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError
    return list(dict.fromkeys(shares))


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.spend", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", metavar="EVENTS TRUTH", help="a fleet's events and its truth, file by file")
    shares = "shares of runs joined to their task (default %(default)s); each is a pass over the events"
    parser.add_argument("--joined", type=_shares, default="1,0.5,0.2,0", metavar="SHARE,...", help=shares)
    floors = ", ".join(map(str, FLOORS_USD))
    parser.add_argument("--curve", action="store_true", help=f"recall and false pages at a floor_usd of {floors} too")
    parser.add_argument("--json", metavar="FILE", help="leaves the figures here too")
    options = parser.parse_args(argv)
    if len(options.pairs) % 2:
        parser.error("give pairs: EVENTS TRUTH")
    return options


def main(argv: Sequence[str]) -> int:
    """The exit code: 2 where a file is not of this format."""
    options = parsed(argv)
    try:
        names = zip(options.pairs[::2], options.pairs[1::2], strict=True)
        pairs = [Pair(events, read_truth(truth)) for events, truth in names]
        found = measure(pairs, options.joined, options.curve)
        if options.json:
            Path(options.json).write_text(json.dumps(found, indent=2) + "\n")
    except (FormatError, DetectorError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(line.rstrip() for line in told(found, pairs)))
    return 0


if __name__ == "__main__":
    run_main(main)
