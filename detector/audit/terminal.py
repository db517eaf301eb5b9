"""The figures of an audit as a screen."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.audit import words
from detector.audit.figures import Billed, Figures
from detector.markup.words import period
from detector.rules.finding import usd
from detector.terminal import line

_WIDTH = 100
_TEAMS, _TASKS, _MODELS = 10, 10, 20


def show(figures: Figures, console: Console) -> None:
    """Prints them. Names of the input are shown as they are: nothing in them is markup or moves the cursor."""
    console.print(Text(period(figures.began_t, figures.ended_t), style="dim"))
    console.print(Text(words.headline(figures), style="bold"))
    for unknown in words.unknowns(figures):
        console.print(Text(f"not in it: {unknown}", style="yellow"))
    for corrected in words.corrections(figures):
        console.print(Text(f"corrected: {corrected}", style="dim"))
    if not figures.calls:
        return
    details = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    details.add_column(style="dim")
    details.add_column(justify="right")
    details.add_column(style="dim")
    for row in words.details(figures):
        details.add_row(*row)
    invoice = [] if figures.invoice is None else [_invoice(figures.invoice)]
    for table in (*invoice, details, _weeks(figures), _teams(figures), _nothing(figures)):
        console.print()
        console.print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), width=_WIDTH, header_style="dim")
    table.add_column(first, ratio=1, no_wrap=True, overflow="ellipsis")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _add(table: Table, cells: Iterable[str]) -> None:
    table.add_row(*(Text(line(cell)) for cell in cells))


def _weeks(figures: Figures) -> Table:
    table = _table(*words.WEEK)
    for week in figures.weeks:
        _add(table, words.week(week))
    return table


def _teams(figures: Figures) -> Table:
    """Teams by name: the order is no ranking."""
    table = _table(*words.TEAM)
    for team in figures.teams[:_TEAMS]:
        _add(table, words.team(team))
    if len(figures.teams) > _TEAMS:
        table.add_row(f"and {len(figures.teams) - _TEAMS} more: --format csv or json tells all")
    return table


def _nothing(figures: Figures) -> Table:
    table = _table(*words.NOTHING)
    for task in figures.shipped_nothing[:_TASKS]:
        _add(table, words.nothing(task))
    if len(figures.shipped_nothing) > _TASKS:
        rest = figures.shipped_nothing[_TASKS:]
        table.add_row(f"and {len(rest):,} more", "", usd(sum(t.spend_usd for t in rest)), "", "")
    return table


def _invoice(lines: list[Billed]) -> Table:
    """First of all: whether the other figures can be trusted."""
    table = _table("provider, model", "billed", "metered", "unexplained")
    for told in lines[:_MODELS]:
        name = f"{told.provider or 'no provider'}, {told.model or 'no model'}"
        _add(table, (name, usd(told.billed_usd), usd(told.metered_usd), usd(told.unexplained_usd)))
    if len(lines) > _MODELS:
        table.add_row(f"and {len(lines) - _MODELS} more: --format csv or json tells all")
    return table
