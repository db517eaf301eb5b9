"""What is known of a fleet's spikes, and how well pages meet them.

A page is right where it falls between a minute before a planted spike that nobody wanted (`guilty`, `team`) and two
hours after its end, and names one of its agents, tasks or runs, or, where it names none, its team or model. It is false
on a burst that brought results (`productive`), on one of small change (`small`), and on ordinary work. Two kinds are
neither, since a page on them is right by the letter and nobody planted it to be found: `background`, hours of the
recorded traffic that meet the definition of a spike, and `untasked`, spikes of agents that never have a task.
"""

import bisect
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from tests.bench.loop_alerts import poisson_interval

Kind = Literal["guilty", "team", "productive", "small", "untasked", "background"]
WANTED: tuple[Kind, ...] = ("team", "guilty")
NEITHER: tuple[Kind, ...] = ("untasked", "background")
_FIRST: tuple[Kind, ...] = (*WANTED, "productive", "small", *NEITHER)
"""Of several spikes that a page meets the kind that counts."""
_KINDS = ("right", "ordinary", *_FIRST[2:])
"""What a page is."""
BEFORE_S, AFTER_S = 60.0, 7200.0
WITHIN_MIN = (10, 30, 60)
BURNT_USD, BURNT_HOURS = 10.0, 5.0
"""What a spike has burnt above usual, of both, when the second clock starts."""
_CURVE_MIN = 5.0
WEEK_DAYS = 7


class FormatError(ValueError):
    """A file of truth that is not of this format; says the file and the field."""


class Spike(msgspec.Struct):
    """A planted spike, or an hour that looks like one. Times in s UTC; `curve`: dollars above usual each 5 minutes."""

    kind: Kind
    level: str
    factor: float
    start: float
    end: float
    usual_usd_per_hour: float
    above_usd: float
    team: str
    agents: list[str]
    tasks: list[str]
    runs: list[str]
    models: list[str] = []
    curve: list[float] | None = None

    def burnt_min(self) -> float | None:
        """Minutes from its start until it has burnt enough for the second clock; None: it never does."""
        needs = max(BURNT_USD, BURNT_HOURS * self.usual_usd_per_hour)
        if not self.curve or self.curve[-1] < needs:
            return None
        return float(np.interp(needs, self.curve, _CURVE_MIN * np.arange(len(self.curve))))


class Truth(msgspec.Struct):
    """A fleet: its agents with their teams, how long it ran from when (s UTC), and its spikes."""

    start: float
    days: int
    events: int
    agents: dict[str, str]
    items: list[Spike]

    @property
    def second_week(self) -> float:
        """When the first week is over (s UTC)."""
        return self.start + WEEK_DAYS * 86_400.0


def read_truth(path: str) -> Truth:
    """The file at `path`; raises FormatError."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Truth)
    except msgspec.DecodeError as error:
        raise FormatError(f"{path}: {error}") from None


class Page(NamedTuple):
    """A page of event time `t` (s UTC), and whom it names; of a task or run its agent too."""

    t: float
    team: str | None = None
    agent: str | None = None
    task: str | None = None
    run: str | None = None
    model: str | None = None

    @property
    def narrow(self) -> bool:
        """It names an agent, a task or a run."""
        return any((self.agent, self.task, self.run))

    def names(self, spike: Spike) -> bool:
        """Whether it is about this spike."""
        if self.narrow:
            return self.agent in spike.agents or self.task in spike.tasks or self.run in spike.runs
        return self.team == spike.team if self.team else self.model in spike.models


class Met(NamedTuple):
    """A spike, and the pages that met it: minutes after its start, of those that name whom it is of, and of all."""

    spike: Spike
    late_min: float
    late_team_min: float
    pages: int


class Judged(NamedTuple):
    """A fleet's spikes, and its pages by what they are (`ordinary`: they met none) and week (0: the first)."""

    truth: Truth
    met: list[Met]
    pages: list[tuple[str, int]]


def judged(truth: Truth, pages: Iterable[Page]) -> Judged:
    """Lays pages beside the truth."""
    spikes = sorted(truth.items, key=lambda s: s.start)
    starts = [s.start for s in spikes]
    longest = max((s.end - s.start for s in spikes), default=0.0) + AFTER_S
    kinds: list[tuple[str, int]] = []
    of: list[list[Page]] = [[] for _ in spikes]
    for page in pages:
        near = range(bisect.bisect_left(starts, page.t - longest), bisect.bisect_right(starts, page.t + BEFORE_S))
        hit = [n for n in near if page.t <= spikes[n].end + AFTER_S and page.names(spikes[n])]
        kind = min((spikes[n].kind for n in hit), key=_FIRST.index, default="ordinary")
        kinds.append(("right" if kind in WANTED else kind, int(page.t >= truth.second_week)))
        for n in hit:
            of[n].append(page)
    return Judged(truth, [_met(spike, mine) for spike, mine in zip(spikes, of, strict=True)], kinds)


def _met(spike: Spike, pages: Sequence[Page]) -> Met:
    def first(mine: Iterable[Page]) -> float:
        return min(((p.t - spike.start) / 60.0 for p in mine), default=math.inf)

    its = [p for p in pages if p.narrow or spike.kind == "team"]
    wide = [p for p in pages if not p.narrow and p.team and spike.kind == "team"]
    return Met(spike, first(its), first(wide), len(pages))


def figures(fleets: Sequence[Judged], floor_usd: float) -> dict[str, Any]:
    """All that is told of the pages of one detector over these fleets. `floor_usd`: of the rule, above usual."""
    met = [m for fleet in fleets for m in fleet.met]
    guilty = [m for m in met if m.spike.kind == "guilty"]
    teams = [m for m in met if m.spike.kind == "team"]
    ten = [m for m in guilty if m.spike.factor == 10]
    rows = {f"{x}-fold": [m for m in guilty if m.spike.factor == x] for x in (3, 5, 10, 30)}
    rows[f"ten-fold, ${1.3 * floor_usd:g} above usual or more"] = [
        m for m in ten if m.spike.above_usd >= 1.3 * floor_usd
    ]
    told = {name: _recall([(m.spike, m.late_min) for m in mine]) for name, mine in rows.items()}
    told["team-wide thirty-fold, a page of the team"] = _recall([(m.spike, m.late_team_min) for m in teams])
    told["the same, or of its agents"] = _recall([(m.spike, m.late_min) for m in teams])
    paged = [m.pages for m in guilty if m.pages]
    return {
        "recall": told,
        "false_a_week": {"first": _rate(fleets, 0), "later": _rate(fleets, 1)},
        "pages": {kind: sum(k == kind for f in fleets for k, _ in f.pages) for kind in _KINDS},
        "paged": {kind: _share([m.pages > 0 for m in met if m.spike.kind == kind]) for kind in _FIRST[2:]},
        "pages_a_paged_spike": float(np.mean(paged)) if paged else None,
    }


def _share(of: Sequence[bool]) -> dict[str, Any]:
    return {"share": float(np.mean(of)) if of else None, "of": len(of)}


def _recall(late: Sequence[tuple[Spike, float]]) -> dict[str, Any]:
    """Shares of these spikes that were paged in time, and how long it took where they were."""
    after = [x - burnt for spike, x in late if (burnt := spike.burnt_min()) is not None]
    paged = [x for _, x in late if x < math.inf]
    return {
        "spikes": len(late),
        "within_min": {str(n): _share([x <= n for _, x in late])["share"] for n in WITHIN_MIN},
        "within_10_min_of_burnt": _share([x <= 10 for x in after]),
        "median_min": median(paged) if paged else None,
    }


def _rate(fleets: Sequence[Judged], week: int) -> dict[str, Any]:
    """False pages a week per 1,000 agents, with their 95 % interval; none where the fleets have no such week."""
    false = sum(w == week and kind not in ("right", *NEITHER) for f in fleets for kind, w in f.pages)
    weeks = [1.0 if week == 0 else f.truth.days / WEEK_DAYS - 1.0 for f in fleets]
    exposure = sum(len(f.truth.agents) / 1000.0 * w for f, w in zip(fleets, weeks, strict=True))
    if exposure <= 0.0:
        return {"pages": false, "rate": None, "interval": None}
    return {
        "pages": false,
        "rate": false / exposure,
        "interval": [x / exposure for x in poisson_interval(false)],
    }
