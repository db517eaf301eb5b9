"""The audit as one HTML page. Every text of the input is escaped where it goes in."""

from collections.abc import Iterable, Iterator
from html import escape

from detector.audit import words
from detector.audit.figures import Figures
from detector.audit.pictures import FATES, biggest, flow, weeks
from detector.markup.frame import document, missing
from detector.markup.pieces import card, figure, key_item, section
from detector.markup.words import period
from detector.rules.finding import usd

_TEAMS, _TASKS = 12, 40
_MEANS = (
    ("Dollars", "what was spent, a cost. Nothing here is by person, and the order of teams is that of their names."),
    ("Completed", "a tracker says by a strong status that the task is done, after a metered call on it; once a task."),
    ("Outcome", "a distinct deliverable that was not taken back; a task completed without any counts as one. Ten small "
     "ones look better than one large one: tasks completed are the headline."),
    ("Each", "all dollars of the row by the number beside them: what shipped nothing is in it."),
    ("Shipped nothing", "no outcome within the window. Work that is under way is among it."),
)  # fmt: skip


def page(figures: Figures) -> str:
    """The page; of the figures alone, so that equal figures give equal bytes."""
    heading = "What was spent, and what it achieved"
    return document("What shipped", heading, period(figures.began_t, figures.ended_t), _sections(figures), _MEANS)


def _sections(figures: Figures) -> Iterator[str]:
    yield _headline(figures)
    yield missing(words.unknowns(figures))
    yield missing(words.corrections(figures), "What was corrected since it was told first")
    if not figures.calls:
        yield "<p>No call lies in this window, so nothing was spent.</p>"
        return
    yield _weeks(figures)
    if figures.spend_usd > 0:
        yield _flow(figures)
    yield _teams(figures)
    yield _nothing(figures)


def _headline(figures: Figures) -> str:
    each = figures.cost_per_completed_task_usd
    cards = [
        figure("spent", usd(figures.spend_usd), f"{figures.calls:,} calls on {figures.tasks:,} tasks"),
        figure("tasks completed", f"{figures.tasks_completed:,}", "" if each is None else f"{usd(each)} each"),
    ]
    details = "".join(figure(*row, small=True) for row in words.details(figures))
    return f'<dl class="figures">{"".join(cards)}</dl><dl class="figures">{details}</dl>'


def _weeks(figures: Figures) -> str:
    key = key_item("s1", "dollars", usd(figures.spend_usd)) + key_item(
        "s3", "tasks completed", f"{figures.tasks_completed:,}"
    )
    table = _table(words.WEEK, map(words.week, figures.weeks))
    note = "Weeks count back from the end of the last day (UTC); the first may be shorter."
    hidden = f"<details><summary>as a table</summary>{table}</details>"
    return section("By week", note, card(f'{weeks(figures.weeks)}<ul class="key">{key}</ul>{hidden}'))


def _flow(figures: Figures) -> str:
    key = "".join(key_item(style, name, usd(getattr(figures.went, field))) for field, name, style in FATES)
    note = "Each dollar once: what was flagged is told as that, whatever became of its task."
    return section("Where it went", note, card(f'{flow(figures, biggest(figures.teams, 8))}<ul class="key">{key}</ul>'))


def _teams(figures: Figures) -> str:
    note = "By name: teams differ in what their tasks are, and spend is no measure of them."
    more = f'<p class="note">and {len(figures.teams) - _TEAMS} more</p>' if len(figures.teams) > _TEAMS else ""
    return section("Teams", note, card(_table(words.TEAM, map(words.team, figures.teams[:_TEAMS])) + more))


def _nothing(figures: Figures) -> str:
    tasks = figures.shipped_nothing
    if not tasks:
        return ""
    rest = tasks[_TASKS:]
    more = f'<p class="note">and {len(rest):,} more for {usd(sum(t.spend_usd for t in rest))}</p>' if rest else ""
    return section(
        "Tasks that shipped nothing", "The dearest first. Ask what they are for before anything else.",
        card(_table(words.NOTHING, map(words.nothing, tasks[:_TASKS])) + more),
    )  # fmt: skip


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Of texts, the first of which is a name."""
    first, *others = heads
    head = f"<th>{first}</th>" + "".join(f'<th class="n">{name}</th>' for name in others)
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(map(_row, rows))}</table></div>'


def _row(cells: tuple[str, ...]) -> str:
    first, *others = (f"<bdi>{escape(cell)}</bdi>" for cell in cells)
    return f"<tr><td>{first}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in others) + "</tr>"
