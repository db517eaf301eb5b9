"""The pictures of an audit, as SVG: weeks, and where the dollars went. Only numbers and escaped names go in."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from detector.audit.figures import Figures, Team, Week, Went
from detector.markup.axes import nice
from detector.markup.words import day
from detector.rules.finding import usd

FATES = (
    ("shipped_usd", "shipped", "s1"),
    ("open_usd", "still open", "s3"),
    ("dropped_usd", "given up", "s4"),
    ("looping_usd", "flagged", "s5"),
    ("unclaimed_usd", "claimed by no task", "rest"),
)
"""Fields of Went, what they are called, and their colours."""
_HIGH, _TOP = 200, 24
_WIDE = 1_000
"""Units of the width of a picture, which stretches with the page."""


def weeks(told: Sequence[Week]) -> str:
    """Of each week a bar of dollars and, beside it, one of completed tasks; both axes begin at zero."""
    most_usd = nice(max(week.spend_usd for week in told))
    most_done = nice(float(max(week.tasks_completed for week in told)))
    title = f"Dollars and completed tasks by week; the axes end at {usd(most_usd)} and {most_done:,.0f} tasks"
    width = 100 / len(told)
    parts = []
    for n, week in enumerate(told):
        said = f"week from {day(week.began_t)}: {usd(week.spend_usd)}, {week.tasks_completed:,} completed"
        bars = (
            (0.16, "s1", week.spend_usd / most_usd, usd(week.spend_usd)),
            (0.52, "s3", week.tasks_completed / most_done, f"{week.tasks_completed:,}"),
        )
        for left, style, share, label in bars:
            high, x = _HIGH * share, (n + left) * width
            above = _TOP + _HIGH - high - 5
            parts.append(
                f'<rect class="{style}" x="{x:.2f}%" y="{_TOP + _HIGH - high:.1f}" width="{0.32 * width:.2f}%" '
                f'height="{high:.1f}"><title>{escape(said)}</title></rect>'
                f'<text text-anchor="middle" x="{x + 0.16 * width:.2f}%" y="{above:.1f}">{label}</text>'
            )
        middle, date = (n + 0.5) * width, day(week.began_t)[:6]
        parts.append(f'<text text-anchor="middle" x="{middle:.2f}%" y="{_TOP + _HIGH + 16}">{date}</text>')
    return (
        f'<svg class="weeks" role="img" width="100%" height="{_TOP + _HIGH + 24}" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}"
        f'<line class="axis" x1="0" x2="100%" y1="{_TOP + _HIGH}" y2="{_TOP + _HIGH}"/></svg>'
    )


class _Stripe(NamedTuple):
    """A stream from a team to a fate: where it leaves and arrives (units of height), and how thick it is."""

    left: float
    right: float
    thick: float
    style: str
    said: str


def flow(figures: Figures, teams: Sequence[tuple[str, Went]], high: int = 340, gap: float = 8.0) -> str:
    """Dollars from teams (name and where they went, the last may be all others) on the left to fates on the right."""
    total = sum(getattr(figures.went, field) for field, _, _ in FATES)
    fates = [fate for fate in FATES if getattr(figures.went, fate[0]) > 0]
    scale = (high - gap * max(len(teams), len(fates))) / total
    at = _places([getattr(figures.went, field) * scale for field, _, _ in fates], gap)
    stripes, labels, y = list[_Stripe](), [], 0.0
    for name, went in teams:
        begin = y
        for n, (field, fate, style) in enumerate(fates):
            dollars = getattr(went, field)
            if dollars > 0:
                stripes.append(_Stripe(y, at[n], dollars * scale, style, f"{name}: {usd(dollars)} {fate}"))
                y, at[n] = y + dollars * scale, at[n] + dollars * scale
        labels.append(_label("end", "29%", (begin + y) / 2, name))
        y += gap
    for (field, fate, _), end in zip(fates, at, strict=True):
        dollars = getattr(figures.went, field)
        labels.append(_label("start", "71%", end - dollars * scale / 2, f"{usd(dollars)} {fate}"))
    title = "Where the dollars went, from teams on the left to what became of them on the right"
    return (
        f'<svg class="flow" role="img" width="100%" height="{high}" aria-label="{title}"><title>{title}</title>'
        f'<svg x="30%" y="0" width="40%" height="{high}" viewBox="0 0 {_WIDE} {high}" preserveAspectRatio="none">'
        f"{''.join(map(_ribbon, stripes))}</svg>{''.join(labels)}</svg>"
    )


def _places(sizes: Sequence[float], gap: float) -> list[float]:
    """Where each begins, one below the other."""
    out, y = [], 0.0
    for size in sizes:
        out.append(y)
        y += size + gap
    return out


def _ribbon(s: _Stripe) -> str:
    half = _WIDE // 2
    path = (
        f"M0 {s.left:.1f}C{half} {s.left:.1f} {half} {s.right:.1f} {_WIDE} {s.right:.1f}v{s.thick:.1f}"
        f"C{half} {s.right + s.thick:.1f} {half} {s.left + s.thick:.1f} 0 {s.left + s.thick:.1f}z"
    )
    return f'<path class="{s.style} stream" d="{path}"><title>{escape(s.said)}</title></path>'


def _label(anchor: str, x: str, y: float, text: str) -> str:
    shown = text if len(text) <= 40 else text[:39] + "…"
    return f'<text text-anchor="{anchor}" x="{x}" y="{y + 4:.1f}">{escape(shown)}</text>'


def biggest(teams: Sequence[Team], most: int) -> list[tuple[str, Went]]:
    """Teams by name, as many as spent most; all others as one."""
    spent = [team for team in teams if team.spend_usd > 0]
    chosen = sorted(spent, key=lambda team: -team.spend_usd)[:most]
    told = [(team.team or "no team", team.went) for team in spent if team in chosen]
    rest = [team for team in spent if team not in chosen]
    if rest:
        sums = Went(**{field: sum(getattr(t.went, field) for t in rest) for field, _, _ in FATES})
        told.append((f"{len(rest)} other teams", sums))
    return told
