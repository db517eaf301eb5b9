"""How a backtest is shown: a table of the settings, whom each names most, and what every figure means."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.replay.tally import PROGRESS_S

_LEAST_WIDTH = 110
"""Characters of a line where no terminal tells its width."""
_HEAD = ("pages", "tickets", "lines on a board", "burnt $", "saved $", "followed by progress")
_MEANS = (
    ("pages, tickets, lines on a board", "episodes a week whose highest severity was critical, warning, info"),
    (
        "burnt",
        "dollars a week of the episodes that paged, from their beginning to their end; an episode of spend begins with "
        "the hour that made it one, what is usual included; episodes of a task, its agent and its team, or of two "
        "rules, may hold the same dollars",
    ),
    ("saved", "of these the dollars after the page: what stopping each at once at its page would have saved"),
    (
        "followed by progress",
        f"pages whose task moved by a strong status within {PROGRESS_S / 60:.0f} minutes: they were probably wrong, "
        "and what stopping there saves is work that was cut; of all pages on a task",
    ),
    (
        "unknown",
        "which of the other pages were right; whether anybody would have looked at once; what a page on an agent or a "
        "team without one task was followed by; what the work that was stopped would have been worth",
    ),
)


def show(figures: Mapping[str, Any], console: Console) -> None:
    """Prints the figures of `backtest.figures`."""
    history, settings = figures["history"], figures["settings"]
    console.print(_told(history), highlight=False)
    console.print(_table(settings))
    for line in _subjects(settings):
        console.print(line, highlight=False)
    console.print("what the figures mean", style="bold")
    notes = (("note", text) for text in (*_cautions(history), *_alike(settings)))
    for name, meaning in (*_MEANS, *notes):
        console.print(Text.assemble(("  " + name, "bold"), ": " + meaning), highlight=False)


def console_of_output() -> Console:
    """Standard output, with lines that hold the table where it is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(_LEAST_WIDTH, console.width))


def _told(history: Mapping[str, Any]) -> str:
    began, ended = (datetime.fromtimestamp(history[t], UTC) for t in ("began_t", "ended_t"))
    refused = f" ({history['refused']:,} refused)" if history["refused"] else ""
    return (
        f"{history['events']:,} events{refused}, {began:%d %b %Y %H:%M} to {ended:%d %b %Y %H:%M} UTC: "
        f"{history['weeks']:.2f} weeks; all rates are a week"
    )


def _table(settings: Sequence[Mapping[str, Any]]) -> Table:
    rules = list(settings[0]["rules"])
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(f"setting of {rules[0]}" if len(settings) > 1 else "rule")
    for name in _HEAD:
        table.add_column(name, justify="right")
    for setting in settings:
        for rule in rules:
            found = setting["rules"][rule]
            pages, rates = found["pages"], found["episodes_a_week"]
            table.add_row(
                setting["setting"] if len(settings) > 1 else rule,
                *(_rate(rates[severity]) for severity in ("critical", "warning", "info")),
                f"{pages['burnt_usd_a_week']:,.2f}",
                f"{pages['saved_usd_a_week']:,.2f}",
                f"{pages['followed_by_progress']} of {pages['with_a_task']}",
            )
    return table


def _rate(x: float) -> str:
    return f"{x:,.1f}" if x else "0"


def _subjects(settings: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """Whom pages and tickets named most; settings and rules that name the same are told together."""
    tenants = {s["tenant"] for s in _every_subject(settings)}
    for severity, what in (("critical", "pages"), ("warning", "tickets")):
        of: dict[str, list[str]] = {}
        for setting in settings:
            for rule, found in setting["rules"].items():
                named = "; ".join(_name(s, len(tenants) > 1) for s in found["subjects"][severity])
                of.setdefault(named, []).append(setting["setting"] if len(settings) > 1 else rule)
        for named, names in of.items():
            if named:
                yield Text.assemble((f"most {what}, {' | '.join(names)}", "bold"), ": " + named)


def _every_subject(settings: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for setting in settings:
        for found in setting["rules"].values():
            for subjects in found["subjects"].values():
                yield from subjects


def _name(subject: Mapping[str, Any], with_tenant: bool) -> str:
    level, name, team = subject["level"], subject["name"], subject["team"]
    if name:
        told = _line(name) if level == "agent" else f"{level} {_line(name)}"
    else:
        told = "agents without a name" if level == "agent" else f"no {level}"
    if team and level != "team":
        told += f" of {_line(team)}"
    if with_tenant:
        told += f" ({_line(subject['tenant'])})"
    tasks = f" on {subject['tasks']} tasks" if subject["tasks"] > 1 else ""
    return f"{subject['episodes']} × {told}{tasks}"


def _line(text: str) -> str:
    """A name that fits a line and does nothing to a terminal."""
    return text if text.isprintable() else repr(text)


def _cautions(history: Mapping[str, Any]) -> Iterator[str]:
    if history["weeks"] < 1:
        yield "the history is shorter than a week: rates a week are drawn out from it"
    elif history["weeks"] < 2:
        yield "less than two weeks: in its first days nothing is usual yet, and spend is judged by little"
    if history["unpriced"]:
        yield f"{history['unpriced']:,} calls have no price, and their dollars are in no figure: see `detector replay`"


def _alike(settings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Settings that differ in nothing but their name."""
    of: dict[str, list[str]] = {}
    for setting in settings:
        of.setdefault(repr(setting["rules"]), []).append(setting["setting"])
    for names in of.values():
        if len(names) > 1:
            yield f"{' | '.join(names)} say the same: another threshold decides, or nothing lies between these values"
