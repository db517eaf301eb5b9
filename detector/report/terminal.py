"""The report on one screen of a terminal: the same figures in short."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from detector.markup.words import episodes, period, share, shown
from detector.model.alert import Severity
from detector.report import words
from detector.report.choosing import chosen
from detector.report.facts import Facts, Flag, Ranking, Rest, Row
from detector.terminal import many

_NAMES, _FLAGS, _WIDTH = 4, 5, 100
_BAR = 12
"""Characters of a bar."""
_WHAT: dict[Severity, str] = {"critical": "PAGE", "warning": "TICKET", "info": "BOARD"}
_STYLE = {"critical": "bold red", "warning": "yellow", "info": "dim"}


def console_of(*, stderr: bool = False) -> Console:
    """Standard output or error; lines of one width where it is no terminal."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=_WIDTH)


def show(facts: Facts, console: Console) -> None:
    """Prints it. Names of the input are shown as they are: nothing in them is markup or moves the cursor."""
    console.print(Text(period(facts.began_t, facts.ended_t), style="dim"))
    console.print(Text.assemble((words.burnt(facts), "bold"), f"; {words.circled(facts)}; {words.came(facts)}"))
    for line in words.unknowns(facts):
        console.print(Text(f"not in it: {line}", style="yellow"))
    if not facts.total.calls:
        return
    for kind, ranking in (("agent", facts.by_agent), ("model", facts.by_model), ("task", facts.by_task)):
        console.print(_ranking(facts, kind, ranking))
    for told in _flags(facts):
        console.print(told, no_wrap=True, overflow="ellipsis", crop=True)


def _ranking(facts: Facts, kind: str, ranking: Ranking) -> Table:
    rows, rest = words.folded(ranking, _NAMES)
    table = Table(box=None, padding=(0, 2, 0, 0), width=_WIDTH, header_style="dim")
    table.add_column(f"by {kind}", ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("", width=_BAR, no_wrap=True)
    for name in ("burnt", "share", "calls"):
        table.add_column(name, justify="right", no_wrap=True)
    most = max((row.usd for row in rows), default=0.0)
    lines: list[tuple[str, Row | Rest]] = [
        (words.called(kind, row.name, row.tenant, facts.tenants), row) for row in rows
    ]
    if rest.calls:
        lines.append((many(rest.names, f"other {kind}"), rest))
    for name, row in lines:
        bar = "█" * round(_BAR * row.usd / most) if isinstance(row, Row) and most > 0 else ""
        part = share(row.usd, facts.total.usd) if row.usd else "–"
        table.add_row(Text(name), Text(bar, style="blue"), words.dollars(row), part, f"{row.calls:,}")
    return table


def _flags(facts: Facts) -> Iterator[Text]:
    kinds: tuple[Severity, ...] = ("critical", "warning", "info")
    told = ", ".join(episodes(words.opened(facts, severity), severity) for severity in kinds)
    yield Text(f"flagged: {told}{'; the loudest and dearest:' if facts.flags else ''}", style="dim")
    for flag in chosen(facts.flags, _FLAGS):
        yield _flag(facts, flag)


def _flag(facts: Facts, flag: Flag) -> Text:
    what = _WHAT[flag.severity]
    name = f"{flag.rule} {flag.class_}" if flag.class_ else flag.rule
    text = shown(flag.summary, 400)
    return Text.assemble(
        (f"{what:6} {words.burnt_by(facts, flag.usd):>9}  ", _STYLE[flag.severity]), (f"{name}: ", "bold"), text
    )
