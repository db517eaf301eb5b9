"""Small pictures of an incident in text: dollars by minute with its marks, and the steps of its rounds."""

from collections.abc import Sequence
from typing import NamedTuple

from detector.incidents import drawn
from detector.incidents.drawn import Step
from detector.model.alert import Alert

WIDE, HIGH = 60, 4
"""Columns, and lines, of the dollars."""
_LONGEST_MIN = 180
_BLOCKS = " ▁▂▃▄▅▆▇█"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MARKS = "O opened  + told again  ! became a page  R ended  M its task moved"
_WEIGHT = "+MOR!"
"""Where several marks fall together the last of these is shown."""


class Bars(NamedTuple):
    """Lines of bars from the top, marks below them; `top_usd`: of the highest column. Times in s UTC."""

    lines: list[str]
    marks: str
    began_t: float
    ended_t: float
    column_min: int
    top_usd: float


class Kind(NamedTuple):
    """Steps that do the same: their letter, tool, fingerprint, how many, how many failed, different results."""

    letter: str
    name: str
    action: str | None
    steps: int
    failed: int
    results: int
    least: float | None  # similarity
    most: float | None


def bars(alert: Alert) -> Bars | None:
    """The minutes that are known, with the marks that fall near them; None where none are known."""
    minutes = drawn.usd_by_minute(alert)
    if not minutes:
        return None
    told = _marks(alert)
    last = minutes[-1][0]
    ends = max([last, *(t for t, _ in told if last < t <= last + WIDE * 60.0)])
    near = minutes[0][0] - WIDE * 60.0  # what came long before takes no room from what was spent
    begins = max(min([minutes[0][0], *(t for t, _ in told if t >= near)]), ends - _LONGEST_MIN * 60.0)
    begins = min(begins // 60.0 * 60.0, last)
    column_min = int((ends - begins) // 60.0) // WIDE + 1
    columns = int((ends - begins) // (60.0 * column_min)) + 1
    usd, marks = [0.0] * columns, [" "] * columns
    for t, spent in minutes:
        if begins <= t <= ends:
            usd[int((t - begins) // (60.0 * column_min))] += max(0.0, spent)
    for t, mark in sorted(told, key=lambda m: _WEIGHT.index(m[1])):
        if begins <= t <= ends:
            marks[int((t - begins) // (60.0 * column_min))] = mark
    return Bars(_lines(usd), "".join(marks).rstrip(), begins, ends, column_min, max(usd))


def _marks(alert: Alert) -> list[tuple[float, str]]:
    told, was = [], None
    for mark in alert.history:
        sign = {"open": "O", "update": "+", "resolved": "R"}[mark.state]
        if mark.state == "update" and mark.severity == "critical" != was:
            sign = "!"
        told.append((mark.at, sign))
        was = mark.severity
    return told + [(move.t, "M") for move in drawn.moves(alert)]


def _lines(usd: Sequence[float]) -> list[str]:
    most, steps = max(usd), len(_BLOCKS) - 1
    # What was spent is seen, however little it is beside the highest.
    eighths = [max(1, round(x / most * HIGH * steps)) if x > 0.0 else 0 for x in usd]
    rows = range(HIGH - 1, -1, -1)
    return ["".join(_BLOCKS[min(steps, max(0, n - row * steps))] for n in eighths).rstrip() for row in rows]


def kinds(steps: Sequence[Step]) -> list[Kind]:
    """What the steps do, in the order in which it came first."""
    by: dict[str, list[Step]] = {}
    for step in steps:
        by.setdefault(_identity(step), []).append(step)
    out = []
    for n, mine in enumerate(by.values()):
        alike = [step.similarity for step in mine if step.similarity is not None]
        results = {step.result for step in mine if step.result is not None}
        name, failed = next((s.name for s in mine if s.name), ""), sum(s.failed for s in mine)
        least, most = (min(alike), max(alike)) if alike else (None, None)
        out.append(Kind(LETTERS[n % 26], name, mine[0].action, len(mine), failed, len(results), least, most))
    return out


def cycle(steps: Sequence[Step], period: int) -> str:
    """A letter for each step, small where it failed, a gap between rounds: the newest round is whole."""
    letters = {identity: LETTERS[n % 26] for n, identity in enumerate(dict.fromkeys(map(_identity, steps)))}
    out = []
    for n, step in enumerate(steps):
        letter = letters[_identity(step)]
        gap = " " if n and period > 1 and (len(steps) - n) % period == 0 else ""
        out.append(gap + (letter.lower() if step.failed else letter))
    return "".join(out)


def _identity(step: Step) -> str:
    return step.action or step.name
