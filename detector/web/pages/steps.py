"""The repeated steps of an episode, drawn so that the cycle is seen: a row for each round, a colour for each action."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from detector.incidents.drawn import is_step
from detector.markup.words import share
from detector.model.alert import Alert
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.evidence import rows
from detector.web.pages.parts import details, name, scrolling, tbody, time_of_day

FIELDS = frozenset({"steps", "period", "rounds"})
"""Fields of the evidence that are shown here."""
_COLOURS, _WIDEST = 6, 12
Step = Mapping[str, Any]


def steps_of(alert: Alert) -> list[Step]:
    """The newest steps, oldest first; empty where the rule keeps none.

    Of the oldest the names are not kept, but an action has one name.
    """
    found = alert.evidence.get("steps")
    told = [{"t": 0.0, "usd": 0.0, **step} for step in (found if isinstance(found, list) else ()) if is_step(step)]
    names = {step["action"]: step["name"] for step in told if step.get("action") and step.get("name")}
    return [{**step, "name": step.get("name") or names.get(step.get("action"), "")} for step in told]


def period_of(alert: Alert) -> int:
    """How many steps make a round."""
    period = alert.evidence.get("period")
    return max(1, period) if isinstance(period, int) else 1


def steps(alert: Alert) -> str:
    """The picture of the steps, how like and how new each was, and the same as a table."""
    told, period = steps_of(alert), period_of(alert)
    letters = _letters(told)
    shown = _rounds(told, period, letters) if 1 < period <= _WIDEST else _row(told, letters)
    return f"<p>{_sentence(alert, told, period, letters)}</p>{shown}{_likeness(told, letters)}{_table(told)}"


def _identity(step: Step) -> str:
    """What makes two steps the same action."""
    return str(step.get("action") or step.get("name") or "")


def _letters(told: Sequence[Step]) -> dict[str, int]:
    """Of each action its number, in the order in which they came."""
    return {identity: n for n, identity in enumerate(dict.fromkeys(map(_identity, told)))}


def _letter(n: int) -> str:
    return chr(ord("A") + n) if n < 26 else f"{chr(ord('A') + n // 26 - 1)}{chr(ord('A') + n % 26)}"


def _sentence(alert: Alert, told: Sequence[Step], period: int, letters: Mapping[str, int]) -> str:
    rounds = alert.evidence.get("rounds")
    of = f" of {many(rounds, 'round')}" if isinstance(rounds, int) else ""
    cycle = " ".join(_letter(letters[_identity(step)]) for step in told[-period:])
    made = f"a round is {many(period, 'step')}: <b>{escape(cycle)}</b>" if period > 1 else "each step is a round"
    kinds = many(len(letters), "different action") if len(letters) > 1 else "all the same action"
    kinds = "none of them uses a tool" if list(letters) == [""] else kinds
    return f"The newest {many(len(told), 'step')}{of}; {made}; {kinds}. The same letter is the same action."


def _rounds(told: Sequence[Step], period: int, letters: Mapping[str, int]) -> str:
    """A table with a row for each round, so that equal columns show the cycle; the last row ends with the newest."""
    missing = -len(told) % period
    cells = ["<td></td>"] * missing + [f"<td>{_box(step, letters)}</td>" for step in told]
    body = []
    for begin in range(0, len(cells), period):
        first = told[max(0, begin - missing)]
        head = f'<th scope="row">{time_of_day(float(first["t"]))}</th>'
        body.append(f"<tr>{head}{''.join(cells[begin : begin + period])}</tr>")
    heads = "".join(f'<th scope="col">step {n + 1}</th>' for n in range(period))
    caption = f"Rounds of {many(period, 'step')}, the newest last; equal columns are the cycle"
    return scrolling(
        caption,
        f'<table class="rounds"><caption>{caption}</caption>'
        f'<thead><tr><th scope="col">from, UTC</th>{heads}</tr></thead>'
        f"{tbody(''.join(body))}</table>",
    )


def _row(told: Sequence[Step], letters: Mapping[str, int]) -> str:
    items = "".join(f"<li>{_box(step, letters)}</li>" for step in told)
    return f'<ol class="row">{items}</ol>'


def _box(step: Step, letters: Mapping[str, int]) -> str:
    n = letters[_identity(step)]
    style = f" a{n}" if n < _COLOURS else ""
    prints = "".join(_prints(step))
    return (
        f'<div class="step{style}"><span class="usd">{usd(float(step["usd"]))}</span><b>{_letter(n)}</b>'
        f"{name(step.get('name') or None, 24, _unnamed(step))}{_failed(step)}{prints}</div>"
    )


def _unnamed(step: Step) -> str:
    return "name not kept" if step.get("action") else "no tool"


def _failed(step: Step) -> str:
    return ' <span class="failed">✕ failed</span>' if step.get("failed") else ""


def _prints(step: Step) -> Iterator[str]:
    """Fingerprints of action and result, as far as they are known."""
    action, result = step.get("action"), step.get("result")
    if result and not action:
        yield f"<code>answer {name(result, 16)}</code>"
    elif action:
        yield f"<code>{name(action, 16)} → {name(result, 16, 'no result')}</code>"


def _likeness(told: Sequence[Step], letters: Mapping[str, int]) -> str:
    """How like the step one round before each was, and whether it brought anything new."""
    if not any(isinstance(step.get("similarity"), int | float) or step.get("new") is not None for step in told):
        return '<p class="note">How like and how new each step was is not kept of this alert.</p>'
    news = sum(bool(step.get("new")) for step in told)
    title = f"How like the step one round before each was, from 0 to 1; {news} of {len(told)} brought something new"
    wide = 100 / len(told)
    shapes = "".join(_like(step, n, wide, letters) for n, step in enumerate(told))
    return (
        f'<figure><svg class="plot likeness" role="img" width="100%" height="112" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        '<line class="grid" x1="0" x2="100%" y1="12" y2="12"/><line class="grid" x1="0" x2="100%" y1="46" y2="46"/>'
        '<text text-anchor="end" x="-6" y="16">1</text><text text-anchor="end" x="-6" y="50">0.5</text>'
        f'<text text-anchor="end" x="-6" y="84">0</text>{shapes}'
        '<line class="axis" x1="0" x2="100%" y1="80" y2="80"/></svg>'
        f"<figcaption>{escape(title)}. Bars: likeness (?: not kept); ○ something new; letters: the action."
        "</figcaption></figure>"
    )


def _like(step: Step, n: int, wide: float, letters: Mapping[str, int]) -> str:
    x, like = (n + 0.5) * wide, step.get("similarity")
    out = ""
    if isinstance(like, int | float):
        high = 68 * min(1.0, max(0.0, float(like)))
        said = f"step {n + 1}: {share(float(like), 1.0)} like the one a round before"
        out += (
            f'<rect class="s1" x="{n * wide + 0.15 * wide:.2f}%" y="{80 - high:.1f}" width="{0.7 * wide:.2f}%" '
            f'height="{high:.1f}"><title>{escape(said)}</title></rect>'
        )
    else:
        out += f'<text text-anchor="middle" x="{x:.2f}%" y="76">?</text>'
    if step.get("new"):
        out += f'<circle class="new" cx="{x:.2f}%" cy="6" r="4"><title>step {n + 1}: something new</title></circle>'
    return (
        out + f'<text class="lane" text-anchor="middle" x="{x:.2f}%" y="96">{_letter(letters[_identity(step)])}</text>'
    )


def _table(told: Sequence[Step]) -> str:
    return details("The steps, as a table", rows(f"The newest {many(len(told), 'step')}", told))
