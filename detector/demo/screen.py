"""The demo's terminal: what flows, what is flagged and why, what it costs; and the summary at the end."""

import datetime as dt
from typing import Literal, NamedTuple

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from detector.demo.board import Board
from detector.demo.verdict import Finding, Verdict
from detector.model.alert import Alert, Severity

STYLES: dict[Severity, str] = {"critical": "bold red", "warning": "yellow", "info": "dim"}
WORDS: dict[Severity, str] = {"critical": "PAGE", "warning": "ticket", "info": "info"}
OUTCOMES = {"caught": "green", "missed": "bold red", "waiting": "yellow", "not begun": "dim"}


class Moment(NamedTuple):
    """What the screen shows besides the board: event time (s UTC), the stage of the story, rates."""

    now: float
    story: str
    events_per_s: float
    address: str
    broker: str


def render(board: Board, moment: Moment) -> RenderableType:
    """The whole screen."""
    verdict = board.verdict(moment.now)
    layout = Layout()
    layout.split_column(
        Layout(_header(board, moment), size=4),
        Layout(name="body"),
        Layout(_footer(verdict, moment), size=len(verdict.findings) + 3),
    )
    layout["body"].split_row(Layout(name="flows"), Layout(_flags(board, moment.now)))
    layout["flows"].split_column(
        Layout(_teams(board, moment.now), size=len(board.flow.teams) + 5), Layout(_tasks(board, moment.now))
    )
    return layout


def _header(board: Board, moment: Moment) -> Panel:
    flow = board.flow
    hour = sum(team.usd_per_hour(moment.now) for team in flow.teams.values())
    text = Text.assemble(
        (stamp(moment.now), "bold"),
        f"  {moment.story}  ",
        (f"{moment.events_per_s:,.0f} events/s", "cyan"),
        f"\n{flow.calls:,} calls   {flow.tokens / 1e6:,.0f}M tokens   ",
        (f"${flow.usd:,.0f}", "bold"),
        f" in all   ${hour:,.2f} in the last hour   {len(board.tickets)} tickets for many calls",
    )
    return Panel(text, title="detector demo", title_align="left")


def _teams(board: Board, now: float) -> Panel:
    table = _table("team", ">calls", ">dollars", ">$/hour", ">moved")
    for name, team in sorted(board.flow.teams.items()):
        hour = f"{team.usd_per_hour(now):,.2f}"
        table.add_row(name, f"{team.calls:,}", f"{team.usd:,.0f}", hour, f"{team.moved:,}")
    return Panel(table, title="what flows", title_align="left")


def _tasks(board: Board, now: float) -> Panel:
    table = _table("task", ">dollars", ">for", "status")
    for name, task in board.flow.dearest(12):
        table.add_row(name, f"{task.usd:,.2f}", span(now - task.moved_at), task.said)
    return Panel(table, title="dearest open tasks since they moved", title_align="left")


def _flags(board: Board, now: float) -> Panel:
    parts: list[RenderableType] = []
    for alert in board.flagged():
        over = alert.state == "resolved"
        style = "dim" if over else STYLES[alert.severity]
        of_class = f" {alert.class_}" if alert.class_ else ""
        head = f"{WORDS[alert.severity]}  {alert.rule}{of_class} · {subject(alert)}"
        since = f"open for {span(now - alert.opened_at)}"
        parts.append(Text(head + (f" · over after {span(lasted(alert))}" if over else f" · {since}"), style))
        parts.append(Text(f"  {alert.summary}", "dim" if over else ""))
        parts.append(Text(f"  {money(alert)}\n", "dim" if over else "cyan"))
    return Panel(
        Group(*parts) if parts else Text("nothing", "dim"),
        title="what is flagged, and why",
        title_align="left",
    )


def _footer(verdict: Verdict, moment: Moment) -> Panel:
    parts: list[RenderableType] = [Text.assemble("  ", *_planted(finding)) for finding in verdict.findings]
    parts.insert(0, Text(tally(verdict), "bold"))
    return Panel(
        Group(*parts),
        title=f"planted · pages at {moment.address}/ · Kafka at {moment.broker} · Ctrl-C ends",
        title_align="left",
    )


def _planted(finding: Finding) -> list[str | tuple[str, str]]:
    planted = finding.planted
    after = "" if finding.after_s is None else f" {span(finding.after_s)} after it began"
    return [f"{planted.agent:18} {planted.what:32} ", (finding.outcome, OUTCOMES[finding.outcome]), after]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, header_style="dim")
    for name in columns:
        justify: Literal["left", "right"] = "right" if name[0] == ">" else "left"
        table.add_column(name.lstrip(">"), justify=justify, no_wrap=True, min_width=8)
    return table


def summary(board: Board, verdict: Verdict, settled_s: float | None) -> RenderableType:
    """What became of each planted runaway and of the innocent; `settled_s`: when all were caught (wall)."""
    table = Table(title="what was planted", title_justify="left", header_style="dim")
    for name in ("agent", "what it did", "rule", "outcome", "after", "severity", "burnt then", "in all"):
        table.add_column(name, justify="right" if name in ("after", "burnt then", "in all") else "left")
    for planted, outcome, alert in verdict.findings:
        told = ["", "", "", ""]
        if alert is not None:
            after, newest = span(alert.updated_at - planted.begins), board.newest(alert.id)
            told = [after, alert.severity, f"${alert.cost_usd:,.2f}", f"${newest.cost_usd:,.2f}"]
        table.add_row(planted.agent, planted.what, planted.rule, Text(outcome, OUTCOMES[outcome]), *told)
    parts: list[RenderableType] = [table]
    for alert in (*verdict.paged, *verdict.warned):
        parts.append(Text(f"innocent: {news(alert)}", STYLES[alert.severity]))
    settled = "" if settled_s is None else f" · all caught {settled_s:.0f} s after the start"
    style = {"passed": "bold green", "failed": "bold red"}.get(verdict.outcome, "bold yellow")
    early = " (ended too early to tell)" if verdict.outcome == "not judged" else ""
    parts.append(Text(f"{verdict.outcome}{early}: {tally(verdict)}{settled}", style))
    return Group(*parts)


def tally(verdict: Verdict) -> str:
    """The verdict in a line."""
    return f"runaways caught {verdict.caught} of {len(verdict.findings)} · innocent paged {len(verdict.paged)}"


def news(alert: Alert) -> str:
    """An alert record in a line."""
    word = "over" if alert.state == "resolved" else WORDS[alert.severity]
    told = f"${alert.cost_usd:,.2f} burnt in {span(lasted(alert))}" if word == "over" else alert.summary
    return f"{stamp(alert.updated_at)} {word:6} {alert.rule} · {subject(alert)}: {told}"


def subject(alert: Alert) -> str:
    """The narrowest that the alert names, never a person."""
    names = (alert.agent, alert.task) if alert.agent else (alert.team, alert.task or alert.model)
    return " · ".join(name for name in names if name)


def money(alert: Alert) -> str:
    """What it has burnt, and what it burns an hour."""
    usual = "" if alert.usual_usd_per_hour is None else f", usually ${alert.usual_usd_per_hour:,.2f}"
    return f"${alert.cost_usd:,.2f} burnt, ${alert.burn_usd_per_hour:,.2f} an hour{usual}"


def lasted(alert: Alert) -> float:
    """Seconds from opening to the end."""
    return (alert.resolved_at or alert.updated_at) - alert.opened_at


def span(seconds: float) -> str:
    """A duration for people: 45 s, 12 min, 3.5 h."""
    if seconds < 120:
        return f"{max(0.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def stamp(time: float) -> str:
    """Event time for people, in their own time zone."""
    return dt.datetime.fromtimestamp(time).astimezone().strftime("%a %H:%M:%S")
