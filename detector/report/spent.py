"""The parts of the page on what was spent: over time, by what came of it, by name, and its tokens."""

from collections.abc import Sequence
from html import escape

from detector.markup import svg
from detector.markup.pieces import WIDTHS, card, key_item, section
from detector.markup.words import day, episodes, share, short, shown
from detector.report import words
from detector.report.choosing import chosen
from detector.report.facts import Facts, Flag, Outcome, Ranking, Rest, Row, Series, Spend
from detector.report.flagged import SHOWN
from detector.rules.finding import usd
from detector.terminal import many

_NAMES = 8
"""Names of a ranking that are shown one by one."""
_HEAD = (("", "from, UTC"), (' class="n"', "calls"), (' class="n"', "burnt"))
_CAME: dict[Outcome, str] = {"completed": "s1", "moved": "s3", "dropped": "s4", "stood": "s5", "no_task": "rest"}
_TOLD = (
    "Dollars by what came after they were spent, as far as statuses of their task tell. What was spent since a task "
    "moved last has moved nothing yet."
)
_UNTOLD = (
    "No status is among the input: this is what was spent, and nothing tells what came of it. Name a file of statuses "
    "too, as webhooks and detector status push send them, to see which dollars moved a task."
)


def over_time(facts: Facts, spend: Spend) -> str:
    """Bars of dollars by agent or model, with marks where alerts began; of calls where no dollars are known."""
    wide = WIDTHS[spend.width_s]
    known = facts.total.usd > 0
    if known:
        series = [(_style(n, one), one.usd) for n, one in enumerate(spend.series)]
        totals = [sum(values) for values in zip(*(one.usd for one in spend.series), strict=True)]
        key = _key(facts, spend)
        what = f"Dollars by {wide} and {spend.by}, in UTC."
    else:
        series, totals, key = [("s1", list(map(float, spend.calls)))], [], ""
        what = f"Calls by {wide}, in UTC: no dollars are known."
    said = [_bin(spend, n, totals) for n in range(len(spend.calls))]
    peak = ""
    if totals:
        most = max(range(len(totals)), key=totals.__getitem__)
        peak = f" Most in one {wide}: {usd(totals[most])}, from {day(spend.began_t + most * spend.width_s)} UTC."
    marks = _marks(facts, spend)
    picture = svg.stacked(f"{what}{peak}", series, spend.began_t, spend.width_s, marks, said, "$" if known else "")
    legend = _legend(marks)
    table = _table(spend) if known else ""
    return section("Spend over time", f"{what}{peak}", card(f'{picture}<ul class="key">{key}{legend}</ul>{table}'))


def _style(n: int, series: Series) -> str:
    return "rest" if series.tenant is None else f"s{n}"


def _bin(spend: Spend, n: int, totals: Sequence[float]) -> str:
    burnt = f": {usd(totals[n])}" if totals else ""
    return f"from {day(spend.began_t + n * spend.width_s)}{burnt}, {many(spend.calls[n], 'call')}"


def _series_name(facts: Facts, spend: Spend, one: Series) -> str:
    return "all others" if one.tenant is None else words.called(spend.by, one.name, one.tenant, facts.tenants)


def _key(facts: Facts, spend: Spend) -> str:
    """The names from the bottom up, each with its dollars: the same order as in the picture."""
    items = [
        key_item(_style(n, one), _series_name(facts, spend, one), usd(sum(one.usd)))
        for n, one in enumerate(spend.series)
    ]
    return f'<li class="soft">from the bottom up:</li>{"".join(items)}'


def _marks(facts: Facts, spend: Spend) -> list[svg.Mark]:
    """Of each bin one mark: what opened in it, the loudest first."""
    of: dict[int, list[Flag]] = {}
    for flag in chosen(facts.flags, SHOWN):
        if flag.severity == "info":
            continue
        place = int((flag.opened_at - spend.began_t) // spend.width_s)
        if 0 <= place < len(spend.calls):
            of.setdefault(place, []).append(flag)
    return [svg.Mark(place, flags[0].severity == "critical", _opened(flags)) for place, flags in sorted(of.items())]


def _legend(marks: Sequence[svg.Mark]) -> str:
    """What the marks mean that are there."""
    kinds = {mark.critical for mark in marks}
    told = ((True, "▼ a page began"), (False, "▽ a ticket began"))
    return "".join(f"<li>{text}</li>" for critical, text in told if critical in kinds)


def _opened(flags: Sequence[Flag]) -> str:
    return "; ".join(f"{episodes(1, f.severity)[2:]}, {f.rule}: {shown(f.summary, 200)}" for f in flags[:4])


def _table(spend: Spend) -> str:
    """The picture as numbers: bins in which something was spent."""
    rows = []
    for n, calls in enumerate(spend.calls):
        if calls:
            burnt = usd(sum(one.usd[n] for one in spend.series))
            when = day(spend.began_t + n * spend.width_s)
            rows.append(f'<tr><td>{when}</td><td class="n">{calls:,}</td><td class="n">{burnt}</td></tr>')
    head = "".join(f'<th{style} scope="col">{name}</th>' for style, name in _HEAD)
    table = f"<table><tr>{head}</tr>{''.join(rows)}</table>"
    return f'<details><summary>the same as a table</summary><div class="scroll">{table}</div></details>'


def came(facts: Facts) -> str:
    """One bar of the dollars by what became of their task; without statuses, that nothing tells."""
    if not facts.status_source:
        return section("What came of it", _UNTOLD)
    total = sum(c.usd for c in facts.came)
    told = [c for c in facts.came if c.usd > 0 or c.tasks]
    parts = [svg.Part(_CAME[c.outcome], c.usd, f"{words.OUTCOME[c.outcome]}: {usd(c.usd)}") for c in told]
    title = "Dollars by what came of their task: " + "; ".join(
        f"{words.OUTCOME[c.outcome]} {share(c.usd, total)}" for c in told
    )
    items = []
    for c in told:
        tasks = f", {many(c.tasks, 'task')}" if c.tasks else ""
        value = f"{usd(c.usd)}, {share(c.usd, total)}"
        items.append(key_item(_CAME[c.outcome], words.OUTCOME[c.outcome], value + tasks))
    return section("What came of it", _TOLD, card(f'{svg.whole(title, parts)}<ul class="key">{"".join(items)}</ul>'))


def where(facts: Facts) -> str:
    """Tables of agents, models, teams and tasks, the dearest first; never of people."""
    cards = "".join(
        _ranking(facts, kind, ranking)
        for kind, ranking in (
            ("agent", facts.by_agent),
            ("model", facts.by_model),
            ("team", facts.by_team),
            ("task", facts.by_task),
        )
    )
    return section("Where the dollars went", "", f'<div class="pairs">{cards}</div>')


def _ranking(facts: Facts, kind: str, ranking: Ranking) -> str:
    rows, rest = words.folded(ranking, _NAMES)
    most = max((row.usd for row in rows), default=0.0)
    cells = [_row(facts, row, words.called(kind, row.name, row.tenant, facts.tenants), most) for row in rows]
    if rest.calls:
        cells.append(_row(facts, rest, many(rest.names, f"other {kind}"), most))
    head = (
        f'<tr><th scope="col">{kind}</th><th class="shape" scope="col"></th><th class="n" scope="col">burnt</th>'
        '<th class="n" scope="col">share</th><th class="n" scope="col">calls</th></tr>'
    )
    return card(f"<h3>By {kind}</h3><table>{head}{''.join(cells)}</table>")


def _row(facts: Facts, row: Row | Rest, name: str, most: float) -> str:
    outcome = row.outcome if isinstance(row, Row) else None
    told = f'<span class="came">{escape(words.OUTCOME[outcome])}</span>' if outcome is not None else ""
    part = share(row.usd, facts.total.usd) if row.usd else "–"
    return (
        f'<tr><td class="name"><bdi>{escape(name)}</bdi>{told}</td>'
        f'<td class="shape">{svg.bar(row.usd / most) if isinstance(row, Row) and most > 0 else ""}</td>'
        f'<td class="n">{escape(words.dollars(row))}</td><td class="n">{part}</td><td class="n">{row.calls:,}</td></tr>'
    )


def tokens(facts: Facts) -> str:
    """One bar of the tokens by kind."""
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
        return section("Tokens by kind", "No call tells its tokens.")
    parts = [svg.Part(style, n, f"{name}: {n:,}") for style, name, n in kinds]
    title = "Tokens by kind: " + "; ".join(f"{name} {share(n, whole)}" for _, name, n in kinds)
    items = [key_item(style, name, f"{short(n)}, {share(n, whole)}") for style, name, n in kinds]
    note = (
        "What the dollars paid for: a cost, not an achievement. Cached input costs a fraction of fresh input, output a "
        f"multiple. {short(whole)} in all."
    )
    return section("Tokens by kind", note, card(f'{svg.whole(title, parts)}<ul class="key">{"".join(items)}</ul>'))
