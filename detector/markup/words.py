"""Names, figures and times as a page and a terminal say them."""

import time

from detector.clock import LATEST_S
from detector.model.alert import Severity
from detector.terminal import many

SEVERITY: dict[Severity, tuple[str, str]] = {
    "critical": ("page", "pages"),
    "warning": ("ticket", "tickets"),
    "info": ("line on a board", "lines on a board"),
}
"""One and several episodes of a severity."""
UNKNOWN = "not known"
_LONGEST = 64


def shown(name: str, most: int = _LONGEST) -> str:
    """A name as it may be shown: what does not print, or turns the direction of writing, is replaced; cut to `most`."""
    plain = "".join(c if c.isprintable() else "\ufffd" for c in name)
    return plain if len(plain) <= most else f"{plain[: most - 9]}…{plain[-8:]}"


def share(part: float, whole: float) -> str:
    """A share in percent; what is something is not told as 0, nor what is not all as 100."""
    if whole <= 0:
        return "–"
    percent = round(100 * part / whole, 6)
    if 0 < percent < 1:
        return "<1%"
    return ">99%" if 99 < percent < 100 else f"{percent:.0f}%"


def short(n: float) -> str:
    """A large number in three digits."""
    for size, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if n >= 0.9995 * size:
            return f"{n / size:.3g} {name}" if n < 999.5 * size else f"{n / size:,.0f} {name}"
    return f"{n:,.0f}"


def day(t: float) -> str:
    """A time (s UTC) with its year."""
    return time.strftime("%d %b %Y %H:%M", time.gmtime(min(max(t, 0.0), LATEST_S)))


def duration(s: float) -> str:
    """How long: the two largest units."""
    left, parts = round(s), []
    for unit, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        n, left = divmod(left, unit)
        if n:
            parts.append(many(n, name))
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "a moment"


def period(began_t: float | None, ended_t: float | None) -> str:
    """From when to when (s UTC), and how long that is."""
    if began_t is None or ended_t is None:
        return "no events"
    return f"{day(began_t)} to {day(ended_t)} UTC, {duration(ended_t - began_t)}"


def ended(why: str) -> str:
    """Why an episode ended, as it may follow "ended"."""
    return "when it became quiet" if why == "quiet" else f"because {why}"


def episodes(n: int, severity: Severity) -> str:
    """How many pages, tickets or lines on a board."""
    return f"{n:,} {SEVERITY[severity][n != 1]}"
