"""The overview: what the fleet burns now, what of it is flagged and by whom, and how far behind the detector is."""

from collections.abc import Iterator, Sequence
from html import escape

from detector.incidents.view import Listed, Overview, TeamSpend
from detector.markup import svg
from detector.markup.pieces import WIDTHS, card, figure, key_item
from detector.markup.words import day, duration, episodes, share
from detector.model.alert import Severity
from detector.policy.scope import Scope
from detector.rules.finding import usd
from detector.terminal import many
from detector.web.pages.cards import cards, lines
from detector.web.pages.frame import document
from detector.web.pages.parts import moment, name, section, tasks_link, warning

BEHIND_S = 150.0
"""More than so far behind is a warning: minutes are told whole, up to a minute and a half is as it should be."""
_TEAMS, _CARDS, _LINES = 8, 12, 8
"""Teams, cards and lines that are shown one by one."""
REFRESH_S = 30
"""How often a browser that is told to does load the page anew."""


def page(told: Overview, scope: Scope, refresh_s: int | None = None) -> str:
    """The page of what a scope may see."""
    pages = sum(one.severity == "critical" for one in told.open)
    title = f"{f'({pages}) ' if pages else ''}What the fleet burns · detector"
    return document(title, "overview", "", _body(told, refresh_s), scope, refresh_s)


def _body(told: Overview, refresh_s: int | None) -> Iterator[str]:
    yield f"<h1>{escape(_headline(told))}</h1>"
    yield f'<p class="soft">{_until(told)} {_again(refresh_s)}</p>'
    yield from _warnings(told)
    yield _figures(told)
    yield _open(told)
    yield _spend(told)


def _headline(told: Overview) -> str:
    if told.until_s is None:
        return "Nothing has been told yet"
    if not told.hour_usd:
        return "The fleet burns nothing now"
    burns = f"The fleet burns {usd(told.hour_usd)} an hour"
    flagged = usd(told.flagged_hour_usd) if told.flagged_hour_usd > 0 else "nothing"
    return f"{burns}; {flagged} of it is flagged"


def _until(told: Overview) -> str:
    if told.until_s is None:
        return "No event has been read."
    late = _late(told)
    return f"Up to {moment(told.until_s)} UTC, {f'{late} behind' if late else 'not behind'}."


def _late(told: Overview) -> str:
    """How far behind it is; empty where it is not."""
    late_s = told.now_s - (told.until_s or 0.0)
    return duration(late_s) if late_s >= 1 else ""


def _again(refresh_s: int | None) -> str:
    if refresh_s:
        return f'Loaded anew every {duration(refresh_s)}. <a href="./">Stop that</a>'
    return f'<a href="./?refresh={REFRESH_S}">Load it anew every {duration(REFRESH_S)}</a>'


def _warnings(told: Overview) -> Iterator[str]:
    if told.reading:
        yield warning(f"Still reading: {many(told.reading, 'record')} to go.", " Until then the figures are not whole.")
    elif told.until_s is None:
        yield warning("No event has come.", " Connect a client, or look at what ingest says: detector doctor.")
    elif told.now_s - told.until_s > BEHIND_S:
        yield warning(
            f"The detector is {duration(told.now_s - told.until_s)} behind.",
            " What came since is in no figure here: either nothing is sent, or it cannot keep up.",
        )


def _figures(told: Overview) -> str:
    counted = {severity: [o for o in told.open if o.severity == severity] for severity in ("critical", "warning")}
    loud = counted["critical"]
    known = told.until_s is not None
    rest = len(told.open) - sum(map(len, counted.values()))
    burnt = sum(one.cost_usd for one in loud)
    cells = [
        figure("burning now", f"{usd(told.hour_usd)}/h" if known else "not known", "the last hour, all teams"),
        figure(
            "of it flagged", f"{usd(told.flagged_hour_usd)}/h" if known else "not known",
            f"{share(told.flagged_hour_usd, told.hour_usd)} of it, by tickets and pages" if known else "",
        ),
        figure("open pages", f"{len(loud):,}", f"{usd(burnt)} burnt so far" if loud else "nobody is woken"),
        figure("open tickets", f"{len(counted['warning']):,}", f"and {episodes(rest, 'info')}"),
        figure("behind", _late(told) or "nothing" if known else "not known",
               "what came since is in no figure"),
    ]  # fmt: skip
    if loud:
        cells[2] = cells[2].replace("<div>", '<div class="loud">', 1)
    return f'<dl class="figures">{"".join(cells)}</dl>'


def _open(told: Overview) -> str:
    loud = [one for one in told.open if one.severity != "info"]
    quiet = [one for one in told.open if one.severity == "info"]
    if not told.open:
        return section("open", "Open now", "", '<p class="empty">No incident is open.</p>')
    note = "Pages first, then tickets, of each those that burnt most."
    return section(
        "open", "Open now", note, cards(loud[:_CARDS], told.now_s), _more(loud[_CARDS:], "warning"),
        _board(quiet, told.now_s),
    )  # fmt: skip


def _board(quiet: Sequence[Listed], now_s: float) -> str:
    if not quiet:
        return ""
    return f"<h3>Lines on a board</h3>{lines(quiet[:_LINES], now_s)}{_more(quiet[_LINES:], 'info')}"


def _more(rest: Sequence[Listed], severity: Severity) -> str:
    if not rest:
        return ""
    asked = "&amp;severity=info" if severity == "info" else ""
    burnt = usd(sum(one.cost_usd for one in rest))
    return f'<p><a href="incidents?open=1{asked}">{many(len(rest), "more incident")} for {burnt}</a></p>'


def _spend(told: Overview) -> str:
    """All teams together, and each by itself on one scale."""
    if not told.teams:
        return section("spend", "Spend of the last hours", "", '<p class="empty">No team has spent anything.</p>')
    teams = _folded(told.teams)
    slices = max(len(team.usd) for team in teams)
    total = [sum(values) for values in zip(*(_padded(team.usd, slices) for team in teams), strict=True)]
    flagged = [sum(values) for values in zip(*(_padded(team.flagged_usd, slices) for team in teams), strict=True)]
    wide = WIDTHS.get(round(told.slice_s), duration(told.slice_s))
    hours = duration(slices * told.slice_s)
    note = f"Dollars by {wide} over {hours}, in UTC. Of each bar the upper part is what was flagged."
    said = [
        f"from {day(told.begins_s + n * told.slice_s)} UTC: {usd(x)}, {usd(flagged[n])} of it flagged"
        for n, x in enumerate(total)
    ]
    marks = _marks(told, slices)
    picture = svg.stacked(
        f"{usd(sum(total))} in {hours}, {usd(sum(flagged))} of it flagged",
        [("s1", _less(total, flagged)), ("hot", flagged)], told.begins_s, told.slice_s, marks, said, "$",
    )  # fmt: skip
    key = key_item("s1", "spent", usd(sum(total))) + key_item("hot", "of it flagged", usd(sum(flagged)))
    key += "".join(_mark_key(marks))
    return section(
        "spend", "Spend of the last hours", note, card(f'{picture}<ul class="key">{key}</ul>'), _teams(told, teams)
    )


def _mark_key(marks: Sequence[svg.Mark]) -> Iterator[str]:
    for style, critical, text in (("page", True, "an open page began"), ("ticket", False, "an open ticket began")):
        if any(mark.critical == critical for mark in marks):
            yield f'<li><svg aria-hidden="true"><path class="mark {style}" d="M1 2H11L6 10z"/></svg>{text}</li>'


def _marks(told: Overview, slices: int) -> list[svg.Mark]:
    """Where what is open began to be told, of a slice the loudest."""
    marks = dict[int, svg.Mark]()
    for one in told.open:
        place = int((one.opened_at - told.begins_s) // told.slice_s)
        if one.severity != "info" and 0 <= place < slices and place not in marks:
            said = f"{one.alert.rule} opened at {day(one.opened_at)} UTC"
            marks[place] = svg.Mark(place, one.severity == "critical", said)
    return list(marks.values())


def _teams(told: Overview, teams: Sequence[TeamSpend]) -> str:
    top = max((x for team in teams for x in team.usd), default=0.0)
    tenants = len({team.tenant for team in told.teams}) > 1
    in_hour = max(1, round(3600.0 / told.slice_s))
    rows = "".join(_team(team, top, in_hour, tenants) for team in teams)
    heads = '<th scope="col">team</th><th scope="col">all on one scale</th><th scope="col" class="n">last hour</th>'
    return card(
        f'<table class="teams"><caption>By team, those with the dearest last hour first</caption><thead><tr>{heads}'
        f'<th scope="col" class="n">flagged</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _team(team: TeamSpend, top: float, in_hour: int, tenants: bool) -> str:
    hour, flagged = sum(team.usd[-in_hour:]), sum(team.flagged_usd[-in_hour:])
    of = f' <span class="soft">({name(team.tenant, 24)})</span>' if tenants and team.tenant else ""
    title = f"{usd(sum(team.usd))} in all, at most {usd(max(team.usd, default=0.0))} at once"
    picture = svg.small(title, [("s1", _less(team.usd, team.flagged_usd)), ("hot", team.flagged_usd)], top)
    told = name(team.team, unknown="no team named")
    hot = f'<td class="n">{usd(flagged)}</td>' if flagged > 0 else '<td class="n soft">none</td>'
    return (
        f'<tr><td class="name">{tasks_link(team.tenant, team.team, told)}{of}</td><td class="wide">{picture}</td>'
        f'<td class="n">{usd(hour)}</td>{hot}</tr>'
    )


def _folded(teams: Sequence[TeamSpend]) -> list[TeamSpend]:
    """The dearest, and all others as one."""
    if len(teams) <= _TEAMS + 1:
        return list(teams)
    rest = teams[_TEAMS:]
    slices = max(len(team.usd) for team in rest)
    usd_of = [sum(values) for values in zip(*(_padded(team.usd, slices) for team in rest), strict=True)]
    flagged = [sum(values) for values in zip(*(_padded(team.flagged_usd, slices) for team in rest), strict=True)]
    return [*teams[:_TEAMS], TeamSpend("", f"{len(rest)} other teams", usd_of, flagged)]


def _padded(values: Sequence[float], count: int) -> list[float]:
    return [*[0.0] * (count - len(values)), *values]


def _less(values: Sequence[float], of: Sequence[float]) -> list[float]:
    return [max(0.0, value - part) for value, part in zip(values, of, strict=True)]
