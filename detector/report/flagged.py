"""The part of the page on what was flagged: a card for each, with its evidence in words and its run over time."""

from collections.abc import Iterator, Sequence
from html import escape

from detector.markup import svg
from detector.markup.pieces import WIDTHS, pair, section
from detector.markup.words import day, duration, ended, episodes, short, shown
from detector.model.alert import Severity
from detector.report import words
from detector.report.choosing import chosen
from detector.report.facts import Facts, Flag
from detector.rules.finding import usd
from detector.terminal import many

SHOWN = 20
"""Flags that are shown one by one."""
_SIGNS: dict[Severity, tuple[str, str]] = {
    "critical": ("page", "▲ PAGE"),
    "warning": ("ticket", "△ TICKET"),
    "info": ("board", "· BOARD"),
}
_NOTE = "Pages first, then tickets, of each those that burnt most. The marked stretch is what the alert is about."


def flagged(facts: Facts) -> str:
    """A card for each flag that is shown, and how many others there were."""
    picked = chosen(facts.flags, SHOWN)
    if not picked:
        return section("Where they circled", "No page and no ticket.", _others(facts, picked))
    cards = "".join(_flag(facts, flag) for flag in picked)
    return section("Where they circled, and what else was flagged", _NOTE, cards, _others(facts, picked))


def _flag(facts: Facts, flag: Flag) -> str:
    style, sign = _SIGNS[flag.severity]
    name = f"{flag.rule} · {flag.class_}" if flag.class_ else flag.rule
    return (
        f'<article class="flag {style}"><h3><span class="badge">{sign}</span><span>{escape(name)}</span>'
        f"<b>{words.burnt_by(facts, flag.usd)}</b></h3><p><bdi>{escape(shown(flag.summary, 2_000))}</bdi></p>"
        f"<dl>{''.join(_evidence(facts, flag))}</dl>{_strip(flag)}</article>"
    )


def _evidence(facts: Facts, flag: Flag) -> Iterator[str]:
    named = (("agent", flag.agent), ("team", flag.team), ("run", flag.run), ("task", flag.task), ("model", flag.model))
    for kind, name in (*named, ("tenant", flag.tenant if facts.tenants > 1 else None)):
        if name is not None:
            yield pair(kind, shown(name))
    yield pair("from", f"{day(flag.since)} UTC")
    yield pair("told after", duration(flag.opened_at - flag.since))
    if flag.ended_by is not None:
        yield pair("ended", f"{day(flag.ended_at)}, {ended(flag.ended_by)}")
    if flag.rounds is not None:
        yield pair("rounds", f"{flag.rounds:,}")
    yield pair("calls", f"{flag.calls:,}")
    yield pair("tokens", short(flag.tokens))
    if flag.usual_usd_per_hour is not None:
        yield pair("usual", f"{usd(flag.usual_usd_per_hour)} an hour")
    if flag.steps:
        yield pair("last steps", ", ".join(shown(step) for step in flag.steps))


def _strip(flag: Flag) -> str:
    strip = flag.strip
    if strip is None:
        return ""
    known = any(strip.usd)
    wide, what = WIDTHS[strip.width_s], "dollars" if known else "calls"
    values = strip.usd if known else list(map(float, strip.calls))
    of = flag.run if strip.of == "run" else flag.task
    most = usd(max(values)) if known else f"{max(values):.0f}"
    caption = f"{strip.of} {shown(of or '')}: {what} by {wide}, most {most}"
    label = flag.rule if flag.rounds is None else f"{flag.rule}, {many(flag.rounds, 'round')}"
    title = f"{caption}; {label} from {day(flag.since)} to {day(flag.ended_at)} UTC"
    picture = svg.strip(title, values, strip.began_t, strip.width_s, flag.since, flag.ended_at, label)
    return f"<figure>{picture}<figcaption><bdi>{escape(caption)}</bdi></figcaption></figure>"


def _others(facts: Facts, picked: Sequence[Flag]) -> str:
    """Of each rule and severity what is not shown one by one."""
    lines = []
    for counted in facts.counted:
        mine = [f for f in picked if (f.rule, f.severity) == (counted.rule, counted.severity)]
        left = counted.episodes - len(mine)
        if left:
            burnt = words.burnt_by(facts, max(0.0, counted.usd - sum(f.usd for f in mine)))
            lines.append(f"{episodes(left, counted.severity)} of {counted.rule}: {burnt}")
    if not lines:
        return ""
    return f'<p class="note">{"Not shown one by one" if picked else "Flagged"}: {escape("; ".join(lines))}.</p>'
