"""Where a reader goes on from an episode: runbook, board, trace; and what leads nowhere, with the reason."""

from typing import NamedTuple

from detector.config import Web
from detector.links import board_url, filled, incident_url
from detector.model.alert import Alert, lasted


class Onward(NamedTuple):
    """Addresses, None where there is none; `trace_lacks`: why there is no trace."""

    runbook: str | None
    board: str | None
    trace: str | None
    incident: str | None
    trace_lacks: str = ""


def onward(web: Web, alert: Alert) -> Onward:
    """The addresses of one episode, as the scope that its record was cut down to may know them."""
    trace = filled(web.trace_url, _fields(alert)) if web.trace_url else None
    lacks = (
        ""
        if trace
        else "the alert lacks a name that web.trace_url asks for"
        if web.trace_url
        else "web.trace_url is not set"
    )
    return Onward(
        runbook=alert.runbook_url if alert.runbook_url.lower().startswith(("http://", "https://")) else None,
        board=board_url(web.grafana_url, alert.tenant, alert.team) if web.grafana_url else None,
        trace=trace,
        incident=incident_url(web.public_url, alert.id) if web.public_url else None,
        trace_lacks=lacks,
    )


def _fields(alert: Alert) -> dict[str, str | None]:
    since, until = lasted(alert)
    return {
        "tenant": alert.tenant, "team": alert.team, "agent": alert.agent, "run": alert.run, "task": alert.task,
        "model": alert.model, "id": alert.id, "since_ms": str(int(1000 * since)), "until_ms": str(int(1000 * until)),
    }  # fmt: skip
