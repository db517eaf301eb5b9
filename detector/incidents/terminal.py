"""Incidents in a terminal: all of them as a table, and one of them with what it is about."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.clock import clock_time
from detector.config import Web
from detector.incidents import chart, drawn, words
from detector.incidents.needed import why
from detector.incidents.view import Incident
from detector.markup.words import SEVERITY, shown
from detector.model.alert import Alert
from detector.rules.finding import usd
from detector.terminal import many

_STYLE = {"critical": "bold red", "warning": "yellow", "info": "dim"}
_WORD = {"critical": "PAGE", "warning": "TICKET", "info": "BOARD"}
_LEAST_WIDTH = 110
_SUMMARY = 500


def show_all(incidents: Sequence[Incident], console: Console) -> None:
    """Prints a table, in the order given. Nothing in a name is markup or moves the cursor."""
    table = _table()
    table.width = max(_LEAST_WIDTH, console.width)
    for name in ("", "rule"):
        table.add_column(name, no_wrap=True)
    table.add_column("who", ratio=1, no_wrap=True, overflow="ellipsis")
    for name in ("since (UTC)", "burnt", "an hour", "task moved"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("id", no_wrap=True)
    for alert in (incident.alert for incident in incidents):
        style = "dim" if alert.state == "resolved" else _STYLE[alert.severity]
        cells = (
            words.rule(alert), words.who(alert), words.since(alert), usd(alert.cost_usd), words.rate(alert),
            words.moved(alert), shown(alert.id[: words.ID_CHARS]),
        )  # fmt: skip
        table.add_row(Text(_WORD[alert.severity], style=style), *map(Text, cells))
    console.print(table, crop=False)


def show(incident: Incident, web: Web, console: Console) -> None:
    """Prints one incident: its sentence, its hour, its steps, what decided, what it costs, and where to go on."""
    alert = incident.alert
    console.print(Text(shown(alert.summary, _SUMMARY), style="bold"))
    kind = SEVERITY[alert.severity][0]
    console.print(Text.assemble((kind, _STYLE[alert.severity]), f", {words.rule(alert)}; {words.state(alert)}"))
    console.print(Text(words.who(alert), style="dim"))
    _show_hour(alert, console)
    _show_rows(console, words.history(alert))
    _show_steps(alert, console)
    if reason := why(alert):
        console.print()
        console.print(Text(shown(reason, _SUMMARY)))
    _show_rows(console, words.decided(alert))
    _show_rows(console, words.cost(alert))
    if incident.stop is not None:
        _show_rows(console, ((f"stop: {shown(name)}", shown(str(value))) for name, value in incident.stop.items()))
    _show_rows(console, [*words.links(alert, web), ("id", shown(alert.id))])


def _show_hour(alert: Alert, console: Console) -> None:
    bars = chart.bars(alert)
    console.print()
    if bars is None:
        console.print(Text("no dollars by minute are told of it", style="dim"))
        return
    for n, line in enumerate(bars.lines):
        label = f"{usd(bars.top_usd):>9} " if n == 0 else " " * 10
        console.print(Text.assemble((label, "dim"), (line, "blue")), no_wrap=True)
    console.print(Text(" " * 10 + bars.marks, style="bold"), no_wrap=True)
    each = "a column is a minute" if bars.column_min == 1 else f"a column is {bars.column_min} minutes"
    for told in (f"{clock_time(bars.began_t)} to {clock_time(bars.ended_t)}, {each}", chart.MARKS):
        console.print(Text(" " * 10 + told, style="dim"), no_wrap=True)


def _show_steps(alert: Alert, console: Console) -> None:
    steps = drawn.steps(alert)
    if not steps:
        return
    period, rounds = drawn.period(alert), alert.evidence.get("rounds")
    of = f", of {many(rounds, 'round')} so far" if isinstance(rounds, int) else ""
    console.print()
    console.print(Text.assemble((chart.cycle(steps, period), "bold"), f"  {many(len(steps), 'step')}{of}"))
    table = _table()
    for name in ("", "tool", "action"):
        table.add_column(name, no_wrap=True, max_width=40, overflow="ellipsis")
    for name in ("times", "failed", "results", "alike"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind in chart.kinds(steps):
        alike = [f"{x:.0%}" for x in (kind.least, kind.most) if x is not None]
        results = f"{kind.results:,}" if kind.results else ""
        figures = (f"{kind.steps:,}", f"{kind.failed:,}", results, " to ".join(dict.fromkeys(alike)))
        table.add_row(kind.letter, Text(shown(kind.name)), Text(shown(kind.action or "")), *figures)
    console.print(table)


def _show_rows(console: Console, rows: Iterable[Sequence[str]]) -> None:
    table = _table(show_header=False)
    for row in rows:
        if not table.columns:
            table.add_column(style="dim", no_wrap=True)
            for _ in row[1:]:
                table.add_column(overflow="fold")
        table.add_row(*map(Text, row))
    if table.rows:
        console.print()
        console.print(table)


def _table(show_header: bool = True) -> Table:
    return Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_header=show_header)
