"""The timeline of an episode: dollars by minute, when its task moved, and when it was told."""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple

from detector.incidents import drawn
from detector.markup.axes import HIGH, LEAST, bars, grid, labels, nice, times
from detector.markup.words import SEVERITY, UNKNOWN, day, duration, shown
from detector.model.alert import Alert, Severity, State, bounded, lasted
from detector.rules.finding import usd
from detector.web.pages.evidence import rows
from detector.web.pages.parts import SIGNS, details

FIELDS = frozenset({"usd_by_minute", "moves"})
"""Fields of the evidence that are shown here."""
_MINUTE_S, _MOST_BARS = 60, 360
_LONGEST_S = 400 * 86_400
"""A longer episode has no picture: months' rules look back over 100 days."""
_MARK_Y, _MOVE_Y = 4, 20
"""Where the lanes of marks and of moves begin."""


class Told(NamedTuple):
    """A record of the episode: when (s UTC), in which state, how loud, what it had cost (USD, None: not kept)."""

    at: float
    state: State
    severity: Severity
    cost_usd: float | None


class Line(NamedTuple):
    """What a timeline shows, in s UTC and USD. `minutes`: dollars by the minute that begins then."""

    began_t: float
    ended_t: float
    minutes: dict[int, float]
    told: Sequence[Told]
    moves: list[tuple[float, str]]


def line_of(alert: Alert) -> Line:
    """What is known of an episode over time."""
    minutes = {int(t): x for t, x in drawn.usd_by_minute(alert)}
    newest = max(minutes, default=0)
    minutes = {t: x for t, x in minutes.items() if t > newest - _MOST_BARS * _MINUTE_S}
    moves = [(move.t, shown(move.strength)) for move in drawn.moves(alert)]
    told = told_of(alert)
    since, ended = lasted(alert)
    times_told = [since, ended, *(one.at for one in told)]
    began = min((*minutes, *times_told))
    end = max((*(m + _MINUTE_S for m in minutes), *times_told, began + _MINUTE_S))
    first, last = int(began // _MINUTE_S) * _MINUTE_S, -int(-end // _MINUTE_S) * _MINUTE_S
    if minutes and last - first > _MOST_BARS * _MINUTE_S:  # of so long an episode that of which minutes are kept
        first, last = min(minutes), max(minutes) + _MINUTE_S
    return Line(first, last, minutes, told, moves)


def told_of(alert: Alert) -> Sequence[Told]:
    """Records of the episode, oldest first; what a record of before there was a history tells of those before it."""
    if alert.history:
        return [Told(bounded(mark.at), mark.state, mark.severity, mark.cost_usd) for mark in alert.history]
    newest = Told(bounded(alert.updated_at), alert.state, alert.severity, alert.cost_usd)
    return [Told(bounded(alert.opened_at), "open", alert.severity, None), newest] if alert.version > 1 else [newest]


def timeline(alert: Alert) -> str:
    """The picture, its key, and the same as tables; where no minutes are kept what it had burnt as of each record."""
    line = line_of(alert)
    drawn_of = _by_minute(line) if line.minutes else _by_record(line)
    picture = f"{_picture(alert, line, drawn_of)}{_key(line)}" if drawn_of is not None else ""
    return f"{picture}{''.join(_notes(alert, line))}{_tables(alert, line)}"


class Drawn(NamedTuple):
    """Dollars as a shape in a box that stretches with the page, `wide` units; `top`: the end of its axis."""

    title: str
    top: float
    wide: float
    shape: str


def _by_minute(line: Line) -> Drawn:
    count = max(1, round((line.ended_t - line.began_t) / _MINUTE_S))
    values = [line.minutes.get(int(line.began_t) + n * _MINUTE_S, 0.0) for n in range(count)]
    top = nice(max(values))
    shape = f'<path class="s1" d="{bars([0.0] * count, values, top)}"/>{"".join(_over(line, values))}'
    return Drawn(f"Dollars by minute from {_period(line)}, most {usd(max(values))}", top, count, shape)


def _by_record(line: Line) -> Drawn | None:
    """Stairs: from each record to the next what it had burnt by then; None of times that no episode has."""
    known = [(one.at, one.cost_usd) for one in line.told if one.cost_usd is not None]
    most = max((cost for _, cost in known), default=0.0)
    if most < LEAST or line.ended_t - line.began_t > _LONGEST_S:
        return None
    top, steps = nice(most), list[str]()
    for (at, cost), (until, _) in pairwise([*known, (line.ended_t, 0.0)]):
        wide, high = max(0.0, until - at), HIGH * max(0.0, cost) / top
        steps.append(
            f'<rect class="s1" x="{at - line.began_t:.0f}" y="{HIGH - high:.0f}" width="{wide:.0f}" '
            f'height="{high:.0f}"><title>{usd(cost)} by {day(at)} UTC</title></rect>'
        )
    return Drawn(f"Dollars burnt as of each record from {_period(line)}, {usd(known[-1][1])} in the end", top,
                 line.ended_t - line.began_t, "".join(steps))  # fmt: skip


def _period(line: Line) -> str:
    return f"{day(line.began_t)} to {day(line.ended_t)} UTC"


def _picture(alert: Alert, line: Line, of: Drawn) -> str:
    return (
        f'<svg class="plot" role="img" width="100%" height="262" aria-label="{escape(of.title)}">'
        f"<title>{escape(of.title)}</title>{''.join(_unknown(line))}{_stretch(alert, line)}{''.join(grid(of.top))}"
        f'<svg x="0" y="32" width="100%" height="200" viewBox="0 0 {of.wide:.0f} {HIGH}" preserveAspectRatio="none">'
        f"{of.shape}</svg>{''.join(labels(of.top, '$'))}{''.join(_moves(line))}{''.join(_marks(line))}"
        f'<line class="axis" x1="0" x2="100%" y1="232" y2="232"/>'
        f"{''.join(times(line.began_t, line.ended_t - line.began_t))}</svg>"
    )


def _place(line: Line, t: float) -> float:
    """Percent of the width."""
    return 100 * min(1.0, max(0.0, (t - line.began_t) / (line.ended_t - line.began_t)))


def _unknown(line: Line) -> Iterator[str]:
    """What lies before and after the minutes that are kept."""
    if not line.minutes:
        return
    first, last = _place(line, min(line.minutes)), _place(line, max(line.minutes) + _MINUTE_S)
    for left, right in ((0.0, first), (last, 100.0)):
        if right - left > 0.5:
            yield (
                f'<rect class="unknown" x="{left:.2f}%" y="32" width="{right - left:.2f}%" height="200">'
                "<title>no minutes are kept of this</title></rect>"
            )


def _stretch(alert: Alert, line: Line) -> str:
    """What the alert is about, as a band below the axis of marks."""
    since, ended = lasted(alert)
    left, right = _place(line, since), _place(line, ended)
    return f'<rect class="band" x="{left:.2f}%" y="29" width="{max(0.3, right - left):.2f}%" height="4"/>'


def _over(line: Line, values: Sequence[float]) -> Iterator[str]:
    for n, value in enumerate(values):
        said = f"{day(line.began_t + n * _MINUTE_S)} UTC: {usd(value)}"
        yield f'<rect class="over" x="{n}" y="0" width="1" height="{HIGH}"><title>{said}</title></rect>'


def _marks(line: Line) -> Iterator[str]:
    for one in line.told:
        style, _ = SIGNS[one.severity]
        cost = "" if one.cost_usd is None else f", {usd(one.cost_usd)}"
        said = escape(f"{_word(one.state)} at {day(one.at)} UTC{cost}")
        shape = (
            f'<rect class="ended" x="-4" y="0" width="8" height="8"><title>{said}</title></rect>'
            if one.state == "resolved"
            else f'<path class="marked {style}" d="M-5 0H5L0 9z"><title>{said}</title></path>'
        )
        drop = f'<line class="marked {style}" x1="0" x2="0" y1="9" y2="228"/>' if one.state == "open" else ""
        yield _at(line, one.at, _MARK_Y, shape + drop)


def _moves(line: Line) -> Iterator[str]:
    for t, strength in line.moves:
        if line.began_t <= t <= line.ended_t:
            said = escape(f"{strength} status at {day(t)} UTC")
            style = "" if strength == "strong" else " medium"
            yield _at(
                line, t, _MOVE_Y,
                f'<line class="moved" x1="0" x2="0" y1="6" y2="212"/>'
                f'<path class="moved{style}" d="M0 -5L5 0L0 5L-5 0z"><title>{said}</title></path>',
            )  # fmt: skip


def _at(line: Line, t: float, y: int, shape: str) -> str:
    return f'<svg x="{_place(line, t):.2f}%" y="{y}" width="1" height="1" overflow="visible">{shape}</svg>'


def _word(state: str) -> str:
    return {"open": "opened", "update": "updated"}.get(state, "resolved")


def _key(line: Line) -> str:
    shapes = [
        ('<rect class="s1" width="12" height="12"/>', "dollars by minute" if line.minutes else "burnt by then"),
        ('<path class="marked" d="M1 1H11L6 10z"/>', "opened, updated"),
        ('<rect class="ended" x="2" y="2" width="8" height="8"/>', "resolved"),
        ('<path class="moved" d="M6 1L11 6L6 11L1 6z"/>', "strong status"),
        ('<path class="moved medium" d="M6 1L11 6L6 11L1 6z"/>', "medium status"),
        ('<rect class="band" y="4" width="12" height="4"/>', "what the alert is about"),
    ]
    if any(_unknown(line)):
        shapes.append(('<rect class="unknown" width="12" height="12"/>', "no minutes are kept"))
    items = "".join(f'<li><svg class="shape" aria-hidden="true">{shape}</svg>{text}</li>' for shape, text in shapes)
    return f'<ul class="key">{items}</ul>'


def _notes(alert: Alert, line: Line) -> Iterator[str]:
    """What is not in the picture, and why."""
    if not line.minutes:
        yield '<p class="note">No dollars by minute are kept of this alert, but what it had burnt at its records.</p>'
    if "moves" not in alert.evidence:
        yield f'<p class="note">{escape(status_of(alert))}</p>'
    elif not line.moves:
        yield '<p class="note">No strong or medium status of it is known.</p>'
    else:
        for t, strength in line.moves:
            if t < line.began_t:
                before = duration(line.began_t - t)
                yield f'<p class="note">A {escape(strength)} status came {before} before this, at {day(t)} UTC.</p>'


def status_of(alert: Alert) -> str:
    """For how long no status moved it, in a sentence; why that is not known, where it is not."""
    if alert.since_status_change_s is not None:
        return f"By the last figures its status was unchanged for {duration(alert.since_status_change_s)}."
    if alert.spend_only:
        return "No status is known: no source of status is connected, or no task claims this spend."
    return f"When its status moved last is {UNKNOWN}."


def _tables(alert: Alert, line: Line) -> str:
    told: list[dict[str, Any]] = [
        {"at": one.at, "told": _word(one.state), "as": SEVERITY[one.severity][0], "cost_usd": one.cost_usd}
        for one in line.told
    ]
    told += [{"at": t, "told": f"{strength} status"} for t, strength in line.moves]
    told.sort(key=lambda one: float(one["at"]))
    minutes = [{"t": t, "usd": x} for t, x in sorted(line.minutes.items())]
    happened = rows("Records of the alert, and status", told)
    if not minutes:
        return happened
    return details("What happened when, as a table", happened) + details(
        "Dollars by minute, as a table", rows("Dollars by minute", minutes)
    )
