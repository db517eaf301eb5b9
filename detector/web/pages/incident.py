"""The page of one incident: what happens, since when, what it costs, and what a woken person does next."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import msgspec

from detector.clock import clock_time
from detector.incidents.view import Incident, Listed
from detector.markup.pieces import card, figure
from detector.markup.words import UNKNOWN, duration, ended, short
from detector.model.alert import SEVERITIES, Alert, lasted
from detector.policy.scope import Scope
from detector.rules.finding import usd
from detector.web.pages import decided, evidence, steps, timeline
from detector.web.pages.cards import lines
from detector.web.pages.figures import label
from detector.web.pages.frame import document
from detector.web.pages.onward import Onward
from detector.web.pages.parts import SIGNS, badge, clock, kind, moment, name, pair, section, tasks_link

UP = "../"
_SENTENCE = 1_000
"""Characters of a sentence that are shown."""
_OTHERS = 8
_WHO = ("tenant", "team", "agent", "user", "key", "run", "task", "model")
_WIDE = {"team": ("tenant", "team"), "model": ("tenant", "team", "model"), "key": ("tenant", "team", "key")}
"""What is named of an episode that is about more than one agent, known or not."""
_NARROWER = {
    ("task", "run"): "any of its runs",
    ("agent", "run"): "any of its runs",
    ("agent", "task"): "any of its tasks",
}
"""What an episode of a level does not name, since it is about several."""


def page(told: Incident, others: Sequence[Listed], links: Onward, scope: Scope, now_s: float) -> str:
    """The page. `others`: further incidents of the same cause or task."""
    sign = SIGNS[told.alert.severity][1].split()[1]
    body = _body(told, others, links, now_s)
    return document(f"{sign} {told.alert.rule} · detector", "incident", UP, body, scope)


def record(told: Incident, links: Onward) -> bytes:
    """What is downloaded: the record as the scope may see it, what became of stopping it, and where to go on."""
    addresses = {field: value for field, value in links._asdict().items() if field != "trace_lacks"}
    whole = {"alert": told.alert, "written_s": told.written_s, "stop": told.stop, "links": addresses}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _body(told: Incident, others: Sequence[Listed], links: Onward, now_s: float) -> Iterator[str]:
    alert = told.alert
    yield f'<p class="state">{badge(alert.severity)}<span>{kind(alert)}</span><span>{_state(alert, now_s)}</span></p>'
    yield f'<h1 class="sentence">{name(alert.summary, _SENTENCE)}</h1>'
    yield _onward(alert, links)
    yield _figures(alert, now_s)
    yield section("over-time", "Over time", _over_time(alert), card(timeline.timeline(alert)))
    yield _steps(alert)
    yield _stop(told.stop)
    yield _decided(alert)
    yield section("who", "Who", "", card(f'<dl class="pairs">{"".join(_who(alert))}</dl>'))
    yield _evidence(alert)
    yield _others(others, now_s)


def _state(alert: Alert, now_s: float) -> str:
    since, end = lasted(alert)
    if alert.state != "resolved":
        lasts = f", {duration(now_s - alert.opened_at)}" if now_s > alert.opened_at else ""
        return f"open since {moment(alert.opened_at)} UTC{lasts}, told last {clock(alert.updated_at)}"
    why = alert.evidence.get("resolved_by")
    because = f", {name(ended(str(why)), 200)}" if why else ""
    return f"ended {moment(end)} UTC{because}, after {duration(max(0.0, end - since))}"


def _onward(alert: Alert, links: Onward) -> str:
    told = (("Runbook", links.runbook), ("Board", links.board), ("Trace", links.trace))
    items = "".join(
        f'<li><a href="{escape(address)}" rel="noreferrer">{text}</a></li>' for text, address in told if address
    )
    items += f'<li><a href="{quote(alert.id, safe="")}.json" download>Download as JSON</a></li>'
    lacks = [f"No trace: {links.trace_lacks}."] if links.trace is None else []
    lacks += ["No board: web.grafana_url is not set."] if links.board is None else []
    note = f'<p class="note">{escape(" ".join(lacks))}</p>' if lacks else ""
    return f'<ul class="onward">{items}</ul>{note}'


def _figures(alert: Alert, now_s: float) -> str:
    since, end = lasted(alert)
    if alert.state != "resolved":
        end = max(end, now_s)
    usual = alert.usual_usd_per_hour
    beside = "its usual is not known" if usual is None else f"usual {usd(usual)} an hour"
    moved = alert.since_status_change_s
    unknown = "no source of status, or no task" if alert.spend_only else "nothing tells it"
    cells = [
        figure("burnt", usd(alert.cost_usd), _calls(alert)),
        figure("an hour costs", usd(alert.burn_usd_per_hour), beside),
        figure("lasted" if alert.state == "resolved" else "lasts for", duration(max(0.0, end - since)),
               f"from {clock_time(since)}", small=True),
        figure("status unchanged for", UNKNOWN if moved is None else duration(moved),
               unknown if moved is None else "by the last figures", small=True),
    ]  # fmt: skip
    return f'<dl class="figures">{"".join(cells)}</dl>'


def _over_time(alert: Alert) -> str:
    return f"Dollars of what the alert is about, as of its last record. {timeline.status_of(alert)}"


def _calls(alert: Alert) -> str:
    if not alert.calls and alert.cost_usd > 0.0:  # of a model, across teams
        return "by calls that are not counted here"
    return f"{alert.calls:,} calls, {short(alert.tokens)} tokens"


def _steps(alert: Alert) -> str:
    if not steps.steps_of(alert):
        return ""
    note = "Names, fingerprints and counts: no text of a prompt, an answer or a result is kept."
    return section("steps", "The steps that repeat", note, card(steps.steps(alert)))


def _stop(stop: Mapping[str, Any] | None) -> str:
    if stop is None:
        return ""
    return section("stop", "Stopping it", "What became of the request to stop it.", card(evidence.told(stop)))


def _decided(alert: Alert) -> str:
    told = decided.decided(alert)
    return section("decided", "What it was decided by", "", card(told)) if told else ""


def _who(alert: Alert) -> Iterator[str]:
    wide = _WIDE.get(alert.level, _WHO)
    for field in _WHO:
        value = getattr(alert, field)
        if field in wide or value is not None:
            yield pair(field, name(value, 200, _NARROWER.get((alert.level, field), "not told")))
    if alert.level in _WIDE:
        yield pair("about", f"all of the {alert.level}")
    tasks = "open tasks of the team"
    if (link := tasks_link(alert.tenant, alert.team, tasks, UP)) != tasks:
        yield pair("beside it", link)


def _evidence(alert: Alert) -> str:
    """All else that the record holds."""
    drawn = timeline.FIELDS
    if steps.steps_of(alert):
        drawn |= steps.FIELDS
    if decided.decided(alert):
        drawn |= decided.FIELDS
    rest = evidence.told(alert.evidence, drawn)
    about = {
        "version": alert.version, "group": alert.group, "id": alert.id, "software": alert.software,
        "config_digest": alert.config_digest, "spend_only": alert.spend_only,
    }  # fmt: skip
    record = evidence.told(about)
    heading = f'<div class="nested"><h3>{escape(label("record"))}</h3>{record}</div>'
    return section("evidence", "All else that is known", "", card(rest + heading))


def _others(others: Sequence[Listed], now_s: float) -> str:
    ranked = sorted(others, key=lambda one: (not one.firing, -SEVERITIES.index(one.severity)))
    shown = lines(ranked[:_OTHERS], now_s, UP)
    if not shown:
        return section("others", "Others of the same cause or task", "", '<p class="empty">None is known.</p>')
    rest = f'<p class="note">and {len(others) - _OTHERS:,} more</p>' if len(others) > _OTHERS else ""
    return section("others", "Others of the same cause or task", "", shown, rest)
