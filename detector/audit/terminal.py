"""The figures of an audit as a screen."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.audit import words
from detector.audit.figures import Billed, Figures
from detector.report.words import day, share
from detector.rules.finding import usd
from detector.terminal import line

_WIDTH = 100
_TEAMS, _TASKS, _MODELS = 10, 10, 20


def show(figures: Figures, console: Console) -> None:
    """Prints them. Names of the input are shown as they are: nothing in them is markup or moves the cursor."""
    console.print(Text(words.period(figures), style="dim"))
    console.print(Text(words.headline(figures), style="bold"))
    for unknown in words.unknowns(figures):
        console.print(Text(f"not in it: {unknown}", style="yellow"))
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


def _weeks(figures: Figures) -> Table:
    table = _table("week from", "spent", "completed", "each", "outcomes", "each")
    for week in figures.weeks:
        table.add_row(
            day(week.began_t), usd(week.spend_usd), f"{week.tasks_completed:,}",
            _usd(week.cost_per_completed_task_usd), f"{week.outcomes:,}", _usd(week.cost_per_outcome_usd),
        )  # fmt: skip
    return table


def _teams(figures: Figures) -> Table:
    """Teams by name: the order is no ranking."""
    table = _table("team", "spent", "tasks", "completed", "outcomes", "each", "no task", "useful runs")
    for team in figures.teams[:_TEAMS]:
        useful = "–" if team.useful_run_share is None else share(team.useful_run_share, 1.0)
        table.add_row(
            Text(line(team.team or "no team")), usd(team.spend_usd), f"{team.tasks:,}", f"{team.tasks_completed:,}",
            f"{team.outcomes:,}", _usd(team.cost_per_outcome_usd), usd(team.no_task_usd), useful,
        )  # fmt: skip
    if len(figures.teams) > _TEAMS:
        table.add_row(f"and {len(figures.teams) - _TEAMS} more: --format csv or json tells all")
    return table


def _nothing(figures: Figures) -> Table:
    table = _table("shipped nothing", "team", "spent", "calls", "runs")
    for task in figures.shipped_nothing[:_TASKS]:
        told = (usd(task.spend_usd), f"{task.calls:,}", f"{task.runs:,}")
        table.add_row(Text(line(task.task)), Text(line(task.team or "–")), *told)
    if len(figures.shipped_nothing) > _TASKS:
        rest = figures.shipped_nothing[_TASKS:]
        table.add_row(f"and {len(rest):,} more", "", usd(sum(t.spend_usd for t in rest)), "", "")
    return table


def _invoice(lines: list[Billed]) -> Table:
    """First of all: whether the other figures can be trusted."""
    table = _table("provider, model", "billed", "metered", "unexplained")
    for told in lines[:_MODELS]:
        name = f"{told.provider or 'no provider'}, {told.model or 'no model'}"
        row = (usd(told.billed_usd), usd(told.metered_usd), usd(told.unexplained_usd))
        table.add_row(Text(line(name)), *row)
    if len(lines) > _MODELS:
        table.add_row(f"and {len(lines) - _MODELS} more: --format csv or json tells all")
    return table


def _usd(value: float | None) -> str:
    return "–" if value is None else usd(value)
