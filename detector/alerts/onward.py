"""What a woken person needs beside the figures: who it is, since when, when its task moved, and where to go on."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from detector.alerts.episodes import TASK_MOVED
from detector.alerts.shortened import cut
from detector.config import Config
from detector.links import board_url, incident_url, silence_url
from detector.model.alert import Alert
from detector.stop_command import FIELDS, KEY_JSON, filled

NAME_CHARS = 120
"""Of each name in the sentence that says who it is."""
MAX_URL_CHARS = 2000
"""A link is whole or it is not told."""
_EPISODE, _PAGE = ("episode",), ("alertname", "tenant", "team", "group")
"""Labels by which a silence finds an episode, and all that are one page with it."""
_LAST_S = 253_402_300_799.0  # the last second of the year 9999


class Onward(NamedTuple):
    """Where links of an alert lead: addresses under which people reach the pages, the boards and Alertmanager.

    `stop_command`: the pattern of the command that stops it. What is None is not told.
    """

    pages: str | None = None
    boards: str | None = None
    silences: str | None = None
    stop_command: str | None = None


NOWHERE = Onward()


def onward_of(config: Config) -> Onward:
    """As it is configured."""
    notify, web = config.notify, config.web
    silences = notify.silence_url or next(iter(notify.alertmanagers), None)
    return Onward(web.public_url, web.grafana_url, silences, notify.stop_command)


def told_of(alert: Alert, labels: dict[str, str], onward: Onward) -> dict[str, str]:
    """Annotations: `who`, `user`, `since`, `moved`, `resolved_by`, `stop_command`, and links; only what is known.

    `labels`: those that it has in Alertmanager.
    """
    silences = [{name: labels[name] for name in names if name in labels} for names in (_EPISODE, _PAGE)]
    links: dict[str, str | None] = {
        "incident_url": incident_url(onward.pages, alert.id) if onward.pages else None,
        "board_url": board_url(onward.boards, alert.tenant, alert.team) if onward.boards else None,
        "silence_url": silence_url(onward.silences, silences[0]) if onward.silences else None,
        "silence_page_url": silence_url(onward.silences, silences[1]) if onward.silences else None,
    }
    told = {
        "who": who(alert),
        "user": cut(alert.user, NAME_CHARS) if alert.user else None,
        "since": minute(_since(alert)),
        "moved": _moved(alert),
        "resolved_by": _resolved_by(alert),
        "stop_command": filled(onward.stop_command, _names(alert)) if onward.stop_command else None,
        **{name: link for name, link in links.items() if link is not None and len(link) <= MAX_URL_CHARS},
    }
    return {name: value for name, value in told.items() if value}


def who(alert: Alert) -> str:
    """Agent, team, tenant, task, run and person (a pseudonym), as far as they are known."""
    named = ("agent", "key", "model", "team", "tenant", "task", "run")
    told = [(name, getattr(alert, name)) for name in named if name == alert.level or name not in ("key", "model")]
    told.append(("person", alert.user))
    return ", ".join(f"{name} {cut(value, NAME_CHARS)}" for name, value in told if value and not value.isspace())


def minute(t: float) -> str:
    """A time (s UTC) for a person who may read it on another day."""
    return f"{datetime.fromtimestamp(min(max(t, 0.0), _LAST_S), UTC):%Y-%m-%d %H:%M} UTC"


def _since(alert: Alert) -> float:
    """When what it is about began, as its rule says, else when it was found."""
    since = _time(alert.evidence.get("since"))
    return alert.opened_at if since is None else since


def _moved(alert: Alert) -> str | None:
    """When the task moved last, or why nobody knows; None of agents, keys, teams and models, which are not one task."""
    if alert.level not in ("run", "task"):
        return None
    if alert.resolved_at is not None and _resolved_by(alert) == TASK_MOVED:  # later than any that was drawn
        return minute(alert.resolved_at)
    moves = alert.evidence.get("moves")
    told = [_time(move.get("t")) for move in moves if isinstance(move, dict)] if isinstance(moves, list) else []
    if known := [t for t in told if t is not None]:
        return minute(max(known))
    still = alert.since_status_change_s
    if still is None and alert.spend_only:
        return f"not known: {'nothing tells what becomes of the work' if alert.task else 'no task claims it'}"
    if isinstance(moves, list):
        return "not since it began"
    # Of rules that draw no moves: by the last figures, where they have one.
    return minute(alert.updated_at - still) if still is not None and alert.state != "resolved" else None


def _resolved_by(alert: Alert) -> str | None:
    """Why it is over: it may be quiet, or only room was made for others."""
    why = alert.evidence.get("resolved_by")
    return cut(why, NAME_CHARS) if alert.state == "resolved" and isinstance(why, str) else None


def _time(value: Any) -> float | None:
    """A time of the evidence; None where it is none: the record may be anybody's."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LAST_S else None


def _names(alert: Alert) -> dict[str, str | None]:
    return {name: getattr(alert, name) for name in FIELDS if name != KEY_JSON}
