"""Axes and bars of pictures: where their steps are, and what stands beside them.

A plot lies between 32 and 232 px from the top; its width is that of the page.
"""

import math
import time
from collections.abc import Iterator, Sequence

LEAST = 1e-6
"""Less than this is not drawn."""
HIGH = 1_000
"""Units of the height of a stretched box."""
_STEPS_S = (
    60,
    300,
    900,
    1_800,
    3_600,
    10_800,
    21_600,
    43_200,
    86_400,
    2 * 86_400,
    7 * 86_400,
    28 * 86_400,
    364 * 86_400,
)
_TICKS = 8
"""Ticks of an axis at most."""


def bars(base: Sequence[float], values: Sequence[float], top: float) -> str:
    """A path of one rectangle a bin, each on what is below it; none where the value is 0."""
    out = []
    for n, (below, value) in enumerate(zip(base, values, strict=True)):
        low, high = HIGH - round(HIGH * below / top), HIGH - round(HIGH * (below + value) / top)
        if high < low:
            out.append(f"M{n} {high}h1v{low - high}h-1z")
    return "".join(out)


def nice(most: float) -> float:
    """The end of an axis that holds `most`: 1, 2, 2.5 or 5 times a power of ten, in so many steps."""
    if most < LEAST:
        return 1.0
    step = _step(most)
    return step * math.ceil(most / step - 1e-9)


def _step(most: float) -> float:
    power = 10.0 ** math.floor(math.log10(most / 4))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if most / (power * n) <= 4 + 1e-9)


def _lines(top: float) -> list[float]:
    step = _step(top)
    return [step * n for n in range(1, round(top / step) + 1)]


def grid(top: float) -> Iterator[str]:
    """A line at each step of an axis that ends at `top`."""
    for value in _lines(top):
        y = round(232 - 200 * value / top, 1)
        yield f'<line class="grid" x1="0" x2="100%" y1="{y}" y2="{y}"/>'


def labels(top: float, unit: str) -> Iterator[str]:
    """The numbers at these lines, left of the plot; `unit` stands before them."""
    for value in _lines(top):
        y = round(232 - 200 * value / top, 1)
        yield f'<text class="value" text-anchor="end" x="-6" y="{y + 4:.1f}">{unit}{_short(value, top)}</text>'


def _short(value: float, top: float) -> str:
    """A number of the axis: cents where its steps are no whole numbers."""
    if _step(top).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}" if _step(top) >= 0.01 else f"{value:.3g}"


def times(began_t: float, length_s: float) -> Iterator[str]:
    """Days or times of day below the axis."""
    step = next((s for s in _STEPS_S if length_s / s <= _TICKS), _STEPS_S[-1])
    t = math.ceil(began_t / step) * step
    n = 0
    while t < began_t + length_s:
        at = 100 * (t - began_t) / length_s
        if at < 98:
            anchor = "end" if at > 90 else "start"
            odd = " odd" if n % 2 else ""
            yield (
                f'<line class="axis" x1="{at:.2f}%" x2="{at:.2f}%" y1="232" y2="237"/>'
                f'<text class="time{odd}" text-anchor="{anchor}" x="{at:.2f}%" y="251">{_clock(t, step)}</text>'
            )
        t += step
        n += 1


def _clock(t: float, step: float) -> str:
    told = time.gmtime(t)
    if step >= 28 * 86_400:
        return time.strftime("%b %Y", told)
    if step >= 86_400 or (told.tm_hour, told.tm_min) == (0, 0):
        return time.strftime("%d %b", told)
    return time.strftime("%H:%M", told)
