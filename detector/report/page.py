"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Every text of the input is escaped where it goes in; what the page may load or run is nothing but its own style.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from string import Template

from detector.report import svg, words
from detector.report.facts import Facts, Flag, Ranking, Rest, Row, Series, Spend
from detector.report.style import STYLE
from detector.rules.finding import usd

_NAMES, _FLAGS, _OF_A_RULE = 8, 20, 5
"""Names of a ranking; flags; tickets of one rule, so that many of one kind don't hide the others."""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_WIDTHS = {60: "minute", 300: "5 minutes", 900: "15 minutes", 1_800: "half hour", 3_600: "hour", 10_800: "3 hours",
           21_600: "6 hours", 43_200: "12 hours", 86_400: "day", 604_800: "week", 2_419_200: "4 weeks",
           31_449_600: "52 weeks", 1: "second", 5: "5 seconds", 15: "15 seconds"}  # fmt: skip
_PAGE = Template(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-$hash'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">
<title>What the agents burnt: $period</title>
<style>$style</style></head>
<body>$patterns
<header><h1>What the agents burnt, where they circled, what came of it</h1><p class="soft">$period</p></header>
<main>
$body
</main>
<footer>$footer</footer>
</body></html>
"""
)
_MEANS = (
    ("Dollars", "what calls tell, else what their tokens cost by the price list of that day. They are a cost, and no "
     "measure of anybody's work: nothing here is by person."),
    ("Loop", "rounds of the same action with the same result, of near copies of a failing one, or of nearly the same "
     "answer, with no status of the task between."),
    ("Page, ticket", "how loud an alert was at its highest: a page wakes somebody, a ticket waits for the morning. "
     "Alerts on a task, its agent, its team and its model may hold the same dollars: they do not add up."),
    ("Moved", "after these dollars came a status that is no mere activity: merged, resolved, reviewed, committed. "
     "Dollars after the last one have not moved anything yet."),
)  # fmt: skip


def page(facts: Facts) -> str:
    """The page; of the figures alone, so that equal figures give equal bytes."""
    return _PAGE.substitute(
        hash=_HASH,
        style=STYLE,
        patterns=svg.PATTERNS,
        period=escape(words.period(facts)),
        body="\n".join(_sections(facts)),
        footer=_footer(),
    )


def _sections(facts: Facts) -> Iterator[str]:
    yield _figures(facts)
    yield _missing(facts)
    if facts.spend is None:
        yield "<p>No call was read, so nothing was burnt.</p>"
        return
    yield _over_time(facts, facts.spend)
    yield _came(facts)
    yield _flags(facts)
    yield _where(facts)
    yield _tokens(facts)


def _figures(facts: Facts) -> str:
    total, loops = facts.total, facts.loops
    whole = Row(None, "", total.calls, total.usd, total.unpriced, total.unmetered)
    unknown = total.unpriced + total.unmetered
    pages = sum(c.episodes for c in facts.counted if c.severity == "critical")
    cards = [
        _figure("burnt", words.dollars(whole), f"and {words.counted(unknown, 'call')} not told" if unknown else ""),
        _figure("calls", f"{total.calls:,}", f"{words.counted(facts.runs, 'run')}, {words.counted(facts.tasks, 'task')}"),
        _figure(
            "went round in loops",
            usd(loops.usd) if loops.episodes else "none flagged",
            f"{words.share(loops.usd, total.usd)} of it, {words.counted(loops.episodes, 'loop')}" if loops.episodes else "",
        ),
        _figure("pages", f"{pages:,}", f"{words.counted(_tickets(facts), 'ticket')} beside"),
        _moved(facts),
    ]
    return f'<dl class="figures">{"".join(cards)}</dl>'


def _tickets(facts: Facts) -> int:
    return sum(c.episodes for c in facts.counted if c.severity == "warning")


def _figure(name: str, value: str, beside: str, small: bool = False) -> str:
    style = ' class="small"' if small else ""
    more = f"<p>{escape(beside)}</p>" if beside else ""
    return f"<div><dt>{escape(name)}</dt><dd{style}>{escape(value)}</dd>{more}</div>"


def _moved(facts: Facts) -> str:
    if facts.moved_share is None:
        return _figure("what came of it", words.came(facts), "", small=True)
    return _figure("of the dollars moved a task", words.share(facts.moved_share, 1.0), "a status of the task came after")


def _missing(facts: Facts) -> str:
    lines = [f"<li>{escape(line)}</li>" for line in words.unknowns(facts)]
    if not lines:
        return ""
    return f'<aside class="missing"><b>What these figures do not hold</b><ul>{"".join(lines)}</ul></aside>'


def _over_time(facts: Facts, spend: Spend) -> str:
    wide = _WIDTHS[spend.width_s]
    known = facts.total.usd > 0
    if known:
        series = [(_style(n, one), one.usd) for n, one in enumerate(spend.series)]
        totals = [sum(values) for values in zip(*(one.usd for one in spend.series), strict=True)]
        key = _key(facts, spend)
        what = f"Dollars by {wide} and {spend.by}"
    else:
        series, totals, key = [("s1", list(map(float, spend.calls)))], [], ""
        what = f"Calls by {wide}: no dollars are known"
    said = [_bin(spend, n, totals) for n in range(len(spend.calls))]
    peak = ""
    if totals:
        most = max(range(len(totals)), key=totals.__getitem__)
        peak = f" Most in one {wide}: {usd(totals[most])}, from {words.day(spend.began_t + most * spend.width_s)} UTC."
    picture = svg.stacked(
        f"{what}.{peak}", series, spend.began_t, spend.width_s, _marks(facts, spend), said, "$" if known else ""
    )
    legend = "<li>▼ pages began</li><li>▽ tickets began</li>" if facts.flags else ""
    return (
        f'<section><h2>Spend over time</h2><p class="note">{escape(what)}, in UTC.{escape(peak)}</p>'
        f'<div class="card">{picture}<ul class="key">{key}{legend}</ul>{_table(spend) if known else ""}</div></section>'
    )


def _style(n: int, series: Series) -> str:
    return "rest" if series.tenant is None else f"s{n}"


def _bin(spend: Spend, n: int, totals: Sequence[float]) -> str:
    burnt = f": {usd(totals[n])}" if totals else ""
    return f"from {words.day(spend.began_t + n * spend.width_s)}{burnt}, {words.counted(spend.calls[n], 'call')}"


def _series_name(facts: Facts, spend: Spend, one: Series) -> str:
    return "all others" if one.tenant is None else words.called(spend.by, one.name, one.tenant, facts.tenants)


def _key(facts: Facts, spend: Spend) -> str:
    """The names from the bottom up, each with its dollars: the same order as in the picture."""
    items = [
        _key_item(_style(n, one), _series_name(facts, spend, one), usd(sum(one.usd))) for n, one in enumerate(spend.series)
    ]
    return f'<li class="soft">from the bottom up:</li>{"".join(items)}'


def _key_item(style: str, name: str, value: str) -> str:
    swatch = f'<svg aria-hidden="true"><rect class="{style}" width="12" height="12"/></svg>'
    return f"<li>{swatch}<bdi>{escape(name)}</bdi> <b>{escape(value)}</b></li>"


def _marks(facts: Facts, spend: Spend) -> list[svg.Mark]:
    """Of each bin one mark: what opened in it, the loudest first."""
    of: dict[int, list[Flag]] = {}
    for flag in _chosen(facts.flags):
        place = int((flag.opened_at - spend.began_t) // spend.width_s)
        if 0 <= place < len(spend.calls):
            of.setdefault(place, []).append(flag)
    return [svg.Mark(place, flags[0].severity == "critical", _opened(flags)) for place, flags in sorted(of.items())]


def _opened(flags: Sequence[Flag]) -> str:
    return "; ".join(f"{words.SEVERITY[f.severity]}, {f.rule}: {words.shown(f.summary, 200)}" for f in flags[:4])


def _table(spend: Spend) -> str:
    """The picture as numbers: bins in which something was spent."""
    rows = []
    for n, calls in enumerate(spend.calls):
        if calls:
            burnt = usd(sum(one.usd[n] for one in spend.series))
            when = words.day(spend.began_t + n * spend.width_s)
            rows.append(f'<tr><td>{when}</td><td class="n">{calls:,}</td><td class="n">{burnt}</td></tr>')
    head = '<tr><th scope="col">from, UTC</th><th class="n" scope="col">calls</th><th class="n" scope="col">burnt</th></tr>'
    return f'<details><summary>the same as a table</summary><div class="scroll"><table>{head}{"".join(rows)}</table></div></details>'


_CAME = {"completed": "s1", "moved": "s3", "dropped": "s4", "stood": "s5", "no_task": "rest"}


def _came(facts: Facts) -> str:
    if not facts.status_source:
        text = (
            "No source of status is among the input, so this shows what was spend, and nothing of what came of it. Read "
            "statuses with it (webhooks, detector status push) to see which dollars moved a task."
        )
        return f'<section><h2>What came of it</h2><p class="note">{escape(text.replace("was spend", "was spent"))}</p></section>'
    total = sum(c.usd for c in facts.came)
    told = [c for c in facts.came if c.usd > 0 or c.tasks]
    parts = [svg.Part(_CAME[c.outcome], c.usd, f"{words.OUTCOME[c.outcome]}: {usd(c.usd)}") for c in told]
    title = "Dollars by what came of their task: " + "; ".join(
        f"{words.OUTCOME[c.outcome]} {words.share(c.usd, total)}" for c in told
    )
    items = []
    for c in told:
        tasks = f", {words.counted(c.tasks, 'task')}" if c.tasks else ""
        value = f"{usd(c.usd)}, {words.share(c.usd, total)}"
        items.append(_key_item(_CAME[c.outcome], words.OUTCOME[c.outcome], value + tasks))
    return (
        '<section><h2>What came of it</h2><p class="note">Dollars by what became of the task that they were spent on, '
        "as far as a status tells; what was spent after a task moved last has moved nothing yet.</p>"
        f'<div class="card">{svg.whole(title, parts)}<ul class="key">{"".join(items)}</ul></div></section>'
    )


def _chosen(flags: Iterable[Flag]) -> list[Flag]:
    """Those that are shown one by one: all pages as far as there is room, then tickets, some of each rule."""
    out, tickets = list[Flag](), dict[str, int]()
    for flag in flags:
        if flag.severity != "critical":
            tickets[flag.rule] = tickets.get(flag.rule, 0) + 1
            if tickets[flag.rule] > _OF_A_RULE:
                continue
        if len(out) < _FLAGS:
            out.append(flag)
    return out


def _flags(facts: Facts) -> str:
    chosen = _chosen(facts.flags)
    if not chosen:
        text = "No page and no ticket: nothing was flagged but lines on a board, if any."
        return f'<section><h2>Where they circled</h2><p class="note">{text}</p>{_others(facts, chosen)}</section>'
    return (
        '<section><h2>Where they circled, and what else was flagged</h2><p class="note">Pages first, then tickets, of '
        "each those that burnt most. The marked stretch is what the alert is about.</p>"
        f"{''.join(_flag(facts, flag) for flag in chosen)}{_others(facts, chosen)}</section>"
    )


def _flag(facts: Facts, flag: Flag) -> str:
    style = "page" if flag.severity == "critical" else "ticket"
    sign = "▲ PAGE" if flag.severity == "critical" else "△ TICKET"
    name = f"{flag.rule} · {flag.class_}" if flag.class_ else flag.rule
    return (
        f'<article class="flag {style}"><h3><span class="badge">{sign}</span><span>{escape(name)}</span>'
        f"<b>{usd(flag.usd)}</b></h3><p><bdi>{escape(words.shown(flag.summary, 2_000))}</bdi></p>"
        f"<dl>{''.join(_evidence(facts, flag))}</dl>{_strip(flag)}</article>"
    )


def _evidence(facts: Facts, flag: Flag) -> Iterator[str]:
    named = (("agent", flag.agent), ("team", flag.team), ("run", flag.run), ("task", flag.task), ("model", flag.model))
    for kind, name in (*named, ("tenant", flag.tenant if facts.tenants > 1 else None)):
        if name is not None:
            yield _pair(kind, words.shown(name))
    lasted = words.duration(flag.ended_at - flag.since)
    yield _pair("from", f"{words.day(flag.since)} UTC, for {lasted}")
    yield _pair("told after", words.duration(flag.opened_at - flag.since))
    if flag.ended_by is not None:
        yield _pair("ended by", flag.ended_by)
    if flag.rounds is not None:
        yield _pair("rounds", f"{flag.rounds:,}")
    yield _pair("calls", f"{flag.calls:,}")
    yield _pair("tokens", words.short(flag.tokens))
    if flag.usual_usd_per_hour is not None:
        yield _pair("usual", f"{usd(flag.usual_usd_per_hour)} an hour")
    if flag.steps:
        yield _pair("last steps", ", ".join(words.shown(step) for step in flag.steps))


def _pair(name: str, value: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd></div>"


def _strip(flag: Flag) -> str:
    strip = flag.strip
    if strip is None:
        return ""
    known = any(strip.usd)
    wide, what = _WIDTHS[strip.width_s], "dollars" if known else "calls"
    values = strip.usd if known else list(map(float, strip.calls))
    of = flag.run if strip.of == "run" else flag.task
    caption = f"{strip.of} {words.shown(of or '')}: {what} by {wide}, most {usd(max(values)) if known else f'{max(values):.0f}'}"
    label = flag.rule if flag.rounds is None else f"{flag.rule}, {words.counted(flag.rounds, 'round')}"
    title = f"{caption}; {label} from {words.day(flag.since)} to {words.day(flag.ended_at)} UTC"
    picture = svg.strip(title, values, strip.began_t, strip.width_s, flag.since, flag.ended_at, label)
    return f"<figure>{picture}<figcaption><bdi>{escape(caption)}</bdi></figcaption></figure>"


def _others(facts: Facts, chosen: Sequence[Flag]) -> str:
    """Of each rule and severity what is not shown one by one."""
    lines = []
    for counted in facts.counted:
        mine = [f for f in chosen if (f.rule, f.severity) == (counted.rule, counted.severity)]
        left = counted.episodes - len(mine)
        if left:
            burnt = usd(max(0.0, counted.usd - sum(f.usd for f in mine)))
            more = " more" if mine else ""
            lines.append(f"{words.counted(left, f'{words.SEVERITY[counted.severity]}')}{more} of {counted.rule}: {burnt}")
    lines = [line.replace("line on a boards", "lines on a board") for line in lines]
    if not lines:
        return ""
    return f'<p class="note">Beside these: {escape("; ".join(lines))}.</p>'


def _where(facts: Facts) -> str:
    cards = "".join(
        _ranking(facts, kind, ranking)
        for kind, ranking in (
            ("agent", facts.by_agent),
            ("model", facts.by_model),
            ("team", facts.by_team),
            ("task", facts.by_task),
        )
    )
    return f'<section><h2>Where the dollars went</h2><div class="pairs">{cards}</div></section>'


def _ranking(facts: Facts, kind: str, ranking: Ranking) -> str:
    rows, rest = words.folded(ranking, _NAMES)
    most = max([row.usd for row in (*rows, rest)], default=0.0)
    cells = [_row(facts, row, words.called(kind, row.name, row.tenant, facts.tenants), most) for row in rows]
    if rest.calls:
        cells.append(_row(facts, rest, words.counted(rest.names, f"other {kind}"), most))
    head = (
        f'<tr><th scope="col">{kind}</th><th class="shape" scope="col"></th><th class="n" scope="col">burnt</th>'
        '<th class="n" scope="col">share</th><th class="n" scope="col">calls</th></tr>'
    )
    return f'<div class="card"><h3>By {kind}</h3><table>{head}{"".join(cells)}</table></div>'


def _row(facts: Facts, row: Row | Rest, name: str, most: float) -> str:
    outcome = row.outcome if isinstance(row, Row) else None
    told = f'<span class="came">{escape(words.OUTCOME[outcome])}</span>' if outcome is not None else ""
    part = words.share(row.usd, facts.total.usd) if row.usd else "–"
    return (
        f'<tr><td class="name"><bdi>{escape(name)}</bdi>{told}</td>'
        f'<td class="shape">{svg.bar(row.usd / most if most > 0 else 0.0)}</td>'
        f'<td class="n">{escape(words.dollars(row))}</td><td class="n">{part}</td><td class="n">{row.calls:,}</td></tr>'
    )


def _tokens(facts: Facts) -> str:
    total = facts.total
    kinds = (
        ("s0", "cached input", total.cached_input_tokens),
        ("s4", "written to a cache", total.cache_write_tokens),
        ("s1", "fresh input", total.fresh_input_tokens),
        ("s3", "output", total.output_tokens),
        ("s5", "reasoning", total.reasoning_tokens),
    )
    whole = sum(n for *_, n in kinds)
    if not whole:
        return '<section><h2>Tokens</h2><p class="note">No call tells its tokens.</p></section>'
    parts = [svg.Part(style, n, f"{name}: {n:,}") for style, name, n in kinds]
    title = "Tokens by kind: " + "; ".join(f"{name} {words.share(n, whole)}" for _, name, n in kinds)
    items = [_key_item(style, name, f"{words.short(n)}, {words.share(n, whole)}") for style, name, n in kinds]
    return (
        '<section><h2>Tokens by kind</h2><p class="note">What the dollars paid for: a cost, not an achievement. Cached '
        f"input costs a fraction of fresh input, output a multiple. {words.short(whole)} in all.</p>"
        f'<div class="card">{svg.whole(title, parts)}<ul class="key">{"".join(items)}</ul></div></section>'
    )


def _footer() -> str:
    means = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in _MEANS)
    return f"<h2>How to read this</h2><dl>{means}</dl><p>All times are UTC. The same input gives the same page.</p>"
