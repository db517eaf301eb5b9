"""The open tasks of teams, the dearest first: what the histograms of the team's board count."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from detector.incidents.tasks import OF_TEAM, OpenTask, OpenTasks, seen_tasks
from detector.incidents.view import Listed
from detector.markup.words import duration
from detector.policy.scope import Kind, Scope
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.cards import address
from detector.web.pages.frame import document
from detector.web.pages.parts import badge, choice, clock, moment, name, names, scrolling, section

MOST = OF_TEAM
"""Tasks that are shown; tenant and team find others."""
_NOTE = (
    "Open is what was neither completed nor given up and was heard of within 30 days, as the team's board counts it. "
    "Where no status is connected every task is. A dear one is worth a question, no verdict."
)
_HEADS = ("task", "so far", "24 hours", "calls", "age", "moved last", "incident")
_NUMBER = ' class="n"'
"""Of the cells of dollars, calls and age."""


def page(told: OpenTasks, running: Sequence[Listed], tenant: str | None, team: str | None, scope: Scope) -> str:
    """The page. `running`: open incidents that the scope may see, the most severe first."""
    return _document(_body(told, running, tenant, team, scope), scope)


def without_team(scope: Scope) -> str:
    """The page for whoever may see the tasks of no team."""
    why = (
        "Tasks are of teams, and you see your own alone: none is shown."
        if scope.kind is Kind.SELF
        else "There is no team whose tasks you may see."
    )
    return _document(["<h1>Open tasks</h1>", f'<p class="empty">{why}</p>'], scope)


def _document(body: Iterator[str] | list[str], scope: Scope) -> str:
    return document("Open tasks · detector", "tasks", "", body, scope)


def _body(
    every: OpenTasks, running: Sequence[Listed], tenant: str | None, team: str | None, scope: Scope
) -> Iterator[str]:
    visible = seen_tasks(every, scope)
    told = seen_tasks(every, scope, tenant, team)
    count, cost = (sum(of) for of in zip(*told.teams.values(), strict=True)) if told.teams else (0, 0.0)
    yield f"<h1>{many(count, 'open task')}{f' for {usd(cost)}' if count else ''}</h1>"
    yield f'<p class="soft">As of {moment(told.read_s)} UTC{_newest(told)}.</p>'
    yield _form(visible, tenant, team)
    if not count:
        what = "fits what is asked for" if visible.teams else "is known, or none is yours to see"
        yield f'<p class="empty">No open task {what}.</p>'
        return
    rows = told.rows[:MOST]
    yield section("tasks", "The dearest first", _NOTE, _table(rows, _loudest(running)), _rest(count, cost, rows))


def _newest(told: OpenTasks) -> str:
    return f", from events up to {clock(told.until_s)}" if told.until_s else ""


def _form(visible: OpenTasks, tenant: str | None, team: str | None) -> str:
    tenants = {of for of, _ in visible.teams}
    fields = [choice("team", names(of or "" for _, of in visible.teams), team)]
    if len(tenants) > 1 or tenant is not None:
        fields.append(choice("tenant", names(tenants), tenant))
    return f'<form class="filter" action="tasks" method="get">{"".join(fields)}<button>Show</button></form>'


def _loudest(running: Sequence[Listed]) -> Mapping[tuple[str, str | None], Listed]:
    """By tenant and task the first of its open incidents."""
    found = dict[tuple[str, str | None], Listed]()
    for one in running:
        found.setdefault(one.task_key, one)
    return found


def _table(rows: Sequence[OpenTask], loudest: Mapping[tuple[str, str | None], Listed]) -> str:
    tenants = len({row.tenant for row in rows}) > 1
    head = "".join(f'<th scope="col"{_NUMBER if 0 < n < 5 else ""}>{text}</th>' for n, text in enumerate(_HEADS))
    body = "".join(_row(row, loudest.get((row.tenant, row.task)), tenants) for row in rows)
    caption = "Open tasks, with the team and the agent that spent most on each"
    return scrolling(
        caption,
        f'<table class="tasks"><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>',
    )


def _row(row: OpenTask, incident: Listed | None, tenants: bool) -> str:
    of = f"{name(row.tenant, 24)} · " if tenants else ""
    who = f"{of}{name(row.team, unknown='no team named')} · {name(row.agent, unknown='no agent named')}"
    moved = (
        f"{clock(row.moved_t)} by {escape(row.moved_by)}"
        if row.moved_t
        else '<span class="soft">no strong status</span>'
    )
    flagged = '<span class="soft">none</span>'
    if incident is not None:
        alert = incident.alert
        flagged = f'<a href="{escape(address(alert.id, ""))}">{badge(alert.severity)} {name(alert.rule)}</a>'
    cells = (usd(row.usd), usd(row.day_usd), f"{row.calls:,}", duration(max(0.0, row.age_s)), moved, flagged)
    told = "".join(
        f'<td{_NUMBER if n < 4 else ""} data-label="{label}">{cell}</td>'
        for n, (label, cell) in enumerate(zip(_HEADS[1:], cells, strict=True))
    )
    return f'<tr><td>{name(row.task, 200)}<span class="of">{who}</span></td>{told}</tr>'


def _rest(count: int, cost: float, rows: Sequence[OpenTask]) -> str:
    more = count - len(rows)
    if more <= 0:
        return ""
    rest = usd(max(0.0, cost - sum(row.usd for row in rows)))
    return f'<p class="note">and {more:,} more for {rest}; ask for a team, whose dearest are shown</p>'
