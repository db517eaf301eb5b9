"""Small pictures as SVG, from figures to text. Only numbers and escaped names go in.

Shapes are drawn in a box that stretches with the page; texts stand beside them at shares of its width, so that they
keep their size on a telephone.
"""

import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from detector.markup.axes import HIGH, LEAST, bars, grid, labels, nice, times

_FEWEST = 24
"""Bins at least: of fewer each would be a block."""


class Mark(NamedTuple):
    """Alerts that opened in a bin: `place` of it, how it is shown, and what is said of it."""

    place: int
    critical: bool
    said: str


class Part(NamedTuple):
    """A part of a whole: how it is coloured, its size, and what is said of it."""

    style: str
    size: float
    said: str


def stacked(
    title: str,
    series: Sequence[tuple[str, Sequence[float]]],
    began_t: float,
    width_s: float,
    marks: Sequence[Mark],
    said: Sequence[str],
    unit: str,
) -> str:
    """Bars over time: `series` of (style, values by bin), the first at the bottom.

    said: what is told of each bin on hovering. unit: what stands before the numbers of the axis.
    """
    count = max(_FEWEST, len(said))
    top = nice(max((sum(values) for values in zip(*(v for _, v in series), strict=True)), default=0.0))
    base = [0.0] * len(said)
    shapes = []
    for style, values in series:
        shapes.append(f'<path class="{style}" d="{bars(base, values, top)}"/>')
        base = [below + value for below, value in zip(base, values, strict=True)]
    over = (f'<rect class="over" x="{n}" y="0" width="1" height="{HIGH}"><title>{escape(text)}</title></rect>'
            for n, text in enumerate(said))  # fmt: skip
    return (
        f'<svg class="plot" role="img" width="100%" height="262" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f"{''.join(grid(top))}"
        f'<svg x="0" y="32" width="100%" height="200" viewBox="0 0 {count} {HIGH}" preserveAspectRatio="none">'
        f"{''.join(shapes)}{''.join(over)}</svg>"
        f"{''.join(labels(top, unit))}{''.join(_marks(marks, count))}"
        f'<line class="axis" x1="0" x2="100%" y1="232" y2="232"/>{"".join(times(began_t, width_s * count))}</svg>'
    )


def _marks(marks: Sequence[Mark], count: int) -> Iterator[str]:
    for mark in marks:
        x = f"{100 * (mark.place + 0.5) / count:.2f}%"
        style = "page" if mark.critical else "ticket"
        yield (
            f'<svg x="{x}" y="2" width="1" height="1" overflow="visible"><path class="mark {style}" d="M-5 0H5L0 9z">'
            f"<title>{escape(mark.said)}</title></path>"
            f'<line class="mark {style}" x1="0" x2="0" y1="9" y2="230"/></svg>'
        )


def whole(title: str, parts: Sequence[Part]) -> str:
    """One bar that shows how a whole is made up."""
    total = sum(part.size for part in parts)
    out, x = [], 0.0
    for part in parts:
        wide = 100 * part.size / total if total > 0 else 0.0
        if wide > 0:
            out.append(
                f'<rect class="{part.style}" x="{x:.3f}%" y="0" width="{wide:.3f}%" height="26">'
                f"<title>{escape(part.said)}</title></rect>"
            )
            out.append(f'<line class="gap" x1="{x:.3f}%" x2="{x:.3f}%" y1="0" y2="26"/>' if x else "")
        x += wide
    return (
        f'<svg class="whole" role="img" width="100%" height="26" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(out)}</svg>"
    )


def bar(share: float) -> str:
    """A bar of this share (0 to 1) of its cell; it says nothing that the number beside it does not."""
    wide = 100 * min(1.0, max(0.0, share))
    return (
        '<svg class="bar" aria-hidden="true" width="100%" height="8">'
        f'<rect class="s0" x="0" y="0" width="{wide:.2f}%" height="8"/></svg>'
    )


def small(title: str, series: Sequence[tuple[str, Sequence[float]]], top: float) -> str:
    """Stacked bars over time without axes, in parts of `top`: several of the same one can be compared."""
    count = max(_FEWEST, *(len(values) for _, values in series))
    base = [0.0] * count
    shapes = []
    for style, values in series:
        padded = [*values, *[0.0] * (count - len(values))]
        shapes.append(f'<path class="{style}" d="{bars(base, padded, max(top, LEAST))}"/>')
        base = [below + value for below, value in zip(base, padded, strict=True)]
    return (
        f'<svg class="small" role="img" width="100%" height="36" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f'<svg x="0" y="0" width="100%" height="35" viewBox="0 0 {count} {HIGH}" preserveAspectRatio="none">'
        f'{"".join(shapes)}</svg><line class="axis" x1="0" x2="100%" y1="35.5" y2="35.5"/></svg>'
    )


def strip(
    title: str, values: Sequence[float], began_t: float, width_s: float, since: float, until: float, what: str
) -> str:
    """Bars of a run over time; from `since` to `until` (s UTC) it is marked as `what`."""
    count = len(values)
    length = count * width_s
    left = min(1.0, max(0.0, (since - began_t) / length))
    right = min(1.0, max(left, (until - began_t) / length))
    wide = max(0.4, 100 * (right - left))
    top = max(*values, LEAST)
    anchor, at = ("end", 100 * right) if left > 0.6 else ("start", 100 * left)
    return (
        f'<svg class="strip" role="img" width="100%" height="76" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f'<rect class="band" x="{100 * left:.2f}%" y="14" width="{wide:.2f}%" height="48"/>'
        f'<svg x="0" y="18" width="100%" height="44" viewBox="0 0 {count} {HIGH}" preserveAspectRatio="none">'
        f'<path class="s1" d="{bars([0.0] * count, values, top)}"/></svg>'
        f'<line class="edge" x1="{100 * left:.2f}%" x2="{100 * left:.2f}%" y1="14" y2="62"/>'
        f'<text class="what" text-anchor="{anchor}" x="{at:.2f}%" y="10">{escape(what)}</text>'
        f'<line class="axis" x1="0" x2="100%" y1="62" y2="62"/>'
        f'<text class="time" text-anchor="start" x="0" y="75">{_clock_of(began_t)}</text>'
        f'<text class="time" text-anchor="end" x="100%" y="75">{_clock_of(began_t + length)}</text></svg>'
    )


def _clock_of(t: float) -> str:
    return time.strftime("%d %b %H:%M", time.gmtime(t))
